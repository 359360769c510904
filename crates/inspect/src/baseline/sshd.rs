//! What sshd's configuration says.
//!
//! In: `etc/ssh/sshd_config` and what it includes. Out: the effective value of a keyword. Source: `sshd_config(5)`. Odd:
//! the first value wins, not the last; `Include` stands for the files' lines at its place; what follows `Match` holds
//! for some only, unless it is `Match all`.

use plimsoll_model::Location;

use super::Looking;
use crate::{paths::child_of, view::View};

const CONFIG: &str = "etc/ssh/sshd_config";
const DROP_INS: &[&str] = &["etc/ssh/sshd_config.d", "etc/ssh/sshd_config.anaconda.d"];
const BINARIES: &[&str] =
    &["usr/sbin/sshd", "usr/bin/sshd", "usr/local/sbin/sshd", "opt/openssh/sbin/sshd"];
const MAX_DEPTH: usize = 5;
const MAX_FILES: usize = 200;

pub(crate) fn claims(path: &[u8]) -> bool {
    path == CONFIG.as_bytes() || DROP_INS.iter().any(|folder| child_of(path, folder).is_some())
}

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
    *files += 1;
    if *files > MAX_FILES {
        return None;
    }
    let file = looking.text(path)?;
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
        } else if name.eq_ignore_ascii_case("Include") && depth < MAX_DEPTH {
            for pattern in std::iter::once(value).chain(words.map(|word| word.trim_matches('"'))) {
                for included in expand(view, pattern) {
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

/// The files that an `Include` names: a path, or a folder's files by a pattern with one `*` in the name.
fn expand(view: &View<'_>, pattern: &str) -> Vec<String> {
    let path = match pattern.strip_prefix('/') {
        Some(path) => path.to_owned(),
        None => format!("etc/ssh/{pattern}"),
    };
    let Some((folder, name)) = path.rsplit_once('/') else { return Vec::new() };
    let Some((start, end)) = name.split_once('*') else { return vec![path] };
    let names = view
        .children(folder)
        .into_iter()
        .map(|node| String::from_utf8_lossy(node.path.name()).into_owned());
    names
        .filter(|name| {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
        .filter(|name| !name.starts_with('.'))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}
