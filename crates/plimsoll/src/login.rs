//! Accounts that `docker login` and `podman login` kept.
//!
//! In: `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`, `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`. Out: the account
//! for a registry's host. Source: containers-auth.json(5). Odd: Docker Hub goes by the name of its old index; credential
//! helpers are other programs and are not run.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::{Secret, reference::DOCKER_HUB};
use plimsoll_registry::Credentials;

/// Most bytes of such a file.
const MAX_BYTES: u64 = 1 << 20;

/// The account that is kept for a registry, if any.
pub(crate) fn credentials(host: &str) -> Option<Credentials> {
    files().into_iter().find_map(|path| {
        let length = std::fs::metadata(&path).ok()?.len();
        if length > MAX_BYTES {
            return None;
        }
        find(&std::fs::read_to_string(path).ok()?, host)
    })
}

fn files() -> Vec<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    [
        variable("REGISTRY_AUTH_FILE"),
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        variable("DOCKER_CONFIG").map(|folder| folder.join("config.json")),
        variable("HOME").map(|home| home.join(".docker/config.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn find(text: &str, host: &str) -> Option<Credentials> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let accounts = document.get("auths")?;
    let hub = ["https://index.docker.io/v1/", "docker.io", "index.docker.io"];
    let names = std::iter::once(host).chain(hub.into_iter().filter(|_| host == DOCKER_HUB));
    names.into_iter().find_map(|name| {
        let encoded = accounts.get(name)?.get("auth")?.as_str()?;
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        Some(Credentials::new(username, Secret::new(password.to_owned())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_host() {
        let text = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"localhost:5000":{"auth":"Yzpk"},"x":{}}}"#;
        let found = |host: &str| {
            find(text, host).map(|found| (found.username.clone(), found.password.reveal().clone()))
        };
        assert_eq!(found(DOCKER_HUB), Some(("a".into(), "b".into())));
        assert_eq!(found("localhost:5000"), Some(("c".into(), "d".into())));
        assert_eq!(found("x"), None);
        assert_eq!(found("quay.io"), None);
    }
}
