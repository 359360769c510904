//! The programs that a RUN starts.
//!
//! In: an instruction. Out: each program with its words. Odd: `sudo`, `env` and assignments in front are taken off, so that
//! `DEBIAN_FRONTEND=noninteractive apt-get install` is `apt-get install`.

use crate::{
    build_risk::password_in_run::program,
    facts::clip,
    history::{Instruction, Word},
};

/// A program and its words.
#[derive(Debug)]
pub(super) struct Tool {
    /// Without its folder.
    pub(super) name: String,
    pub(super) words: Vec<String>,
    /// Position of its command in the instruction.
    pub(super) position: usize,
}

/// Options of package managers that take a value as the next word.
const WITH_VALUE: &[&str] = &[
    "-o",
    "-c",
    "-t",
    "--root",
    "-X",
    "--repository",
    "--option",
    "--installroot",
    "--releasever",
];

impl Tool {
    /// What a package manager is to do: the first word that is no option.
    pub(super) fn verb(&self) -> &str {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if WITH_VALUE.contains(&word.as_str()) {
                words.next();
            } else if !word.starts_with('-') {
                return word;
            }
        }
        ""
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// Whether lists of packages are fetched, and nothing else.
    pub(super) fn is_update(&self) -> bool {
        match self.name.as_str() {
            "apt" | "apt-get" | "aptitude" | "apk" => self.verb() == "update",
            "yum" | "dnf" | "microdnf" => {
                self.verb() == "makecache" || self.verb() == "check-update"
            }
            "zypper" => matches!(self.verb(), "refresh" | "ref"),
            _ => false,
        }
    }

    /// Whether packages are installed.
    pub(super) fn is_install(&self) -> bool {
        match self.name.as_str() {
            "apt" | "apt-get" | "aptitude" | "yum" | "dnf" | "microdnf" | "tdnf" => {
                matches!(
                    self.verb(),
                    "install" | "reinstall" | "groupinstall" | "localinstall" | "build-dep"
                )
            }
            "zypper" => matches!(self.verb(), "install" | "in"),
            "apk" => self.verb() == "add",
            _ => false,
        }
    }

    /// Whether installed packages are upgraded.
    pub(super) fn is_upgrade(&self) -> bool {
        matches!(self.verb(), "upgrade" | "dist-upgrade" | "full-upgrade" | "safe-upgrade" | "fix")
            || (matches!(self.name.as_str(), "yum" | "dnf" | "microdnf" | "zypper")
                && matches!(self.verb(), "update" | "up" | "dup"))
    }

    /// Program and verb, for people.
    pub(super) fn shown(&self) -> String {
        clip(format!("{} {}", self.name, self.verb()).trim_end())
    }
}

/// The programs that a RUN starts; none for other instructions.
pub(super) fn tools(step: &Instruction) -> Vec<Tool> {
    if step.word != Word::Run {
        return Vec::new();
    }
    let commands = step.commands();
    let tools = commands.iter().enumerate().filter_map(|(position, command)| {
        let (name, words) = program(command)?;
        Some(Tool { name: name.to_owned(), words: words.to_vec(), position })
    });
    tools.collect()
}
