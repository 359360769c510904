//! One line of the YAML that pnpm writes.
//!
//! In: a line. Out: level, key and value as they stand. Source: YAML 1.2, as far as js-yaml's writer uses it. Odd: text that
//! goes on over several lines is indented deeper than its key and is passed by, as it cannot be told from keys without
//! knowing them.

/// `key: value`, indented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line<'t> {
    /// Pairs of blanks before it.
    pub(super) level: usize,
    pub(super) key: &'t str,
    /// Empty when the value stands in the lines below.
    pub(super) value: &'t str,
}

/// Reads a line. `None` when it holds no key: blank lines, comments, lists, texts.
pub(super) fn read(text: &str) -> Result<Option<Line<'_>>, &'static str> {
    let content = text.trim_start_matches(' ');
    let indent = text.len() - content.len();
    let content = content.trim_end();
    if content.is_empty() || content.starts_with('#') || content == "---" || content == "..." {
        return Ok(None);
    }
    if content.starts_with('\t') {
        return Err("is indented by a tab");
    }
    if content.starts_with("- ") || content == "-" || !indent.is_multiple_of(2) {
        return Ok(None);
    }
    // A key of more than a thousand letters stands alone behind `? `, and its value below behind `: `.
    let (content, is_explicit) = match content.strip_prefix("? ") {
        Some(key) => (key, true),
        None => (content, false),
    };
    let (content, level) = match content.strip_prefix(": ") {
        Some(field) => (field, indent / 2 + 1),
        None => (content, indent / 2),
    };
    let Some((key, value)) = key_and_value(content, is_explicit) else { return Ok(None) };
    if key == "<<" || value.starts_with(['&', '*', '!']) || key.starts_with(['&', '*', '!']) {
        return Err("uses YAML that pnpm does not write");
    }
    Ok(Some(Line { level, key, value }))
}

fn key_and_value(content: &str, is_explicit: bool) -> Option<(&str, &str)> {
    for quote in ['\'', '"'] {
        if let Some(rest) = content.strip_prefix(quote) {
            let end = rest.find(quote)?;
            let (key, rest) = rest.split_at_checked(end)?;
            let rest = rest.strip_prefix(quote)?;
            if is_explicit {
                return rest.is_empty().then_some((key, ""));
            }
            return Some((key, rest.strip_prefix(':')?.trim_start()));
        }
    }
    if is_explicit {
        return Some((content, ""));
    }
    match content.split_once(": ") {
        Some((key, value)) => Some((key, value.trim_start())),
        None => Some((content.strip_suffix(':')?, "")),
    }
}

/// A scalar without its quotes.
pub(super) fn unquoted(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// A field of `{integrity: sha512-…, tarball: https://…}`.
pub(super) fn flow_field<'t>(value: &'t str, wanted: &str) -> Option<&'t str> {
    let inner = value.strip_prefix('{')?.strip_suffix('}')?;
    inner.split(", ").find_map(|field| {
        let (key, value) = field.trim().split_once(": ")?;
        (key == wanted).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_into_level_key_and_value() {
        let line = |level, key, value| Ok(Some(Line { level, key, value }));
        for (text, wanted) in [
            ("lockfileVersion: '9.0'", line(0, "lockfileVersion", "'9.0'")),
            ("  '@a/b@1.0.0(c@2)':", line(1, "@a/b@1.0.0(c@2)", "")),
            ("  a@https://host/x.tgz:", line(1, "a@https://host/x.tgz", "")),
            ("    resolution: {integrity: x}", line(2, "resolution", "{integrity: x}")),
            ("  ? /a@1.0.0(b@2)", line(1, "/a@1.0.0(b@2)", "")),
            ("  : resolution: {}", line(2, "resolution", "{}")),
            ("    - linux", Ok(None)),
            ("     odd: 1", Ok(None)),
            ("# x: y", Ok(None)),
            ("---", Ok(None)),
            ("text", Ok(None)),
            ("\tx: y", Err("is indented by a tab")),
            ("x: &a", Err("uses YAML that pnpm does not write")),
            ("  <<: *a", Err("uses YAML that pnpm does not write")),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn fields_of_flow_maps() {
        let map = "{integrity: sha512-x==, tarball: https://host/a.tgz}";
        assert_eq!(flow_field(map, "tarball"), Some("https://host/a.tgz"));
        assert_eq!(flow_field(map, "type"), None);
        assert_eq!(flow_field("{}", "type"), None);
    }
}
