//! What a rule pack says of itself: `pack.toml`.
//!
//! In: the file's text. Out: [`PackAbout`]. Source: `docs/malware.md`, "Rule packs". Odd: the name stands in the ids of findings,
//! so it is kept to letters, digits, dots and dashes; a folder without the file is a pack all the same, with its own name.

use plimsoll_inspect::{Kinds, MaliciousLevel, VirusType};
use serde::Deserialize;

use crate::meta::Defaults;

/// The name of the file.
pub const PACK_FILE: &str = "pack.toml";

/// What a pack is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackAbout {
    /// Its name, which stands before its rules' in findings.
    pub name: String,
    /// SPDX expression or name of its licence.
    pub license: String,
    /// Where it comes from.
    pub source: String,
    /// Which edition of it this is.
    pub version: String,
    /// The level of rules that do not say theirs.
    pub level: Option<MaliciousLevel>,
    /// The type of rules that do not say theirs.
    pub virus_type: Option<VirusType>,
    /// The kinds of files that its rules see.
    pub kinds: Kinds,
    /// Its files of rules that are compiled; the others are only included. Empty: all.
    pub files: Vec<String>,
    /// Where `plimsoll rules update` gets it from: one zip archive, or one file of rules or digests.
    pub update: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    license: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    version: String,
    level: Option<String>,
    #[serde(rename = "type")]
    virus_type: Option<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
    update: Option<String>,
}

impl PackAbout {
    /// Of a folder without the file.
    #[must_use]
    pub fn of_folder(name: &str) -> Self {
        let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name: String =
            name.chars().map(|c| if is_kept(c) { c } else { '-' }).take(64).collect();
        Self {
            name: if name.is_empty() { "rules".to_owned() } else { name },
            license: String::new(),
            source: String::new(),
            version: String::new(),
            level: None,
            virus_type: None,
            kinds: Kinds::ALL,
            files: Vec::new(),
            update: None,
        }
    }

    /// Of the file's text.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_good = !file.name.is_empty()
            && file.name.len() <= 64
            && file.name.chars().all(is_name)
            && !file.name.starts_with('.');
        if !is_good {
            return Err(format!(
                "`name` is `{}`: letters, digits, dots, dashes and underscores make a name of up to 64",
                file.name
            ));
        }
        if file.name == EMBEDDED_NAME {
            return Err(format!(
                "`name` is `{EMBEDDED_NAME}`, which the rules that come along have"
            ));
        }
        let level = file.level.as_deref().map(str::parse).transpose();
        let virus_type = file.virus_type.as_deref().map(str::parse).transpose();
        let kinds = match file.kinds.as_slice() {
            [] => Ok(Kinds::ALL),
            words => words.join(" ").parse(),
        };
        Ok(Self {
            name: file.name,
            license: file.license,
            source: file.source,
            version: file.version,
            level: level.map_err(|error| format!("`level`: {error}"))?,
            virus_type: virus_type.map_err(|error| format!("`type`: {error}"))?,
            kinds: kinds.map_err(|error| format!("`kinds`: {error}"))?,
            files: file.files,
            update: file.update,
        })
    }

    pub(crate) const fn defaults(&self) -> Defaults {
        Defaults { level: self.level, virus_type: self.virus_type, kinds: self.kinds }
    }
}

/// The namespace of the embedded rules, whose ids stand in findings without it.
pub(crate) const EMBEDDED_NAME: &str = "plimsoll";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_says_what_it_is() {
        let pack = PackAbout::parse(
            "name = 'x.y-z'\nlicense = 'MIT'\nlevel = 'remind'\ntype = 'Miner'\nkinds = ['elf', 'php']\n",
        )
        .unwrap();
        assert_eq!((pack.name.as_str(), pack.level), ("x.y-z", Some(MaliciousLevel::Remind)));
        assert_eq!(
            (pack.kinds.to_string().as_str(), pack.virus_type),
            ("elf, php", Some(VirusType::Miner))
        );
        assert_eq!(PackAbout::parse("name = 'x'\n").unwrap().kinds, Kinds::ALL);
        assert_eq!(PackAbout::of_folder("a b/c").name, "a-b-c");
    }

    #[test]
    fn what_it_cannot_be_is_told() {
        for (text, problem) in [
            ("", "name"),
            ("name = '../x'\n", "letters"),
            ("name = '.x'\n", "letters"),
            ("name = 'plimsoll'\n", "come along"),
            ("name = 'x'\nlevel = 'loud'\n", "serious"),
            ("name = 'x'\ntype = 'loud'\n", "WebShell"),
            ("name = 'x'\nkinds = ['exe']\n", "elf"),
            ("name = 'x'\ncolour = 'red'\n", "colour"),
        ] {
            let error = PackAbout::parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
