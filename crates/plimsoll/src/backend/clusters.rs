//! Clusters, in the data directory or by a running server.

use anyhow::Context as _;
use plimsoll_server::operation::{
    clusters::{self, AddCluster, ClusterList, ClusterView, RemovedCluster, ServiceAccount},
    workloads::{self, ImportedWorkloads},
};

use super::{Backend, NOTHING, done, send};

impl Backend {
    pub(crate) async fn add_cluster(&self, request: &AddCluster) -> anyhow::Result<ClusterView> {
        match self {
            Self::Data(context) => {
                let (account, now) = (ServiceAccount::default(), context.clock.now());
                done(clusters::add_cluster(&context.store, request, &account, now).await)
            }
            Self::Server(client) => send(client, "POST", &["clusters"], &[], Some(request)).await,
        }
    }

    pub(crate) async fn list_clusters(&self) -> anyhow::Result<ClusterList> {
        match self {
            Self::Data(context) => {
                done(clusters::list_clusters(&context.store, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "GET", &["clusters"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn remove_cluster(&self, name: &str) -> anyhow::Result<RemovedCluster> {
        match self {
            Self::Data(context) => done(clusters::remove_cluster(&context.store, name).await),
            Self::Server(client) => send(client, "DELETE", &["clusters", name], &[], NOTHING).await,
        }
    }

    pub(crate) async fn import_workloads(
        &self,
        cluster: &str,
        pods: Vec<u8>,
    ) -> anyhow::Result<ImportedWorkloads> {
        match self {
            Self::Data(context) => done(
                workloads::import_workloads(&context.store, cluster, &pods, context.clock.now())
                    .await,
            ),
            Self::Server(client) => {
                let pods: serde_json::Value =
                    serde_json::from_slice(&pods).context("the file is not JSON")?;
                send(client, "PUT", &["clusters", cluster, "workloads"], &[], Some(&pods)).await
            }
        }
    }
}
