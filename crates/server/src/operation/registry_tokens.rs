//! Tokens by which others speak for one registry: making, listing, taking back.
//!
//! In: a registry and what the token is for. Out: the token, once, and where whoever holds it comes in. Odd: a new token of a
//! purpose ends the one before at once, so that a leaked one is replaced in one step.

use plimsoll_model::{Secret, Timestamp};
use plimsoll_store::{RegistryToken, Store, TokenPurpose};
use serde::{Deserialize, Serialize};

use super::{OperationError, registries::refusal};

/// A token that was just made. There is no `Debug`: the address of a webhook holds it, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedRegistryToken {
    /// The registry.
    pub registry: String,
    /// `hook`, `report` or `scanner`.
    pub purpose: String,
    /// The token; it is not shown again.
    pub token: String,
    /// Where its holder comes in, behind the server's own address; a webhook's holds the token.
    pub path: String,
}

/// A token that stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegistryTokenView {
    /// `hook`, `report` or `scanner`.
    pub purpose: String,
    /// When it was made.
    pub created: Timestamp,
}

/// The tokens of a registry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegistryTokenList {
    /// By purpose.
    pub tokens: Vec<RegistryTokenView>,
}

/// What taking a token back did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedRegistryToken {
    /// Whether there was one.
    pub removed: bool,
}

/// Makes a token; the one of this purpose before ends.
///
/// # Errors
/// There is no such registry or purpose, or the database fails.
pub async fn create_registry_token(
    store: &Store,
    registry: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<CreatedRegistryToken, OperationError> {
    let purpose = parse(purpose)?;
    let token = store.create_registry_token(registry, purpose, now).await.map_err(refusal)?;
    tracing::info!(registry.name = registry, token.purpose = purpose.as_str(), "token made");
    Ok(CreatedRegistryToken {
        registry: registry.to_owned(),
        purpose: purpose.as_str().to_owned(),
        path: path(registry, purpose, &token),
        token: token.reveal().clone(),
    })
}

/// The tokens of a registry.
///
/// # Errors
/// There is no such registry, or the database fails.
pub async fn list_registry_tokens(
    store: &Store,
    registry: &str,
) -> Result<RegistryTokenList, OperationError> {
    let tokens = store.registry_tokens(registry).await.map_err(refusal)?;
    let view = |token: &RegistryToken| RegistryTokenView {
        purpose: token.purpose.as_str().to_owned(),
        created: token.created,
    };
    Ok(RegistryTokenList { tokens: tokens.iter().map(view).collect() })
}

/// Takes a token back.
///
/// # Errors
/// There is no such registry or purpose, or the database fails.
pub async fn remove_registry_token(
    store: &Store,
    registry: &str,
    purpose: &str,
) -> Result<RemovedRegistryToken, OperationError> {
    let purpose = parse(purpose)?;
    let removed = store.remove_registry_token(registry, purpose).await.map_err(refusal)?;
    tracing::info!(registry.name = registry, token.purpose = purpose.as_str(), "token removed");
    Ok(RemovedRegistryToken { removed })
}

fn parse(word: &str) -> Result<TokenPurpose, OperationError> {
    let known = TokenPurpose::ALL.into_iter().find(|purpose| purpose.as_str() == word);
    known.ok_or_else(|| {
        let all = TokenPurpose::ALL.map(TokenPurpose::as_str).join(", ");
        OperationError::invalid("purpose", format!("`{word}` is not one of {all}"))
    })
}

fn path(registry: &str, purpose: TokenPurpose, token: &Secret<String>) -> String {
    match purpose {
        TokenPurpose::Hook => format!("{}/{}", hook_path(registry), token.reveal()),
        TokenPurpose::Report => "/".to_owned(),
        TokenPurpose::Scanner => "/harbor".to_owned(),
    }
}

/// Where webhooks of a registry come in; without the token, which follows as the last step or as a header.
pub(super) fn hook_path(registry: &str) -> String {
    let mut path = "/hooks/".to_owned();
    for byte in registry.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
