//! Secrets in ENV instructions.
//!
//! In: the history. Fails for each ENV that sets a variable whose name stands for a secret to a literal value. Odd: the
//! variable may be overwritten later; the history keeps it all the same.

use plimsoll_model::Level;

use super::{about, judge_steps};
use crate::{
    baseline::secret_words::{is_literal, is_secret_name, masked_url},
    check::{About, Check, Outcome},
    history::Word,
    view::View,
};

#[derive(Debug)]
pub(crate) struct SecretInEnv;

impl Check for SecretInEnv {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Secret in an ENV instruction",
            why: "the history of the image shows it to everybody who may pull it, even if a later step unsets it",
            remedy: "supply the value when the container starts, rebuild without it, and change the secret",
            source: "CIS Docker 4.10",
            ..about("secret_in_env", "secret", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        judge_steps(self.about(), view, |step| {
            if step.word != Word::Env {
                return Vec::new();
            }
            let variables = step.variables().into_iter();
            let details = variables.filter_map(|(name, value)| {
                if is_secret_name(&name) && is_literal(&value) {
                    return Some(format!("ENV {name}=***"));
                }
                masked_url(&value).map(|url| format!("ENV {name}={url}"))
            });
            details.collect()
        })
    }
}
