//! Access keys of the gateway.
//!
//! In: a name and what it may do. Out: an id and a secret, which is shown this once. Odd: a key without an allowed action
//! is made too; it can sign and is answered that it may do nothing.

use plimsoll_model::Timestamp;
use plimsoll_store::{Effect, KeyError, KeySummary, Policy, Store};
use serde::{Deserialize, Serialize};

use super::OperationError;

/// A key to make.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What its owner calls it.
    pub name: String,
    /// Actions that it may do: `yundun-sas:*`, `yundun-sas:ListImageRisk`.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// A key that was just made. There is no `Debug`: it holds the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// Its id.
    pub access_key_id: String,
    /// Its secret, shown this once.
    pub access_key_secret: String,
}

/// A key as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyView {
    /// Its id.
    pub access_key_id: String,
    /// What its owner calls it.
    pub name: String,
    /// Actions that it may do.
    pub allow: Vec<String>,
    /// Whether requests with it are answered.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Day of its last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

/// All keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyList {
    /// By time of creation.
    pub keys: Vec<KeyView>,
}

/// A change of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetKeyState {
    /// Whether requests with it are answered.
    pub active: bool,
}

/// Makes a key.
///
/// # Errors
/// The name or an action cannot be, or the database fails.
pub async fn create_key(
    store: &Store,
    request: &CreateKey,
    now: Timestamp,
) -> Result<CreatedKey, OperationError> {
    if let Some(wrong) = request.allow.iter().find(|action| !is_action(action)) {
        let why =
            format!("`{wrong}` is not an action such as yundun-sas:ListImageRisk or yundun-sas:*");
        return Err(OperationError::invalid("allow", why));
    }
    let policy = Policy::allowing(request.allow.iter().map(String::as_str));
    let key = store.create_key(&request.name, &policy, now).await.map_err(refusal)?;
    tracing::info!(key.id = key.id, key.name = request.name, "access key created");
    Ok(CreatedKey { access_key_id: key.id, access_key_secret: key.secret.reveal().clone() })
}

/// All keys.
///
/// # Errors
/// The database fails.
pub async fn list_keys(store: &Store) -> Result<KeyList, OperationError> {
    let keys = store.list_keys().await?;
    Ok(KeyList { keys: keys.into_iter().map(KeyView::of).collect() })
}

/// Enables or disables a key.
///
/// # Errors
/// There is no such key, or the database fails.
pub async fn set_key_state(
    store: &Store,
    id: &str,
    state: SetKeyState,
) -> Result<KeyView, OperationError> {
    store.set_key_active(id, state.active).await.map_err(refusal)?;
    tracing::info!(key.id = id, key.active = state.active, "access key changed");
    let key = store.key(id).await?;
    let key = key.ok_or_else(|| refusal(KeyError::Unknown(id.to_owned())))?;
    Ok(KeyView::of(key.summary))
}

/// Letters, digits, `-`, `_`, `*`, `?`, with one colon unless it is `*` alone.
fn is_action(action: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '?'))
    };
    action == "*"
        || action.split_once(':').is_some_and(|(service, name)| plain(service) && plain(name))
}

fn refusal(error: KeyError) -> OperationError {
    match error {
        KeyError::Unknown(id) => OperationError::NotFound { what: "access key", name: id },
        KeyError::Name(_) => OperationError::invalid("name", error.to_string()),
        KeyError::Store(error) => OperationError::Store(error),
    }
}

impl KeyView {
    fn of(key: KeySummary) -> Self {
        let allow = key.policy.statements.into_iter();
        let allow = allow.filter(|statement| statement.effect == Effect::Allow);
        Self {
            access_key_id: key.id,
            name: key.name,
            allow: allow.flat_map(|statement| statement.actions).collect(),
            active: key.active,
            created: key.created,
            last_used: key.last_used,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_a_service_and_a_name() {
        for action in ["*", "yundun-sas:*", "yundun-sas:ListImageRisk", "*:List??"] {
            assert!(is_action(action), "{action}");
        }
        for wrong in ["", "ListImageRisk", "a:", ":b", "a:b:c", "a b:c", "a:{}"] {
            assert!(!is_action(wrong), "{wrong}");
        }
    }
}
