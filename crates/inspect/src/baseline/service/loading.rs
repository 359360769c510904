//! Reads a service's configuration: its files, and at their place those that they include.
//!
//! In: a row, the file where a configuration begins. Out: [`Configuration`]. Odd: cycles and depths of includes are bounded, and a
//! long file counts as several; an included file that nobody read is a gap.

use plimsoll_image::EntryKind;
use plimsoll_model::Location;

use super::{
    super::{Looking, MAX_DEPTH, MAX_FILES, weight},
    Service,
    scope::is_same,
};
use crate::{
    settings::{Grammar, MAX_SETTINGS, Setting, Settings, read, unquoted},
    view::View,
    wanted::{Pattern, is_named, is_sample},
};

/// A configuration: what its files set, in order.
#[derive(Default)]
pub(super) struct Configuration {
    /// What its files weigh together.
    weight: usize,
    pub(super) files: Vec<Location>,
    pub(super) settings: Vec<(usize, Setting)>,
}

/// A configuration that is being read.
pub(super) struct Loading<'l, 'v> {
    pub(super) row: &'l Service,
    pub(super) looking: &'l mut Looking<'v>,
    pub(super) grammar: Grammar,
    /// The root's, which relative names start from.
    pub(super) folder: &'l str,
    pub(super) into: &'l mut Configuration,
}

impl Loading<'_, '_> {
    /// Reads a file and, at their place, those that it includes.
    pub(super) fn file(&mut self, path: &str, depth: usize) {
        if self.into.weight >= MAX_FILES {
            return self.too_many(path);
        }
        let Some(file) = self.looking.text(path) else { return };
        self.into.weight += weight(file.text);
        if depth == 0 && !file.text.contains(self.row.word) {
            return;
        }
        let Settings { list, problem } = read(self.grammar, file.text);
        if let Some(problem) = problem {
            self.looking.unseen(path, problem);
        }
        let position = self.into.files.len();
        self.into.files.push(file.location);
        for setting in list {
            if self.row.includes.iter().any(|key| is_same(&setting.key, key)) {
                self.include(path, &setting, depth);
            } else if self.into.settings.len() < MAX_SETTINGS {
                self.into.settings.push((position, setting));
            } else {
                let detail = format!("settings: the limit of {MAX_SETTINGS} is reached");
                self.looking.unseen(path, detail);
                return;
            }
        }
    }

    fn too_many(&mut self, path: &str) {
        let detail = format!("included files: the limit of {MAX_FILES} is reached");
        self.looking.unseen(path, detail);
    }

    fn include(&mut self, path: &str, setting: &Setting, depth: usize) {
        if depth >= MAX_DEPTH {
            let detail = format!("line {}: includes are nested too deeply", setting.line);
            self.looking.unseen(path, detail);
            return;
        }
        for word in setting.value.split_whitespace() {
            // Looking for files costs as much as reading some, whether there are any or not.
            if self.into.weight >= MAX_FILES {
                return self.too_many(path);
            }
            self.into.weight += 1;
            let target = match unquoted(word).strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{}/{}", self.folder, unquoted(word)),
            };
            for path in expand(self.looking.view(), &target, self.row.included) {
                if self.into.weight >= MAX_FILES {
                    return self.too_many(&path);
                }
                self.file(&path, depth + 1);
            }
        }
    }
}

/// The files at which configurations begin.
pub(super) fn roots(view: &View<'_>, pattern: &'static str) -> Vec<String> {
    if pattern.contains('*') {
        return view.paths(&Pattern::new(pattern));
    }
    let is_file = view.node(pattern).is_some_and(|node| node.kind() == EntryKind::File);
    if is_file { vec![pattern.to_owned()] } else { Vec::new() }
}

/// The files that an include names: a path, a folder's files of such names, or those like a pattern in its last name.
pub(in crate::baseline) fn expand(view: &View<'_>, target: &str, names: &str) -> Vec<String> {
    let target = target.trim_matches('/');
    let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
    let in_folder = |folder: &str, pattern: &str| -> Vec<String> {
        let nodes = view.children(folder).into_iter();
        nodes
            .map(|node| String::from_utf8_lossy(node.path.name()).into_owned())
            .filter(|name| is_named(name.as_bytes(), pattern) && !name.starts_with('.'))
            .filter(|name| !is_sample(name.as_bytes()))
            .map(|name| format!("{folder}/{name}"))
            .collect()
    };
    if name.contains('*') {
        return in_folder(folder, name);
    }
    match view.node(target) {
        Some(node) if node.kind() == EntryKind::Directory => in_folder(target, names),
        Some(_) => vec![target.to_owned()],
        None => Vec::new(),
    }
}
