//! The image is made to be logged in to.
//!
//! In: `config.ExposedPorts`, entrypoint and command. Fails where port 22 is exposed, or where sshd is started.

use plimsoll_model::Level;

use super::{about, fail_configuration};
use crate::{
    baseline::Looking,
    check::{About, Check, Example, Outcome},
    history::{Instruction, Word},
    view::View,
};

#[derive(Debug)]
pub(crate) struct ExposeSsh;

impl Check for ExposeSsh {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "SSH into the container",
            why: "it is one more service to break into, with keys and accounts that have to be kept in the image",
            remedy: "take sshd out, and use the engine's own `exec`",
            source: "CIS Docker 5.7",
            ..about("expose_ssh", "network", Level::Medium)
        };
        &ABOUT
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("exposes 22/tcp")
                .config(r#""ExposedPorts": {"22/tcp": {}}"#)
                .history(&["EXPOSE 22"]),
            Example::fails("starts sshd").command(&["/usr/sbin/sshd", "-D"]),
            Example::passes()
                .config(r#""ExposedPorts": {"2222/tcp": {}, "80/tcp": {}}"#)
                .command(&["/app"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        if !view.has_config() {
            return Outcome::NotApplicable;
        }
        let mut looking = Looking::new(self.about(), view);
        looking.applies();
        if view.config().exposed_ports.iter().any(|port| port == "22/tcp" || port == "22") {
            let says = |step: &Instruction| {
                let mut words = step.text.split([' ', '[', ']', ',', '"', ':', '{', '}']);
                step.word == Word::Expose && words.any(|word| word.split('/').next() == Some("22"))
            };
            fail_configuration(&mut looking, view, says, "exposes 22/tcp".to_owned());
        }
        if view.runs(&["sshd"]) {
            let says = |step: &Instruction| {
                matches!(step.name.as_str(), "CMD" | "ENTRYPOINT") && step.text.contains("sshd")
            };
            fail_configuration(&mut looking, view, says, "starts sshd".to_owned());
        }
        looking.outcome()
    }
}
