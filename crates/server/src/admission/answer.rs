//! What the API server is told.
//!
//! In: what was judged of each image, and how hard that is. Out: [`Answer`], and its `AdmissionReview` as JSON. Source:
//! `k8s.io/api/admission/v1` `AdmissionResponse`; Kubernetes, "Dynamic Admission Control", "Response". Odd: warnings should have no
//! more than 120 characters, and all of a request's together no more than 4,096; annotations end in the audit log behind the
//! webhook's name.

use std::{collections::BTreeMap, fmt::Write as _};

use plimsoll_scanner::{PolicyVerdict, policy::AdmissionMode};
use serde::Serialize;

use super::{
    judge::{Judged, Told},
    metrics::Outcome,
    request::{API_VERSION, KIND},
};

/// Characters of a warning.
const WARNING: usize = 120;
/// Warnings of an answer.
const MOST_WARNINGS: usize = 20;
/// Characters of a refusal, and of an annotation.
const LONGEST: usize = 4_000;
const REFUSED: u16 = 403;
const MALFORMED: u16 = 400;
const AWAY: u16 = 503;

/// Whether it may, and why.
#[derive(Debug)]
pub(super) struct Answer {
    /// How it is counted.
    pub(super) outcome: Outcome,
    refusal: Option<Refusal>,
    warnings: Vec<String>,
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Debug)]
struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    message: &'a str,
    reason: &'static str,
}

/// What was judged, with how hard it is.
pub(super) struct Weighed<'a> {
    /// Of which rule.
    pub(super) rule: &'a str,
    /// How hard.
    pub(super) mode: AdmissionMode,
    /// What is said.
    pub(super) judged: Judged,
}

impl Answer {
    /// Lets in what nobody looked at.
    pub(super) fn unseen(outcome: Outcome, why: &str) -> Self {
        let annotations = BTreeMap::from([("verdict", why.to_owned())]);
        Self { outcome, refusal: None, warnings: Vec::new(), annotations }
    }

    /// Says what was judged.
    pub(super) fn of(weighed: &[Weighed<'_>], mark: &str) -> Self {
        let mut refused = Vec::new();
        let mut warnings = Vec::new();
        let mut images = Vec::new();
        for Weighed { rule, mode, judged } in weighed {
            images.push(format!("{}: {}", judged.resolved, judged.verdict()));
            let is_hard = *mode == AdmissionMode::Enforce;
            let denied: Vec<&Told> =
                judged.told.iter().filter(|told| told.verdict == PolicyVerdict::Deny).collect();
            if is_hard && !denied.is_empty() {
                refused.push(refusal(rule, judged, &denied));
            }
            for told in judged.told.iter() {
                match (told.verdict, is_hard) {
                    (PolicyVerdict::Pass, _) | (PolicyVerdict::Deny, true) => {}
                    (PolicyVerdict::Warn, _) => warnings.push(warning(rule, judged, told, "")),
                    (PolicyVerdict::Deny, false) => {
                        warnings.push(warning(rule, judged, told, "would be denied: "));
                    }
                }
            }
        }
        let outcome = match (refused.is_empty(), warnings.is_empty()) {
            (false, _) => Outcome::Denied,
            (true, false) => Outcome::Warned,
            (true, true) => Outcome::Allowed,
        };
        let annotations = BTreeMap::from([
            ("verdict", outcome.as_str().to_owned()),
            ("policy", mark.to_owned()),
            ("images", cut(&clean(&images.join("; ")), LONGEST)),
        ]);
        let refusal = (!refused.is_empty()).then(|| Refusal {
            code: REFUSED,
            reason: "Forbidden",
            message: cut(&format!("plimsoll: {}", refused.join("; ")), LONGEST),
        });
        Self { outcome, refusal, warnings: bounded(warnings), annotations }
    }

    /// Says what a policy says while the store cannot be asked.
    pub(super) fn away(is_refused: bool, problem: &str, mark: &str) -> Self {
        let problem = clean(problem);
        let outcome =
            if is_refused { Outcome::UnavailableDenied } else { Outcome::UnavailableAllowed };
        let annotations = BTreeMap::from([
            ("verdict", outcome.as_str().to_owned()),
            ("policy", mark.to_owned()),
            ("unavailable", cut(&problem, LONGEST)),
        ]);
        if is_refused {
            let message = format!(
                "plimsoll: the images cannot be looked up ({problem}), and the policy refuses them then (`unavailable = \"deny\"`); \
                 try again"
            );
            let refusal = Some(Refusal {
                code: AWAY,
                reason: "ServiceUnavailable",
                message: cut(&message, LONGEST),
            });
            return Self { outcome, refusal, warnings: Vec::new(), annotations };
        }
        let warnings = vec![cut(
            &format!("plimsoll could not look the images up and let them in unseen: {problem}"),
            WARNING,
        )];
        Self { outcome, refusal: None, warnings, annotations }
    }

    /// Says that the object cannot be read.
    pub(super) fn malformed(is_refused: bool, problem: &str) -> Self {
        let outcome = if is_refused { Outcome::Malformed } else { Outcome::Warned };
        let annotations = BTreeMap::from([("verdict", "malformed".to_owned())]);
        let message = format!("plimsoll: {}", clean(problem));
        if is_refused {
            let refusal = Some(Refusal { code: MALFORMED, reason: "BadRequest", message });
            return Self { outcome, refusal, warnings: Vec::new(), annotations };
        }
        Self { outcome, refusal: None, warnings: vec![cut(&message, WARNING)], annotations }
    }

    /// Whether it may.
    pub(super) const fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// Why it may not.
    pub(super) fn message(&self) -> Option<&str> {
        self.refusal.as_ref().map(|refusal| refusal.message.as_str())
    }

    /// The document that answers the question with that name.
    pub(super) fn document(&self, uid: &str) -> Result<String, serde_json::Error> {
        let status = self.refusal.as_ref().map(|refusal| Status {
            code: refusal.code,
            message: &refusal.message,
            reason: refusal.reason,
        });
        serde_json::to_string(&Document {
            api_version: API_VERSION,
            kind: KIND,
            response: Response {
                uid,
                allowed: self.is_allowed(),
                status,
                warnings: &self.warnings,
                audit_annotations: &self.annotations,
            },
        })
    }
}

/// One image's part of a refusal.
fn refusal(rule: &str, judged: &Judged, denied: &[&Told]) -> String {
    let mut text =
        format!("image `{}` ({}) is denied by rule `{rule}`", judged.image, judged.resolved);
    for (place, told) in denied.iter().enumerate() {
        let before = if place == 0 { ": " } else { ", and " };
        let _written =
            write!(text, "{before}{}: {} (remedy: {})", told.part, told.text, told.remedy);
    }
    clean(&text)
}

fn warning(rule: &str, judged: &Judged, told: &Told, before: &str) -> String {
    let text = format!(
        "{}: {before}{}: {} (rule `{rule}`; {})",
        judged.image, told.part, told.text, told.remedy
    );
    cut(&clean(&text), WARNING)
}

fn bounded(mut warnings: Vec<String>) -> Vec<String> {
    let more = warnings.len().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        warnings.truncate(MOST_WARNINGS);
        warnings.push(format!("plimsoll has {more} more warnings"));
    }
    warnings
}

/// Without what could begin a line or a header of its own: names of images are whatever somebody wrote.
fn clean(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut start: String = text.chars().take(most.saturating_sub(1)).collect();
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(clean("a\r\nWarning: b\u{7}"), "a  Warning: b ");
        let many = bounded((0..30).map(|number| number.to_string()).collect());
        assert_eq!((many.len(), many[20].as_str()), (21, "plimsoll has 10 more warnings"));
    }
}
