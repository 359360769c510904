//! Registries: where images come from, with the credentials to read them.
//!
//! In: what a person says of a registry. Out: [`Registry`] rows. Odd: a name never changes, because images' ids and
//! repositories' ids are made of it; whoever removes a registry and adds it again under the same name gets the same ids.
//! Listings never hold a password: only [`Store::registry`] and [`Store::registry_by_id`] decrypt it.

use plimsoll_model::{Platform, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, artifacts,
    column::{self, word},
    database::{DatabaseRow, Transaction},
    error::Doing,
    inventory_rows,
    master_key::Place,
    own_counters, shares, statement,
    tenants::{self, NOBODY_ELSE},
};

/// What the contract calls registries whose images builds report (`RegistryType`); statements of `tasks` spell it out.
pub(crate) const OF_BUILDS: &str = "CI/CD";

/// How a registry is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlScheme {
    /// Plain http: only where a person said so.
    Http,
    /// TLS.
    Https,
}

/// From where a registry can be reached (the contract's `NetType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// What its kind needs besides, and which images are looked at.
    pub adapter: AdapterSettings,
}

/// What a registry's kind needs besides address and account, and which of its images are looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AdapterSettings {
    /// Where the vendor's API answers; `None`: where the kind knows it to.
    pub api_url: Option<String>,
    /// The API's own account: a cloud's access key id.
    pub api_account: Option<String>,
    /// The API's own token, or the key's secret; `None` in listings and where there is none.
    #[serde(skip)]
    pub api_token: Option<Secret<String>>,
    /// Instance, project or group, in the vendor's words.
    pub instance: Option<String>,
    /// Namespaces, organisations or owners to list; empty: all that the account can see.
    pub namespaces: Vec<String>,
    /// Patterns of images to look at; empty: all.
    pub include: Vec<String>,
    /// Patterns of images to leave out.
    pub exclude: Vec<String>,
    /// The proxy that registry and API are reached through; `None`: directly.
    pub proxy: Option<String>,
    /// The proxy's account.
    pub proxy_username: Option<String>,
    /// Its password; `None` in listings and where there is none.
    #[serde(skip)]
    pub proxy_password: Option<Secret<String>>,
}

/// Where the proxy's password stands, encrypted, among the settings of the column `adapter`.
const SEALED_PROXY_PASSWORD: &str = "sealed_proxy_password";

/// Hosts by which a registry can be reached from one side, as its API tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportedEndpoint {
    /// From where.
    pub net_type: NetType,
    /// Host names.
    pub domains: Vec<String>,
}

/// One registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registry {
    /// Number of the row; never used again after removal.
    pub id: i64,
    /// What a person decided.
    pub settings: RegistrySettings,
    /// Whose it is: tenants share the workers evenly; `None`: the site's own.
    pub tenant: Option<String>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Whether a token of its API is stored.
    pub has_api_token: bool,
    /// Under which names it can be reached, as its API told at the last sync; empty: only as the settings say.
    pub endpoints: Vec<ReportedEndpoint>,
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

impl RegistryError {
    fn invalid(settings: &RegistrySettings, what: impl ToString) -> Self {
        Self::Invalid { name: settings.name.clone(), what: what.to_string() }
    }
}

impl RegistrySettings {
    /// Host and port as they stand in image references, without the scheme's own port; `docker.io` for each of Docker
    /// Hub's hosts.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.is_docker_hub() {
            return "docker.io".to_owned();
        }
        match (self.port, self.scheme) {
            (None, _) | (Some(443), UrlScheme::Https) | (Some(80), UrlScheme::Http) => {
                self.host.clone()
            }
            (Some(port), _) => format!("{}:{port}", self.host),
        }
    }

    fn check(&self) -> Result<(), RegistryError> {
        let invalid = |what: &str| {
            Err(RegistryError::Invalid { name: self.name.clone(), what: what.to_owned() })
        };
        if !is_name(&self.name) {
            return invalid(
                "the name is empty, longer than 128 characters or has a control character",
            );
        }
        let host_character = |c: char| c.is_ascii_graphic() && !c.is_ascii_uppercase();
        if self.host.is_empty()
            || !self.host.chars().all(host_character)
            || self.host.contains(['/', '@', '?', '#'])
        {
            return invalid(
                "the host is empty or has a character that no lower-case host name has",
            );
        }
        if let Some(path) = self.repositories.iter().find(|path| !is_path(path)) {
            return invalid(&format!("`{path}` cannot be a repository"));
        }
        Ok(())
    }

    /// Whether its images are what builds report: nothing of it can be listed or fetched.
    #[must_use]
    pub fn is_of_builds(&self) -> bool {
        self.reported_type == OF_BUILDS
    }

    /// Whether this is Docker Hub, under any of its names.
    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        matches!(self.host.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io")
    }
}

/// Names of registries and keys: for people, on one line.
pub(crate) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= 128 && !name.chars().any(char::is_control)
}

/// Paths of repositories as any registry may have them; stricter grammars are the adapters' matter.
pub(crate) fn is_path(path: &str) -> bool {
    path.len() <= 512
        && !path.chars().any(char::is_control)
        && path.split('/').all(|segment| !segment.is_empty())
}

const SCHEMES: &[(&str, UrlScheme)] = &[("http", UrlScheme::Http), ("https", UrlScheme::Https)];

impl UrlScheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl NetType {
    /// 1 or 2, as the contract numbers them.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Internet => 1,
            Self::Intranet => 2,
        }
    }
}

impl Registry {
    /// Reads a row without its password.
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let password: Option<Vec<u8>> = column::get(row, "password")?;
        let api_token: Option<Vec<u8>> = column::get(row, "api_token")?;
        let net_type = if column::number::<i64>(row, "net_type")? == 2 {
            NetType::Intranet
        } else {
            NetType::Internet
        };
        Ok(Self {
            id: column::number(row, "id")?,
            settings: RegistrySettings {
                name: column::text(row, "name")?,
                kind: column::text(row, "kind")?,
                reported_type: column::text(row, "reported_type")?,
                scheme: word(row, "scheme", SCHEMES)?,
                host: column::text(row, "host")?,
                port: column::optional_number(row, "port")?,
                username: column::get(row, "username")?,
                password: None,
                region_id: column::text(row, "region_id")?,
                net_type,
                ca_pem: column::get(row, "ca_pem")?,
                repositories: column::json(row, "repositories")?,
                platform: column::optional_parsed(row, "platform", "a platform")?,
                adapter: column::json(row, "adapter")?,
            },
            tenant: Some(column::text(row, "tenant")?).filter(|tenant| tenant != NOBODY_ELSE),
            has_password: password.is_some(),
            has_api_token: api_token.is_some(),
            endpoints: column::json(row, "endpoints")?,
            problem: column::get(row, "problem")?,
            created: column::time(row, "created")?,
            modified: column::time(row, "modified")?,
        })
    }
}

impl Store {
    /// Adds a registry of the site's own.
    ///
    /// # Errors
    /// The name is taken, a setting cannot be, or the database fails.
    pub async fn add_registry(
        &self,
        settings: &RegistrySettings,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        self.add_registry_of(None, settings, now).await
    }

    /// Adds a registry of a tenant; `None`: of the site's own.
    ///
    /// # Errors
    /// The name is taken, a setting or the tenant's name cannot be, or the database fails.
    pub async fn add_registry_of(
        &self,
        tenant: Option<&str>,
        settings: &RegistrySettings,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        settings.check()?;
        let tenant = tenants::checked(&settings.name, tenant)?;
        let mut transaction = self.write().await?;
        let row = statement::query(
            "INSERT INTO registries (name, kind, reported_type, scheme, host, authority, docker_hub, region_id, net_type, \
             repositories, created, modified, tenant) \
             VALUES ($1, '', '', '', '', '', 0, '', 1, '[]', $2, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .bind(&settings.name)
        .bind(now.0)
        .bind(tenant)
        .fetch_optional(&mut transaction)
        .await
        .doing("adding a registry")?;
        let Some(row) = row else { return Err(RegistryError::Taken(settings.name.clone())) };
        let id = column::number(&row, "id")?;
        let registry = self.write_settings(&mut transaction, id, settings, now).await?;
        transaction.commit().await.doing("adding a registry")?;
        Ok(registry)
    }

    /// One registry by name, password included.
    ///
    /// # Errors
    /// The database fails, or the password does not decrypt.
    pub async fn registry(&self, name: &str) -> Result<Option<Registry>, StoreError> {
        let row = statement::query("SELECT * FROM registries WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading a registry")?;
        row.map(|row| self.with_password(&row)).transpose()
    }

    /// One registry by number, password included.
    ///
    /// # Errors
    /// The database fails, or the password does not decrypt.
    pub async fn registry_by_id(&self, id: i64) -> Result<Option<Registry>, StoreError> {
        let row = statement::query("SELECT * FROM registries WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading a registry")?;
        row.map(|row| self.with_password(&row)).transpose()
    }

    /// All registries by name, without passwords.
    ///
    /// # Errors
    /// The database fails.
    pub async fn registries(&self) -> Result<Vec<Registry>, StoreError> {
        let rows = statement::query("SELECT * FROM registries ORDER BY name")
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing registries")?;
        rows.iter().map(Registry::from_row).collect()
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
        settings.check()?;
        let mut transaction = self.write().await?;
        let id = registry_id(&mut transaction, &settings.name).await?;
        let registry = self.write_settings(&mut transaction, id, settings, now).await?;
        transaction.commit().await.doing("changing a registry")?;
        Ok(registry)
    }

    /// Removes a registry with its images; artifacts that no other image names are kept for
    /// [`Store::prune_artifacts`]. Returns how many images went.
    ///
    /// # Errors
    /// There is no such registry, or the database fails.
    pub async fn remove_registry(&self, name: &str, now: Timestamp) -> Result<u64, RegistryError> {
        const DOING: &str = "removing a registry";
        let mut transaction = self.write().await?;
        let id = registry_id(&mut transaction, name).await?;
        let rows = statement::query("SELECT id FROM images WHERE registry_id = $1")
            .bind(id)
            .fetch_all(&mut transaction)
            .await
            .doing(DOING)?;
        let images: Vec<i64> =
            rows.iter().map(|row| column::number(row, "id")).collect::<Result<_, StoreError>>()?;
        own_counters::note_last_use(&mut transaction, &images, now).await?;
        let rows =
            statement::query("DELETE FROM images WHERE registry_id = $1 RETURNING artifact_id")
                .bind(id)
                .fetch_all(&mut transaction)
                .await
                .doing(DOING)?;
        let mut left = std::collections::BTreeSet::new();
        for row in &rows {
            left.insert(column::number(row, "artifact_id")?);
        }
        artifacts::mark_orphans(&mut transaction, &left, now).await?;
        shares::hand_over(&mut transaction, id).await?;
        inventory_rows::count_images_of(&mut transaction, &left).await?;
        statement::query("DELETE FROM registries WHERE id = $1")
            .bind(id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
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
        const DOING: &str = "noting a registry's problem";
        let row = statement::query("SELECT problem FROM registries WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        let known: Option<String> =
            row.map(|row| column::get(&row, "problem")).transpose()?.flatten();
        if known.as_deref() == problem {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        statement::query("UPDATE registries SET problem = $2 WHERE id = $1")
            .bind(id)
            .bind(problem)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Remembers under which names a registry can be reached. Writes only a change.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_registry_endpoints(
        &self,
        registry: &Registry,
        endpoints: &[ReportedEndpoint],
    ) -> Result<(), StoreError> {
        const DOING: &str = "noting a registry's endpoints";
        if registry.endpoints == endpoints {
            return Ok(());
        }
        let endpoints: Vec<serde_json::Value> = endpoints
            .iter()
            .map(|one| {
                let from = if one.net_type == NetType::Internet { "internet" } else { "intranet" };
                serde_json::json!({ "net_type": from, "domains": one.domains })
            })
            .collect();
        let mut transaction = self.write().await?;
        statement::query("UPDATE registries SET endpoints = $2 WHERE id = $1")
            .bind(registry.id)
            .bind(serde_json::Value::from(endpoints).to_string())
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    fn with_password(&self, row: &DatabaseRow) -> Result<Registry, StoreError> {
        let mut registry = Registry::from_row(row)?;
        if let Some(sealed) = column::get::<Option<Vec<u8>>>(row, "password")? {
            let id = registry.id.to_string();
            registry.settings.password =
                Some(self.master_key().open(secret_place(&id, "password"), &sealed)?);
        }
        if let Some(sealed) = column::get::<Option<Vec<u8>>>(row, "api_token")? {
            let id = registry.id.to_string();
            registry.settings.adapter.api_token =
                Some(self.master_key().open(secret_place(&id, "api_token"), &sealed)?);
        }
        let fields: serde_json::Value = column::json(row, "adapter")?;
        if let Some(sealed) = fields.get(SEALED_PROXY_PASSWORD) {
            let id = registry.id.to_string();
            let place = secret_place(&id, "proxy_password");
            let sealed: Vec<u8> = serde_json::from_value(sealed.clone()).unwrap_or_default();
            registry.settings.adapter.proxy_password =
                Some(self.master_key().open(place, &sealed)?);
        }
        Ok(registry)
    }

    /// Writes all settings but the name, which is what they are found by.
    async fn write_settings(
        &self,
        transaction: &mut Transaction,
        id: i64,
        settings: &RegistrySettings,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        let row = id.to_string();
        let seal = |secret: Option<&Secret<String>>, column: &'static str| {
            let place = secret_place(&row, column);
            secret.map(|secret| self.master_key().seal(place, secret.reveal())).transpose()
        };
        let password = seal(settings.password.as_ref(), "password")?;
        let api_token = seal(settings.adapter.api_token.as_ref(), "api_token")?;
        let proxy_password = seal(settings.adapter.proxy_password.as_ref(), "proxy_password")?;
        let mut adapter = serde_json::to_value(&settings.adapter)
            .map_err(|error| RegistryError::invalid(settings, error))?;
        if let (Some(fields), Some(sealed)) = (adapter.as_object_mut(), proxy_password) {
            fields.insert(SEALED_PROXY_PASSWORD.to_owned(), sealed.into());
        }
        let adapter = adapter.to_string();
        let repositories = serde_json::Value::from(settings.repositories.clone()).to_string();
        let row = statement::query(
            "UPDATE registries SET kind = $2, reported_type = $3, scheme = $4, host = $5, port = $6, authority = $7, \
             docker_hub = $8, username = $9, password = $10, region_id = $11, net_type = $12, ca_pem = $13, \
             repositories = $14, platform = $15, modified = $16, adapter = $17, api_token = $18 WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(&settings.kind)
        .bind(&settings.reported_type)
        .bind(settings.scheme.as_str())
        .bind(&settings.host)
        .bind(settings.port.map(i64::from))
        .bind(settings.authority())
        .bind(i64::from(settings.is_docker_hub()))
        .bind(&settings.username)
        .bind(password)
        .bind(&settings.region_id)
        .bind(i64::from(settings.net_type.number()))
        .bind(&settings.ca_pem)
        .bind(repositories)
        .bind(settings.platform.as_ref().map(ToString::to_string))
        .bind(now.0)
        .bind(adapter)
        .bind(api_token)
        .fetch_one(transaction)
        .await
        .doing("writing a registry's settings")?;
        Ok(self.with_password(&row)?)
    }
}

const fn secret_place<'a>(row: &'a str, column: &'static str) -> Place<'a> {
    Place { table: "registries", row, column }
}

pub(crate) async fn registry_id(
    transaction: &mut Transaction,
    name: &str,
) -> Result<i64, RegistryError> {
    let row = statement::query("SELECT id FROM registries WHERE name = $1")
        .bind(name)
        .fetch_optional(transaction)
        .await
        .doing("reading a registry")?;
    match row {
        Some(row) => Ok(column::number(&row, "id")?),
        None => Err(RegistryError::Unknown(name.to_owned())),
    }
}
