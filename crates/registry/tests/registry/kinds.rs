//! Each kind against a server that behaves as its vendor documents: paging, accounts, odd types, limits.

mod acr;
mod acr_azure;
mod docker_hub;
mod ecr;
mod gar;
mod ghcr;
mod gitlab;
mod harbor;
mod quay;
mod webhooks;

use plimsoll_registry::{
    Credentials, RegistryError,
    kind::{Adapter, ApiSettings},
};

use crate::{
    content::adapter,
    origin::{Origin, Reply, Request},
};

/// A parameter of a request's query.
fn query(request: &Request, name: &str) -> Option<String> {
    let (_, query) = request.target.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A number of a request's query.
fn number(request: &Request, name: &str) -> Option<usize> {
    query(request, name)?.parse().ok()
}

/// The entries of a numbered page.
fn page<T: Clone>(all: &[T], number: usize, size: usize) -> Vec<T> {
    all.iter().skip(number.saturating_sub(1) * size).take(size).cloned().collect()
}

/// A registry whose API lies at the same address.
fn at(
    kind: &str,
    origin: &Origin,
    credentials: Option<Credentials>,
    api: ApiSettings,
) -> Box<dyn Adapter> {
    adapter(kind, &origin.address.to_string(), credentials, api).unwrap()
}

/// `sha256:` and 64 digits that end in `number`.
fn digest(number: u32) -> String {
    format!("sha256:{number:064x}")
}

fn refusal(status: u16, code: &str) -> Reply {
    Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#))
}

/// What is asked again, and what is given up.
#[tokio::test]
async fn a_short_limit_is_waited_out_and_a_long_one_is_told() {
    for (kind, api) in [("harbor", ApiSettings::default()), ("quay", ApiSettings::default())] {
        for (retry_after, is_given_up) in [("0", false), ("3600", true)] {
            let count = std::sync::atomic::AtomicUsize::new(0);
            let origin = Origin::start(move |_| {
                if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                    return Reply::new(429).header("Retry-After", retry_after).body("slow down");
                }
                // An empty list of either API.
                Reply::new(200).body(if kind == "harbor" { "[]" } else { r#"{"repositories":[]}"# })
            })
            .await;
            let outcome = at(kind, &origin, None, api.clone()).list_repositories().await;
            match outcome {
                Ok(entries) => assert!(entries.is_empty() && !is_given_up, "{kind} {retry_after}"),
                Err(RegistryError::RateLimited { retry_after: Some(wait), message, .. }) => {
                    assert!(is_given_up, "{kind} {retry_after}");
                    assert_eq!((wait.as_secs(), message.as_str()), (3_600, ": slow down"));
                }
                Err(error) => panic!("{kind} {retry_after}: {error}"),
            }
        }
    }
}

/// A region stands in the host that the key's signatures go to.
#[tokio::test]
async fn a_region_is_a_name_and_leads_nowhere_else() {
    for (kind, address) in [
        ("acr", "build-registry.cn-hangzhou.cr.aliyuncs.com"),
        ("ecr", "123456789012.dkr.ecr.eu-central-1.amazonaws.com"),
    ] {
        let connect = |region: &str| {
            let api = ApiSettings {
                account: Some("LTAI".into()),
                token: Some(plimsoll_model::Secret::new("s3cret".into())),
                region: region.into(),
                ..ApiSettings::default()
            };
            adapter(kind, address, None, api)
        };
        for region in ["x@evil.example/", "evil.example#", "evil.example/", "a.b", "A", "a b"] {
            let error = connect(region).unwrap_err();
            let is_said = matches!(error, RegistryError::Setting { field: "region_id", .. });
            assert!(is_said, "{kind} {region}: {error}");
        }
        assert_eq!(connect("").unwrap().region().map(str::is_empty), Some(false));
        assert_eq!(connect("eu-west-1").unwrap().region(), Some("eu-west-1"));
    }
}

/// An API cannot make the account go elsewhere.
#[tokio::test]
async fn an_account_does_not_follow_a_redirect_to_another_origin() {
    use crate::content::{PASSWORD, account};
    let token = plimsoll_model::Secret::new(PASSWORD.to_owned());
    let with_token = ApiSettings { token: Some(token), ..ApiSettings::default() };
    for (kind, api) in [("harbor", ApiSettings::default()), ("quay", with_token)] {
        let elsewhere = Origin::start(|_| Reply::new(404)).await;
        let to = elsewhere.url("/stolen");
        let origin = Origin::start(move |_| Reply::redirect(302, &to)).await;
        let error = at(kind, &origin, Some(account()), api).list_repositories().await.unwrap_err();
        assert!(matches!(error, RegistryError::NotFound { .. }), "{kind}: {error}");
        let first = origin.requests().remove(0);
        assert!(first.header("authorization").is_some(), "{kind}");
        let seen = elsewhere.requests();
        assert!(!seen.is_empty() && seen.iter().all(|one| one.header("authorization").is_none()));
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{kind}");
    }
}
