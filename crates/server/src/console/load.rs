//! How deep an image is loaded: the one word that the console says about it.
//!
//! In: counters and coverage. Out: [`Load`], with its words and its picture's number. Source: `docs/semantics.md`, "image
//! risk level". Odd: nothing found counts as clear only when everything could be looked at.

use plimsoll_model::{RiskCounters, Verdict};

/// The load of an image, deepest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Load {
    /// Risk level 3: something must be fixed as soon as possible.
    Over,
    /// Risk level 2: nothing urgent, but something to plan.
    At,
    /// Risk level 1: only what needs no fix now.
    Below,
    /// Nothing found, everything looked at.
    Clear,
    /// Nothing found where we could look.
    ClearWhereSeen,
    /// The image could not be read.
    Unreadable,
    /// Not scanned yet.
    Waiting,
}

impl Load {
    /// The load of a scanned image, or of one that waits (`None`).
    pub(super) const fn of(scanned: Option<(&RiskCounters, Verdict)>) -> Self {
        let Some((counters, verdict)) = scanned else { return Self::Waiting };
        match (counters.risk_level(), verdict) {
            (3.., _) => Self::Over,
            (2, _) => Self::At,
            (1, _) => Self::Below,
            (0, Verdict::Complete) => Self::Clear,
            (0, Verdict::Partial) => Self::ClearWhereSeen,
            (0, Verdict::Unreadable) => Self::Unreadable,
        }
    }

    /// Two or three words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Over => "Over the line",
            Self::At => "At the line",
            Self::Below => "Below the line",
            Self::Clear => "Clear",
            Self::ClearWhereSeen => "Clear where seen",
            Self::Unreadable => "Not readable",
            Self::Waiting => "Not scanned yet",
        }
    }

    /// One sentence for the image's own page.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Over => "Loaded too deep: something in here should be fixed as soon as possible.",
            Self::At => "At its load line: nothing is urgent, but some fixes should be planned.",
            Self::Below => "Below its load line: nothing found needs a fix now.",
            Self::Clear => {
                "No vulnerability, no failed check and no malicious file was found, and all could be read."
            }
            Self::ClearWhereSeen => {
                "No vulnerability, no failed check and no malicious file was found, but not everything could be looked at."
            }
            Self::Unreadable => {
                "The image could not be read, so nothing can be said about its risk."
            }
            Self::Waiting => "This image waits for its first scan.",
        }
    }

    /// Class of the colour.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Over => "level-3",
            Self::At => "level-2",
            Self::Below => "level-1",
            Self::Clear => "level-0",
            Self::ClearWhereSeen | Self::Unreadable | Self::Waiting => "level-none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_is_clear_only_with_complete_coverage() {
        let none = RiskCounters::default();
        assert_eq!(Load::of(Some((&none, Verdict::Complete))), Load::Clear);
        assert_eq!(Load::of(Some((&none, Verdict::Partial))), Load::ClearWhereSeen);
        assert_eq!(Load::of(Some((&none, Verdict::Unreadable))), Load::Unreadable);
        assert_eq!(Load::of(None), Load::Waiting);
        let urgent = RiskCounters { cve: 1, asap: 1, ..none };
        assert_eq!(Load::of(Some((&urgent, Verdict::Partial))), Load::Over);
        let small = RiskCounters { baseline_low: 1, ..none };
        assert_eq!(Load::of(Some((&small, Verdict::Complete))), Load::Below);
    }
}
