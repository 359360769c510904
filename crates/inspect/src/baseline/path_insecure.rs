//! A search path on which others put programs.
//!
//! In: `PATH` of the image's environment. Fails for an empty or relative element, and for a folder that everybody may write.

use plimsoll_image::EntryKind;
use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
};

#[derive(Debug)]
pub(crate) struct PathInsecure;

impl Check for PathInsecure {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Unsafe search path",
            why: "whoever writes to a folder on it has their program run in the place of another",
            remedy: "name whole paths of folders that only root may write",
            source: "CIS Debian/RHEL benchmarks",
            ..about("path_insecure", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("an empty element").environment(&["PATH=/usr/bin::/bin"]),
            Example::fails("`.` is relative").environment(&["PATH=.:/usr/bin"]),
            Example::fails("`node_modules/.bin` is relative")
                .environment(&["PATH=/usr/bin:node_modules/.bin"]),
            Example::passes().environment(&["PATH=/usr/local/bin:/usr/bin:$HOME/bin"]),
            Example::is_silent().environment(&["MANPATH=:"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for path in view.environment().filter(|(name, _)| *name == "PATH").map(|(_, path)| path) {
            looking.applies();
            for element in path.split(':') {
                if element.is_empty() {
                    looking.fail("PATH has an empty element".to_owned());
                } else if !element.starts_with(['/', '$', '~']) {
                    looking.fail(format!("PATH: `{}` is relative", clip(element)));
                } else if let Some(node) = view.node(element.trim_start_matches('/'))
                    && node.kind() == EntryKind::Directory
                    && node.mode() & 0o002 != 0
                {
                    let mode = node.mode();
                    let detail =
                        format!("PATH: everybody may write `{}` (mode {mode:04o})", clip(element));
                    looking.fail(detail);
                }
            }
        }
        looking.outcome()
    }
}
