//! Lines that take accounts from NIS.
//!
//! In: `etc/passwd`, `etc/shadow` and `etc/group`. Fails for each line that begins with `+`. Odd: where NIS is not set up,
//! some programs take the line as an account without a password.

use plimsoll_model::Level;

use super::{Looking, about, accounts, lines};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct LegacyPlusEntry;

impl Check for LegacyPlusEntry {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "NIS line in an account file",
            why: "whoever answers for NIS on the network adds accounts, and some programs take the line itself as one",
            remedy: "delete the line",
            source: "CIS Debian/RHEL benchmarks",
            ..about("legacy_plus_entry", "identification", "identification", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] =
            &[text(accounts::PASSWD), text("etc/shadow"), text(accounts::GROUP)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: begins with `+`")
                .files(&[("etc/passwd", "root:x:0:0::/:/bin/sh\n+::::::\n")]),
            Example::fails("line 1").files(&[("etc/group", "+:::\n")]),
            Example::passes().files(&[("etc/passwd", "root:x:0:0:a+b:/:/bin/sh\n# +::\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for path in [accounts::PASSWD, "etc/shadow", accounts::GROUP] {
            let Some(file) = looking.text(path) else { continue };
            for (line, _) in lines(file.text).filter(|(_, text)| text.starts_with('+')) {
                looking.fail_at(&file.location, format!("line {line}: begins with `+`"));
            }
        }
        looking.outcome()
    }
}
