//! Whose a registry is, in the data directory or by a running server.

use plimsoll_server::operation::registries::{OfTenant, RegistryView, set_tenant};

use super::{Backend, done, send};

impl Backend {
    pub(crate) async fn set_tenant(
        &self,
        name: &str,
        of: &OfTenant,
    ) -> anyhow::Result<RegistryView> {
        match self {
            Self::Data(context) => {
                done(set_tenant(&context.store, name, of, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "PUT", &["registries", name, "tenant"], &[], Some(of)).await
            }
        }
    }
}
