//! Secrets that all processes of a site have in common, whatever each has in its data directory.
//!
//! In: a name, and what this process would take. Out: what all take: the first one that was said. Odd: they stand among the settings,
//! sealed by the master key, so that the database alone tells nothing.

use plimsoll_model::Secret;

use crate::{
    Store, StoreError,
    error::Doing,
    master_key::{Place, hex_encode},
    settings,
};

const DOING: &str = "agreeing on a secret";

const fn place(name: &'static str) -> Place<'static> {
    Place { table: "settings", row: name, column: "value" }
}

impl Store {
    /// The secret of this name: `ours`, if nobody said another one before.
    ///
    /// # Errors
    /// The database fails, or what is kept does not open.
    pub async fn agreed_secret(
        &self,
        name: &'static str,
        ours: &Secret<String>,
    ) -> Result<Secret<String>, StoreError> {
        if let Some(sealed) = self.setting(name).await? {
            return self.agreed(name, &sealed);
        }
        let mut transaction = self.write().await?;
        if let Some(sealed) = settings::read(&mut transaction, name).await? {
            return self.agreed(name, &sealed);
        }
        let sealed = hex_encode(&self.master_key().seal(place(name), ours.reveal())?);
        settings::write(&mut transaction, name, Some(&sealed)).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(ours.clone())
    }

    fn agreed(&self, name: &'static str, sealed: &str) -> Result<Secret<String>, StoreError> {
        let broken = || StoreError::Secret { place: format!("settings|{name}|value") };
        let sealed = bytes_of(sealed).ok_or_else(broken)?;
        self.master_key().open(place(name), &sealed)
    }
}

/// What hex digits stand for.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
