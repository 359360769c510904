//! The image runs as root.
//!
//! In: `config.User`. Fails where it is empty, `0` or `root`, with or without a group.

use plimsoll_model::Level;

use super::{about, fail_configuration};
use crate::{
    baseline::Looking,
    check::{About, Check, Outcome},
    history::{Instruction, Word},
    view::View,
};

#[derive(Debug)]
pub(crate) struct NoUser;

impl Check for NoUser {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "The image runs as root",
            why: "a process that is broken into has all rights in the container, and a shorter way out of it",
            remedy: "add a `USER` instruction with an account that is not root",
            source: "CIS Docker 4.1; Dockle CIS-DI-0001",
            ..about("no_user", "other", Level::Medium)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !view.has_config() {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        let user = view.config().user.trim();
        let name = user.split(':').next().unwrap_or_default();
        // `00` and `+0` are numbers as well.
        let is_zero = name.parse::<u64>() == Ok(0);
        if name.is_empty() || name == "root" || is_zero {
            let shown: String = user.chars().take(64).collect();
            let detail = if shown.is_empty() {
                "no user is set".to_owned()
            } else {
                format!("user `{shown}`")
            };
            // What a base image left so is this one's to change.
            let says = |step: &Instruction| {
                step.word == Word::User && !shown.is_empty() && !step.inherited
            };
            fail_configuration(&mut looking, view, says, detail);
        }
        looking.outcome()
    }
}
