//! What a registry demands when it answers 401.
//!
//! In: the values of `WWW-Authenticate`. Out: [`Challenge`]s. Source: RFC 9110 §11.3 and §11.6.1 (syntax), RFC 7617
//! (Basic), Docker's token authentication (Bearer's realm, service and scope).
//!
//! Odd: one header may hold several challenges, separated by the same comma that separates parameters; quoted values
//! hold commas (`scope="repository:a:pull,push"`) and escapes; names are case-insensitive.

/// One challenge that we can meet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Challenge {
    /// User name and password in each request.
    Basic,
    /// A token of the service at `realm`.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

/// The challenges of all `values` that we know, in their order; what cannot be read is passed over.
pub(crate) fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    values.into_iter().flat_map(schemes).filter_map(known).collect()
}

struct RawChallenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

fn known(raw: RawChallenge) -> Option<Challenge> {
    let RawChallenge { scheme, parameters } = raw;
    let parameter =
        |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: parameter("realm")?,
            service: parameter("service"),
            scope: parameter("scope"),
        }),
        _ => None,
    }
}

fn schemes(value: &str) -> Vec<RawChallenge> {
    /// Nobody sends more; the cap keeps a hostile header from costing anything.
    const MOST: usize = 64;
    let mut challenges: Vec<RawChallenge> = Vec::new();
    for part in split(value).into_iter().take(MOST) {
        let (head, quoted) = match part.split_once('=') {
            Some((head, value)) => (head.trim(), Some(value.trim())),
            None => (part.trim(), None),
        };
        // `Bearer realm="…"` starts a challenge, `service="…"` goes on with it, `Negotiate` stands alone.
        let (scheme, name) = match (head.split_once(char::is_whitespace), quoted) {
            (Some((scheme, name)), _) => (Some(scheme), name.trim()),
            (None, None) => (Some(head), ""),
            (None, Some(_)) => (None, head),
        };
        if let Some(scheme) = scheme.filter(|scheme| !scheme.is_empty()) {
            challenges
                .push(RawChallenge { scheme: scheme.to_ascii_lowercase(), parameters: Vec::new() });
        }
        if let (Some(challenge), Some(value)) = (challenges.last_mut(), quoted) {
            challenge.parameters.push((name.to_ascii_lowercase(), unquote(value)));
        }
    }
    challenges
}

/// Splits at commas outside of quotes.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for character in value.chars() {
        let is_plain = is_escaped || is_quoted;
        match character {
            ',' if !is_plain => {
                parts.push(String::new());
                continue;
            }
            '"' if !is_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        is_escaped = is_quoted && character == '\\' && !is_escaped;
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(Into::into),
            scope: scope.map(Into::into),
        }
    }

    #[test]
    fn challenges_as_registries_send_them() {
        for (value, wanted) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                )],
            ),
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            (
                r#"bearer  REALM="https://a/t" , Service=plain , Basic realm="x, y""#,
                vec![bearer("https://a/t", Some("plain"), None), Challenge::Basic],
            ),
            (
                r#"Negotiate, Bearer realm="https://a/\"t\"",error="insufficient_scope""#,
                vec![bearer("https://a/\"t\"", None, None)],
            ),
            (r#"Basic realm="a, Bearer realm=\"b\"""#, vec![Challenge::Basic]),
            ("Bearer service=\"x\"", vec![]),
            ("Digest realm=\"x\", nonce=\"Basic\"", vec![]),
            ("", vec![]),
            (",,,=,\"", vec![]),
        ] {
            assert_eq!(parse([value]), wanted, "{value}");
        }
        assert_eq!(
            parse(["Basic", "Bearer realm=r"]),
            vec![Challenge::Basic, bearer("r", None, None)]
        );
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_harm(value in ".{0,200}") {
            prop_assert!(parse([value.as_str()]).len() <= 64);
        }

        #[test]
        fn a_quoted_scope_survives(scope in "[ -~]{0,60}") {
            let escaped = scope.replace('\\', r"\\").replace('"', "\\\"");
            let value = format!(r#"Bearer realm="r",scope="{escaped}""#);
            prop_assert_eq!(parse([value.as_str()]), vec![bearer("r", None, Some(&scope))]);
        }
    }
}
