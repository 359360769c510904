//! Settings: small named texts such as `rank.scope` and `rank.limit`. What a value means is known by who reads it.

use crate::{Store, StoreError};

impl Store {
    /// The value of a setting; `None` when it was never set.
    ///
    /// # Errors
    /// The database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        todo!("{name}")
    }

    /// Sets a setting, or removes it with `None`. Writes only a change.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        todo!("{name} {value:?}")
    }

    /// All settings by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        todo!()
    }
}
