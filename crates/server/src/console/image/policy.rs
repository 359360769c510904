//! What the server's policy says of an image.
//!
//! In: a decision. Out: a card with the verdict and its reasons. Odd: it is there only where the server has a policy.

use maud::{Markup, html};
use plimsoll_scanner::{Decision, PolicyVerdict};

pub(super) fn card(decision: &Decision) -> Markup {
    let (class, sentence) = match decision.verdict {
        PolicyVerdict::Pass => ("good", "Passes: nothing speaks against it."),
        PolicyVerdict::Warn => ("level-2", "Passes with a warning."),
        PolicyVerdict::Deny => ("level-3", "Denied."),
    };
    html! {
        section class="card padded" aria-labelledby="policy" {
            h2 id="policy" { "Policy" }
            p { strong class=(class) { (sentence) } }
            @if !decision.reasons.is_empty() {
                ul class="gaps" {
                    @for reason in &decision.reasons {
                        li { strong { (reason.verdict) } " " (reason.text) div class="where" { code { (reason.rule) } } }
                    }
                }
            }
        }
    }
}
