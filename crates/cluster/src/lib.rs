//! What runs where: workloads of Kubernetes clusters.
