//! Judging images by the server's policy, so that lists show what it says.
//!
//! In: the policy, and the images that changed in what it looks at. Out: their verdicts in the store. Source: `docs/policy.md`.
//! Odd: a policy is another one once one of its own ignore rules has run out, and then all images are judged again; of several
//! servers on one store the last that started says which policy judges.

use plimsoll_model::Timestamp;
use plimsoll_scanner::Policy;
use plimsoll_store::{Store, StoreError};

use super::{
    OperationError,
    images::{DecisionView, find_image, kept},
};

/// Images that are judged before their verdicts are written.
const AT_ONCE: u32 = 50;

/// Says to the store by which policy images are judged, if by any.
///
/// # Errors
/// The database fails.
pub async fn judge_by(
    store: &Store,
    policy: Option<&Policy>,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.judge_by(policy.map(|policy| policy.fingerprint(now)).as_deref()).await
}

/// Judges some of the images that are due. Returns how many.
///
/// # Errors
/// The database fails.
pub async fn judge_some(
    store: &Store,
    policy: &Policy,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let due = store.images_due(AT_ONCE).await?;
    let mut verdicts = Vec::with_capacity(due.len());
    for one in due {
        let image = match find_image(store, &one.uuid).await {
            Ok(image) => image,
            Err(OperationError::Store(error)) => return Err(error),
            // It was removed meanwhile.
            Err(_) => continue,
        };
        let report = store.image_report(&one.uuid).await?;
        let verdict = DecisionView::of(policy, &image.image, report, now).decision.verdict;
        verdicts.push((one, kept(verdict)));
    }
    store.keep_verdicts(&verdicts).await?;
    Ok(verdicts.len())
}
