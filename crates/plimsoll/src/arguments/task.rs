//! What is done about tasks and schedules, and the processes that do tasks.
//!
//! In: numbers, names, cron expressions. Out: [`Task`], [`Schedule`], [`Worker`], [`Ending`]. Odd: the comments are help texts.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{Confinement, Limits, ListFormat, SharedAt, TracesAt, VexSources};

/// `plimsoll task …`
#[derive(Subcommand, Debug)]
pub(crate) enum Task {
    /// Which scans run, wait, ended, were given up
    List(TaskListing),
    /// One scan, and why it was given up
    Show {
        /// Its number
        id: i64,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Do not scan: takes scans out of the queue, or away from their workers
    Cancel(TaskCancel),
    /// Scan again what ended, was given up or cancelled
    Retry(TaskRetry),
    /// Show, or bound, how many scans an hour are begun of a registry's images
    Rate {
        /// Which registry [default: show all]
        registry: Option<String>,
        /// Scans an hour, 1 to 1000000; 0 for as many as there are workers for
        #[arg(requires = "registry")]
        scans_per_hour: Option<u32>,
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
}

/// `plimsoll task list`
#[derive(Args, Debug)]
pub(crate) struct TaskListing {
    /// Only those in this state
    #[arg(long, value_enum, value_name = "STATE")]
    pub(crate) state: Option<TaskStateWord>,
    /// Only those of this registry
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
    /// Which page
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) page: u32,
    /// Rows of a page
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) page_size: u32,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskStateWord {
    /// Waiting, perhaps after a failed attempt
    Queued,
    /// With a worker
    Running,
    /// Ended well
    Done,
    /// Given up
    Failed,
    /// Not to be done
    Cancelled,
}

impl TaskStateWord {
    /// As the API calls it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// `plimsoll task cancel`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll task cancel 17 18\n  plimsoll task cancel --registry build\n\n\
    What is cancelled is scanned again when somebody asks for it, or a schedule of scans does; a sync does not ask."
)]
pub(crate) struct TaskCancel {
    /// Their numbers: `plimsoll task list`
    #[arg(value_name = "ID", required_unless_present_any = ["registry", "all"])]
    pub(crate) ids: Vec<i64>,
    /// All that wait or run of this registry
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    pub(crate) registry: Option<String>,
    /// All that wait or run
    #[arg(long, conflicts_with_all = ["ids", "registry"])]
    pub(crate) all: bool,
}

/// `plimsoll task retry`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  plimsoll task retry 17\n  plimsoll task retry --failed --registry build"
)]
pub(crate) struct TaskRetry {
    /// Their numbers: `plimsoll task list`
    #[arg(value_name = "ID", required_unless_present = "failed")]
    pub(crate) ids: Vec<i64>,
    /// All that were given up
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// With --failed: only those of this registry
    #[arg(long, value_name = "NAME", requires = "failed")]
    pub(crate) registry: Option<String>,
}

/// `plimsoll schedule …`
#[derive(Subcommand, Debug)]
pub(crate) enum Schedule {
    /// Sync or scan at certain times
    Add(ScheduleAdd),
    /// What is done when, and how it went
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Do it no longer
    Remove {
        /// Which schedule
        name: String,
    },
}

/// `plimsoll schedule add`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  plimsoll schedule add nightly sync '30 3 * * *'\n  \
    plimsoll schedule add weekly scan '0 22 * * sat' --registry build\n\n\
    The time is UTC: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.\n\
    A server does what is due; several with one database do it once.")]
pub(crate) struct ScheduleAdd {
    /// Your name for it
    pub(crate) name: String,
    /// What is done
    #[arg(value_enum)]
    pub(crate) kind: ScheduleWord,
    /// When, as cron says it
    pub(crate) cron: String,
    /// Only for this registry
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleWord {
    /// Look for new images
    Sync,
    /// Scan every image again
    Scan,
}

/// How a process that scans ends, and where it is looked at.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// Seconds that a stop waits for scans to end before it gives them back
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) drain: u64,
    /// Seconds after which a scan whose worker says nothing more is given to another one
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub(crate) lease: u64,
    /// Address that answers /livez, /readyz, /healthz and /metrics without a token
    #[arg(long, value_name = "HOST:PORT", env = "PLIMSOLL_PROBES", hide_env_values = true)]
    pub(crate) probes: Option<SocketAddr>,
}

/// `plimsoll worker`
#[derive(Args, Debug)]
#[command(
    after_help = "Example: plimsoll worker --store postgres://plimsoll@db.example/plimsoll --drain 25 --probes 0.0.0.0:7468\n\n\
    A worker needs the master.key, the advisory snapshot and the rules of the servers: the same data folder, or a copy of those.\n\
    On SIGTERM it claims nothing more, ends what it has begun within --drain, and gives the rest back."
)]
pub(crate) struct Worker {
    /// How many images are scanned at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// How many layers of one image are read at once; 1 keeps a scan on one core
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) layer_threads: u16,
    /// Folder of rule packs, hash lists and allow.toml for malicious files, besides `rules` in the data folder; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,
    /// A VEX document whose word counts for all images, or a folder of them, besides `vex` in the data folder; may be given several times
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) vex: Vec<PathBuf>,
    /// Which VEX documents beside images are believed, too; their signatures are not verified
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = VexSources::None)]
    pub(crate) vex_sources: VexSources,
    #[command(flatten)]
    pub(crate) ending: Ending,
    #[command(flatten)]
    pub(crate) shared: SharedAt,
    #[command(flatten)]
    pub(crate) traces: TracesAt,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) confinement: Confinement,
}
