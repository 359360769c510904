//! What can be said to `plimsoll admission`.
//!
//! In: the arguments. Out: [`Admission`]. Odd: the comments are help texts.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};

/// `plimsoll admission …`
#[derive(Subcommand, Debug)]
pub(crate) enum Admission {
    /// Answer a Kubernetes API server that asks what may run: a validating admission webhook
    Serve(AdmissionServe),
    /// Say whether a policy file can be used, and what in it is mostly not meant
    Check {
        /// The policy (TOML)
        policy: PathBuf,
    },
    /// Answer one review from a file as the webhook would, from the store
    Review(AdmissionReview),
    /// Make an authority and a certificate for the webhook's Service
    Certificate(AdmissionCertificate),
}

/// `plimsoll admission serve`
#[derive(Args, Debug)]
#[command(
    after_help = "Example: plimsoll admission serve --store postgres://reader@db.example/plimsoll --policy admission.toml \
    --listen 0.0.0.0:8443 --tls-certificate tls.crt --tls-key tls.key\n\n\
    It only reads the store: it needs no master.key, and with --store no data folder. Policy and certificate are read again when the \
    files change. The webhook is POST /validate; /livez and /readyz answer there, too."
)]
pub(crate) struct AdmissionServe {
    /// The policy (TOML)
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_ADMISSION_POLICY", hide_env_values = true)]
    pub(crate) policy: PathBuf,
    /// Address to listen at
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "PLIMSOLL_ADMISSION_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:8443"
    )]
    pub(crate) listen: SocketAddr,
    /// Certificate chain (PEM); API servers speak https alone
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Milliseconds that an answer may take; what the store has not said by then is answered as `unavailable` in the policy says
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=25_000))]
    pub(crate) timeout: u64,
    /// Connections to the database that read
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) connections: u32,
    /// Seconds that a stop goes on answering, until the cluster asks others
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub(crate) drain: u64,
    /// Address that answers /livez, /readyz and /metrics over http
    #[arg(long, value_name = "HOST:PORT", env = "PLIMSOLL_PROBES", hide_env_values = true)]
    pub(crate) probes: Option<SocketAddr>,
}

/// `plimsoll admission review`
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 it may, 3 it may not, 1 error. The answer is on standard output."
)]
pub(crate) struct AdmissionReview {
    /// The review: an AdmissionReview of admission.k8s.io/v1 (JSON)
    pub(crate) file: PathBuf,
    /// The policy (TOML)
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_ADMISSION_POLICY", hide_env_values = true)]
    pub(crate) policy: PathBuf,
}

/// `plimsoll admission certificate`
#[derive(Args, Debug)]
#[command(
    after_help = "Writes ca.crt, tls.crt and tls.key. The authority's own key is thrown away: for another certificate run it again.\n\n\
    Example:\n  plimsoll admission certificate --service plimsoll-admission --namespace plimsoll --out certificate\n  \
    kubectl -n plimsoll create secret tls plimsoll-admission --cert certificate/tls.crt --key certificate/tls.key\n  \
    base64 -w0 certificate/ca.crt   # caBundle of the ValidatingWebhookConfiguration"
)]
pub(crate) struct AdmissionCertificate {
    /// Name of the Service
    #[arg(long, value_name = "NAME", default_value = "plimsoll-admission")]
    pub(crate) service: String,
    /// Its namespace
    #[arg(long, value_name = "NAME", default_value = "plimsoll")]
    pub(crate) namespace: String,
    /// Days for which it holds
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: u32,
    /// Folder for the three files; none of them may be there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
