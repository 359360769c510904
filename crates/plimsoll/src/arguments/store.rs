//! What can be said to `plimsoll store`.
//!
//! In: the arguments. Out: [`StoreCommand`]. Odd: the comments are help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `plimsoll store`
#[derive(Subcommand, Debug)]
pub(crate) enum StoreCommand {
    /// Copy the embedded database of the data folder to an empty PostgreSQL database
    Copy(StoreCopy),
}

/// `plimsoll store copy`
#[derive(Args, Debug)]
#[command(
    after_help = "Stop the server first: what it writes behind the copy is not in it. Then go on with `--store URL` and the same \
    `--data DIR`, which keeps master.key; the embedded database stays as it is.\n\nExample:\n  \
    plimsoll store copy --to postgres://plimsoll@db.example/plimsoll"
)]
pub(crate) struct StoreCopy {
    /// The empty database: postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// File whose first line is its password [default: PGPASSWORD or ~/.pgpass]
    #[arg(long, value_name = "FILE")]
    pub(crate) to_password_file: Option<PathBuf>,
}
