//! Policies from files.
//!
//! In: the paths of a policy and of rules on licences. Out: a [`Policy`] with everything that it refers to. Source:
//! `docs/policy.md`. Odd: files that a policy names lie beside it, and are read with it, so that a policy is whole or an error.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, bail};
use plimsoll_scanner::{LicencePolicy, LicenceRules, Policy, ignore_file, policy::LARGEST};

/// Reads a policy and the files that it names.
pub(crate) fn read(path: &Path) -> anyhow::Result<Policy> {
    let what = || format!("policy `{}`", path.display());
    let text = read_text(path).with_context(what)?;
    let mut policy = Policy::read(&name(path), &text).with_context(what)?;
    for file in std::mem::take(&mut policy.ignore_files) {
        let beside = path.parent().unwrap_or(Path::new("")).join(&file);
        let rules = read_text(&beside)
            .and_then(|text| Ok(ignore_file::read(&name(&beside), &text)?))
            .with_context(|| format!("ignore file `{}`", beside.display()))
            .with_context(what)?;
        policy.ignore.extend(rules);
    }
    Ok(policy)
}

/// Reads rules on licences that stand in a file of their own: what is the table `[licenses]` of a policy.
pub(crate) fn read_licences(path: &Path) -> anyhow::Result<LicencePolicy> {
    let what = || format!("licence policy `{}`", path.display());
    let text = read_text(path).with_context(what)?;
    let rules: LicenceRules =
        toml::from_str(&text).map_err(anyhow::Error::new).with_context(what)?;
    LicencePolicy::new(&rules).with_context(what)
}

/// The text of a file that a person wrote.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large.
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        bail!("larger than 1 MiB");
    }
    Ok(String::from_utf8(bytes)?)
}

/// How a file is called in places and by default as an author.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
