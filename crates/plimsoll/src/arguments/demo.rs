//! What can be said to `plimsoll demo`.
//!
//! In: the arguments. Out: [`Demo`]. Odd: the comments are help texts.

use clap::{Args, ValueEnum};

/// `plimsoll demo`
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Address to serve at [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Stop after printing instead of serving until Ctrl-C
    #[arg(long)]
    pub(crate) exit: bool,
    /// What to print: everything for people, or variables for a script
    #[arg(long, value_enum, default_value_t = DemoFormat::Text)]
    pub(crate) format: DemoFormat,
}

/// What the demo prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoFormat {
    /// Tables, addresses, a snippet
    Text,
    /// PLIMSOLL_ENDPOINT=…, ALIBABA_CLOUD_ACCESS_KEY_ID=…, ALIBABA_CLOUD_ACCESS_KEY_SECRET=… once it serves
    Env,
}
