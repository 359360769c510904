//! Checks of a service's configuration that can be said as data.
//!
//! In: a row: which files, their grammar, and what together makes a service open. Out: a failure with the lines that make
//! it, or with what is missing. Source: each service's own documentation, named in its row. Odd: a later value wins over an
//! earlier one, across the files that a file includes; what the image's command or environment says is asked for where the
//! service lets it decide. Cycles and depths of includes are bounded; an included file that nobody read is a gap.

use std::borrow::Cow;

use plimsoll_image::EntryKind;
use plimsoll_model::Location;

use super::{Looking, MAX_DEPTH, MAX_FILES, address, secret_words::is_secret_name, weight};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, MAX_SETTINGS, Setting, Settings, add_options, read, unquoted},
    view::View,
    wanted::{Pattern, Wanted, is_named, is_sample},
};

/// Sections that are services of their own.
const MAX_SECTIONS: usize = 200;

/// A row.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) about: &'static About,
    /// The service's programs.
    pub(crate) programs: &'static [&'static str],
    /// Whether one of them must be there; a file alone may be a left-over.
    pub(crate) needs_program: bool,
    /// All that it reads.
    pub(crate) files: &'static [Wanted],
    /// Where a configuration begins, each with the grammar of its files.
    pub(crate) roots: &'static [(&'static str, Grammar)],
    /// A word without which a root says nothing to the point; it is not read then.
    pub(crate) word: &'static str,
    /// Whether all roots, in their order, are one configuration.
    pub(crate) together: bool,
    /// A part of a root's path by which it is somebody else's.
    pub(crate) not_below: &'static str,
    /// Keys whose value names further files.
    pub(crate) includes: &'static [&'static str],
    /// The names in a folder that is included.
    pub(crate) included: &'static str,
    /// Further files that are read after a root, relative to its folder.
    pub(crate) beside: &'static [&'static str],
    /// Whether each section is a service of its own, for which the sections without a name or of these names hold too.
    pub(crate) each_section: Option<&'static [&'static str]>,
    /// It is open where all clauses of one of these hold.
    pub(crate) open: &'static [&'static [Clause]],
    pub(crate) examples: &'static [Example],
}

/// What a row says if it says nothing else.
pub(crate) const ROW: Service = Service {
    about: &super::about("", "", "", plimsoll_model::Level::High),
    programs: &[],
    needs_program: false,
    files: &[],
    roots: &[],
    word: "",
    together: false,
    not_below: "",
    includes: &[],
    included: "*",
    beside: &[],
    each_section: None,
    open: &[],
    examples: &[],
};

/// A part of what makes a service open.
///
/// A key may have alternatives (`a|b`) and a section in front (`mysqld*|server/skip-grant-tables`); case, `-` and `_` do
/// not count, and `*` stands for any part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clause {
    /// The key is set, and the value that counts passes.
    Set(&'static str, Test),
    /// Some value of the key passes.
    Any(&'static str, Test),
    /// The key is not set, or the value that counts does not pass.
    Not(&'static str, Test),
    /// The key is not set.
    Absent(&'static str),
    /// The address of the key is for all interfaces, or none is set, which is the same.
    OpenOrAbsent(&'static str),
    /// An environment variable of one of these names (`A|B`) is set and passes.
    Environment(&'static str, Test),
    /// No variable of these names is set to anything.
    NoEnvironment(&'static str),
    /// The image's command starts the service with such an option, whose value passes.
    Option(&'static str, Test),
    /// It does not give such an option, or the value does not pass.
    NoOption(&'static str, Test),
    /// The image's command starts the service.
    Started,
    /// No library whose name begins so is there.
    NoLibrary(&'static str),
    /// A library is there in a version before this one.
    OldLibrary(&'static str, u64),
}

impl Clause {
    /// Whether it can hold where there is no file.
    const fn asks_image(self) -> bool {
        matches!(self, Self::Environment(..) | Self::Option(..) | Self::Started)
    }
}

/// What a value is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Test {
    /// Anything.
    Any,
    /// One of these words.
    Is(&'static [&'static str]),
    /// Some word of a list, between commas or blanks, is one of these.
    Lists(&'static [&'static str]),
    /// It begins so.
    Begins(&'static str),
    /// It is empty.
    Empty,
    /// Yes, in any spelling.
    On,
    /// An address for all interfaces.
    Open,
    /// Addresses that only this host reaches.
    Local,
    /// No address for all interfaces.
    Closed,
    /// Something else.
    By(fn(&str) -> bool),
}

const ON: &[&str] = &["yes", "on", "true", "1", "enabled", "enable"];

impl Test {
    pub(super) fn passes(self, value: &str) -> bool {
        let is_one = |word: &str, words: &[&str]| {
            words.iter().any(|known| known.eq_ignore_ascii_case(word.trim()))
        };
        match self {
            Self::Any => true,
            Self::Is(words) => is_one(value, words),
            Self::Lists(words) => value
                .split([',', ' ', '\t', ';'])
                .any(|word| is_one(word.trim_matches(['"', '\'', '[', ']']), words)),
            Self::Begins(start) => {
                value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
            }
            Self::Empty => value.is_empty(),
            Self::On => is_one(value, ON),
            Self::Open => address::is_open(value),
            Self::Local => address::is_local(value),
            Self::Closed => !address::is_open(value),
            Self::By(test) => test(value),
        }
    }
}

/// A configuration: what its files set, in order.
#[derive(Default)]
struct Configuration {
    /// What its files weigh together.
    weight: usize,
    files: Vec<Location>,
    settings: Vec<(usize, Setting)>,
}

/// Something that makes a service open.
enum Why {
    /// A setting's file, and what it says.
    At(usize, String),
    /// Without a place of its own.
    Image(String),
    /// A missing setting.
    Missing(String),
}

impl Check for Service {
    fn about(&self) -> &'static About {
        self.about
    }

    fn files(&self) -> &'static [Wanted] {
        self.files
    }

    fn programs(&self) -> &'static [&'static str] {
        self.programs
    }

    fn examples(&self) -> &'static [Example] {
        self.examples
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about, view);
        if self.needs_program && !view.has_program(self.programs) {
            return Outcome::NotApplicable;
        }
        let mut configurations: Vec<Configuration> = Vec::new();
        for (root, grammar) in self.roots {
            for path in roots(view, root) {
                if !self.not_below.is_empty() && path.contains(self.not_below) {
                    continue;
                }
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let into = match configurations.last_mut() {
                    Some(first) if self.together => first,
                    _ => {
                        configurations.push(Configuration::default());
                        let Some(new) = configurations.last_mut() else { break };
                        new
                    }
                };
                let mut loading =
                    Loading { row: self, looking: &mut looking, grammar: *grammar, folder, into };
                loading.file(&path, 0);
                for pattern in self.beside {
                    for path in expand(view, &format!("{folder}/{pattern}"), "*") {
                        loading.file(&path, 1);
                    }
                }
            }
        }
        if configurations.is_empty() {
            if view.runs(self.programs) {
                looking.applies();
            }
            configurations.push(Configuration::default());
        }
        for configuration in &configurations {
            self.judge_one(&mut looking, view, configuration);
        }
        looking.outcome()
    }
}

impl Service {
    fn judge_one(&self, looking: &mut Looking<'_>, view: &View<'_>, all: &Configuration) {
        let every: Vec<&(usize, Setting)> = all.settings.iter().collect();
        let mut scopes: Vec<(String, Vec<&(usize, Setting)>)> = Vec::new();
        match self.each_section {
            None => scopes.push((String::new(), every)),
            Some(shared) => {
                let is_shared = |section: &str| section.is_empty() || shared.contains(&section);
                let (common, own): (Vec<_>, Vec<_>) =
                    every.into_iter().partition(|(_, setting)| is_shared(&setting.section));
                let mut positions = std::collections::HashMap::new();
                for one in own {
                    let at = *positions.entry(one.1.section.as_str()).or_insert(scopes.len());
                    if at == scopes.len() {
                        // A file of very many sections must not cost their product with the shared ones.
                        if scopes.len() >= MAX_SECTIONS {
                            let detail =
                                format!("sections: the limit of {MAX_SECTIONS} is reached");
                            looking.unseen("", detail);
                            break;
                        }
                        scopes.push((one.1.section.clone(), common.clone()));
                    }
                    if let Some((_, settings)) = scopes.get_mut(at) {
                        settings.push(one);
                    }
                }
            }
        }
        for (section, settings) in scopes {
            let scope = Scope { view, settings: &settings, programs: self.programs };
            for clauses in self.open {
                if all.files.is_empty() && !clauses.iter().any(|clause| clause.asks_image()) {
                    continue;
                }
                let whys: Option<Vec<Vec<Why>>> =
                    clauses.iter().map(|clause| scope.holds(*clause)).collect();
                if let Some(whys) = whys {
                    report(looking, all, &section, whys.into_iter().flatten().collect());
                    break;
                }
            }
        }
    }
}

/// A configuration that is being read.
struct Loading<'l, 'v> {
    row: &'l Service,
    looking: &'l mut Looking<'v>,
    grammar: Grammar,
    /// The root's, which relative names start from.
    folder: &'l str,
    into: &'l mut Configuration,
}

impl Loading<'_, '_> {
    /// Reads a file and, at their place, those that it includes.
    fn file(&mut self, path: &str, depth: usize) {
        if self.into.weight >= MAX_FILES {
            let detail = format!("included files: the limit of {MAX_FILES} is reached");
            self.looking.unseen(path, detail);
            return;
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

    fn include(&mut self, path: &str, setting: &Setting, depth: usize) {
        if depth >= MAX_DEPTH {
            let detail = format!("line {}: includes are nested too deeply", setting.line);
            self.looking.unseen(path, detail);
            return;
        }
        for word in setting.value.split_whitespace() {
            let target = match unquoted(word).strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{}/{}", self.folder, unquoted(word)),
            };
            for path in expand(self.looking.view(), &target, self.row.included) {
                self.file(&path, depth + 1);
            }
        }
    }
}

/// The files at which configurations begin.
fn roots(view: &View<'_>, pattern: &'static str) -> Vec<String> {
    if pattern.contains('*') {
        return view.paths(&Pattern::new(pattern));
    }
    let is_file = view.node(pattern).is_some_and(|node| node.kind() == EntryKind::File);
    if is_file { vec![pattern.to_owned()] } else { Vec::new() }
}

/// One finding's evidence: where it is set, else the file in which it is missing, else the image.
fn report(looking: &mut Looking<'_>, all: &Configuration, section: &str, whys: Vec<Why>) {
    let named = |detail: String| {
        if section.is_empty() { detail } else { format!("[{section}] {detail}") }
    };
    for why in whys {
        match why {
            Why::At(file, detail) => match all.files.get(file) {
                Some(location) => looking.fail_at(location, detail),
                None => looking.fail(detail),
            },
            Why::Image(detail) => looking.fail(detail),
            Why::Missing(detail) => match all.files.first() {
                Some(location) => looking.fail_at(location, named(detail)),
                None => looking.fail(detail),
            },
        }
    }
}

struct Scope<'s> {
    view: &'s View<'s>,
    settings: &'s [&'s (usize, Setting)],
    programs: &'s [&'static str],
}

impl Scope<'_> {
    /// Why a clause holds, if it does.
    fn holds(&self, clause: Clause) -> Option<Vec<Why>> {
        match clause {
            Clause::Set(key, test) => {
                let (file, setting, value) = self.setting(key)?;
                test.passes(&value).then(|| vec![Why::At(file, told(setting))])
            }
            Clause::Any(key, test) => {
                let mut whys: Vec<Why> = Vec::new();
                for one in self.settings {
                    if is_key(&one.1, key) && test.passes(&self.resolved(&one.1.value)) {
                        whys.push(Why::At(one.0, told(&one.1)));
                    }
                }
                (!whys.is_empty()).then_some(whys)
            }
            Clause::Not(key, test) => match self.setting(key) {
                None => Some(vec![missing(key)]),
                Some((file, setting, value)) => {
                    (!test.passes(&value)).then(|| vec![Why::At(file, told(setting))])
                }
            },
            Clause::Absent(key) => self.setting(key).is_none().then(|| vec![missing(key)]),
            Clause::OpenOrAbsent(key) => match self.setting(key) {
                None => Some(vec![missing(key)]),
                Some((file, setting, value)) => {
                    address::is_open(&value).then(|| vec![Why::At(file, told(setting))])
                }
            },
            Clause::Environment(names, test) => {
                let mut variables = self.view.environment();
                let (name, value) =
                    variables.find(|(name, value)| is_one_of(name, names) && test.passes(value))?;
                let secret = is_secret_name(name);
                let value = if secret { "***".to_owned() } else { shown(value) };
                Some(vec![Why::Image(format!("environment: {name}={value}"))])
            }
            Clause::NoEnvironment(names) => {
                let mut variables = self.view.environment();
                let is_set =
                    variables.any(|(name, value)| is_one_of(name, names) && !value.is_empty());
                (!is_set).then(Vec::new)
            }
            Clause::Option(names, test) => {
                let option = self.options(names).into_iter().find(|one| test.passes(&one.value))?;
                let secret = is_secret_name(&option.key);
                let value = if secret { "***".to_owned() } else { shown(&option.value) };
                let detail = format!("command: {} {value}", shown(&option.key));
                Some(vec![Why::Image(detail.trim_end().to_owned())])
            }
            Clause::NoOption(names, test) => {
                let is_given = self.options(names).iter().any(|one| test.passes(&one.value));
                (!is_given).then(Vec::new)
            }
            Clause::Started => {
                let program = self.programs.iter().find(|program| self.view.runs(&[program]))?;
                Some(vec![Why::Image(format!("command: starts {program}"))])
            }
            Clause::NoLibrary(start) => (!self.view.has_library(start)).then(Vec::new),
            Clause::OldLibrary(name, major) => {
                let version = self.view.library_version(name)?;
                let first: u64 = version.split('.').next()?.parse().ok()?;
                (first < major).then(|| vec![Why::Image(format!("{name} {}", shown(version)))])
            }
        }
    }

    /// The setting that counts, with what its value means.
    fn setting(&self, key: &str) -> Option<(usize, &Setting, Cow<'_, str>)> {
        let one = self.settings.iter().rev().find(|one| is_key(&one.1, key))?;
        Some((one.0, &one.1, self.resolved(&one.1.value)))
    }

    /// `${NAME:default}`, as Spring and Elasticsearch have it, is the variable or the default.
    fn resolved<'v>(&'v self, value: &'v str) -> Cow<'v, str> {
        let Some(inner) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
            return Cow::Borrowed(value);
        };
        let (name, default) = inner.split_once(':').unwrap_or((inner, ""));
        let mut variables = self.view.environment();
        let set = variables.find(|(known, _)| *known == name).map(|(_, value)| value);
        Cow::Borrowed(set.unwrap_or(default))
    }

    /// Options of the command, where it starts the service.
    fn options(&self, names: &str) -> Vec<Setting> {
        if !self.view.runs(self.programs) {
            return Vec::new();
        }
        let mut options = Settings::default();
        add_options(&mut options, self.view.command_words(), 1);
        let is_meant = |key: &str| names.split('|').any(|name| is_named(key.as_bytes(), name));
        options.list.into_iter().filter(|option| is_meant(&option.key)).collect()
    }
}

fn missing(key: &str) -> Why {
    let key = key.rsplit('/').next().unwrap_or(key);
    Why::Missing(format!("`{}` is not set", key.split('|').next().unwrap_or(key)))
}

/// A setting as evidence shows it.
fn told(setting: &Setting) -> String {
    let secret = is_secret_name(&setting.key);
    let value =
        if secret && !setting.value.is_empty() { "***".to_owned() } else { shown(&setting.value) };
    let section = &setting.section;
    let section = if section.is_empty() { String::new() } else { format!("[{}] ", shown(section)) };
    format!("line {}: {section}{} {value}", setting.line, shown(&setting.key)).trim_end().to_owned()
}

/// A value in evidence: short, and without the accounts of URLs.
fn shown(value: &str) -> String {
    let masked = super::secret_words::masked_url(value);
    crate::facts::clip(masked.as_deref().unwrap_or(value))
}

fn is_one_of(name: &str, names: &str) -> bool {
    names.split('|').any(|known| known == name)
}

fn is_key(setting: &Setting, wanted: &str) -> bool {
    let (sections, keys) = wanted.split_once('/').map_or((None, wanted), |(s, k)| (Some(s), k));
    let section = || setting.section.to_ascii_lowercase();
    keys.split('|').any(|key| is_same(&setting.key, key))
        && sections.is_none_or(|sections| {
            let section = section();
            sections.split('|').any(|known| is_named(section.as_bytes(), known))
        })
}

/// Whether two keys are one: case, `-` and `_` do not count.
fn is_same(key: &str, wanted: &str) -> bool {
    if wanted.starts_with('-') {
        return key == wanted;
    }
    if wanted.contains('*') {
        return is_named(key.to_ascii_lowercase().as_bytes(), &wanted.to_ascii_lowercase());
    }
    let plain = |text: &'_ str| -> Vec<u8> {
        let bytes = text.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
        bytes.map(|byte| byte.to_ascii_lowercase()).collect()
    };
    key.len() <= wanted.len() + 8 && plain(key) == plain(wanted)
}

/// The files that an include names: a path, a folder's files of such names, or those like a pattern in its last name.
pub(super) fn expand(view: &View<'_>, target: &str, names: &str) -> Vec<String> {
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
