//! What can be said to `plimsoll sandbox`.
//!
//! In: the arguments. Out: [`SandboxCheck`]. Odd: the comments are help texts.

use clap::Args;

use super::ListFormat;

/// `plimsoll sandbox`
#[derive(Args, Debug)]
pub(crate) struct SandboxCheck {
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}
