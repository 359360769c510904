//! Risks in how an image was built, one file each; the list of all is [`checks`](crate::checks).
//!
//! In: configuration and history. Out: findings of kind build, which never count as baseline risks. Source:
//! `docs/semantics.md`, "Build risks". Odd: a folder or a layer alone has no history, so nothing applies.

pub(crate) mod no_user;
pub(crate) mod password_in_run;
pub(crate) mod secret_file_copied;
pub(crate) mod secret_in_arg;
pub(crate) mod secret_in_env;

use plimsoll_model::{Kind, Level};

use crate::{
    baseline::Looking,
    check::{About, Outcome},
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
            looking.fail(format!("history step {}: {detail}", step.index + 1));
        }
    }
    looking.outcome()
}
