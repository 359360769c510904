//! `plimsoll cluster`: what runs where.

use anyhow::Context;

use crate::{
    arguments::{Cluster, Global},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    cluster: Cluster,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let Cluster::Import { pods, cluster } = cluster;
    let document =
        std::fs::read(&pods).with_context(|| format!("`{}` cannot be read", pods.display()))?;
    let imported = Backend::open(global).await?.import_workloads(&cluster, document).await?;
    terminal.say(&format!(
        "cluster {}: {} containers, {} of them of images that are known here",
        imported.cluster_id, imported.containers, imported.known
    ));
    Ok(())
}
