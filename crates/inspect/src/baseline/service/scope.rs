//! Whether a clause of a row holds, and why.
//!
//! In: settings in their order, the image's environment and command. Out: what makes it hold, as evidence. Odd: a later value
//! wins over an earlier one; secrets are masked in what is shown.

use std::borrow::Cow;

use super::{
    super::{address, secret_words},
    Clause,
};
use crate::{
    baseline::secret_words::is_secret_name,
    settings::{Setting, Settings, add_options},
    view::View,
    wanted::is_named,
};

/// Something that makes a service open.
pub(super) enum Why {
    /// A setting's file, and what it says.
    At(usize, String),
    /// Without a place of its own.
    Image(String),
    /// A missing setting.
    Missing(String),
}

/// What is asked about: settings, or a section's of them, and the image.
pub(super) struct Scope<'s> {
    pub(super) view: &'s View<'s>,
    pub(super) settings: &'s [&'s (usize, Setting)],
    pub(super) programs: &'s [&'static str],
}

impl Scope<'_> {
    /// Why a clause holds, if it does.
    pub(super) fn holds(&self, clause: Clause) -> Option<Vec<Why>> {
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
    let masked = secret_words::masked_url(value);
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
pub(super) fn is_same(key: &str, wanted: &str) -> bool {
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
