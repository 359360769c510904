//! Groups that share a name or a group id.
//!
//! In: `etc/group`. Fails for each name and each number that stands there twice.

use std::collections::BTreeMap;

use plimsoll_model::Level;

use super::{Looking, about, accounts};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
    wanted::{Wanted, text},
};

#[derive(Debug)]
pub(crate) struct DuplicateGid;

impl Check for DuplicateGid {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Groups share a name or a group id",
            why: "what one group may read or write, the other may as well, and nobody sees it",
            remedy: "give each group its own name and group id",
            source: "CIS Debian/RHEL benchmarks; Dockle DKL-LI-0002",
            ..about("duplicate_gid", "identification", "identification", Level::Low)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(accounts::GROUP)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("group id 5: a, b").files(&[("etc/group", "a:x:5:\nb:x:5:\n")]),
            Example::fails("`a` stands in 2 lines").files(&[("etc/group", "a:x:5:\na:x:6:\n")]),
            Example::passes().files(&[("etc/group", "root:x:0:\n#a:x:0:\nb:x:1:root\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let Some(file) = looking.text(accounts::GROUP) else { return looking.outcome() };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        // A group's line begins as an account's does.
        for group in accounts::accounts(file.text) {
            *counts.entry(group.name).or_default() += 1;
            if let Some(number) = group.uid {
                names.entry(number).or_default().push(group.name);
            }
        }
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let detail = format!("`{}` stands in {count} lines", clip(name));
            looking.fail_at(&file.location, detail);
        }
        for (number, mut names) in names {
            names.sort_unstable();
            names.dedup();
            if names.len() > 1 {
                let names: Vec<String> = names.into_iter().take(10).map(clip).collect();
                looking.fail_at(&file.location, format!("group id {number}: {}", names.join(", ")));
            }
        }
        looking.outcome()
    }
}
