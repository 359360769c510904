//! Checks of a service's configuration that can be said as data.
//!
//! In: a row: which files, their grammar, and what together makes a service open. Out: a failure with the lines that make
//! it, or with what is missing. Source: each service's own documentation, named in its row. Odd: a later value wins over an
//! earlier one, across the files that a file includes; what the image's command or environment says is asked for where the
//! service lets it decide. Cycles and depths of includes are bounded; an included file that nobody read is a gap.

mod loading;
mod scope;

pub(super) use self::loading::expand;
use self::{
    loading::{Configuration, Loading, roots},
    scope::{Scope, Why},
};
use super::{Looking, address};
use crate::{
    check::{About, Check, Example, Outcome},
    settings::{Grammar, Setting},
    view::View,
    wanted::Wanted,
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
