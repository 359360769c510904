//! Passwords that everybody tries first, held against hashes.
//!
//! In: hashes of any kind, each with its account's name. Out: a failure for each that is found. Odd: slow hashes are slow on
//! purpose and a file chooses how slow its own are, so the work is bounded by the estimated costs of the tries; what could
//! not be tried is a gap, not a pass.

use std::cell::Cell;

use plimsoll_model::Location;

use super::{
    Looking, dictionary,
    password_hash::{PasswordHash, Untried},
};
use crate::{facts::clip, view::View};

/// Estimated microseconds for one image, all checks together.
pub(crate) const BUDGET: u64 = 10_000_000;
/// Tries for one account where each costs more than a fast hash does.
const MAX_SLOW_TRIES: usize = 200;
const SLOW: u64 = 10_000;

/// The work that is left.
pub(crate) struct Tries<'v> {
    left: &'v Cell<u64>,
    /// It was said that nothing is left.
    is_told: bool,
}

impl<'v> Tries<'v> {
    pub(crate) const fn of(view: &'v View<'_>) -> Self {
        Self { left: view.password_time(), is_told: false }
    }

    /// Tries an account's hash; a locked account passes.
    pub(crate) fn judge(
        &mut self,
        looking: &mut Looking<'_>,
        location: &Location,
        line: usize,
        account: &str,
        hash: &str,
    ) {
        let name = clip(account);
        let hash = match PasswordHash::parse(hash) {
            Ok(hash) => hash,
            Err(Untried::Locked) => return,
            Err(Untried::Unsupported(kind)) => {
                let detail = format!("`{name}`: the hash is {kind}: no passwords were tried");
                looking.unseen(&location.path, detail);
                return;
            }
        };
        let affordable = usize::try_from(self.left.get() / hash.cost).unwrap_or(usize::MAX);
        if affordable == 0 {
            if !std::mem::replace(&mut self.is_told, true) {
                let seconds = BUDGET / 1_000_000;
                let detail = format!(
                    "from `{name}` on, hashes are slow and no passwords were tried: the limit of {seconds} s is reached"
                );
                looking.cut(&location.path, detail);
            }
            return;
        }
        let candidates: Vec<String> = dictionary::candidates(account).collect();
        let most = if hash.cost > SLOW { affordable.min(MAX_SLOW_TRIES) } else { affordable };
        for candidate in candidates.iter().take(most) {
            self.left.set(self.left.get().saturating_sub(hash.cost));
            match hash.is_of(candidate) {
                Some(true) => {
                    let detail = format!("line {line}: `{name}` has a well-known password");
                    looking.fail_at(location, detail);
                    return;
                }
                Some(false) => {}
                None => {
                    looking.unseen(&location.path, format!("`{name}`: the hash is damaged"));
                    return;
                }
            }
        }
        if most < candidates.len() {
            looking.cut(
                &location.path,
                format!(
                    "`{name}`: {most} of {} passwords were tried, hashes are slow",
                    candidates.len()
                ),
            );
        }
    }
}
