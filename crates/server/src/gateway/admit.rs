//! The checks between a request and an action, in their order.
//!
//! In: a request and its parameters, keys, the time. Out: which action runs for which key, or a [`Refusal`]. Source:
//! `docs/api.md`, "Checks": what every request must have; action and version; method; key; security token; time;
//! signature; nonce; permission.
//!
//! Odd:
//! * the signature is computed before it is due, and for keys that do not exist too, so that the time taken says nothing;
//! * a request with the name of an action that does not exist is first asked for its signature if the key exists: an
//!   action changed on the way must look like that;
//! * the nonce is used up only after the signature was right, or strangers could use up other people's; and a request
//!   that was refused before it, 5xx included, can be sent again as it is.

use std::future::Future;

use plimsoll_model::Timestamp;
use plimsoll_store::{AccessKey, KeySummary, Store, StoreError};

use super::{
    VERSION,
    parameters::Parameters,
    policy::{self, Decision},
    refusal::Refusal,
    request::RawRequest,
    signature::{Claim, TIME_WINDOW},
    throttle::Throttle,
};
use crate::action::{self, Action};

/// Where access keys and used nonces are kept: the [`Store`], and in tests of captured requests the capture's key.
pub(crate) trait KeyBook: Sync {
    /// One key with its secret, disabled ones too.
    fn key(&self, id: &str) -> impl Future<Output = Result<Option<AccessKey>, StoreError>> + Send;

    /// Uses a nonce up: `true` when it was not used with this key before.
    fn use_nonce(
        &self,
        key_id: &str,
        nonce: &str,
        expires: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl KeyBook for Store {
    async fn key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        Self::key(self, id).await
    }

    async fn use_nonce(
        &self,
        key_id: &str,
        nonce: &str,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Self::use_nonce(self, key_id, nonce, expires, now).await
    }
}

/// A request that may be served.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What is to be run.
    pub(crate) action: &'static Action,
    /// For whom.
    pub(crate) key: KeySummary,
}

/// Carries out all checks.
///
/// # Errors
/// The [`Refusal`] of the first check that fails.
pub(crate) async fn admit<K: KeyBook>(
    request: &RawRequest,
    sent: &Parameters,
    keys: &K,
    throttle: &Throttle,
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    let claim = Claim::read(request, sent)?;
    if claim.version != VERSION {
        return Err(Refusal::InvalidVersion);
    }
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return Err(Refusal::UnsupportedMethod);
    }
    let key = keys.key(&claim.key_id).await.map_err(log_failure)?;
    let counted_as = key.as_ref().map(|_| claim.key_id.as_str());
    throttle.check(request.source, counted_as, now)?;
    let verified = match &key {
        Some(key) => claim.verify(key.secret.reveal()),
        None => Err(claim.verify_nothing()),
    };
    if verified.is_err() {
        throttle.note(request.source, counted_as, now);
    }
    let (action, key) = known(&claim, key, &verified)?;
    // Keys here are lasting ones, so a token that comes along belongs to another service.
    if claim.security_token.is_some() {
        return Err(Refusal::InvalidSecurityToken);
    }
    let signed_at = claim.check_time(now)?;
    verified?;
    let expires = Timestamp(signed_at.0 + TIME_WINDOW);
    if !keys.use_nonce(&key.id, &claim.nonce, expires, now).await.map_err(log_failure)? {
        return Err(Refusal::NonceUsed);
    }
    check_permission(action, &key)?;
    Ok(Admitted { action, key })
}

fn known(
    claim: &Claim,
    key: Option<AccessKey>,
    verified: &Result<(), Refusal>,
) -> Result<(&'static Action, KeySummary), Refusal> {
    let Some(action) = action::find(&claim.action) else {
        return Err(match (key, verified) {
            (Some(_), Err(mismatch)) => mismatch.clone(),
            _ => Refusal::ActionNotFound,
        });
    };
    let Some(AccessKey { summary, .. }) = key else {
        let is_temporary = claim.key_id.starts_with("STS.");
        return Err(match &claim.security_token {
            None if is_temporary => Refusal::Missing("SecurityToken"),
            _ => Refusal::KeyNotFound,
        });
    };
    if !summary.active {
        return Err(Refusal::KeyInactive);
    }
    Ok((action, summary))
}

fn check_permission(action: &Action, key: &KeySummary) -> Result<(), Refusal> {
    let permission = format!("yundun-sas:{}", action.name);
    // None of the actions so far can be permitted for single resources (the seed page: "All Resources").
    match policy::decide(&key.policy, &permission, "*") {
        Decision::Allowed => Ok(()),
        decision => Err(Refusal::NoPermission {
            action: permission,
            explicit: decision == Decision::ExplicitDeny,
        }),
    }
}

fn log_failure(error: StoreError) -> Refusal {
    tracing::error!(error = &error as &dyn std::error::Error, "gateway store failed");
    if error.is_transient() { Refusal::Unavailable } else { Refusal::Server }
}
