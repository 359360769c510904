//! Version ranges of the package-url project: `vers:npm/1.2.3|>=2.0.0|<5.0.0`.
//!
//! In: a range as text, and versions. Out: [`VersRange`], and whether it contains a version. Source: the vers specification
//! (package-url/vers-spec), "Parsing and validating" and "Checking if a version is contained within a range". Odd:
//! constraints need no order; a version may stand only once, whatever its comparator; versions are percent-encoded; blanks
//! mean nothing; bounds that say less than their neighbour are dropped (`>=1|>=2` is `>=1`).

use std::{borrow::Cow, cmp::Ordering};

use plimsoll_model::Scheme;

use super::{VersionError, compare, orders::version_order};

/// Longest text of a range that is read.
pub const MAX_RANGE_CHARACTERS: usize = 65_536;

/// Most constraints in one range.
const MAX_CONSTRAINTS: usize = 1_000;

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersError {
    /// It is not `vers:SCHEME/CONSTRAINTS`.
    #[error("`{}` is no version range, as `vers:npm/>=1.0.0|<2.0.0` is: {reason}", shortened(.text))]
    Form {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its versioning scheme is not known.
    #[error("versioning scheme `{}` of a version range is not known", shortened(.0))]
    Scheme(String),
    /// One of its versions is none.
    #[error(transparent)]
    Version(#[from] VersionError),
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    const fn is_lower_bound(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual)
    }

    const fn is_bound(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }
}

/// Longer ones first.
const COMPARATORS: [(&str, Comparator); 6] = [
    (">=", Comparator::GreaterOrEqual),
    ("<=", Comparator::LessOrEqual),
    ("!=", Comparator::Unequal),
    ("<", Comparator::Less),
    (">", Comparator::Greater),
    ("=", Comparator::Equal),
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Constraint {
    comparator: Comparator,
    version: String,
}

/// A set of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersRange {
    scheme: Scheme,
    /// Versions that are in by name: those of `=`, `<=` and `>=`.
    included: Vec<String>,
    /// Those of `!=`.
    excluded: Vec<String>,
    /// Everything between two bounds, without them.
    spans: Vec<Span>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Span {
    above: Option<String>,
    below: Option<String>,
}

/// Where a version lies, seen from a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before everything that the range holds.
    Before,
    /// In the range.
    Within,
    /// Behind something that the range holds, and not in it.
    After,
}

impl VersRange {
    /// Reads a range.
    ///
    /// # Errors
    /// [`VersError`] names the text, or the scheme or version in it, that cannot be read.
    pub fn parse(text: &str) -> Result<Self, VersError> {
        let form = |reason| VersError::Form { text: text.to_owned(), reason };
        if text.len() > MAX_RANGE_CHARACTERS {
            return Err(form("it is longer than 65536 characters"));
        }
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let rest = bare.split_at_checked(5).filter(|(head, _)| head.eq_ignore_ascii_case("vers:"));
        let (_, rest) = rest.ok_or_else(|| form("it does not begin with `vers:`"))?;
        let (name, constraints) =
            rest.split_once('/').ok_or_else(|| form("a slash behind the scheme is missing"))?;
        let order = version_order(name).ok_or_else(|| VersError::Scheme(name.to_owned()))?;
        let scheme = order.scheme;
        let constraints = constraints.trim_matches('|');
        if constraints == "*" {
            let spans = vec![Span::default()];
            return Ok(Self { scheme, included: Vec::new(), excluded: Vec::new(), spans });
        }
        let mut read = Vec::new();
        for constraint in constraints.split('|').filter(|part| !part.is_empty()) {
            if read.len() == MAX_CONSTRAINTS {
                return Err(form("it has more than 1000 constraints"));
            }
            let known = COMPARATORS
                .iter()
                .find_map(|(sign, comparator)| Some((*comparator, constraint.strip_prefix(sign)?)));
            let (comparator, version) = known.unwrap_or((Comparator::Equal, constraint));
            if version == "*" {
                return Err(form("`*` stands beside something else"));
            }
            let version = decoded(version).ok_or_else(|| form("a percent sign encodes nothing"))?;
            if version.is_empty() {
                return Err(form("a version is missing"));
            }
            compare(scheme, &version, &version)?;
            read.push(Constraint { comparator, version: version.into_owned() });
        }
        if read.is_empty() {
            return Err(form("it has no constraint"));
        }
        let order = |a: &Constraint, b: &Constraint| {
            compare(scheme, &a.version, &b.version).unwrap_or(Ordering::Equal)
        };
        read.sort_by(order);
        if read.windows(2).any(|pair| matches!(pair, [a, b] if order(a, b).is_eq())) {
            return Err(form("it names a version twice"));
        }
        let of = |kinds: &[Comparator]| {
            let some = read.iter().filter(|one| kinds.contains(&one.comparator));
            some.map(|one| one.version.clone()).collect::<Vec<_>>()
        };
        Ok(Self {
            scheme,
            included: of(&[Comparator::Equal, Comparator::LessOrEqual, Comparator::GreaterOrEqual]),
            excluded: of(&[Comparator::Unequal]),
            spans: spans(&read),
        })
    }

    /// The scheme of its versions.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it holds a version.
    ///
    /// # Errors
    /// [`VersionError`] if the text is no version, or cannot be compared with the range's bounds.
    pub fn contains(&self, version: &str) -> Result<bool, VersionError> {
        Ok(self.place(version)? == Place::Within)
    }

    /// Where a version lies.
    ///
    /// # Errors
    /// As [`VersRange::contains`].
    pub fn place(&self, version: &str) -> Result<Place, VersionError> {
        let order = |bound: &String| compare(self.scheme, version, bound);
        compare(self.scheme, version, version)?;
        for included in &self.included {
            if order(included)?.is_eq() {
                return Ok(Place::Within);
            }
        }
        let mut is_excluded = false;
        for excluded in &self.excluded {
            is_excluded |= order(excluded)?.is_eq();
        }
        let mut is_behind_something = false;
        for span in &self.spans {
            let above = span.above.as_ref().map_or(Ok(Ordering::Greater), order)?;
            let below = span.below.as_ref().map_or(Ok(Ordering::Less), order)?;
            if above.is_gt() && below.is_lt() && !is_excluded {
                return Ok(Place::Within);
            }
            is_behind_something |= above.is_gt();
        }
        for included in &self.included {
            is_behind_something |= order(included)?.is_gt();
        }
        Ok(if is_behind_something { Place::After } else { Place::Before })
    }
}

/// What lies between the bounds, which are ascending: of lower ones that follow each other the first counts, of upper ones
/// the last.
fn spans(constraints: &[Constraint]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for bound in constraints.iter().filter(|one| one.comparator.is_bound()) {
        let version = || Some(bound.version.clone());
        match (bound.comparator.is_lower_bound(), spans.last_mut()) {
            (true, Some(last)) if last.below.is_none() => {}
            (true, _) => spans.push(Span { above: version(), below: None }),
            (false, Some(last)) => last.below = version(),
            (false, None) => spans.push(Span { above: None, below: version() }),
        }
    }
    // Exclusions alone leave everything else in.
    if constraints.iter().all(|one| one.comparator == Comparator::Unequal) {
        spans.push(Span::default());
    }
    spans
}

/// Undoes percent-encoding; `None` where it is broken or no UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            plain.push(u8::try_from(value).ok()?);
        } else {
            plain.push(byte);
        }
    }
    String::from_utf8(plain).ok().map(Cow::Owned)
}
