//! What is said to report a scan to a server.
//!
//! In: the words after `plimsoll scan`. Out: [`ReportTo`]. Odd: the comments are help texts; the token is no argument.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where a scan is reported.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Reporting to a server")]
pub(crate) struct ReportTo {
    /// Report the image to this server, which judges it by its own advisories and policy: exit with 3 when that policy denies.
    /// The token of `plimsoll registry token create NAME report` comes from PLIMSOLL_REPORT_TOKEN or a file
    #[arg(long, value_name = "URL", env = "PLIMSOLL_REPORT_TO", hide_env_values = true)]
    pub(crate) report_to: Option<String>,
    /// File with the token [default: PLIMSOLL_REPORT_TOKEN in the environment]
    #[arg(long, value_name = "FILE", requires = "report_to")]
    pub(crate) report_token_file: Option<PathBuf>,
    /// Repository and tag under which the server lists it, such as team/app:1.4 [default: those of the target]
    #[arg(long, value_name = "NAME", requires = "report_to")]
    pub(crate) report_name: Option<String>,
    /// Own certificate authority (PEM) for that server
    #[arg(long, value_name = "FILE", requires = "report_to")]
    pub(crate) report_ca: Option<PathBuf>,
    /// Speak http to a server that is not on this machine; the token travels readable
    #[arg(long, requires = "report_to")]
    pub(crate) report_plain_http: bool,
    /// What becomes of the build when the server cannot be told
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnReportError::Fail)]
    pub(crate) on_report_error: OnReportError,
}

/// What becomes of a scan that could not be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum OnReportError {
    /// Exit with 1
    #[default]
    Fail,
    /// Say so and go on
    Warn,
}
