//! `plimsoll rules …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;

/// `plimsoll rules …`
#[derive(Subcommand, Debug)]
pub(crate) enum RulesCommand {
    /// Put a rule pack or a list of digests into the data folder, where every scan uses it
    Import(RulesImport),
    /// Download again what packs say they are updated from
    #[command(
        after_help = "A pack names its address in pack.toml: `update = \"https://…\"`, one zip archive, or one file of rules or digests.\n\
        What cannot be downloaded or does not compile stays as it was; the command then ends with an error after all others were updated."
    )]
    Update {
        /// Only these packs [default: all that name an address]
        name: Vec<String>,
        /// Own certificate authority (PEM) of the addresses
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
    /// Try rules on files, or see whether they compile
    #[command(
        after_help = "Without PATH all rules are compiled, and what is wrong with them is told. With PATH each file (of folders, all below them) is\n\
        looked at as a scan would, as if it lay at that path in an image.\n\n\
        Examples:\n  plimsoll rules test --rules ./my-packs\n  plimsoll rules test --rules ./my-packs sample.php build/\n\n\
        Exit codes: 0 nothing was found and all rules compile, 1 error or rules that do not compile, 3 a file was found to be malicious."
    )]
    Test {
        /// Files and folders to look at
        path: Vec<PathBuf>,
        /// Folder of rules, besides those in the data folder; may be given several times
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// The packs that scans use, with their licences, or all their rules
    List {
        /// Every rule instead of the packs
        #[arg(long)]
        all: bool,
        /// Folder of rules, besides those in the data folder; may be given several times
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Take a pack out of the data folder
    Remove {
        /// Its name, as `plimsoll rules list` shows it
        name: String,
    },
}

/// `plimsoll rules import`
#[derive(Args, Debug)]
#[command(
    after_help = "PATH is a folder, a zip archive, or one file: YARA rules (*.yar, *.yara), a list of digests (*.hdb, *.hsb of ClamAV, *.csv of\n\
    abuse.ch or MISP, plain *.txt, *.sha256, *.md5). A folder or archive may bring pack.toml (name, license, source, version, level, type, kinds,\n\
    files, update); what is said here wins. A file of rules that does not compile is kept and left out of scans, which say so; a pack of which\n\
    nothing can be used is refused.\n\n\
    Example: plimsoll rules import ./signature-base --license DRL-1.1 --source https://github.com/Neo23x0/signature-base"
)]
pub(crate) struct RulesImport {
    /// Folder, zip archive or file
    pub(crate) path: PathBuf,
    /// Name of the pack, which stands before its rules' in findings [default: from pack.toml, else from the path]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its licence, as an SPDX expression or in words
    #[arg(long)]
    pub(crate) license: Option<String>,
    /// Where it comes from
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Which edition it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) edition: Option<String>,
    /// Level of rules and lists that do not say theirs: serious, suspicious, remind
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<String>,
    /// Kinds of files that its rules see, separated by commas: elf, script, php, … [default: all]
    #[arg(long, value_name = "KINDS")]
    pub(crate) kinds: Option<String>,
    /// Address that `plimsoll rules update` gets it from
    #[arg(long, value_name = "URL")]
    pub(crate) update_from: Option<String>,
    /// Take the place of a pack of that name
    #[arg(long)]
    pub(crate) replace: bool,
}
