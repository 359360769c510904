//! Passwords and tokens in the environment.
//!
//! In: the image's environment. Fails for each variable whose name stands for a secret and whose value is one, and for
//! each URL with user and password. Odd: evidence has the name, never the value; a weak database password is
//! `weak_db_env`'s.

use plimsoll_model::Level;

use super::{Looking, about, secret_words, weak_db_env};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

#[derive(Debug)]
pub(crate) struct PasswordLeak;

impl Check for PasswordLeak {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Plain-text password in the image's environment",
            why: "everybody who may pull the image or look at a container's configuration reads it",
            remedy: "supply the value when the container starts, from a secret store, and change it",
            source: "CIS Docker 4.10; Dockle CIS-DI-0010",
            ..about("password_leak", "ak_leak", "ak_leak", Level::Medium)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        if view.has_config() {
            looking.applies();
        }
        for (name, value) in view.environment() {
            if secret_words::is_secret_name(name)
                && secret_words::is_literal(value)
                && !weak_db_env::is_weak_variable(name, value)
            {
                looking.fail(format!("{name}=***"));
            } else if let Some(url) = secret_words::masked_url(value) {
                looking.fail(format!("{name}={url}"));
            }
        }
        looking.outcome()
    }
}
