//! Landlock: which files may be read, and nothing else that it knows of.
//!
//! In: files and folders. Out: a process that can read these, and cannot write, connect, or signal others. Source:
//! `landlock(7)`. Odd: rules hang on what a path leads to now, not on the path, so the files are opened for that, and a
//! later exchange of the path changes nothing.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::SandboxError;

/// The newest interface whose rights we know; a kernel's older one is used as far as it goes.
const NEWEST: ABI = ABI::V10;

/// A file, or a folder with everything below it, that stays readable.
#[derive(Debug)]
pub struct Readable {
    place: PathFd,
    is_folder: bool,
}

impl Readable {
    /// Opens the place, without reading it.
    ///
    /// # Errors
    /// It is not there, or may not be looked up.
    pub fn new(path: &Path) -> Result<Self, std::io::Error> {
        let is_folder = path.metadata()?.is_dir();
        let place = PathFd::new(path).map_err(std::io::Error::other)?;
        Ok(Self { place, is_folder })
    }

    fn rights(&self) -> BitFlags<AccessFs> {
        if self.is_folder {
            AccessFs::ReadFile | AccessFs::ReadDir
        } else {
            AccessFs::ReadFile.into()
        }
    }
}

/// Returns the version of the interface that is in force.
pub(super) fn restrict(readable: &[Readable]) -> Result<Option<u32>, SandboxError> {
    let failed = |what: &'static str| {
        move |error: landlock::RulesetError| SandboxError::Call {
            what,
            source: std::io::Error::other(error),
        }
    };
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(failed("landlock_create_ruleset"))?;
    let rules = readable.iter().map(|readable| {
        Ok::<_, landlock::RulesetError>(PathBeneath::new(&readable.place, readable.rights()))
    });
    let status = created
        .add_rules(rules)
        .map_err(failed("landlock_add_rule"))?
        .restrict_self()
        .map_err(failed("landlock_restrict_self"))?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, .. }) => {
            u32::try_from(effective_abi as i32).ok()
        }
        _ => None,
    })
}
