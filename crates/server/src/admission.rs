//! Letting into a cluster: a validating admission webhook, `POST /validate`.
//!
//! In: what a Kubernetes API server asks before it keeps a pod or a workload. Out: whether it may, from what the store knows of its
//! images. Source: Kubernetes, "Dynamic Admission Control"; `k8s.io/api/admission/v1`; `docs/admission.md`.
//!
//! Odd:
//! * Nothing is scanned and no registry is asked while the API server waits: an image that nobody scanned is answered as the policy
//!   says of such images, and that is what the policy has a word for.
//! * A process of it is stateless and only reads: it needs the database and the policy file, no master key and no data of its own, and
//!   any number of them answer alike.
//! * It answers while the database is away, as the policy says; so being without one is no reason for `/readyz` to say no for long, which
//!   would leave the choice to the cluster's `failurePolicy` and nobody with a message.

mod answer;
mod endpoint;
mod judge;
mod kept;
mod metrics;
mod object;
mod policy_file;
mod request;
mod review;
mod start;

pub use self::{
    policy_file::{PolicyFileError, read_policy},
    review::{ReviewFileError, Reviewed, review_text},
    start::{AdmissionConfig, AdmissionError, AdmissionServer, serve_admission},
};
