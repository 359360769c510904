//! SSH keys that open the image.
//!
//! In: `authorized_keys` and `authorized_keys2` in the `.ssh` folder of root and of every home (those in `etc/passwd` and
//! below `home/`), and `etc/ssh/authorized_keys*`. Fails for each line that is a key. Odd: evidence names the file and
//! line, not the key.

use std::collections::BTreeSet;

use plimsoll_model::Level;

use super::{Looking, about, accounts, lines};
use crate::{
    check::{About, Check, Outcome},
    view::View,
    wanted::{Wanted, text},
};

const NAMES: &[&str] = &["authorized_keys", "authorized_keys2"];

#[derive(Debug)]
pub(crate) struct AuthorizedKeysBaked;

impl Check for AuthorizedKeysBaked {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "SSH authorized_keys in the image",
            why: "whoever holds the private key can log in to every container of the image",
            remedy: "remove the file; supply keys when the container starts",
            source: "CIS Debian/RHEL benchmarks",
            ..about("authorized_keys_baked", "identification", "identification", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/passwd"),
            text("**/.ssh/authorized_keys"),
            text("**/.ssh/authorized_keys2"),
            text("etc/ssh/authorized_keys"),
            text("etc/ssh/authorized_keys2"),
        ];
        FILES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut folders = BTreeSet::from(["etc/ssh".to_owned(), "root/.ssh".to_owned()]);
        if let Some(file) = accounts::passwd(&mut looking) {
            let homes = accounts::accounts(file.text).map(|account| account.home.trim_matches('/'));
            folders
                .extend(homes.filter(|home| !home.is_empty()).map(|home| format!("{home}/.ssh")));
        }
        folders.extend(
            view.children("home").iter().map(|home| format!("{}/.ssh", home.path.display())),
        );
        for path in folders
            .iter()
            .flat_map(|folder| NAMES.iter().map(move |name| format!("{folder}/{name}")))
        {
            let Some(file) = looking.text(&path) else { continue };
            for (line, _) in lines(file.text).filter(|(_, text)| is_key(text)) {
                looking.fail_at(&file.location, format!("line {line}: a key"));
            }
        }
        looking.outcome()
    }
}

/// A key has a type word and its base64 somewhere; options may stand in front.
fn is_key(line: &str) -> bool {
    let is_type = |word: &str| {
        word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-")
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, [kind, key] if is_type(kind) && key.starts_with("AAAA")))
}
