//! Child processes of the tasks.
//!
//! In: a program and its arguments. Out: its success, or an error that shows the whole command. Odd: tasks print; this
//! is the one module of the task runner that does.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// The checkout's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Tells the person what happens now.
#[expect(clippy::print_stderr, reason = "a task runner talks to people")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Runs a command in the root folder, its output shown.
pub(crate) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    run_command(Command::new(program).args(arguments))
}

/// Runs a prepared command in the root folder, its output shown.
pub(crate) fn run_command(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    say(&shown);
    let status = command
        .current_dir(root())
        .status()
        .with_context(|| format!("`{shown}` cannot be started"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs a command quietly and returns what it printed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    let shown = show(&command);
    let output = command.output().with_context(|| format!("`{shown}` cannot be started"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", "command -v \"$0\" || test -x \"/usr/sbin/$0\"", program])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
