//! The admin token: the first way in, for the command line and the console.
//!
//! In: nothing. Out: a token that is made at first start, stored as SHA-256 and written to `admin-token` (0600) in the data
//! directory, so that whoever may read that directory can read it again. Odd: it has 256 random bits, so a fast hash is
//! enough: there is nothing to guess.

use std::{io, path::PathBuf};

use plimsoll_model::Secret;
use ring::hmac;

use crate::{
    Store, StoreError,
    database::Transaction,
    error::Doing,
    master_key::{hex_encode, random_text, write_private},
    settings,
};

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
    /// A token that can be guessed or not be sent.
    #[error("an admin token has at least 32 letters, digits and signs of ASCII, and no blanks")]
    Weak,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The shortest token that is taken from somebody else: 128 bits in hex digits.
const SHORTEST: usize = 32;

const SETTING: &str = "admin-token.sha256";
const DOING: &str = "making the admin token";

impl Store {
    /// Makes the admin token if there is none and returns it; `None` if there is one already.
    ///
    /// # Errors
    /// The file cannot be written, or the database fails.
    pub async fn ensure_admin_token(&self) -> Result<Option<Secret<String>>, TokenError> {
        if self.setting(SETTING).await?.is_some() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        if settings::read(&mut transaction, SETTING).await?.is_some() {
            return Ok(None);
        }
        let token = self.new_token(&mut transaction).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(token))
    }

    /// Makes this the admin token, as where processes on several machines are given the same; another one is refused from then on.
    /// Writes only a change, and no file.
    ///
    /// # Errors
    /// [`TokenError::Weak`], or the database fails.
    pub async fn set_admin_token(&self, token: &Secret<String>) -> Result<(), TokenError> {
        let token = token.reveal();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Weak);
        }
        Ok(self.set_setting(SETTING, Some(&hash(token))).await?)
    }

    /// Makes another admin token; the old one is refused from then on.
    ///
    /// # Errors
    /// The file cannot be written, or the database fails.
    pub async fn reset_admin_token(&self) -> Result<Secret<String>, TokenError> {
        let mut transaction = self.write().await?;
        let token = self.new_token(&mut transaction).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(token)
    }

    /// Whether this is the admin token; takes the same time for every wrong one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn is_admin_token(&self, token: &str) -> Result<bool, StoreError> {
        let Some(stored) = self.setting(SETTING).await? else { return Ok(false) };
        Ok(is_equal(&stored, &hash(token)))
    }

    /// Where the admin token stands.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.data_dir().join(ADMIN_TOKEN_FILE)
    }

    /// The file comes first: if the program dies before the commit, the next start makes another token and file.
    async fn new_token(&self, transaction: &mut Transaction) -> Result<Secret<String>, TokenError> {
        let token = random_text(48)?;
        let path = self.admin_token_file();
        let draft = path.with_extension(random_text(12)?);
        write_private(&draft, &format!("{token}\n"))
            .and_then(|()| std::fs::rename(&draft, &path))
            .map_err(|source| TokenError::File { path, source })?;
        settings::write(transaction, SETTING, Some(&hash(&token))).await?;
        Ok(Secret::new(token))
    }
}

/// SHA-256 in hex digits, as secrets are stored that only have to be recognised.
pub(crate) fn hash(secret: &str) -> String {
    hex_encode(ring::digest::digest(&ring::digest::SHA256, secret.as_bytes()).as_ref())
}

/// Compares in a time that does not depend on where the texts differ: ring compares authentication tags so.
pub(crate) fn is_equal(a: &str, b: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"plimsoll admin token");
    let tag = hmac::sign(&key, a.as_bytes());
    hmac::verify(&key, b.as_bytes(), tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn equal_texts_are_equal() {
        assert!(super::is_equal("abc", "abc"));
        for other in ["", "abd", "ab", "abcd"] {
            assert!(!super::is_equal("abc", other));
        }
        assert_eq!(
            super::hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
