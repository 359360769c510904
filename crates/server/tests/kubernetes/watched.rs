//! What the server knows of the cluster.

use std::time::Duration;

use plimsoll_server::Server;

/// `application pod digest platform` of all containers.
async fn running(server: &Server) -> Vec<String> {
    let containers = server.store().containers(None).await.unwrap();
    let line = |one: &plimsoll_store::Container| {
        let (workload, detail) = (&one.workload, &one.workload.detail);
        let digest = workload.digest.map_or_else(|| "-".to_owned(), |digest| digest.hex());
        let platform = detail.platform.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        format!("{} {} {digest} {platform}", workload.app, workload.pod)
    };
    containers.iter().map(line).collect()
}

pub(crate) async fn comes_to(server: &Server, wanted: &[String]) {
    for _ in 0..6_000 {
        if running(server).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(running(server).await, wanted);
}
