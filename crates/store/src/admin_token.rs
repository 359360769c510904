//! The admin token: the first way in, for the command line and the console.
//!
//! In: nothing. Out: a token that is made at first start, stored as SHA-256 and written to `admin-token` (0600) in the data
//! directory, so that whoever may read that directory can read it again. Odd: it has 256 random bits, so a fast hash is
//! enough: there is nothing to guess.

use std::{io, path::PathBuf};

use plimsoll_model::Secret;

use crate::{Store, StoreError};

/// Name of the file in the data directory.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin-token";

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be written.
    #[error("`{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes the admin token if there is none and returns it; `None` if there is one already.
    ///
    /// # Errors
    /// The file cannot be written, or the database fails.
    pub async fn ensure_admin_token(&self) -> Result<Option<Secret<String>>, TokenError> {
        todo!()
    }

    /// Makes another admin token; the old one is refused from then on.
    ///
    /// # Errors
    /// The file cannot be written, or the database fails.
    pub async fn reset_admin_token(&self) -> Result<Secret<String>, TokenError> {
        todo!()
    }

    /// Whether this is the admin token; takes the same time for every wrong one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn is_admin_token(&self, token: &str) -> Result<bool, StoreError> {
        todo!("{token}")
    }

    /// Where the admin token stands.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.data_dir().join(ADMIN_TOKEN_FILE)
    }
}
