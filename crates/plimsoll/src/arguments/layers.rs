//! Where machines share what they know of layers.
//!
//! In: flags of `serve` and `worker`. Out: [`LayersAt`]. Odd: the access key is no flag, since everybody on a machine can read those.

use clap::Args;

/// Where what is known of layers is shared.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Shared layers")]
pub(crate) struct LayersAt {
    /// Share what is known of layers with other machines: a folder that all have, or s3://BUCKET[/PREFIX] with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "DIR|URL", env = "PLIMSOLL_SHARED_LAYERS", hide_env_values = true)]
    pub(crate) shared_layers: Option<String>,
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
