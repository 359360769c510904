//! Lists an image's files in a process of its own.
//!
//! In: an image, where the list goes. Out: the list, written as it comes, and how complete it is. Odd: there is one attempt;
//! no detector runs, and a layer of which a process dies cannot be listed without it.

use std::{
    io::{self, Write},
    time::Instant,
};

use plimsoll_advisory::MatchContext;
use plimsoll_model::{Coverage, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    ChildError, ChildScan, Isolation, Level, Target,
    broker::{Observers, Outcome, Plan, attempt},
    wire::ListingWish,
};
use crate::{
    NoProgress,
    listing::{ListingFormat, ListingOptions},
};

/// A listing that was written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// As [`Listing::coverage`](crate::listing::Listing::coverage).
    pub coverage: Coverage,
    /// How many entries were written.
    pub entries: usize,
}

/// Lists an image's files in a process of its own and writes them to `output`.
///
/// # Errors
/// [`ChildError`]. Layers that cannot be read are in the coverage.
pub fn list_in_child(
    isolation: &Isolation,
    target: Target<'_>,
    options: &ListingOptions<'_>,
    format: ListingFormat,
    output: &mut dyn Write,
) -> Result<(Listed, Level), ChildError> {
    target.check()?;
    let request = ChildScan {
        target,
        snapshot: None,
        cache: None,
        budget: options.budget,
        today: Timestamp::default(),
        threads: options.threads,
        context: MatchContext::default(),
        kinds: plimsoll_model::Kinds::ALL,
        rules: None,
    };
    let plan = Plan {
        left_out: &[],
        threads: options.threads,
        deadline: Instant::now() + isolation.limits.wall,
        known: None,
        listing: Some(ListingWish { digests: options.digests, layer: options.layer, format }),
    };
    let observers = Observers { progress: &NoProgress, is_stopped: &|| false, output };
    match attempt(isolation, &request, &plan, observers)? {
        Outcome::Listing { listed, level } => Ok((listed, level)),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::NotWritten(error) => Err(ChildError::Output(error)),
        Outcome::Stopped => Err(ChildError::Stopped),
        Outcome::Died { cause, .. } => Err(ChildError::Died(cause.sentence(&isolation.limits))),
        Outcome::Report { .. } => {
            Err(ChildError::Start(io::Error::other("a report in a listing's place")))
        }
    }
}
