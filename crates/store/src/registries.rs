//! Registries: where images come from, with the credentials to read them.
//!
//! In: what a person says of a registry. Out: [`Registry`] rows. Odd: a name never changes, because images' ids and
//! repositories' ids are made of it; whoever removes a registry and adds it again under the same name gets the same ids.
//! Listings never hold a password: only [`Store::registry`] and [`Store::registry_by_id`] decrypt it.

use plimsoll_model::{Platform, Secret, Timestamp};

use crate::{Store, StoreError};

/// How a registry is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlScheme {
    /// Plain http: only where a person said so.
    Http,
    /// TLS.
    Https,
}

/// From where a registry can be reached (the contract's `NetType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetType {
    /// 1: the internet.
    Internet,
    /// 2: a private network.
    Intranet,
}

/// What a person decides about a registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrySettings {
    /// What people call it; unique, never changes. At most 128 characters, none of them a control character.
    pub name: String,
    /// Adapter: `oci`, …
    pub kind: String,
    /// What ListImageRisk says as `RegistryType`.
    pub reported_type: String,
    /// Plain http or TLS.
    pub scheme: UrlScheme,
    /// Host without port, lower case.
    pub host: String,
    /// `None`: the scheme's own.
    pub port: Option<u16>,
    /// Account or robot, if the registry wants one.
    pub username: Option<String>,
    /// Password or token; `None` in listings and where there is none. An update with `None` removes it.
    pub password: Option<Secret<String>>,
    /// `RegionId` of its images; may be empty.
    pub region_id: String,
    /// From where it can be reached.
    pub net_type: NetType,
    /// Certificates (PEM) of its own certification authority.
    pub ca_pem: Option<String>,
    /// Repositories to sync; empty: the registry's catalog.
    pub repositories: Vec<String>,
    /// Platform that represents an image index; `None`: the program's default.
    pub platform: Option<Platform>,
}

/// One registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registry {
    /// Number of the row; never used again after removal.
    pub id: i64,
    /// What a person decided.
    pub settings: RegistrySettings,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Why the last sync did not succeed; `None` when it did or none was tried.
    pub problem: Option<String>,
    /// When it was added.
    pub created: Timestamp,
    /// When its settings last changed.
    pub modified: Timestamp,
}

/// Why a registry was not added, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Another registry has that name.
    #[error("registry `{0}` exists already")]
    Taken(String),
    /// No registry has that name.
    #[error("there is no registry `{0}`")]
    Unknown(String),
    /// A setting that cannot be.
    #[error("registry `{name}`: {what}")]
    Invalid {
        /// The registry.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegistrySettings {
    /// Host and port as they stand in image references; `docker.io` for each of Docker Hub's own hosts.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.is_docker_hub() {
            return "docker.io".to_owned();
        }
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether this is Docker Hub, under any of its names.
    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        matches!(self.host.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io")
    }
}

impl Store {
    /// Adds a registry.
    ///
    /// # Errors
    /// The name is taken, a setting cannot be, or the database fails.
    pub async fn add_registry(
        &self,
        settings: &RegistrySettings,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        todo!("{settings:?} {now}")
    }

    /// One registry by name, password included.
    ///
    /// # Errors
    /// The database fails, or the password does not decrypt.
    pub async fn registry(&self, name: &str) -> Result<Option<Registry>, StoreError> {
        todo!("{name}")
    }

    /// One registry by number, password included.
    ///
    /// # Errors
    /// The database fails, or the password does not decrypt.
    pub async fn registry_by_id(&self, id: i64) -> Result<Option<Registry>, StoreError> {
        todo!("{id}")
    }

    /// All registries by name, without passwords.
    ///
    /// # Errors
    /// The database fails.
    pub async fn registries(&self) -> Result<Vec<Registry>, StoreError> {
        todo!()
    }

    /// Replaces the settings of the registry `settings.name`, password included.
    ///
    /// # Errors
    /// There is no such registry, a setting cannot be, or the database fails.
    pub async fn update_registry(
        &self,
        settings: &RegistrySettings,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        todo!("{settings:?} {now}")
    }

    /// Removes a registry with its images; artifacts that no other image names are kept for
    /// [`Store::prune_artifacts`]. Returns how many images went.
    ///
    /// # Errors
    /// There is no such registry, or the database fails.
    pub async fn remove_registry(&self, name: &str, now: Timestamp) -> Result<u64, RegistryError> {
        todo!("{name} {now}")
    }

    /// Remembers why the last sync did not succeed; `None` after one that did. Writes only a change.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_registry_problem(
        &self,
        id: i64,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        todo!("{id} {problem:?}")
    }
}
