//! What a query selects, made ready for a million rows.
//!
//! In: an [`ImageRiskQuery`]. Out: a [`Filter`], which looks at numbers alone: each text was searched once in the distinct
//! names. Odd: a text may reach over the border of two parts of `host/path:tag`; such places are looked for at each border,
//! and names without a colon (all that registries know) leave one place for each kind of border.

use super::{
    Listing,
    names::{Bits, Names},
    order::{Block, Row},
};
use crate::{ImageRiskQuery, RiskFilter, images::split_repository};

/// Longer than any reference: a longer filter matches nothing.
const LONGEST: usize = 1_000;

/// Which rows a query selects.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Nothing at all.
    nothing: bool,
    level: Option<i8>,
    registry: Option<u32>,
    place: Option<Place>,
    /// Images with a verdict.
    judged: Option<Bits>,
    texts: Vec<Text>,
}

/// Images of these repositories, or these.
#[derive(Debug)]
struct Place {
    paths: Bits,
    slots: Bits,
}

/// Where one text stands.
#[derive(Debug, Default)]
struct Text {
    everywhere: bool,
    /// In the registry's authority or name.
    registries: Bits,
    paths: Bits,
    tags: Bits,
    /// At the end of a path and the beginning of a tag.
    over_colon: Vec<(Bits, Bits)>,
    /// At the end of an authority and the beginning of a path.
    over_slash: Option<(Bits, Bits)>,
    /// At the end of an authority, over a whole path, and at the beginning of a tag.
    over_both: Vec<(Bits, Bits, Bits)>,
    /// Images whose digests or id begin with it.
    slots: Bits,
}

/// A word of a free text with the images whose digest or id begins with it.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// In lower case.
    pub(crate) text: String,
    /// Rows of `images`.
    pub(crate) images: Vec<i64>,
    /// Whether every digest begins with it.
    pub(crate) begins_every_digest: bool,
}

impl Filter {
    /// Prepares a query; `words` are those of its free text.
    pub(super) fn of(query: &ImageRiskQuery, words: &[Word], listing: &Listing) -> Self {
        let given = |filter: &'_ Option<String>| filter.clone().filter(|text| !text.is_empty());
        let level = query.risk.map(|risk| match risk {
            RiskFilter::Level(level) => i8::try_from(level).unwrap_or(i8::MAX),
            RiskFilter::NotScanned => -1,
        });
        let judged = query.policy.map(|verdict| listing.judged(verdict));
        let mut filter = Self { level, judged, ..Self::default() };
        if let Some(name) = given(&query.registry) {
            filter.registry = listing.registries.named(&name);
            filter.nothing |= filter.registry.is_none();
        }
        let (cluster, namespace, app) =
            (given(&query.cluster_id), given(&query.namespace), given(&query.app_name));
        if cluster.is_some() || namespace.is_some() || app.is_some() {
            let of_repository = namespace.as_deref().filter(|_| cluster.is_none() && app.is_none());
            filter.place = Some(Place {
                paths: of_repository
                    .map_or_else(Bits::default, |name| in_namespace(&listing.paths, name)),
                slots: listing.running(cluster.as_deref(), namespace.as_deref(), app.as_deref()),
            });
        }
        if let Some(name) = given(&query.image_name) {
            filter.add(&name.to_ascii_lowercase(), None, listing);
        }
        for word in words {
            filter.add(&word.text, Some(word), listing);
        }
        filter
    }

    fn add(&mut self, part: &str, word: Option<&Word>, listing: &Listing) {
        // A zero byte stands in no name.
        if part.len() > LONGEST || part.contains('\0') {
            self.nothing = true;
        } else {
            self.texts.push(Text::of(part, word, listing));
        }
    }

    /// Whether rows have to be looked at, beyond their level.
    pub(super) fn looks_at_rows(&self) -> bool {
        self.registry.is_some()
            || self.place.is_some()
            || self.judged.is_some()
            || !self.texts.is_empty()
    }

    fn accepts(&self, row: &Row) -> bool {
        self.level.is_none_or(|level| level == row.level)
            && self.registry.is_none_or(|registry| registry == row.registry)
            && self.place.as_ref().is_none_or(|place| place.accepts(row))
            && self.judged.as_ref().is_none_or(|judged| judged.contains(row.slot))
            && self.texts.iter().all(|text| text.accepts(row))
    }

    /// The rows of a block that it selects.
    pub(super) fn rows<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = Row> + use<'a> {
        block.rows().filter(|row| self.accepts(row))
    }

    /// How many rows of a block it selects.
    pub(super) fn count(&self, block: &Block) -> usize {
        let Some((highest, lowest)) = block.levels() else { return 0 };
        if self.nothing || self.level.is_some_and(|level| level > highest || level < lowest) {
            return 0;
        }
        let whole = !self.looks_at_rows() && (self.level.is_none() || highest == lowest);
        if whole { block.len() } else { self.rows(block).count() }
    }
}

impl Place {
    fn accepts(&self, row: &Row) -> bool {
        self.paths.contains(row.repository) || self.slots.contains(row.slot)
    }
}

impl Text {
    /// Looks for a text in lower case; only a word of a free text stands in a registry's name or is a digest.
    fn of(part: &str, word: Option<&Word>, listing: &Listing) -> Self {
        let bytes = part.as_bytes();
        let (paths, tags, registries) = (&listing.paths, &listing.tags, &listing.registries);
        let mut text = Self {
            everywhere: word.is_some_and(|word| word.begins_every_digest),
            registries: registries.such(|registry| {
                registry.authority.contains(part)
                    || (word.is_some() && registry.name.contains(part))
            }),
            paths: paths.holding(bytes),
            tags: tags.holding(bytes),
            slots: listing.slots_of(word.map(|word| word.images.as_slice()).unwrap_or_default()),
            ..Self::default()
        };
        for (left, right) in over_colons(part, listing) {
            let ends = paths.such_lowered(|path| path.ends_with(left.as_bytes()));
            text.over_colon
                .push((ends, tags.such_lowered(|tag| tag.starts_with(right.as_bytes()))));
        }
        // No authority has a slash, so that the first one is the only border.
        let Some((host, rest)) = part.split_once('/') else { return text };
        let hosts = registries.such(|registry| registry.authority.ends_with(host));
        if hosts.is_empty() {
            return text;
        }
        for (left, right) in over_colons(rest, listing) {
            let whole = paths.such_lowered(|path| path == left.as_bytes());
            let begins = tags.such_lowered(|tag| tag.starts_with(right.as_bytes()));
            text.over_both.push((hosts.clone(), whole, begins));
        }
        text.over_slash =
            Some((hosts, paths.such_lowered(|path| path.starts_with(rest.as_bytes()))));
        text
    }

    fn accepts(&self, row: &Row) -> bool {
        self.everywhere
            || self.paths.contains(row.repository)
            || self.tags.contains(row.tag)
            || self.registries.contains(row.registry)
            || self.over_slash.as_ref().is_some_and(|(hosts, paths)| {
                hosts.contains(row.registry) && paths.contains(row.repository)
            })
            || self
                .over_colon
                .iter()
                .any(|(paths, tags)| paths.contains(row.repository) && tags.contains(row.tag))
            || self.over_both.iter().any(|(hosts, paths, tags)| {
                hosts.contains(row.registry)
                    && paths.contains(row.repository)
                    && tags.contains(row.tag)
            })
            || self.slots.contains(row.slot)
    }
}

/// The repositories of a namespace.
fn in_namespace(paths: &Names, namespace: &str) -> Bits {
    paths.such(|path| {
        std::str::from_utf8(path).is_ok_and(|path| split_repository(path).0 == namespace)
    })
}

/// What may stand before and behind the colon between path and tag.
fn over_colons<'a>(part: &'a str, listing: &Listing) -> Vec<(&'a str, &'a str)> {
    let fits = |left: &str, right: &str| {
        (!left.contains(':') || listing.paths.have_colons())
            && (!right.contains(':') || listing.tags.have_colons())
    };
    part.match_indices(':')
        .filter_map(|(at, colon)| Some((part.get(..at)?, part.get(at + colon.len()..)?)))
        .filter(|(left, right)| fits(left, right))
        .collect()
}
