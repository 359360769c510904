//! Where people read more, and how texts stand in addresses.
//!
//! In: ids, paths. Out: URLs. Odd: ids of distributions hold colons, and nothing promises that others hold less.

/// Who keeps the record of that id.
pub(super) fn of_record(id: &str) -> String {
    if id.starts_with("CVE-") {
        format!("https://nvd.nist.gov/vuln/detail/{}", segment(id))
    } else if id.starts_with("GHSA-") {
        format!("https://github.com/advisories/{}", segment(id))
    } else {
        osv(id)
    }
}

/// The record at osv.dev.
pub(super) fn osv(id: &str) -> String {
    format!("https://osv.dev/vulnerability/{}", segment(id))
}

/// Whether a text from a feed may stand as a link: an address of the web and nothing else.
pub(super) fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2_048
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte))
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    escape(text, b":")
}

/// A path, relative to what holds it; its slashes stay.
pub(super) fn path(path: &str) -> String {
    // A colon in the first segment would make it the name of a scheme, an empty one that of a host.
    let path = path.trim_start_matches('/');
    if path.is_empty() { ".".to_owned() } else { escape(path, b"/") }
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_addresses_as_they_can() {
        assert_eq!(osv("ALSA-2025:10873"), "https://osv.dev/vulnerability/ALSA-2025:10873");
        assert_eq!(osv("a b/ö"), "https://osv.dev/vulnerability/a%20b%2F%C3%B6");
        assert_eq!(of_record("CVE-2024-1"), "https://nvd.nist.gov/vuln/detail/CVE-2024-1");
        assert_eq!(path("//srv/a b/ö:c\u{1b}"), "srv/a%20b/%C3%B6%3Ac%1B");
        assert_eq!(path("/"), ".");
    }

    #[test]
    fn only_the_web_is_linked() {
        for (url, is_linked) in [
            ("https://a.example/x?y=z#w", true),
            ("javascript:alert(1)", false),
            ("https://a.example/\"onmouseover=", false),
            ("https://a.example/\u{202e}", false),
            ("//a.example", false),
        ] {
            assert_eq!(is_web(url), is_linked, "{url}");
        }
    }
}
