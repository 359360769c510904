//! Tokens by which others speak for one registry: its webhooks, the Harbor whose scanner we are, builds that report.
//!
//! In: a registry and a purpose. Out: a random token, shown once; the database holds its hash only. Source: OWASP, "Secrets
//! Management": 256 random bits, one secret for one use. Odd: a token is held against every hash of its purpose, each time in
//! a time that does not depend on where they differ, so that an answer's delay says nothing; sites have few registries.

use plimsoll_model::{Secret, Timestamp};

use crate::{
    RegistryError, Store, StoreError,
    admin_token::{hash, is_equal},
    column,
    error::Doing,
    master_key::random_text,
    registries::registry_id,
    statement,
};

/// What the bearer of a token may do for its registry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TokenPurpose {
    /// Say that something changed there.
    Hook,
    /// Report images that a build made.
    Report,
    /// Have its images scanned, and fetch the reports.
    Scanner,
}

/// A token that stands, without the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistryToken {
    /// What it is for.
    pub purpose: TokenPurpose,
    /// When it was made.
    pub created: Timestamp,
}

/// For which registry a token speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenBearer {
    /// The registry's number.
    pub registry_id: i64,
    /// Its name.
    pub registry: String,
}

const PURPOSES: &[(&str, TokenPurpose)] = &[
    ("hook", TokenPurpose::Hook),
    ("report", TokenPurpose::Report),
    ("scanner", TokenPurpose::Scanner),
];

impl TokenPurpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hook, Self::Report, Self::Scanner];

    /// `hook`, `report`, `scanner`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Report => "report",
            Self::Scanner => "scanner",
        }
    }
}

impl Store {
    /// Makes a token and returns it; the one of this purpose before is refused from then on.
    ///
    /// # Errors
    /// There is no such registry, or the database fails.
    pub async fn create_registry_token(
        &self,
        registry: &str,
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Secret<String>, RegistryError> {
        const DOING: &str = "making a registry's token";
        let token = random_text(48)?;
        let mut transaction = self.write().await?;
        let registry_id = registry_id(&mut transaction, registry).await?;
        statement::query(
            "INSERT INTO registry_tokens (registry_id, purpose, hash, created) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (registry_id, purpose) DO UPDATE SET hash = excluded.hash, created = excluded.created",
        )
        .bind(registry_id)
        .bind(purpose.as_str())
        .bind(hash(&token))
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(Secret::new(token))
    }

    /// The tokens of a registry, by purpose.
    ///
    /// # Errors
    /// There is no such registry, or the database fails.
    pub async fn registry_tokens(
        &self,
        registry: &str,
    ) -> Result<Vec<RegistryToken>, RegistryError> {
        let mut snapshot = self.snapshot().await?;
        let registry_id = registry_id(&mut snapshot, registry).await?;
        let rows = statement::query(
            "SELECT purpose, created FROM registry_tokens WHERE registry_id = $1 ORDER BY purpose",
        )
        .bind(registry_id)
        .fetch_all(&mut snapshot)
        .await
        .doing("listing a registry's tokens")?;
        let token = |row| {
            Ok(RegistryToken {
                purpose: column::word(row, "purpose", PURPOSES)?,
                created: column::time(row, "created")?,
            })
        };
        rows.iter().map(token).collect()
    }

    /// Takes a token back. Returns whether there was one.
    ///
    /// # Errors
    /// There is no such registry, or the database fails.
    pub async fn remove_registry_token(
        &self,
        registry: &str,
        purpose: TokenPurpose,
    ) -> Result<bool, RegistryError> {
        const DOING: &str = "taking a registry's token back";
        let mut transaction = self.write().await?;
        let registry_id = registry_id(&mut transaction, registry).await?;
        let done =
            statement::query("DELETE FROM registry_tokens WHERE registry_id = $1 AND purpose = $2")
                .bind(registry_id)
                .bind(purpose.as_str())
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() > 0)
    }

    /// For which registry this token of a purpose speaks; takes the same time for every wrong one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn bearer_of(
        &self,
        token: &str,
        purpose: TokenPurpose,
    ) -> Result<Option<TokenBearer>, StoreError> {
        let rows = statement::query(
            "SELECT t.registry_id, t.hash, r.name FROM registry_tokens t JOIN registries r ON r.id = t.registry_id \
             WHERE t.purpose = $1 ORDER BY t.registry_id",
        )
        .bind(purpose.as_str())
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("looking at a registry's token")?;
        let given = hash(token);
        let mut bearer = None;
        for row in &rows {
            if is_equal(&column::text(row, "hash")?, &given) {
                bearer = Some(TokenBearer {
                    registry_id: column::number(row, "registry_id")?,
                    registry: column::text(row, "name")?,
                });
            }
        }
        Ok(bearer)
    }
}
