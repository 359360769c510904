//! Secrets as build arguments.
//!
//! In: the history: the arguments that a RUN was started with, and defaults of ARG. Fails for each whose name stands for a
//! secret and whose value is literal. Odd: the same argument stands at every later step; it is told once.

use std::collections::BTreeSet;

use plimsoll_model::Level;

use super::about;
use crate::{
    baseline::{
        Looking,
        secret_words::{is_literal, is_secret_name, masked_url},
    },
    check::{About, Check, Outcome},
    history::Word,
    view::View,
};

#[derive(Debug)]
pub(crate) struct SecretInArg;

impl Check for SecretInArg {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Secret in a build argument",
            why: "builders write arguments into the history, which everybody who may pull the image can read",
            remedy: "use the builder's secret mounts (`RUN --mount=type=secret`), and change the secret",
            source: "CIS Docker 4.10",
            ..about("secret_in_arg", "secret", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut told = BTreeSet::new();
        for step in view.instructions() {
            looking.applies();
            let mut arguments = step.arguments.clone();
            if step.word == Word::Arg {
                arguments.extend(step.variables());
            }
            for (name, value) in arguments {
                let detail = if is_secret_name(&name) && is_literal(&value) {
                    format!("argument {name}=***")
                } else if let Some(url) = masked_url(&value) {
                    format!("argument {name}={url}")
                } else {
                    continue;
                };
                if told.insert(detail.clone()) {
                    looking.fail_step(step.index, detail);
                }
            }
        }
        looking.outcome()
    }
}
