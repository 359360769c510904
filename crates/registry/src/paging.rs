//! The next page of a list.
//!
//! In: the `Link` header of a page and the page's own URL. Out: the next page's URL, or the reason to stop. Source: OCI
//! distribution-spec, "Listing tags"; RFC 8288. Odd: the URL is written by the registry, relative or absolute, so it must
//! stay at the same origin, and a page that leads to itself would never end.

use reqwest::Url;

/// Pages of one list; more are refused.
pub(crate) const MAX_PAGES: usize = 10_000;

/// Why the next page is not fetched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the next page's address is not a URL")]
    Url,
    #[error("the next page lies at another address, `{0}`")]
    Elsewhere(String),
}

/// The URL with `rel="next"` among the links of `values`.
pub(crate) fn next<'a>(
    values: impl IntoIterator<Item = &'a str>,
    page: &Url,
) -> Result<Option<Url>, LinkError> {
    for value in values {
        for (target, parameters) in links(value) {
            if !is_next(parameters) {
                continue;
            }
            let Ok(url) = page.join(target) else { return Err(LinkError::Url) };
            if url.origin() != page.origin() || !url.username().is_empty() {
                return Err(LinkError::Elsewhere(url.origin().ascii_serialization()));
            }
            return Ok(Some(url));
        }
    }
    Ok(None)
}

/// `(target, parameters)` of each `<target>; parameters`.
fn links(value: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, after)) = after.split_once('>') else { break };
        let (parameters, further) = match after.split_once('<') {
            Some((parameters, _)) => (parameters, after.strip_prefix(parameters).unwrap_or("")),
            None => (after, ""),
        };
        found.push((target, parameters));
        rest = further;
    }
    found
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).filter_map(|parameter| parameter.split_once('=')).any(
        |(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_whitespace()
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page() -> Url {
        Url::parse("https://r.example.com:5000/v2/a/b/tags/list?n=2").unwrap()
    }

    #[test]
    fn links_as_registries_send_them() {
        let at = |path: &str| {
            Ok(Some(Url::parse("https://r.example.com:5000").unwrap().join(path).unwrap()))
        };
        for (value, wanted) in [
            (r#"</v2/a/b/tags/list?last=x&n=2>; rel="next""#, at("/v2/a/b/tags/list?last=x&n=2")),
            (r#"<https://r.example.com:5000/x>;REL=Next"#, at("/x")),
            (r#"<?last=x>; rel="prev next""#, at("/v2/a/b/tags/list?last=x")),
            (r#"</p>; rel="prev", </n>; rel="next""#, at("/n")),
            (r#"</p>; rel="prev""#, Ok(None)),
            (r#"</p>"#, Ok(None)),
            ("", Ok(None)),
            ("<", Ok(None)),
            (
                r#"<https://evil.net/x>; rel="next""#,
                Err(LinkError::Elsewhere("https://evil.net".into())),
            ),
            (r#"<//evil.net/x>; rel="next""#, Err(LinkError::Elsewhere("https://evil.net".into()))),
            (
                r#"<http://r.example.com:5000/x>; rel="next""#,
                Err(LinkError::Elsewhere("http://r.example.com:5000".into())),
            ),
            (
                r#"<https://r.example.com/x>; rel="next""#,
                Err(LinkError::Elsewhere("https://r.example.com".into())),
            ),
            (r#"<https://[>; rel="next""#, Err(LinkError::Url)),
        ] {
            assert_eq!(next([value], &page()), wanted, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_header_leads_nowhere_else(value in ".{0,200}") {
            if let Ok(Some(url)) = next([value.as_str()], &page()) {
                prop_assert_eq!(url.origin(), page().origin());
            }
        }
    }
}
