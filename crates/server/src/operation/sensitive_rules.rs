//! Which kinds of sensitive files are looked at, and whether any are.
//!
//! In: a choice of kinds. Out: [`SensitiveRules`], kept as settings. Source: `docs/api.md`, "Sensitive files". Odd: scans find all
//! kinds whatever is chosen, since what they find does not depend on who asks; what is not chosen is neither listed nor counted,
//! and is there again when it is chosen again.

use std::collections::BTreeSet;

use plimsoll_model::sensitive::{SENSITIVE_FILE_KEYS, SensitiveFileKey};
use plimsoll_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// Kinds that are looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SensitiveRules {
    /// Whether sensitive files are shown at all.
    pub is_on: bool,
    /// Whether kinds count that were not known when the choice was made.
    pub with_new: bool,
    choice: Option<Choice>,
}

/// A choice that somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Choice {
    selected: BTreeSet<String>,
    /// The kinds that were known then.
    known: BTreeSet<String>,
    with_new: bool,
}

const SWITCH: &str = "sensitive.scan";
const OFF: &str = "off";

fn setting(of_images: bool) -> &'static str {
    if of_images { "sensitive.rules" } else { "sensitive.rules.agentless" }
}

impl SensitiveRules {
    /// Those of images, or those of hosts that are looked at without an agent, which are kept and without effect.
    ///
    /// # Errors
    /// The database fails.
    pub async fn read(store: &Store, of_images: bool) -> Result<Self, StoreError> {
        let is_on = store.setting(SWITCH).await?.as_deref() != Some(OFF);
        let kept = store.setting(setting(of_images)).await?;
        let choice: Option<Choice> = kept.and_then(|kept| serde_json::from_str(&kept).ok());
        let with_new = choice.as_ref().is_none_or(|choice| choice.with_new);
        Ok(Self { is_on, with_new, choice })
    }

    /// Whether a kind is looked at.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.choice.as_ref().is_none_or(|choice| {
            choice.selected.contains(key) || (choice.with_new && !choice.known.contains(key))
        })
    }

    /// Kinds that are not to be shown.
    #[must_use]
    pub fn hidden(&self) -> BTreeSet<String> {
        let all = SENSITIVE_FILE_KEYS.iter().map(|row| row.key);
        all.filter(|key| !self.has(key)).map(ToOwned::to_owned).collect()
    }

    /// Chooses kinds: those, or where none are given the same as before.
    ///
    /// # Errors
    /// The database fails.
    pub async fn choose(
        &self,
        store: &Store,
        of_images: bool,
        selected: Option<BTreeSet<&'static str>>,
        with_new: Option<bool>,
    ) -> Result<(), StoreError> {
        let all = || SENSITIVE_FILE_KEYS.iter().map(|row| row.key.to_owned());
        let selected = match selected {
            Some(selected) => selected.into_iter().map(ToOwned::to_owned).collect(),
            None => all().filter(|key| self.has(key)).collect(),
        };
        let with_new = with_new.unwrap_or(self.with_new);
        let choice = Choice { selected, known: all().collect(), with_new };
        let text = serde_json::to_string(&choice).unwrap_or_default();
        store.set_setting(setting(of_images), Some(&text)).await
    }

    /// Shows sensitive files, or does not.
    ///
    /// # Errors
    /// The database fails.
    pub async fn switch(store: &Store, on: bool) -> Result<(), StoreError> {
        store.set_setting(SWITCH, (!on).then_some(OFF)).await
    }
}

/// What people call a kind: by the contract's list, else its key.
#[must_use]
pub fn name_of(key: &str) -> &str {
    SensitiveFileKey::find(key).map_or(key, |row| row.name)
}
