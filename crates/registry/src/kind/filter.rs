//! Which repositories and tags of a registry are looked at.
//!
//! In: patterns such as `team/*`, `*:v?.*`. Out: yes or no. Odd: `*` stands for any text, slashes too, and `?` for one
//! character; what follows the last colon is about tags, and without one all tags are meant.

/// Patterns of images that are looked at, and of images that are not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageFilter {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    repository: String,
    /// `None`: all tags.
    tag: Option<String>,
}

/// A text that is no pattern of images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pattern of images such as team/* or team/app:v*")]
pub struct PatternError(pub String);

impl ImageFilter {
    /// Images of `include`, all if there is none, without those of `exclude`.
    ///
    /// # Errors
    /// [`PatternError`] names the first text that is no pattern.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let read = |texts: &[String]| -> Result<Vec<Pattern>, PatternError> {
            texts.iter().map(|text| Pattern::read(text)).collect()
        };
        Ok(Self { include: read(include)?, exclude: read(exclude)? })
    }

    /// Whether a repository may have images that are looked at.
    #[must_use]
    pub fn takes_repository(&self, repository: &str) -> bool {
        let of_it = |pattern: &Pattern| matches(&pattern.repository, repository);
        let is_included = self.include.is_empty() || self.include.iter().any(of_it);
        let is_excluded =
            self.exclude.iter().any(|pattern| pattern.tag.is_none() && of_it(pattern));
        is_included && !is_excluded
    }

    /// Whether an image is looked at.
    #[must_use]
    pub fn takes(&self, repository: &str, tag: &str) -> bool {
        let of_it = |pattern: &Pattern| {
            matches(&pattern.repository, repository)
                && pattern.tag.as_ref().is_none_or(|pattern| matches(pattern, tag))
        };
        (self.include.is_empty() || self.include.iter().any(of_it))
            && !self.exclude.iter().any(of_it)
    }
}

impl Pattern {
    fn read(text: &str) -> Result<Self, PatternError> {
        let (repository, tag) = match text.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (text, None),
        };
        let is_bad = |part: &str| {
            part.is_empty()
                || part.len() > 255
                || part.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if is_bad(repository) || tag.is_some_and(is_bad) || repository.contains(':') {
            return Err(PatternError(text.to_owned()));
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned) })
    }
}

/// Whether `pattern` stands for all of `text`. Takes at most the product of both lengths, whatever the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut in_text) = (0, 0);
    // Where the last star stands, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(in_text) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(sign) if *sign == '?' || sign == letter => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> ImageFilter {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        ImageFilter::new(&own(include), &own(exclude)).unwrap()
    }

    #[test]
    fn images_are_taken_as_the_patterns_say() {
        for (include, exclude, image, repository_too, wanted) in [
            (&[][..], &[][..], ("a/b", "1"), true, true),
            (&["team/*"], &[], ("team/app", "1"), true, true),
            (&["team/*"], &[], ("team/deep/app", "1"), true, true),
            (&["team/*"], &[], ("other/app", "1"), false, false),
            (&["team/*:v?.*"], &[], ("team/app", "v1.2"), true, true),
            (&["team/*:v?.*"], &[], ("team/app", "latest"), true, false),
            (&[], &["*/cache"], ("team/cache", "1"), false, false),
            (&[], &["*/cache"], ("team/caches", "1"), true, true),
            (&[], &["*:*-dev"], ("team/app", "1-dev"), true, false),
            (&["team/*"], &["team/app:1"], ("team/app", "1"), true, false),
            (&["team/*"], &["team/app:1"], ("team/app", "2"), true, true),
            (&["app"], &[], ("app", "1"), true, true),
        ] {
            let filter = filter(include, exclude);
            assert_eq!(filter.takes_repository(image.0), repository_too, "{include:?} {exclude:?}");
            assert_eq!(filter.takes(image.0, image.1), wanted, "{include:?} {exclude:?} {image:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for text in ["", ":", "a:", ":b", "a b", "a:b:c", "a\n"] {
            let patterns = [text.to_owned()];
            let error = ImageFilter::new(&patterns, &[]).unwrap_err();
            assert_eq!(error, PatternError(text.to_owned()));
            assert!(ImageFilter::new(&[], &patterns).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_pattern_is_what_it_says(pattern in "[ab*?]{0,7}", text in "[ab]{0,9}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => {
                        (0..=text.len()).any(|taken| slow(rest, &text[taken..]))
                    }
                    Some((sign, rest)) => text.split_first().is_some_and(|(letter, more)| {
                        (*sign == b'?' || sign == letter) && slow(rest, more)
                    }),
                }
            }
            prop_assert_eq!(matches(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
