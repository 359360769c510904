//! The objects of a cluster that are watched, with no more of each than is looked at.
//!
//! In: what the API server sends. Out: types that the crate `kube` can list and watch. Source: Kubernetes API reference. Odd:
//! of replica sets and jobs only the metadata is asked for; environment variables, arguments and volumes of pods are never
//! read, so that secrets in them go nowhere.

use std::borrow::Cow;

use k8s_openapi::{
    ClusterResourceScope, NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::Resource;
use serde::Deserialize;

use crate::pod::{Metadata, Owner, PodSpec, PodStatus};

/// A pod.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WatchedPod {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

/// A node.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WatchedNode {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

/// A replica set; its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WatchedReplicaSet {
    #[serde(default)]
    metadata: ObjectMeta,
}

/// A job; its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WatchedJob {
    #[serde(default)]
    metadata: ObjectMeta,
}

/// The namespace by which a cluster is known.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WatchedNamespace {
    #[serde(default)]
    metadata: ObjectMeta,
}

macro_rules! resources {
    ($($type:ty, $scope:ty, $kind:literal, $group:literal, $plural:literal;)*) => {$(
        impl Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    )*};
}
resources! {
    WatchedPod, NamespaceResourceScope, "Pod", "", "pods";
    WatchedNode, ClusterResourceScope, "Node", "", "nodes";
    WatchedReplicaSet, NamespaceResourceScope, "ReplicaSet", "apps", "replicasets";
    WatchedJob, NamespaceResourceScope, "Job", "batch", "jobs";
    WatchedNamespace, ClusterResourceScope, "Namespace", "", "namespaces";
}

/// What is looked at of an object's metadata.
pub(crate) fn metadata(of: &ObjectMeta) -> Metadata {
    let owner = |owner: &k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference| Owner {
        kind: Some(owner.kind.clone()),
        name: Some(owner.name.clone()),
        controller: owner.controller,
    };
    let metadata = Metadata {
        name: of.name.clone(),
        namespace: of.namespace.clone(),
        labels: of.labels.clone(),
        owner_references: of.owner_references.as_ref().map(|all| all.iter().map(owner).collect()),
        creation_timestamp: of.creation_timestamp.as_ref().map(|time| time.0.to_string()),
    };
    metadata.slim()
}
