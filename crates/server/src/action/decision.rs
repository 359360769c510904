//! Decisions on findings besides vulnerabilities: they count, somebody lives with them, or they are not so.
//!
//! In: ids of a kind, images or all of them, what was decided. Out: ignore rules that say it, in one transaction. Source:
//! `docs/ignore.md`. Odd: a finding that a wider rule covers cannot be made to count in one image; that is refused with the
//! rule's number, and not answered as done.

use plimsoll_model::{ImageNames, Kind, NewIgnoreRule};
use plimsoll_store::{IgnoreError, ImageRow};

use super::{Context, failed};
use crate::gateway::Refusal;

/// Where a decision holds.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In all images.
    Everywhere,
    /// In this one.
    In(&'a ImageRow),
}

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Decided {
    /// It counts.
    Counts,
    /// It is so, and somebody lives with it.
    Ignored,
    /// It is not so.
    FalsePositive,
}

/// What is decided about what, where.
pub(super) struct Decision<'a> {
    /// Name of the action, for logs and reasons.
    pub(super) action: &'static str,
    /// The parameter that names the findings.
    pub(super) parameter: &'static str,
    pub(super) kind: Kind,
    pub(super) ids: &'a [String],
    pub(super) places: &'a [Place<'a>],
    pub(super) decided: Decided,
}

impl Place<'_> {
    fn uuid(self) -> Option<String> {
        match self {
            Self::Everywhere => None,
            Self::In(image) => Some(image.uuid.clone()),
        }
    }

    /// Whether a rule holds in all of it.
    fn is_in(self, rule: &NewIgnoreRule) -> bool {
        match self {
            Self::Everywhere => rule.image.is_none() && rule.repositories.is_empty(),
            Self::In(image) => rule.holds_in(ImageNames {
                uuid: &image.uuid,
                digests: [&image.digest, &image.manifest_digest, &image.image_id],
                path: &image.path(),
            }),
        }
    }
}

impl Decision<'_> {
    /// Writes it down. The answer is the number of a rule that says it; 0: none does, for all of it counts.
    pub(super) async fn take(&self, context: Context<'_>) -> Result<i64, Refusal> {
        let (mut removed, mut added, mut number) = (Vec::new(), Vec::new(), 0);
        for id in self.ids {
            let rules = context.store.rules_on(self.kind, Some(id), None).await;
            let rules = rules.map_err(|error| failed(self.action, &error))?;
            for place in self.places {
                let wanted = self.rule(context, id, *place);
                let mut is_said = false;
                for known in &rules {
                    if known.rule.switched_off {
                        continue;
                    }
                    if !known.rule.has_scope_of(&wanted) {
                        let is_of_all = known.rule.path.is_none() && known.rule.md5.is_none();
                        let is_wider = is_of_all && place.is_in(&known.rule);
                        if is_wider && self.decided == Decided::Counts {
                            return Err(self.wider(known.id, id));
                        }
                        continue;
                    }
                    let says_it = self.decided != Decided::Counts
                        && known.rule.false_positive == wanted.false_positive;
                    if says_it {
                        is_said = true;
                        number = known.id;
                    } else {
                        removed.push(known.id);
                    }
                }
                if !is_said && self.decided != Decided::Counts {
                    added.push(wanted);
                }
            }
        }
        if removed.is_empty() && added.is_empty() {
            return Ok(number);
        }
        let done = context.store.exchange_ignore_rules(&removed, &added, context.now).await;
        let made = done.map_err(|error| self.refused(error))?;
        Ok(made.first().map_or(number, |rule| rule.id))
    }

    fn rule(&self, context: Context<'_>, id: &str, place: Place<'_>) -> NewIgnoreRule {
        let is_so =
            if self.decided == Decided::FalsePositive { "a false positive" } else { "accepted" };
        NewIgnoreRule {
            kind: self.kind,
            vulnerability: id.to_owned(),
            image: place.uuid(),
            false_positive: self.decided == Decided::FalsePositive,
            reason: format!("{is_so}, as {} says", self.action),
            author: context.caller.to_owned(),
            ..NewIgnoreRule::default()
        }
    }

    fn wider(&self, rule: i64, id: &str) -> Refusal {
        let why = format!(
            "Ignore rule {rule} covers {id} in more than is named here. Take that rule back, or narrow it."
        );
        Refusal::InvalidParameter { name: self.parameter.to_owned(), why }
    }

    fn refused(&self, error: IgnoreError) -> Refusal {
        match error {
            IgnoreError::Store(error) => failed(self.action, &error),
            other => {
                let why = format!("{other}.");
                Refusal::InvalidParameter { name: self.parameter.to_owned(), why }
            }
        }
    }
}

/// The image of this id.
pub(super) async fn image(
    context: Context<'_>,
    action: &'static str,
    parameter: &'static str,
    uuid: &str,
) -> Result<ImageRow, Refusal> {
    let found = context.store.image(uuid).await;
    let found = found.map_err(|error| failed(action, &error))?;
    found.ok_or_else(|| Refusal::invalid(parameter, uuid, "the id of an image"))
}
