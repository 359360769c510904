//! Which files checks want to see, as patterns of paths.
//!
//! In: the patterns of all checks, a path. Out: whether a check wants the file's text, and how much of it is kept. Odd: this
//! is asked for every entry of every layer, so patterns are found by the file's name or the first folder, and each is
//! compared from both ends: a hostile path has thousands of folders.

use std::{collections::HashMap, sync::OnceLock};

/// Most bytes of one file: what configuration files have.
const LIMIT: u64 = 1 << 20;

/// Files that a check wants to see.
///
/// A pattern is a path in which `*` stands for any part of a name, and `**`, once, for any number of folders:
/// `etc/redis/*.conf`, `**/conf/server.xml`, `var/www/**/*.php`.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which files.
    pub pattern: &'static str,
    /// Files with more bytes are not meant; `None`: a longer one is a gap.
    pub meant: Option<u64>,
    /// What of it is kept, if not its text.
    pub(crate) kept: Option<Kept>,
}

/// What is kept of a file that is no text, or whose text should not be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// Most bytes; a longer file is a gap.
    pub(crate) limit: u64,
    /// What a check sees in its place.
    pub(crate) of: fn(&[u8]) -> String,
}

/// Files whose text is wanted.
pub(crate) const fn text(pattern: &'static str) -> Wanted {
    Wanted { pattern, meant: None, kept: None }
}

/// Small files whose text is wanted; larger ones are something else.
pub(crate) const fn small(pattern: &'static str, meant: u64) -> Wanted {
    Wanted { pattern, meant: Some(meant), kept: None }
}

/// Files of which a check sees what `of` makes of them.
pub(crate) const fn made(pattern: &'static str, limit: u64, of: fn(&[u8]) -> String) -> Wanted {
    Wanted { pattern, meant: None, kept: Some(Kept { limit, of }) }
}

impl Wanted {
    /// Most bytes that are read.
    pub(crate) fn limit(&self) -> u64 {
        self.kept.map_or(LIMIT, |kept| kept.limit)
    }
}

/// A pattern, ready to be compared.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Names from the start.
    start: Vec<&'static str>,
    /// Names up to the end, where a `**` stands between.
    end: Option<Vec<&'static str>>,
}

impl Pattern {
    pub(crate) fn new(text: &'static str) -> Self {
        let names = |text: &'static str| text.split('/').filter(|name| !name.is_empty()).collect();
        match text.split_once("**") {
            Some((start, end)) => Self { start: names(start), end: Some(names(end)) },
            None => Self { start: names(text), end: None },
        }
    }

    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        let mut parts = path.split(|&byte| byte == b'/');
        let is_like =
            |want: &&str, part: Option<&[u8]>| part.is_some_and(|part| is_named(part, want));
        if let Some(end) = &self.end
            && !end.iter().rev().all(|want| is_like(want, parts.next_back()))
        {
            return false;
        }
        self.start.iter().all(|want| is_like(want, parts.next()))
            && (self.end.is_some() || parts.next().is_none())
    }

    /// The last name, where it has no `*`.
    fn name(&self) -> Option<&'static str> {
        let name = self.end.as_ref().unwrap_or(&self.start).last()?;
        (!name.contains('*')).then_some(*name)
    }

    /// The first name, where it has no `*`.
    fn first(&self) -> Option<&'static str> {
        self.start.first().filter(|name| !name.contains('*')).copied()
    }
}

/// Whether a name is like a pattern with any number of `*`.
pub(crate) fn is_named(name: &[u8], pattern: &str) -> bool {
    let (mut name, mut pattern) = (name, pattern.as_bytes());
    // Where the last `*` was met, and what then was left of the name.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                again = Some((rest, name));
                pattern = rest;
            }
            (Some((want, rest)), Some((is, left))) if want == is => {
                (pattern, name) = (rest, left);
            }
            (None, None) => return true,
            _ => match again {
                Some((rest, [_, left @ ..])) => {
                    again = Some((rest, left));
                    (pattern, name) = (rest, left);
                }
                _ => return false,
            },
        }
    }
}

/// Ends of names that are samples or left-overs.
const SAMPLES: &[&[u8]] = &[
    b".sample",
    b".example",
    b".template",
    b".tmpl",
    b".dist",
    b".dpkg-dist",
    b".dpkg-old",
    b".dpkg-new",
    b".rpmnew",
    b".rpmsave",
    b".bak",
    b"~",
];

/// Whether a name is that of a sample or a left-over.
pub(crate) fn is_sample(name: &[u8]) -> bool {
    SAMPLES.iter().any(|end| name.ends_with(end))
}

/// Whether a path is that of a sample, or not of the image's own.
fn is_no_configuration(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    if is_sample(name) {
        return true;
    }
    if let Some(rest) = path.strip_prefix(b"usr/share/") {
        let mut parts = rest.split(|&byte| byte == b'/');
        return parts.next() == Some(b"doc") || parts.next() == Some(b"examples");
    }
    [&b"proc/"[..], b"sys/", b"dev/"].iter().any(|folder| path.starts_with(folder))
}

/// All that any check wants.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By the file's name.
    by_name: HashMap<&'static [u8], Vec<(Pattern, Wanted)>>,
    /// By the first folder.
    by_folder: HashMap<&'static [u8], Vec<(Pattern, Wanted)>>,
    /// The few others.
    rest: Vec<(Pattern, Wanted)>,
}

impl Index {
    /// What the checks of the list want.
    pub(crate) fn of_all() -> &'static Self {
        static INDEX: OnceLock<Index> = OnceLock::new();
        INDEX.get_or_init(|| {
            Self::of(crate::check::checks().iter().flat_map(|check| check.files()).copied())
        })
    }

    fn of(all: impl Iterator<Item = Wanted>) -> Self {
        let mut index = Self::default();
        for wanted in all {
            let pattern = Pattern::new(wanted.pattern);
            let list = match (pattern.name(), pattern.first()) {
                (Some(name), _) => index.by_name.entry(name.as_bytes()).or_default(),
                (None, Some(first)) => index.by_folder.entry(first.as_bytes()).or_default(),
                (None, None) => &mut index.rest,
            };
            list.push((pattern, wanted));
        }
        index
    }

    /// Who wants a file, if anybody does: the one that wants to see its text, if there is such a one.
    pub(crate) fn find(&self, path: &[u8], size: u64) -> Option<&Wanted> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
        let lists = [self.by_name.get(name), self.by_folder.get(first), Some(&self.rest)];
        let found = lists
            .into_iter()
            .flatten()
            .flatten()
            .filter(|(_, wanted)| wanted.meant.is_none_or(|meant| size <= meant))
            .filter(|(pattern, _)| pattern.matches(path));
        let best = found.map(|(_, wanted)| wanted).min_by_key(|wanted| wanted.kept.is_some())?;
        (!is_no_configuration(path)).then_some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_paths() {
        for (pattern, path, wanted) in [
            ("etc/passwd", "etc/passwd", true),
            ("etc/passwd", "etc/passwd/x", false),
            ("etc/passwd", "x/etc/passwd", false),
            ("etc/redis/*.conf", "etc/redis/6379.conf", true),
            ("etc/redis/*.conf", "etc/redis/a/b.conf", false),
            ("**/conf/server.xml", "conf/server.xml", true),
            ("**/conf/server.xml", "opt/tomcat/conf/server.xml", true),
            ("**/conf/server.xml", "opt/tomcat/myconf/server.xml", false),
            ("var/www/**/*.php", "var/www/a/b/c.php", true),
            ("var/www/**/*.php", "var/www/c.php", true),
            ("var/www/**/*.php", "var/c.php", false),
            ("a/**/a", "a", false),
            ("etc/nginx/**", "etc/nginx/x/y", true),
            ("home/*/.ssh/*", "home/app/.ssh/id", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(path.as_bytes()), wanted, "{pattern} {path}");
        }
        for (pattern, name, wanted) in [
            ("*a*b", "xaxxb", true),
            ("*a*b", "xbxa", false),
            ("ab", "abc", false),
            ("*", "", true),
        ] {
            assert_eq!(is_named(name.as_bytes(), pattern), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn every_pattern_of_a_check_has_a_file() {
        for wanted in crate::check::checks().iter().flat_map(|check| check.files()) {
            assert!(wanted.pattern.matches("**").count() <= 1, "{}", wanted.pattern);
            let path = wanted.pattern.replace("**", "x/y").replace('*', "z");
            let found = Index::of_all().find(path.as_bytes(), 1);
            assert!(found.is_some(), "{} {path}", wanted.pattern);
        }
    }

    #[test]
    fn samples_are_not_wanted() {
        let index = Index::of([text("**/redis.conf"), text("etc/sudoers.d/*")].into_iter());
        assert!(index.find(b"etc/redis/redis.conf", 1).is_some());
        for path in [
            "usr/share/doc/redis/redis.conf",
            "usr/share/redis/examples/redis.conf",
            "etc/sudoers.d/x.bak",
            "proc/redis.conf",
        ] {
            assert!(index.find(path.as_bytes(), 1).is_none(), "{path}");
        }
    }

    #[test]
    fn a_text_is_kept_for_whoever_wants_it() {
        let index = Index::of([made("**/a", 5, |_| String::new()), text("x/a")].into_iter());
        assert!(index.find(b"x/a", 1).is_some_and(|wanted| wanted.kept.is_none()));
        assert!(index.find(b"y/a", 1).is_some_and(|wanted| wanted.kept.is_some()));
        let small = Index::of([small("**/a", 5)].into_iter());
        assert!(small.find(b"a", 5).is_some() && small.find(b"a", 6).is_none());
    }

    proptest::proptest! {
        #[test]
        fn a_star_stands_for_any_part(start in "[a-c]{0,5}", middle in "[a-c]{0,5}", end in "[a-c]{0,5}") {
            let name = format!("{start}{middle}{end}");
            assert!(is_named(name.as_bytes(), &format!("{start}*{end}")));
            assert!(is_named(name.as_bytes(), &name));
            assert!(!is_named(name.as_bytes(), &format!("{start}d*{end}")));
        }
    }
}
