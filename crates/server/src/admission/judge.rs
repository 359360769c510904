//! What a rule says of an image, from what the store knows.
//!
//! In: an image's name, the rule that holds for it, the machine that the pod chooses. Out: [`Judged`]: which image was meant, and what
//! speaks against it. Odd:
//! * Several images of one name (an index's platforms, two registries of one address) are judged each, and the worst counts; a pod that
//!   chooses its machine is judged by the images for that.
//! * An image that nobody scanned cannot be judged by what is in it, but still by where it is from.

use std::sync::Arc;

use plimsoll_model::{ImageReference, Kind, Report, Timestamp, reference::ReferenceError};
use plimsoll_scanner::{
    AdmissionPolicy, Clause, Policy, PolicyVerdict, decide,
    policy::{AdmissionRule, Asked, Reason, decide_place},
};
use plimsoll_store::{NamedImage, Store, StoreError};

use super::{
    kept::{Kept, Subject},
    object::{Machine, Workload},
};

/// One thing that speaks against an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    /// How hard.
    pub(super) verdict: PolicyVerdict,
    /// Which part of the rule says so: `deny.vulnerability:asap`, `unscanned`.
    pub(super) part: String,
    /// Why.
    pub(super) text: String,
    /// What to do.
    pub(super) remedy: String,
}

/// What is said of one image of a workload.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// As it is written in the workload.
    pub(super) image: String,
    /// What it was taken for: `docker.io/library/debian:12 is sha256:… (linux/amd64) as of the last sync`.
    pub(super) resolved: String,
    /// What speaks against it, the hardest first.
    pub(super) told: Arc<Vec<Told>>,
}

impl Judged {
    /// The hardest word.
    pub(super) fn verdict(&self) -> PolicyVerdict {
        self.told.iter().map(|told| told.verdict).max().unwrap_or(PolicyVerdict::Pass)
    }
}

/// One image of a workload with the rule that holds for it.
pub(super) struct Concerned<'a> {
    /// As it is written, but for a password in it.
    shown: String,
    reference: Result<ImageReference, String>,
    place: usize,
    /// The rule.
    pub(super) rule: &'a AdmissionRule,
}

/// The images of a workload for which a rule holds.
pub(super) fn concerned<'a>(
    policy: &'a AdmissionPolicy,
    namespace: &str,
    workload: &Workload,
) -> Vec<Concerned<'a>> {
    let find = |image: &String| {
        let parsed = image.parse::<ImageReference>();
        let shown = match &parsed {
            Err(ReferenceError::Account) => "(a name with an account in it)".to_owned(),
            _ => image.clone(),
        };
        let asked = Asked { namespace, labels: &workload.labels, image: parsed.as_ref().ok() };
        let (place, rule) = policy.rule_for(asked)?;
        let reference = parsed.map_err(|error| told_without_name(&error));
        Some(Concerned { shown, reference, place, rule })
    };
    workload.images.iter().filter_map(find).collect()
}

/// What is wrong with a name; which one it is stands before it already.
fn told_without_name(error: &ReferenceError) -> String {
    match error {
        ReferenceError::Repository(_) => "it names no repository".to_owned(),
        ReferenceError::Segment { segment, .. } => {
            format!("`{segment}` in it is no part of a repository's name")
        }
        ReferenceError::Tag { tag, .. } => format!("`{tag}` in it is no tag"),
        ReferenceError::Digest { source, .. } => source.to_string(),
        ReferenceError::Account | ReferenceError::Length(_) => error.to_string(),
    }
}

/// Says what the rule says.
pub(super) async fn judge(
    store: &Store,
    kept: &Kept,
    concerned: &Concerned<'_>,
    machine: &Machine,
    now: Timestamp,
) -> Result<Judged, StoreError> {
    let rule = concerned.rule;
    let judged = |resolved: String, told: Arc<Vec<Told>>| Judged {
        image: concerned.shown.clone(),
        resolved,
        told,
    };
    let reference = match &concerned.reference {
        Ok(reference) => reference,
        Err(problem) => {
            let told =
                unscanned(rule, None, problem, "write the image's name as the runtime wants it");
            return Ok(judged("no image reference".to_owned(), told));
        }
    };
    let images = store.images_named(reference).await?;
    if images.is_empty() {
        let told = unscanned(
            rule,
            Some(reference),
            "no registry that is watched has it",
            "watch its registry with `plimsoll registry add`, or wait for the next sync",
        );
        return Ok(judged(format!("{reference} is not known"), told));
    }
    let mut worst: Option<Judged> = None;
    for image in images.iter().filter(|image| machine.runs(&image.platform)) {
        let told = told_of(store, kept, concerned, reference, image, now).await?;
        let one = judged(resolved(reference, image), told);
        if worst.as_ref().is_none_or(|worst| worst.verdict() < one.verdict()) {
            worst = Some(one);
        }
    }
    Ok(worst.unwrap_or_else(|| {
        let known: Vec<&str> = images.iter().map(|image| image.platform.as_str()).collect();
        let wanted = machine.described().unwrap_or_default();
        let problem = format!("it is known for {} alone, not for {wanted}", known.join(", "));
        let remedy = "have its registry's images for that platform scanned (`plimsoll registry add --platform`)";
        judged(format!("{reference} for {wanted}"), unscanned(rule, Some(reference), &problem, remedy))
    }))
}

/// In words, what a name was taken for.
fn resolved(reference: &ImageReference, image: &NamedImage) -> String {
    let platform = &image.platform;
    match reference.digest {
        Some(digest) if digest == image.manifest_digest => format!("{reference} ({platform})"),
        Some(_) => format!("{reference}, of it {} ({platform})", image.manifest_digest),
        None => {
            format!("{reference} is {} ({platform}) as of the last sync", image.manifest_digest)
        }
    }
}

async fn told_of(
    store: &Store,
    kept: &Kept,
    concerned: &Concerned<'_>,
    reference: &ImageReference,
    image: &NamedImage,
    now: Timestamp,
) -> Result<Arc<Vec<Told>>, StoreError> {
    let place = reference.place();
    let id = image.uuid.clone().unwrap_or_else(|| image.manifest_digest.to_string());
    let subject = Subject { image: id, place, rule: concerned.place };
    if let Some(told) = kept.find(&subject, &image.revision, now) {
        return Ok(told);
    }
    let report = match &image.uuid {
        Some(uuid) => store.image_report(uuid).await?,
        None => store.artifact_report(&image.manifest_digest).await?,
    };
    let told = match report {
        Some(report) => reasons(&concerned.rule.policy, report, &subject.place, now),
        None => {
            let problem = match image.task.as_deref() {
                Some("failed") => "its scan failed",
                Some("queued" | "running") => "it is known, but its scan has not ended yet",
                _ => "it is known, but was never scanned",
            };
            let remedy = "look at its scan with `plimsoll task list`";
            unscanned(concerned.rule, Some(reference), problem, remedy)
        }
    };
    kept.keep(subject, image.revision.clone(), now, Arc::clone(&told));
    Ok(told)
}

/// What speaks against a scanned image.
fn reasons(policy: &Policy, mut report: Report, place: &str, now: Timestamp) -> Arc<Vec<Told>> {
    policy.apply(now, &mut report);
    let decision = decide(policy, &report, Some(place));
    let told = decision.reasons.into_iter().map(|reason| {
        let remedy = remedy(policy, &report, &reason);
        Told { verdict: reason.verdict, part: reason.rule, text: reason.text, remedy }
    });
    Arc::new(told.collect())
}

/// What speaks against an image of whose content nothing is known.
fn unscanned(
    rule: &AdmissionRule,
    reference: Option<&ImageReference>,
    problem: &str,
    remedy: &str,
) -> Arc<Vec<Told>> {
    let place = reference.map(ImageReference::place);
    let mut told: Vec<Told> = decide_place(&rule.policy, place.as_deref())
        .map(|reason| Told {
            verdict: reason.verdict,
            remedy: of_part(&reason.rule).to_owned(),
            part: reason.rule,
            text: reason.text,
        })
        .into_iter()
        .collect();
    if rule.unscanned > PolicyVerdict::Pass {
        told.push(Told {
            verdict: rule.unscanned,
            part: "unscanned".to_owned(),
            text: problem.to_owned(),
            remedy: remedy.to_owned(),
        });
    }
    told.sort_by_key(|told| std::cmp::Reverse(told.verdict));
    Arc::new(told)
}

/// What ends a reason: the advice of the first finding behind it that has one.
fn remedy(policy: &Policy, report: &Report, reason: &Reason) -> String {
    let clause =
        [("deny", &policy.deny), ("warn", &policy.warn)].into_iter().find_map(|(table, line)| {
            let is_it = |clause: &&Clause| format!("{table}.{clause}") == reason.rule;
            line.clauses().iter().find(is_it).copied()
        });
    let Some(clause) = clause else { return of_part(&reason.rule).to_owned() };
    if clause.kind() == Kind::Vulnerability && report.feed.is_none() {
        return "load advisories with `plimsoll feed update`".to_owned();
    }
    let advice = clause.reached(&report.findings).find_map(|finding| {
        let fix = finding.fix.as_ref()?;
        Some(format!("{}: {}", finding.id, fix.advice))
    });
    advice.unwrap_or_else(|| {
        let advice = match clause.kind() {
            Kind::Vulnerability => {
                "no version without it is known: take the package out, or decide with `plimsoll ignore add`"
            }
            Kind::License => "take the package out, or allow its licence",
            _ => "build the image again without it, or decide with `plimsoll ignore add`",
        };
        advice.to_owned()
    })
}

/// What ends a reason that no finding is behind.
fn of_part(part: &str) -> &'static str {
    match part {
        "require.coverage" => "see in Plimsoll what of the image could not be looked at",
        "require.registries" => "use the image from an allowed registry",
        "require.base-layers" => "build it on an allowed base image",
        _ => "see the image in Plimsoll",
    }
}
