//! Which rules for malicious files are used: those that come along, the data directory's, and folders that were named.
//!
//! In: the data directory, folders. Out: [`Rules`]. Source: `docs/malware.md`. Odd: the data directory need not have any; a
//! folder that was named must be there.

use std::path::{Path, PathBuf};

use plimsoll_scanner::{Rules, yara::RulesError};

/// The folder of rules in the data directory.
pub const RULES_FOLDER: &str = "rules";

/// The folders whose rules are used, in their order.
#[must_use]
pub fn rules_folders(data: &Path, named: &[PathBuf]) -> Vec<PathBuf> {
    let own = data.join(RULES_FOLDER);
    let own = own.is_dir().then_some(own);
    own.into_iter().chain(named.iter().cloned()).collect()
}

/// The rules that are used.
///
/// # Errors
/// A folder that was named is not there or cannot be read.
pub fn open_rules(data: &Path, named: &[PathBuf]) -> Result<Rules, RulesError> {
    match rules_folders(data, named) {
        folders if folders.is_empty() => Ok(Rules::embedded()),
        folders => Rules::at(folders),
    }
}
