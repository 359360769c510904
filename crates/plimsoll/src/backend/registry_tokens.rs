//! Tokens of registries, in the data directory or by a running server.
//!
//! In: a registry and a purpose. Out: the answers of `operation::registry_tokens`. Odd: see the module above.

use plimsoll_server::operation::registry_tokens::{
    self, CreatedRegistryToken, RegistryTokenList, RemovedRegistryToken,
};

use super::{Backend, NOTHING, done, send};

impl Backend {
    pub(crate) async fn create_registry_token(
        &self,
        name: &str,
        purpose: &str,
    ) -> anyhow::Result<CreatedRegistryToken> {
        match self {
            Self::Data(context) => {
                let (store, now) = (&context.store, context.clock.now());
                done(registry_tokens::create_registry_token(store, name, purpose, now).await)
            }
            Self::Server(client) => {
                let path = ["registries", name, "tokens", purpose];
                send(client, "POST", &path, &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn list_registry_tokens(
        &self,
        name: &str,
    ) -> anyhow::Result<RegistryTokenList> {
        match self {
            Self::Data(context) => {
                done(registry_tokens::list_registry_tokens(&context.store, name).await)
            }
            Self::Server(client) => {
                send(client, "GET", &["registries", name, "tokens"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn remove_registry_token(
        &self,
        name: &str,
        purpose: &str,
    ) -> anyhow::Result<RemovedRegistryToken> {
        match self {
            Self::Data(context) => {
                done(registry_tokens::remove_registry_token(&context.store, name, purpose).await)
            }
            Self::Server(client) => {
                let path = ["registries", name, "tokens", purpose];
                send(client, "DELETE", &path, &[], NOTHING).await
            }
        }
    }
}
