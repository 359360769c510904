//! To which token service an account may be sent.
//!
//! In: the registry's endpoint and the realm URL out of its challenge, which the registry chooses. Out: whether a token
//! may be fetched there, and whether the account may go along. Source: Docker's token authentication; the rule itself is
//! ours, after the leaks that token realms caused elsewhere (CVE-2020-15157 and its relatives).
//!
//! The rule:
//! * A token may be asked for anonymously from any https address that the address guard permits; from an http address
//!   only when the registry itself is spoken to by http.
//! * The account goes along only to: the registry's own host (any port, not from https to http); a host of the same
//!   parent domain by https (`registry.gitlab.com` and `gitlab.com`, `registry.corp.example` and `auth.corp.example`);
//!   the service of a known owner ([`FAMILIES`]); a host that the operator allowed in [`Credentials::realms`]; and, for a registry on this
//!   machine, any service on this machine.

use std::net::IpAddr;

use reqwest::Url;

use crate::endpoint::{Credentials, Endpoint, Scheme};

/// Registries whose token service lies in another domain of the same owner: the registry's host ends in the first text
/// (or is it), the service's host starts with the second and ends in the third.
const FAMILIES: [(&str, &str, &str); 3] = [
    (".docker.io", "auth.", "docker.io"),
    // Alibaba Cloud's Container Registry, Enterprise Edition: `dockerauth-ee.<region>.aliyuncs.com`.
    (".cr.aliyuncs.com", "dockerauth", ".aliyuncs.com"),
    (".scw.cloud", "api.", "scaleway.com"),
];

/// What may happen at a realm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RealmTrust {
    /// The account may be sent.
    Account,
    /// Only an anonymous token may be asked for.
    Anonymous,
}

/// Judges a realm.
///
/// # Errors
/// What is wrong with the realm, as the end of a sentence.
pub(crate) fn judge(
    registry: &Endpoint,
    realm: &Url,
    credentials: Option<&Credentials>,
) -> Result<RealmTrust, String> {
    let realm = Endpoint::of(realm).map_err(|error| error.to_string())?;
    if realm.scheme == Scheme::Http && registry.scheme == Scheme::Https {
        return Err("it is not encrypted, the registry is".into());
    }
    let allowed = || {
        credentials.is_some_and(|credentials| {
            credentials.realms.iter().any(|host| host.eq_ignore_ascii_case(&realm.host))
        })
    };
    let is_encrypted = realm.scheme == Scheme::Https;
    let is_trusted = realm.host == registry.host
        || (registry.is_loopback() && realm.is_loopback())
        || (is_encrypted && are_siblings(&registry.host, &realm.host))
        || (is_encrypted && are_family(&registry.host, &realm.host))
        || allowed();
    Ok(if is_trusted { RealmTrust::Account } else { RealmTrust::Anonymous })
}

fn are_family(registry: &str, realm: &str) -> bool {
    FAMILIES.iter().any(|(registry_end, realm_start, realm_end)| {
        registry.ends_with(registry_end)
            && realm.starts_with(realm_start)
            && realm.ends_with(realm_end)
            && (realm_end.starts_with('.') || realm.len() == realm_start.len() + realm_end.len())
    })
}

/// Whether both hosts are names in one domain that a single party owns, as far as names can tell.
///
/// The parent is what follows the registry's first label. It must have two labels, three where the last two look like a
/// public suffix (`co.uk`, `com.cn`).
fn are_siblings(registry: &str, realm: &str) -> bool {
    let is_address = |host: &str| host.parse::<IpAddr>().is_ok();
    if is_address(registry) || is_address(realm) {
        return false;
    }
    let Some((_, parent)) = registry.split_once('.') else { return false };
    let labels: Vec<&str> = parent.split('.').collect();
    let needed = match labels.as_slice() {
        [.., second, top] if top.len() == 2 && second.len() <= 3 => 3,
        _ => 2,
    };
    labels.len() >= needed
        && (realm == parent || realm.strip_suffix(parent).is_some_and(|head| head.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Secret;

    use super::*;

    #[test]
    fn accounts_go_only_where_they_belong() {
        use RealmTrust::{Account, Anonymous};
        let credentials =
            Credentials::new("ci", Secret::new("x".into())).allow_realm("tokens.example.net");
        for (registry, realm, wanted) in [
            ("registry-1.docker.io", "https://auth.docker.io/token", Some(Account)),
            (
                "x-registry.cn-beijing.cr.aliyuncs.com",
                "https://dockerauth-ee.cn-beijing.aliyuncs.com/auth",
                Some(Account),
            ),
            (
                "x-registry.cn-beijing.cr.aliyuncs.com",
                "https://dockerauth.evil.com/",
                Some(Anonymous),
            ),
            ("registry-1.docker.io", "https://auth.evil-docker.io/token", Some(Anonymous)),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", Some(Account)),
            ("registry.corp.example", "https://auth.corp.example/token", Some(Account)),
            ("harbor.example.com", "https://harbor.example.com/service/token", Some(Account)),
            ("quay.io", "https://quay.io/v2/auth", Some(Account)),
            ("quay.io:8443", "https://quay.io/v2/auth", Some(Account)),
            ("registry.example.com", "https://tokens.example.net/", Some(Account)),
            ("registry.example.com", "https://evil.net/", Some(Anonymous)),
            ("registry.example.com", "https://evilexample.com/", Some(Anonymous)),
            ("registry.example.com", "https://example.com.evil.net/", Some(Anonymous)),
            ("example.com", "https://evil.com/", Some(Anonymous)),
            ("example.co.uk", "https://evil.co.uk/", Some(Anonymous)),
            ("registry.example.co.uk", "https://auth.example.co.uk/", Some(Account)),
            ("10.0.0.1", "https://11.0.0.1/", Some(Anonymous)),
            ("registry.example.com", "http://registry.example.com/token", None),
            ("registry.example.com", "https://a:b@registry.example.com/token", None),
            ("registry.example.com", "ftp://registry.example.com/token", None),
            ("localhost:5000", "http://127.0.0.1:5001/token", Some(Account)),
            ("127.0.0.1:5000", "http://10.0.0.1/token", Some(Anonymous)),
            ("127.0.0.1:5000", "https://evil.net/token", Some(Anonymous)),
            ("http://registry.example.com", "http://auth.example.com/token", Some(Anonymous)),
            ("http://registry.example.com", "http://registry.example.com/token", Some(Account)),
        ] {
            let registry: Endpoint = registry.parse().unwrap();
            let url = Url::parse(realm).unwrap();
            let verdict = judge(&registry, &url, Some(&credentials));
            assert_eq!(verdict.ok(), wanted, "{registry} {realm}");
        }
    }
}
