//! `plimsoll feed …`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ListFormat, SharedAt};

/// `plimsoll feed …`
#[derive(Subcommand, Debug)]
pub(crate) enum Feed {
    /// Compile advisory files into the snapshot that scans match against, or take a bundle
    #[command(
        after_help = "Takes OSV as osv.dev serves it (a folder of <Ecosystem>/all.zip, one zip, one JSON file, a folder of them), \
        CISA's known_exploited_vulnerabilities.json FIRST's epss_scores-*.csv[.gz] and CVE severities as JSON lines, each told apart by itself.\n\
        Everything named makes one new snapshot. A corrupt, partial or older feed never replaces a good one.\n\
        A bundle (`plimsoll feed bundle`) is verified with --trust and the keys in `trusted-keys` in the data folder; it stands alone."
    )]
    Import {
        /// Files and folders, or one bundle
        #[arg(value_name = "PATH", required_unless_present = "starter")]
        paths: Vec<PathBuf>,
        /// Replace a newer snapshot, too
        #[arg(long)]
        allow_older: bool,
        /// Use the small feed that comes with the program
        #[arg(long, conflicts_with = "paths")]
        starter: bool,
        /// Public key (PEM) whose bundles are taken; may be repeated
        #[arg(long, value_name = "FILE")]
        trust: Vec<PathBuf>,
        /// Take a bundle that nobody signed
        #[arg(long)]
        allow_unsigned: bool,
    },
    /// Download what changed from osv.dev, CISA, FIRST and the distributions, and compile it
    #[command(
        after_help = "In full once, then only what changed: single records where the list `ECOSYSTEM/modified_id.csv` names them, whole files by \
        their ETag or date. A download that breaks off is taken up where it stopped. What fails everywhere stays as it was, \
        is listed by `plimsoll feed status`, and ends the command with an error after everything else was taken."
    )]
    Update {
        /// A mirror with `ECOSYSTEM/all.zip`, `ecosystems.txt`, `known_exploited_vulnerabilities.json`, `epss_scores-current.csv.gz`;
        /// may be repeated, and each is asked for what those before it do not give
        #[arg(long, value_name = "URL")]
        from: Vec<String>,
        /// Only these ecosystems, by their names at osv.dev; may be repeated [default: all that packages are read of]
        #[arg(long, value_name = "NAME")]
        ecosystem: Vec<String>,
        /// Own certificate authority (PEM) of the mirror
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        /// Replace a newer snapshot, too
        #[arg(long)]
        allow_older: bool,
    },
    /// Write the snapshot in use as one signed file, for sites without a network
    #[command(
        after_help = "A bundle made with --since holds only what changed and is taken only where exactly that state is in use. \
        The states of the last thirty bundles are kept for that in `bundled` in the data folder."
    )]
    Bundle {
        /// The file to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Private key (PEM) that signs it: `plimsoll feed key generate`
        #[arg(long, value_name = "FILE", required_unless_present = "unsigned")]
        key: Option<PathBuf>,
        /// Do not sign it; it is taken only with `--allow-unsigned`
        #[arg(long, conflicts_with = "key")]
        unsigned: bool,
        /// Only what changed since this bundle (a file), or since the last one made up to this day (2026-11-30)
        #[arg(long, value_name = "BUNDLE|DATE")]
        since: Option<String>,
    },
    /// Give the snapshot in use to all servers and workers that share a place, as after an update where no server runs
    Share(SharedAt),
    /// Keys that sign bundles
    #[command(subcommand)]
    Key(FeedKey),
    /// What is in the snapshot, of which date, and how the last update went
    Status {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// The ids of all advisories in the snapshot, one a line
    Ids,
}

/// `plimsoll feed key …`
#[derive(Subcommand, Debug)]
pub(crate) enum FeedKey {
    /// Make a key pair: the private key for this side, its public key (FILE.pub) for those who import
    Generate {
        /// Where the private key goes, readable by its owner alone
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}
