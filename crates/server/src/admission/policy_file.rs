//! The policy file, and following it.
//!
//! In: a path. Out: an [`AdmissionPolicy`] and a mark that tells it from others. Odd: a file that is exchanged while the process runs
//! (a mounted `ConfigMap`) holds from the next look on; one that cannot be read any more changes nothing.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use plimsoll_scanner::{
    AdmissionPolicy,
    policy::{AdmissionPolicyError, LARGEST},
};

use crate::sha256::sha256;

/// Hex digits of a policy's mark.
const MARK: usize = 16;

/// Why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// It cannot be read.
    #[error("admission policy `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is none.
    #[error("admission policy `{path}`")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<AdmissionPolicyError>,
    },
}

/// Reads a policy file.
///
/// # Errors
/// [`PolicyFileError`] names the file, and the line or key.
pub fn read_policy(path: &Path) -> Result<AdmissionPolicy, PolicyFileError> {
    Ok(PolicyInUse::read(path)?.policy)
}

/// A policy with its mark.
#[derive(Debug)]
pub(super) struct PolicyInUse {
    /// What holds.
    pub(super) policy: AdmissionPolicy,
    /// The same for the same text.
    pub(super) mark: String,
}

impl PolicyInUse {
    /// Reads a policy file.
    pub(super) fn read(path: &Path) -> Result<Self, PolicyFileError> {
        let failed = |source| PolicyFileError::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        // One byte more tells a file that is too large.
        let file = File::open(path).map_err(failed)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let policy = AdmissionPolicy::read(&name, &text).map_err(|source| {
            PolicyFileError::Form { path: path.to_owned(), source: Box::new(source) }
        })?;
        let mark = sha256(text.as_bytes()).hex().chars().take(MARK).collect();
        Ok(Self { policy, mark })
    }
}
