//! `plimsoll completions`: a script that completes commands and flags in a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{arguments::Arguments, terminal::Terminal};

pub(crate) fn run(shell: Shell, terminal: Terminal) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "plimsoll", &mut script);
    terminal.print(String::from_utf8(script)?.trim_end())?;
    Ok(())
}
