//! Where machines share what they know of layers, and the advisory snapshot.
//!
//! In: flags of `serve`, `worker` and `feed share`. Out: [`SharedAt`]. Odd: the access key is no flag, since everybody on a machine can read those.

use clap::Args;

/// Where machines share what they know.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Shared with other machines")]
pub(crate) struct SharedAt {
    /// Share what is known of layers, and the advisory snapshot, with other machines: a folder that all have, or s3://BUCKET[/PREFIX] with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(
        long,
        alias = "shared-layers",
        value_name = "DIR|URL",
        env = "PLIMSOLL_SHARED",
        hide_env_values = true
    )]
    pub(crate) shared: Option<String>,
    /// Address of the S3-compatible store [default: Amazon's of the region]
    #[arg(long, value_name = "URL", env = "PLIMSOLL_S3_ENDPOINT", hide_env_values = true)]
    pub(crate) s3_endpoint: Option<String>,
    /// Region of the store
    #[arg(
        long,
        value_name = "REGION",
        env = "AWS_REGION",
        hide_env_values = true,
        default_value = "us-east-1"
    )]
    pub(crate) s3_region: String,
    /// Speak plain http to a store that is not on this machine
    #[arg(long)]
    pub(crate) s3_plain_http: bool,
}
