//! Subversion's accounts with a password that everybody tries first.
//!
//! In: `conf/passwd` of a repository, section `[users]`. Source: Subversion book, "svnserve, a custom server".

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::{Grammar, read},
    view::View,
    wanted::{Wanted, text},
};

const FILE: &str = "**/conf/passwd";

#[derive(Debug)]
pub(crate) struct WeakSvn;

impl Check for WeakSvn {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak Subversion password",
            why: "it is among the first that password guessers try, and opens the repository",
            remedy: "take the file out of the image; supply credentials when the container starts",
            source: "Alibaba Cloud baseline list; Subversion book",
            ..about("weak_svn", "weak_password", "weak_password", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[text(FILE)];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 3: `harry` has a well-known password").files(&[(
                "srv/svn/repo/conf/passwd",
                "[users]\n# sally = sally\nharry = harry123\n",
            )]),
            Example::passes()
                .files(&[("srv/svn/repo/conf/passwd", "[users]\nharry = c4nary-of-length\n")]),
            Example::passes().files(&[("opt/x/conf/passwd", "[other]\nharry = harry\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in looking.all(FILE) {
            for setting in read(Grammar::Ini, file.text).list {
                if setting.section == "users" && dictionary::is_weak(&setting.key, &setting.value) {
                    let (line, name) = (setting.line, clip(&setting.key));
                    let detail = format!("line {line}: `{name}` has a well-known password");
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}
