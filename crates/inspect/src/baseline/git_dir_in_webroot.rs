//! A repository among the pages of a web server.
//!
//! In: the usual folders of pages. Fails for each `.git/config` and `.svn/entries` below them. Odd: nothing of the file is
//! kept, since its addresses may hold passwords.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, made},
};

const PATTERNS: &[&str] = &[
    "var/www/**/.git/config",
    "usr/share/nginx/html/**/.git/config",
    "usr/local/apache2/htdocs/**/.git/config",
    "srv/www/**/.git/config",
    "var/www/**/.svn/entries",
    "usr/share/nginx/html/**/.svn/entries",
    "usr/local/apache2/htdocs/**/.svn/entries",
    "srv/www/**/.svn/entries",
];

const fn there(pattern: &'static str) -> Wanted {
    made(pattern, 1 << 20, |_| String::new())
}

#[derive(Debug)]
pub(crate) struct GitDirInWebroot;

impl Check for GitDirInWebroot {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Repository among the pages of a web server",
            why: "visitors fetch the whole source with its history, and what was ever committed with it",
            remedy: "leave `.git` and `.svn` out by .dockerignore",
            source: "Dockle DKL-LI-0003",
            ..about("git_dir_in_webroot", "hc_best_secruity", "os_file", Level::Medium)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            there("var/www/**/.git/config"),
            there("usr/share/nginx/html/**/.git/config"),
            there("usr/local/apache2/htdocs/**/.git/config"),
            there("srv/www/**/.git/config"),
            there("var/www/**/.svn/entries"),
            there("usr/share/nginx/html/**/.svn/entries"),
            there("usr/local/apache2/htdocs/**/.svn/entries"),
            there("srv/www/**/.svn/entries"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("a repository").files(&[(
                "var/www/html/.git/config",
                "[remote \"origin\"]\nurl = https://me:c4nary@h.example/a\n",
            )]),
            Example::fails("a repository")
                .files(&[("usr/share/nginx/html/x/.svn/entries", "12\n")]),
            Example::is_silent().files(&[("app/.git/config", "")]),
            Example::passes().files(&[("var/www/html/index.html", "<html/>")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let roots = ["var/www", "usr/share/nginx/html", "usr/local/apache2/htdocs", "srv/www"];
        if roots.iter().any(|root| view.node(root).is_some()) {
            looking.applies();
        }
        for file in PATTERNS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            looking.fail_at(&file.location, "a repository".to_owned());
        }
        looking.outcome()
    }
}
