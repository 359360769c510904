//! Installed gems: `specifications/*.gemspec` and `specifications/default/*.gemspec`, wherever a Ruby keeps them, Debian's
//! `usr/share/rubygems-integration` included.
//!
//! In: Ruby code as RubyGems writes it. Out: one package. Source: RubyGems, `Gem::StubSpecification` (the line `# stub:`)
//! and `Gem::Specification#to_ruby`.
//!
//! Odd: a gem that comes with Ruby (a default gem) stays installed beside its newer copies; of a specification that is
//! not as RubyGems writes it (a distribution's may hold code), the file's name is believed, as RubyGems does.

mod gemfile_lock;

use std::collections::BTreeMap;

use plimsoll_image::EntryMeta;

pub(crate) use self::gemfile_lock::GemfileLock;
use super::MAX_WORD;
use crate::{
    facts::{FileFacts, PackageFact},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

const RUBY_GEMS: &str = "RubyGems";

/// What is read of one specification: the lists of files of the largest gems end before.
const HEAD: u64 = 1 << 20;

/// Reads one gem's specification.
#[derive(Debug)]
pub(crate) struct GemSpecification;

impl Parser for GemSpecification {
    fn id(&self) -> &'static str {
        "gem"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "specifications/*.gemspec, specifications/default/*.gemspec"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let name = parts.next()?;
        if !name.ends_with(b".gemspec") {
            return None;
        }
        let folder = parts.next()?;
        let is_installed = folder == b"specifications"
            || (folder == b"default" && parts.next() == Some(b"specifications"));
        is_installed.then_some(Want::Head { limit: HEAD })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let name = String::from_utf8_lossy(file.path.name());
        let full_name = name.strip_suffix(".gemspec").unwrap_or(&name);
        let stub = stub(&text);
        let assigned = |field| assignment(&text, field).and_then(quoted);
        let (name, version, platform) = stub
            .or_else(|| Some((assigned("name")?, assigned("version")?, assigned("platform"))))
            .filter(|(name, version, _)| is_name(name) && is_version(version))
            .or_else(|| parted(full_name))
            .ok_or(ParseError::Missing("version"))?;
        let mut extra = BTreeMap::new();
        if let Some(platform) = platform.filter(|platform| *platform != "ruby") {
            extra.insert("platform".to_owned(), platform.to_owned());
        }
        if let Some(license) = licenses(&text) {
            extra.insert("license".to_owned(), license);
        }
        let package = PackageFact {
            ecosystem: Some(RUBY_GEMS.to_owned()),
            name: name.to_owned(),
            version: version.to_owned(),
            extra,
            ..PackageFact::default()
        };
        Ok(FileFacts { packages: vec![package], ..FileFacts::default() })
    }
}

type Identity<'a> = (&'a str, &'a str, Option<&'a str>);

/// `# stub: nokogiri 1.13.0 x86_64-linux lib`, among the first lines.
fn stub(text: &str) -> Option<Identity<'_>> {
    let line = text.lines().take(5).find_map(|line| line.strip_prefix("# stub: "))?;
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?, words.next()))
}

/// What stands behind `s.field = `.
fn assignment<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (variable, rest) = line.trim_start().split_once('.')?;
        let value = rest.strip_prefix(field)?.trim_start().strip_prefix('=')?;
        variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(value)
    })
}

/// The first text in quotes, if nothing but a class stands before it.
fn quoted(value: &str) -> Option<&str> {
    let value = value.trim_start();
    let value = value.strip_prefix("Gem::Version.new(").unwrap_or(value);
    let quote = value.chars().next().filter(|first| ['"', '\''].contains(first))?;
    let (text, _) = value.get(1..)?.split_once(quote)?;
    Some(text)
}

/// The licences as one text; the specification names them in a list, or one alone.
fn licenses(text: &str) -> Option<String> {
    const MOST: usize = 300;
    let list = assignment(text, "licenses").or_else(|| assignment(text, "license"))?;
    let mut names = Vec::new();
    let mut rest = list.trim().trim_start_matches('[');
    while let Some(name) = quoted(rest) {
        names.push(name);
        let (_, after) = rest.split_once(name)?;
        rest = after.split_once(',').map_or("", |(_, after)| after);
    }
    let joined = names.join(", ");
    (!joined.is_empty() && joined.len() <= MOST).then_some(joined)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_WORD
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_version(text: &str) -> bool {
    text.len() <= MAX_WORD
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// `nokogiri-1.13.0-x86_64-linux`: the version is the first part that could be one and has only a platform behind it.
fn parted(full_name: &str) -> Option<Identity<'_>> {
    for (at, _) in full_name.match_indices('-') {
        let (name, rest) = full_name.split_at_checked(at)?;
        let rest = rest.strip_prefix('-')?;
        let (version, platform) =
            rest.split_once('-').map_or((rest, None), |(version, rest)| (version, Some(rest)));
        if is_name(name) && is_version(version) {
            return Some((name, version, platform));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_part_where_a_version_begins() {
        assert_eq!(parted("net-http2-0.18.5"), Some(("net-http2", "0.18.5", None)));
        assert_eq!(
            parted("nokogiri-1.13.0-x86_64-linux"),
            Some(("nokogiri", "1.13.0", Some("x86_64-linux")))
        );
        assert_eq!(parted("rails-7.1.0.rc2"), Some(("rails", "7.1.0.rc2", None)));
        assert_eq!(parted("nonesuch"), None);
    }

    #[test]
    fn values_are_texts() {
        assert_eq!(quoted(" \"1.0\".freeze"), Some("1.0"));
        assert_eq!(quoted(" Gem::Version.new('1.0')"), Some("1.0"));
        assert_eq!(quoted(" Foo::VERSION"), None);
        let text =
            "Gem::Specification.new do |s|\n  s.licenses = [\"MIT\".freeze, \"Ruby\".freeze]\n";
        assert_eq!(licenses(text).as_deref(), Some("MIT, Ruby"));
        assert_eq!(licenses("  s.license = 'MIT'").as_deref(), Some("MIT"));
    }
}
