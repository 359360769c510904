//! A page that shows all of PHP's configuration.
//!
//! In: small PHP files in the usual folders of pages. Fails for each that calls `phpinfo()`. Odd: longer files call it as a
//! part of something else, behind a login most often.

use plimsoll_model::Level;

use super::{Looking, about};
use crate::{
    check::{About, Check, Example, Outcome},
    view::View,
    wanted::{Wanted, small},
};

const MOST: u64 = 4 << 10;
const PATTERNS: &[&str] = &[
    "var/www/**/*.php",
    "usr/share/nginx/html/**/*.php",
    "usr/local/apache2/htdocs/**/*.php",
    "srv/www/**/*.php",
];

#[derive(Debug)]
pub(crate) struct PhpinfoFile;

impl Check for PhpinfoFile {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "phpinfo page among the pages of a web server",
            why: "visitors read the environment with its secrets, paths and versions",
            remedy: "remove the page",
            source: "PHP manual, phpinfo",
            ..about("phpinfo_file", "hc_best_secruity", "php", Level::Low)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            small("var/www/**/*.php", MOST),
            small("usr/share/nginx/html/**/*.php", MOST),
            small("usr/local/apache2/htdocs/**/*.php", MOST),
            small("srv/www/**/*.php", MOST),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: phpinfo()")
                .files(&[("var/www/html/info.php", "<?php\nPHPInfo ();\n")]),
            Example::passes().files(&[(
                "var/www/html/index.php",
                "<?php // phpinfo();\necho 'my_phpinfo()';\n",
            )]),
            Example::is_silent().files(&[("app/info.php", "<?php phpinfo();\n")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in PATTERNS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>() {
            for (index, line) in file.text.lines().enumerate() {
                if calls(line) {
                    let line = index + 1;
                    looking.fail_at(&file.location, format!("line {line}: phpinfo()"));
                    break;
                }
            }
        }
        looking.outcome()
    }
}

/// Whether a line calls it, outside of a remark.
fn calls(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let code = lower.split("//").next().unwrap_or_default();
    let code = code.trim_start();
    if code.starts_with(['#', '*']) || code.starts_with("/*") {
        return false;
    }
    code.match_indices("phpinfo").any(|(at, word)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        let after = code.get(at + word.len()..).unwrap_or_default();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '\'' | '"'))
            && after.trim_start().starts_with('(')
    })
}
