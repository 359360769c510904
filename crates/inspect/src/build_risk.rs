//! Risks in how an image was built, a file or a row each; the list of all is [`checks`](crate::checks).
//!
//! In: configuration and history. Out: findings of kind build, which never count as baseline risks. Source:
//! `docs/semantics.md`, "Build risks". Odd: a folder or a layer alone has no history, so nothing applies.

mod commands;
pub(crate) mod expose_ssh;
pub(crate) mod latest_base;
pub(crate) mod network;
pub(crate) mod no_healthcheck;
pub(crate) mod no_user;
pub(crate) mod other;
pub(crate) mod package;
pub(crate) mod password_in_run;
pub(crate) mod permission;
pub(crate) mod secret_file_copied;
pub(crate) mod secret_in_arg;
pub(crate) mod secret_in_env;

use plimsoll_model::{Kind, Level};

use crate::{
    baseline::Looking,
    check::{About, Check, Example, Outcome},
    history::Instruction,
    view::View,
};

/// A row of kind build; the rest is named at each check.
const fn about(id: &'static str, class: &'static str, level: Level) -> About {
    About {
        id,
        kind: Kind::Build,
        class,
        name: class,
        level,
        title: "",
        why: "",
        remedy: "",
        source: "",
    }
}

/// Asks about each step of the history what fails in it.
fn judge_steps(
    about: &'static About,
    view: &View<'_>,
    fails: impl Fn(&Instruction) -> Vec<String>,
) -> Outcome {
    let mut looking = Looking::new(about, view);
    for step in view.instructions() {
        looking.applies();
        for detail in fails(step) {
            looking.fail_step(step.index, detail);
        }
    }
    looking.outcome()
}

/// A risk that one instruction tells by itself, as a row.
#[derive(Debug)]
pub(crate) struct StepRisk {
    about: &'static About,
    /// What it finds in a step, secrets masked.
    finds: fn(&Instruction) -> Vec<String>,
    examples: &'static [Example],
}

impl Check for StepRisk {
    fn about(&self) -> &'static About {
        self.about
    }

    fn examples(&self) -> &'static [Example] {
        self.examples
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        judge_steps(self.about, view, self.finds)
    }
}

/// It fails because of the configuration, at the last instruction that says so, if one does.
fn fail_configuration(
    looking: &mut Looking<'_>,
    view: &View<'_>,
    says: impl Fn(&Instruction) -> bool,
    detail: String,
) {
    match view.instructions().iter().rev().find(|step| says(step)) {
        Some(step) => looking.fail_step(step.index, detail),
        None => looking.fail(detail),
    }
}
