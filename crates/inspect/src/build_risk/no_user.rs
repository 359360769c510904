//! The image runs as root.
//!
//! In: `config.User`. Fails where it is empty, `0` or `root`, with or without a group.

use plimsoll_model::Level;

use super::about;
use crate::{
    check::{About, Check, Outcome, Seen},
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
            return Outcome::Fail(vec![Seen::in_image(detail)]);
        }
        Outcome::Pass
    }
}
