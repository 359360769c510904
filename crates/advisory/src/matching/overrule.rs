//! The last word on a finding: an assessment of this very product, from a VEX document.
//!
//! In: a finding and what the document says of its vulnerability in its package. Out: the finding, counted or not. Source:
//! `docs/semantics.md`, "Who decides". Odd: such a document also takes back what a source in the snapshot denied.

use plimsoll_model::{Finding, Status, Suppression, View};

use crate::priority::tier;

/// Lets `view`, whose status must be set to have any effect, decide about `finding`.
///
/// The caller has made sure that the view is about this vulnerability, this package and this image. Views that came later
/// come first, and decide.
pub fn overrule(finding: &mut Finding, view: View) {
    match view.status {
        Some(status) if !status.is_open() => {
            let reason = reason(status, &view);
            let (by, advisory) = (view.source.clone(), view.advisory.clone());
            finding.suppress(status, Suppression { by, advisory, reason, ignored: None });
        }
        Some(status) => {
            finding.status = Some(status);
            finding.suppressed = None;
            let tenths = finding.urgency.as_ref().map(|urgency| urgency.tenths);
            finding.priority = tenths.map(tier);
            finding.score = tenths.map(|tenths| f64::from(tenths) / 10.0);
        }
        None => {}
    }
    finding.views.insert(0, view);
}

/// The reason in words.
pub(super) fn reason(status: Status, view: &View) -> String {
    let mut reason = match status {
        Status::Fixed => "this version has the fix".to_owned(),
        _ => "not affected".to_owned(),
    };
    if let Some(justification) = &view.justification {
        reason.push_str(&format!(": {}", justification.replace('_', " ")));
    }
    if let Some(text) = &view.text {
        reason.push_str(&format!(" ({text})"));
    }
    reason
}
