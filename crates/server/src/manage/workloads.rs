//! `/api/v1/clusters`: what runs where; and `/clusters/workloads`, where a cluster tells it by itself.
//!
//! Odd: the latter lies beside the management API and answers as that does, but a key of the cluster opens it, and the admin
//! token does not: what runs in a cluster must not hold that one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State},
    http::StatusCode,
    routing::put,
};

use super::{
    answer::{self, Answer, Body, NoParameters, Parameters, Problem},
    bearer,
};
use crate::{
    context::{Context, Refused},
    operation::{
        clusters::{
            AddCluster, ClusterList, ClusterView, RemovedCluster, ServiceAccount, add_cluster,
            list_clusters, remove_cluster,
        },
        error_chain,
        workloads::{ImportedWorkloads, import_workloads},
    },
    serve::{LARGE_BODY, read_body},
};

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<ClusterList> {
    Ok(Json(list_clusters(&context.store, context.lease_time().await).await?))
}

pub(super) async fn add(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<AddCluster>,
) -> Answer<ClusterView> {
    let account = ServiceAccount::default();
    let now = context.clock.now();
    Ok(Json(add_cluster(&context.store, &request, &account, now).await?))
}

pub(super) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedCluster> {
    Ok(Json(remove_cluster(&context.store, &name).await?))
}

/// The body is the pod list as `kubectl` prints it.
pub(super) async fn import(
    State(context): State<Context>,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
    pods: Bytes,
) -> Answer<ImportedWorkloads> {
    Ok(Json(import_workloads(&context.store, &id, &pods, context.clock.now()).await?))
}

/// The address at which clusters tell by themselves what they run.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/clusters/workloads", put(told))
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(DefaultBodyLimit::max(LARGE_BODY))
        .with_state(context)
}

/// The body is the pod list as `kubectl` prints it, the bearer a cluster's key.
async fn told(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    request: Request,
) -> Answer<ImportedWorkloads> {
    let Some(key) = bearer::token(&request) else { return Err(unauthorized()) };
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let admitted = context.admit_cluster(key, from).await;
    let cluster = admitted.map_err(|refused| match refused {
        Refused::Wrong => {
            tracing::warn!(client.address = %from, "workloads of a cluster refused");
            unauthorized()
        }
        Refused::TooMany { retry_after } => {
            let message = "too many wrong keys came from this address";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", message)
                .retry_after(retry_after)
        }
        Refused::Store(error) => {
            tracing::error!(error = error_chain(&error), "key of a cluster could not be checked");
            Problem::of_store(&error)
        }
    })?;
    let request = read_body(request, LARGE_BODY).await?;
    let pods = to_bytes(request.into_body(), LARGE_BODY).await.map_err(|_cause| {
        let message = "the body could not be read";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    })?;
    Ok(Json(import_workloads(&context.store, &cluster, &pods, context.clock.now()).await?))
}

fn unauthorized() -> Problem {
    let message = "clusters tell what they run with a key of theirs as bearer";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("the action GenerateK8sAccessInfo makes one")
}
