//! Clusters and what runs there.
//!
//! In: how a cluster is reached, or a list of its pods. Out: [`Cluster`]. Odd: the comments are help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;

/// `plimsoll cluster …`
#[derive(Subcommand, Debug)]
pub(crate) enum Cluster {
    /// Watch a cluster from now on; servers do it
    Add(ClusterAdd),
    /// The clusters that are known
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Forget a cluster and what runs there
    Remove {
        /// Its name or id
        name: String,
    },
    /// Take in what runs in a cluster that nobody watches: kubectl get pods --all-namespaces -o json > pods.json
    Import {
        /// The file
        pods: PathBuf,
        /// The cluster's id, for ListImageRisk's ClusterId
        #[arg(long, value_name = "ID")]
        cluster: String,
    },
}

/// `plimsoll cluster add`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll cluster add production --kubeconfig production.yaml\n  \
    plimsoll cluster add home --in-cluster --server http://127.0.0.1:8640\n\n\
    The account needs to list and watch pods, nodes, replica sets and jobs, and to read the namespace kube-system. Its credential is \
    kept encrypted and is never shown again."
)]
pub(crate) struct ClusterAdd {
    /// Your name for it
    pub(crate) name: String,
    /// File that says how its API is reached, and with which credential
    #[arg(long, value_name = "FILE", required_unless_present = "in_cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Which context of the file [default: its current one]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub(crate) context: Option<String>,
    /// The cluster in which the server itself runs, by its service account
    #[arg(long, conflicts_with = "kubeconfig")]
    pub(crate) in_cluster: bool,
    /// Exchange address and credential of a cluster that is there already
    #[arg(long)]
    pub(crate) replace: bool,
}
