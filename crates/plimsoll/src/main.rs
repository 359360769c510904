//! The one binary: arguments in, text and an exit code out.
//!
//! In: the command line. Out: results on standard output, everything else on standard error, an exit code
//! ([`Exit`]). Odd: nothing here decides anything about images; it says what the libraries found.

mod arguments;
mod backend;
mod build_environment;
mod command;
mod confinement;
mod data;
mod demo;
mod log;
mod login;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    arguments::{Arguments, Command},
    terminal::Terminal,
};

/// How the program ends. The help text lists the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 3: `--fail-on` was reached.
    LineReached,
    /// 4: `--require-coverage` was not reached.
    CoverageMissed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::LineReached => Self::from(3),
            Exit::CoverageMissed => Self::from(4),
        }
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == confinement::CHILD) {
        return plimsoll_scanner::child::run_child(words);
    }
    let arguments = Arguments::parse();
    let terminal = Terminal::new(&arguments.global);
    log::begin(arguments.global.log_format);
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(arguments, terminal)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, terminal: Terminal) -> anyhow::Result<Exit> {
    let global = &arguments.global;
    match arguments.command {
        Command::Demo(demo) => demo::run(&demo, terminal).await?,
        Command::Scan(scan) => return command::scan::run(*scan, global, terminal).await,
        Command::Tree(tree) => return command::tree::run(*tree, terminal).await,
        Command::Serve(serve) => command::serve::run(serve, global, terminal).await?,
        Command::Worker(worker) => command::worker::run(worker, global, terminal).await?,
        Command::Admission(admission) => {
            return command::admission::run(admission, global, terminal).await;
        }
        Command::Feed(feed) => command::feed::run(feed, global, terminal).await?,
        Command::Rules(rules) => return command::rules::run(rules, global, terminal).await,
        Command::Registry(registry) => command::registry::run(registry, global, terminal).await?,
        Command::Task(task) => command::task::run(task, global, terminal).await?,
        Command::Schedule(schedule) => command::schedule::run(schedule, global, terminal).await?,
        Command::Images(images) => command::images::run(images, global, terminal).await?,
        Command::Rank(rank) => command::rank::run(&rank, global, terminal).await?,
        Command::Affected(affected) => command::affected::run(&affected, global, terminal).await?,
        Command::Explain(explain) => command::explain::run(*explain, global, terminal).await?,
        Command::Ignore(ignore) => command::ignore::run(ignore, global, terminal).await?,
        Command::Context(context) => command::context::run(context, global, terminal).await?,
        Command::Changes(changes) => command::changes::run(&changes, global, terminal).await?,
        Command::Image(image) => command::changes::image(image, global, terminal).await?,
        Command::Subscription(subscription) => {
            command::subscription::run(subscription, global, terminal).await?
        }
        Command::Key(key) => command::key::run(key, global, terminal).await?,
        Command::Cluster(cluster) => command::cluster::run(cluster, global, terminal).await?,
        Command::Settings(settings) => command::settings::run(settings, global, terminal).await?,
        Command::Store(store) => command::store::run(store, global, terminal).await?,
        Command::List(list) => command::list::run(&list, terminal)?,
        Command::VersionOrder(order) => command::version_order::run(&order, terminal)?,
        Command::Sandbox(sandbox) => return command::sandbox::run(&sandbox, terminal),
        Command::Completions { shell } => command::completions::run(shell, terminal)?,
    }
    Ok(Exit::Done)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let error = cause.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
