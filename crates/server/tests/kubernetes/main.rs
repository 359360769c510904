//! Watching a real API server of Kubernetes: `cargo xtask setup kubernetes` builds it, and installs etcd.
//!
//! Nodes and kubelets are not there: the test makes pods and says what they run, as a kubelet would. Where the programs are
//! missing, the test says that it skips; with `PLIMSOLL_REQUIRE_KUBERNETES` that is a failure.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod watched;

use cluster::Cluster;
use plimsoll_cluster::read_kubeconfig;
use plimsoll_server::{
    ServeConfig,
    operation::clusters::{AddCluster, ServiceAccount, add_cluster, list_clusters},
    serve,
};
use serde_json::json;
use watched::comes_to;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_is_watched() {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.post("/api/v1/namespaces", &json!({ "metadata": { "name": "shop" } }));
    cluster.node("node-1", "arm64");
    cluster.replica_set("web-6f847f8786", "front");
    cluster.pod("web-6f847f8786-a", "registry.test/team/app:1");

    let folder = tempfile::tempdir().unwrap();
    let mut config = ServeConfig::new(folder.path());
    config.listen.set_port(0);
    config.workers = 0;
    let server = serve(config).await.unwrap();
    let access = read_kubeconfig(&cluster.kubeconfig(), None).unwrap();
    let request =
        AddCluster { name: "real".to_owned(), access: Some(access), ..AddCluster::default() };
    let now = "2026-12-01T03:00:00Z".parse().unwrap();
    let account = ServiceAccount::default();
    // The account may nothing yet.
    let error = add_cluster(server.store(), &request, &account, now).await.unwrap_err();
    assert!(error.to_string().contains("may not read the namespace `kube-system`"), "{error}");
    cluster.grant("plimsoll");
    let added = cluster
        .until_granted(async || add_cluster(server.store(), &request, &account, now).await.ok());
    let added = added.await;
    assert_eq!(added.id, format!("c{}", cluster.uid_of_kube_system().replace('-', "")));
    assert!(added.version.unwrap().starts_with("v1."));

    let first = |digest: &str| format!("front web-6f847f8786-a {digest} linux/arm64");
    let second = |digest: &str| format!("front web-6f847f8786-b {digest} linux/arm64");
    comes_to(&server, &[first("-")]).await;
    cluster.pulled("web-6f847f8786-a", A);
    comes_to(&server, &[first(A)]).await;
    cluster.pod("web-6f847f8786-b", "registry.test/team/app:2");
    cluster.pulled("web-6f847f8786-b", B);
    comes_to(&server, &[first(A), second(B)]).await;

    // The API server dies, something changes as soon as it is back, and the watch finds it.
    cluster.restart().await;
    cluster.delete("/api/v1/namespaces/shop/pods/web-6f847f8786-a");
    comes_to(&server, &[second(B)]).await;
    let list = list_clusters(server.store(), now).await.unwrap();
    assert_eq!(list.clusters[0].containers, 1);
    server.stop().await;
}
