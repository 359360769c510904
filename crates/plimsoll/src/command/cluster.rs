//! `plimsoll cluster`: what runs where.

use anyhow::Context;
use plimsoll_cluster::read_kubeconfig;
use plimsoll_server::operation::clusters::{AddCluster, ClusterView};

use crate::{
    arguments::{Cluster, ClusterAdd, Global},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    cluster: Cluster,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    match cluster {
        Cluster::Add(add) => {
            let request = request(add)?;
            let added = Backend::open(global).await?.add_cluster(&request).await?;
            terminal.say(&format!(
                "cluster {} is {}, Kubernetes {}; a running server watches it",
                added.name,
                added.id,
                added.version.as_deref().unwrap_or("of unknown version")
            ));
        }
        Cluster::List { format } => {
            let list = Backend::open(global).await?.list_clusters().await?;
            let head = ["NAME", "ID", "CONTAINERS", "KNOWN", "CHANGED", "API", "VERSION", "STATE"];
            terminal.list(format, &head, &list.clusters, |one| {
                vec![
                    one.name.clone(),
                    one.id.clone(),
                    one.containers.to_string(),
                    one.known.to_string(),
                    one.updated.to_string(),
                    one.server.clone().unwrap_or_default(),
                    one.version.clone().unwrap_or_default(),
                    state(one),
                ]
            })?;
        }
        Cluster::Remove { name } => {
            let removed = Backend::open(global).await?.remove_cluster(&name).await?;
            terminal.say(&format!("cluster {} is forgotten", removed.id));
        }
        Cluster::Import { pods, cluster } => {
            let document = std::fs::read(&pods)
                .with_context(|| format!("`{}` cannot be read", pods.display()))?;
            let imported =
                Backend::open(global).await?.import_workloads(&cluster, document).await?;
            terminal.say(&format!(
                "cluster {}: {} containers, {} of them of images that are known here",
                imported.cluster_id, imported.containers, imported.known
            ));
        }
    }
    Ok(())
}

fn request(add: ClusterAdd) -> anyhow::Result<AddCluster> {
    let access =
        add.kubeconfig.map(|file| read_kubeconfig(&file, add.context.as_deref())).transpose()?;
    Ok(AddCluster { name: add.name, access, in_cluster: add.in_cluster, replace: add.replace })
}

fn state(cluster: &ClusterView) -> String {
    match (&cluster.problem, &cluster.server) {
        (Some(problem), _) => problem.clone(),
        (None, None) => "told by somebody else".to_owned(),
        (None, Some(_)) if cluster.watched => "watched".to_owned(),
        (None, Some(_)) => "no server watches it".to_owned(),
    }
}
