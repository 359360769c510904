//! Pulls that a registry counts, and how many are left.
//!
//! In: `ratelimit-limit: 100;w=21600` and `ratelimit-remaining` of its answers. Out: a refusal before the last pulls are
//! used up, for whoever asked for that. Source: Docker Hub's documentation of its usage limits.
//!
//! Odd: GET of a manifest is a pull, HEAD is not. So with nothing known, or with too little left a while ago, the same
//! manifest is asked for by HEAD first, whose answer tells how it stands now.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::RegistryClient;
use crate::{access::Scope, error::RegistryError};

/// So long "too little" is believed without asking again.
const BELIEVED: Duration = Duration::from_secs(60);

/// How many pulls are left, as the registry said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PullLimit {
    /// Pulls in one window.
    pub limit: u64,
    /// What is left of them.
    pub remaining: u64,
    /// Length of a window.
    pub window: Duration,
}

/// What is known of the limit.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    /// So many are left for others; `None`: pulls are not spared.
    floor: Option<u64>,
    told: Mutex<Option<(PullLimit, Instant)>>,
}

impl Pulls {
    pub(super) fn note(&self, headers: &HeaderMap) {
        if let Some(limit) = limit_in(headers) {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((limit, Instant::now()));
        }
    }

    fn told(&self) -> Option<(PullLimit, Instant)> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryClient {
    /// The same registry, of whose counted pulls the last `floor` are left for others.
    #[must_use]
    pub fn sparing_pulls(self, floor: u64) -> Self {
        Self { pulls: Pulls { floor: Some(floor), told: Mutex::default() }.into(), ..self }
    }

    /// How many pulls are left; `None` when the registry did not say, because it does not count or was not asked yet.
    #[must_use]
    pub fn pull_limit(&self) -> Option<PullLimit> {
        self.pulls.told().map(|(limit, _)| limit)
    }

    /// Refuses a pull that would use up what is left for others.
    pub(super) async fn spare_pulls(
        &self,
        repository: &str,
        name: &str,
    ) -> Result<(), RegistryError> {
        let Some(floor) = self.pulls.floor else { return Ok(()) };
        let is_low = |limit: PullLimit| limit.remaining <= floor;
        let is_open = |(limit, at): (PullLimit, Instant)| is_low(limit) && at.elapsed() > BELIEVED;
        if self.pulls.told().is_none_or(is_open) {
            self.head_manifest(self.access(), repository, name).await?;
        }
        let Some(limit) = self.pull_limit().filter(|limit| is_low(*limit)) else { return Ok(()) };
        Err(RegistryError::RateLimited {
            registry: self.registry(),
            what: Scope::Pull(repository.to_owned()).describe(),
            retry_after: Some(limit.window),
            message: format!(
                ": {} of {} pulls are left, which are kept for others",
                limit.remaining, limit.limit
            ),
        })
    }
}

fn limit_in(headers: &HeaderMap) -> Option<PullLimit> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let (limit, window) = number_and_window(text("ratelimit-limit")?)?;
    let (remaining, _) = number_and_window(text("ratelimit-remaining")?)?;
    Some(PullLimit { limit, remaining, window })
}

/// `100;w=21600`.
fn number_and_window(text: &str) -> Option<(u64, Duration)> {
    let (number, rest) = text.split_once(';').unwrap_or((text, ""));
    let window = rest.split(';').find_map(|part| part.trim().strip_prefix("w=")?.parse().ok());
    Some((number.trim().parse().ok()?, Duration::from_secs(window.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_as_docker_hub_sends_them() {
        let limit = |limit, remaining, window| {
            Some(PullLimit { limit, remaining, window: Duration::from_secs(window) })
        };
        for (of, left, wanted) in [
            ("100;w=21600", "20;w=21600", limit(100, 20, 21_600)),
            ("100", "0", limit(100, 0, 0)),
            ("200;x=1; w=60", "7", limit(200, 7, 60)),
            ("many", "20;w=21600", None),
            ("100;w=21600", "-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("ratelimit-limit", of.parse().unwrap());
            headers.insert("ratelimit-remaining", left.parse().unwrap());
            assert_eq!(limit_in(&headers), wanted, "{of} {left}");
        }
        assert_eq!(limit_in(&HeaderMap::new()), None);
    }
}
