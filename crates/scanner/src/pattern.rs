//! Patterns in which a star stands for any text.
//!
//! In: a text and a pattern. Out: whether the one is like the other. Odd: the star stands for nothing, too, and for slashes.

/// Whether a text is like a pattern in which `*` stands for any text, the empty one too.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (text, pattern, wanted) in [
            ("team/app", "team/*", true),
            ("team/a/b", "team/*/b", true),
            ("team/", "team/*", true),
            ("other/app", "team/*", false),
            ("app", "app", true),
            ("apple", "app", false),
            ("aXbXc", "a*b*c", true),
            ("ac", "a*c*", true),
            ("x", "*", true),
        ] {
            assert_eq!(is_like(text, pattern), wanted, "{text} {pattern}");
        }
    }
}
