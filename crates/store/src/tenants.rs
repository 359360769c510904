//! Tenants: whose a registry is.
//!
//! In: a registry's name, and whose it is. Out: the registry as it stands then. Odd: a tenant is a name and nothing else. It says who
//! shares the workers with whom (`shares`) and bounds nobody's sight: access keys and the admin token see all registries.

use plimsoll_model::Timestamp;

use crate::{
    Registry, RegistryError, Store,
    error::Doing,
    registries::{is_name, registry_id},
    statement,
};

/// The tenant of whoever runs the site, to whom all registries belong that nobody else owns.
pub(crate) const NOBODY_ELSE: &str = "";

impl Store {
    /// Says whose a registry is; `None`: the site's own. Its scans wait and run with those of that tenant from now on.
    ///
    /// # Errors
    /// There is no such registry, no tenant can be called that, or the database fails.
    pub async fn set_tenant(
        &self,
        registry: &str,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<Registry, RegistryError> {
        const DOING: &str = "saying whose a registry is";
        let tenant = checked(registry, tenant)?;
        let mut transaction = self.write().await?;
        let id = registry_id(&mut transaction, registry).await?;
        statement::query(
            "UPDATE registries SET tenant = $2, modified = $3 WHERE id = $1 AND tenant <> $2",
        )
        .bind(id)
        .bind(tenant)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        // The turns of those who have no registry any more would stay for ever.
        statement::query(
            "DELETE FROM tenant_shares WHERE NOT EXISTS (SELECT 1 FROM registries r WHERE r.tenant = tenant_shares.tenant)",
        )
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        let row = statement::query("SELECT * FROM registries WHERE id = $1")
            .bind(id)
            .fetch_one(&mut transaction)
            .await
            .doing(DOING)?;
        let set = Registry::from_row(&row)?;
        transaction.commit().await.doing(DOING)?;
        self.hint_tasks();
        Ok(set)
    }
}

/// A tenant as it is stored.
pub(crate) fn checked<'a>(
    registry: &str,
    tenant: Option<&'a str>,
) -> Result<&'a str, RegistryError> {
    match tenant {
        None => Ok(NOBODY_ELSE),
        Some(name) if is_name(name) => Ok(name),
        Some(_) => Err(RegistryError::Invalid {
            name: registry.to_owned(),
            what: "a tenant's name is empty, longer than 128 characters or has a control character"
                .to_owned(),
        }),
    }
}
