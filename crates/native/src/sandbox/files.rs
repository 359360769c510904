//! Landlock: which files may be read, and nothing else that it knows of.
//!
//! In: files and folders. Out: a process that can read these, and cannot write, connect, or signal others. Source:
//! `landlock(7)`. Odd: rules hang on what a path leads to now, not on the path, so the files are opened for that, and a
//! later exchange of the path changes nothing.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
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
    /// It is not there, may not be looked up, or is neither a file nor a folder.
    pub fn new(path: &Path) -> Result<Self, std::io::Error> {
        let metadata = path.metadata()?;
        let is_folder = metadata.is_dir();
        if !is_folder && !metadata.is_file() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
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

/// Returns the version of the interface that is in force; `None` where the kernel, or what confines this program already,
/// does not let it be.
pub(super) fn restrict(readable: &[Readable]) -> Result<Option<u32>, SandboxError> {
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create);
    let Ok(created) = created else { return Ok(None) };
    let rules = readable.iter().map(|readable| {
        Ok::<_, RulesetError>(PathBeneath::new(&readable.place, readable.rights()))
    });
    // A rule that is refused would make files unreadable, which nobody asked for.
    let created = created.add_rules(rules).map_err(|error: RulesetError| SandboxError::Call {
        what: "landlock_add_rule",
        source: std::io::Error::other(error),
    })?;
    let Ok(status) = created.restrict_self() else { return Ok(None) };
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, .. }) => {
            u32::try_from(effective_abi as i32).ok()
        }
        _ => None,
    })
}
