//! What sshd's configuration says.
//!
//! In: `etc/ssh/sshd_config` and what it includes. Out: the effective value of a keyword. Source: `sshd_config(5)`. Odd:
//! the first value wins, not the last; `Include` stands for the files' lines at its place; what follows `Match` holds
//! for some only, unless it is `Match all`.

use plimsoll_model::Location;

use super::{Looking, MAX_DEPTH, MAX_FILES, TOO_MANY, service, weight};
use crate::{
    view::View,
    wanted::{Wanted, text},
};

const CONFIG: &str = "etc/ssh/sshd_config";
const BINARIES: &[&str] =
    &["usr/sbin/sshd", "usr/bin/sshd", "usr/local/sbin/sshd", "opt/openssh/sbin/sshd"];

/// What an `Include` may name lies below `etc/ssh`.
pub(crate) const FILES: &[Wanted] = &[
    text(CONFIG),
    text("etc/ssh/sshd_config.d/*"),
    text("etc/ssh/sshd_config.anaconda.d/*"),
    text("etc/ssh/**/*.conf"),
];

/// Whether there is an sshd to read the configuration.
pub(crate) fn is_present(view: &View<'_>) -> bool {
    BINARIES.iter().any(|path| view.node(path).is_some())
}

/// Where a keyword is set first, and to what.
pub(crate) fn setting(
    looking: &mut Looking<'_>,
    view: &View<'_>,
    keyword: &str,
) -> Option<(Location, String)> {
    let mut files = 0;
    read(looking, view, CONFIG, keyword, 0, &mut files)
}

/// Recursion ends at [`MAX_DEPTH`], as sshd's own does at 16.
fn read(
    looking: &mut Looking<'_>,
    view: &View<'_>,
    path: &str,
    keyword: &str,
    depth: usize,
    files: &mut usize,
) -> Option<(Location, String)> {
    if *files >= MAX_FILES || depth > MAX_DEPTH {
        looking.unseen(path, TOO_MANY);
        return None;
    }
    let file = looking.text(path)?;
    *files += weight(file.text);
    let mut applies = true;
    for (number, line) in super::lines(file.text) {
        let mut words =
            line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
        let Some(name) = words.next() else { continue };
        let value = words.next().unwrap_or_default().trim_matches('"');
        if name.eq_ignore_ascii_case("Match") {
            applies = value.eq_ignore_ascii_case("all");
        }
        if !applies {
            continue;
        }
        if name.eq_ignore_ascii_case(keyword) {
            let detail = format!("line {number}: {name} {value}");
            return Some((file.location, detail));
        } else if name.eq_ignore_ascii_case("Include") {
            for pattern in std::iter::once(value).chain(words.map(|word| word.trim_matches('"'))) {
                *files += 1;
                if *files > MAX_FILES {
                    looking.unseen(path, TOO_MANY);
                    return None;
                }
                for included in expand(view, pattern) {
                    if *files >= MAX_FILES {
                        looking.unseen(&included, TOO_MANY);
                        return None;
                    }
                    let found = read(looking, view, &included, keyword, depth + 1, files);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
    }
    None
}

/// The files that an `Include` names.
fn expand(view: &View<'_>, pattern: &str) -> Vec<String> {
    match pattern.strip_prefix('/') {
        Some(path) => service::expand(view, path, "*"),
        None => service::expand(view, &format!("etc/ssh/{pattern}"), "*"),
    }
}
