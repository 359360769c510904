//! Names that stand for secrets, values that are none, and URLs that hold credentials.
//!
//! In: names and values of variables. Out: whether they are a secret in plain text. Source: `docs/semantics.md`,
//! "`password_leak`". Odd: the name's end decides (`DB_PASSWORD`, not `PASSWORD_POLICY`): a pattern that matches anywhere
//! reports every key that merely contains `PASS`.

/// Ends of names, without separators: `API_KEY` and `APIKEY` are one.
const ENDS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
];

/// Names that end so and are no secrets.
const NO_SECRETS: &[&str] = &["PWD", "OLDPWD", "GPG_KEY", "GPG_KEYS", "BYPASS"];

/// Whether a variable of that name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    if NO_SECRETS.contains(&upper.as_str())
        || ["_FILE", "_PUBLIC_KEY", "_KEY_ID", "_PATH"].iter().any(|end| upper.ends_with(end))
    {
        return false;
    }
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ENDS.iter().any(|end| plain.ends_with(end))
        && !plain.ends_with("bypass")
        && !plain.ends_with("compass")
}

/// Whether a value is a secret itself and not a hole to be filled.
pub(crate) fn is_literal(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    let is_hole = value.is_empty()
        || value.contains('$')
        || value.contains("{{")
        || value.contains("${")
        || (value.starts_with('<') && value.ends_with('>'))
        || value.starts_with("/run/secrets")
        || value.starts_with('%');
    let is_word = matches!(
        lower.as_str(),
        "true"
            | "false"
            | "yes"
            | "no"
            | "none"
            | "null"
            | "0"
            | "1"
            | "required"
            | "optional"
            | "unset"
            | "***"
    );
    let is_example =
        ["changeit-example", "your-", "your_", "example", "placeholder", "xxxx", "redacted"]
            .iter()
            .any(|word| lower.contains(word));
    let is_file = value.starts_with('/')
        && !value.contains(char::is_whitespace)
        && value.matches('/').count() >= 2;
    !(is_hole || is_word || is_example || is_file)
}

/// A URL with user and password in it, both masked: `postgres://***@db/app`.
pub(crate) fn masked_url(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let scheme = before
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | ':' | '.'))
            .next();
        let end = after.find(|c: char| {
            c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#' | '<' | '>')
        });
        // An `@` behind the first slash belongs to the path.
        let authority = end.map_or(after, |end| after.get(..end).unwrap_or(after));
        if let Some((account, host)) = authority.rsplit_once('@')
            && let Some((_, password)) = account.split_once(':')
            && is_literal(password)
            && let Some(scheme) = scheme
            && !scheme.is_empty()
        {
            return Some(format!("{scheme}://***@{host}"));
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_end_like_secrets_are_secrets() {
        for name in [
            "DB_PASSWORD",
            "db_passwd",
            "MYSQL_PWD",
            "API_KEY",
            "apikey",
            "GITHUB_TOKEN",
            "X_PRIVATE_KEY",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PWD",
            "PASSWORD_FILE",
            "GPG_KEY",
            "KEY_ID",
            "AWS_ACCESS_KEY_ID",
            "PASSWORD_POLICY",
            "PATH",
            "BYPASS",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn holes_are_no_secrets() {
        for value in [
            "",
            "$X",
            "${X}",
            "<password>",
            "/run/secrets/x",
            "{{ x }}",
            "true",
            "/etc/ssl/key.pem",
            "your-token",
        ] {
            assert!(!is_literal(value), "{value}");
        }
        for value in ["hunter2", "changeme", "s3cr3t/x"] {
            assert!(is_literal(value), "{value}");
        }
    }

    #[test]
    fn urls_lose_their_accounts() {
        assert_eq!(
            masked_url("postgres://app:s3cret@db:5432/x").as_deref(),
            Some("postgres://***@db:5432")
        );
        assert_eq!(masked_url("jdbc:mysql://u:p1@h/d").as_deref(), Some("jdbc:mysql://***@h"));
        assert_eq!(masked_url("a http://h/ b redis://:pw9@r").as_deref(), Some("redis://***@r"));
        for text in
            ["http://h/a:b@c", "https://user@h/", "x://u:$P@h", "x://u:${P}@h", "a:b@c", "://"]
        {
            assert_eq!(masked_url(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_mask_never_holds_the_password(password in "[a-z]{6,12}[0-9]{2}") {
            // Words like `xxxx` may come up by chance, and stand for no password.
            proptest::prop_assume!(is_literal(&password));
            let masked = masked_url(&format!("amqp://user:{password}@host/")).unwrap();
            assert!(!masked.contains(&password));
        }
    }
}
