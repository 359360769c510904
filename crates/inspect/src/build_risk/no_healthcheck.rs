//! The image has no health check.
//!
//! In: `config.Healthcheck`. Fails where there is none, or where it is `NONE`.

use plimsoll_model::Level;

use super::{about, fail_configuration};
use crate::{
    baseline::Looking,
    check::{About, Check, Example, Outcome},
    history::{Instruction, Word},
    view::View,
};

#[derive(Debug)]
pub(crate) struct NoHealthcheck;

impl Check for NoHealthcheck {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "No health check",
            why: "an engine cannot tell a container that hangs from one that works, and leaves it running",
            remedy: "add a `HEALTHCHECK` instruction, or probes where the container runs",
            source: "CIS Docker 4.6; Dockle CIS-DI-0006",
            ..about("no_healthcheck", "other", Level::Low)
        };
        &ABOUT
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("none is set").command(&["/app"]),
            Example::fails("NONE")
                .config(r#""Healthcheck": {"Test": ["NONE"]}"#)
                .history(&["HEALTHCHECK NONE"]),
            Example::passes().config(r#""Healthcheck": {"Test": ["CMD", "/app", "check"]}"#),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !view.has_config() {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        let test = view.config().healthcheck.as_deref().unwrap_or_default();
        match test.first().map(String::as_str) {
            None | Some("") => looking.fail("none is set".to_owned()),
            Some("NONE") => {
                // What a base image left so is this one's to change.
                let is_none =
                    |step: &Instruction| step.word == Word::Healthcheck && !step.inherited;
                fail_configuration(&mut looking, view, is_none, "set to NONE".to_owned());
            }
            Some(_) => {}
        }
        looking.outcome()
    }
}
