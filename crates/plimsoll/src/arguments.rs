//! What can be said on the command line.
//!
//! In: the arguments. Out: [`Arguments`]; help texts are the documentation of each flag. Source: the reference page
//! `docs/reference/commands.md` is generated from it. Odd: secrets are never arguments, since everybody on a machine can
//! read those: they come from files or the environment.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

mod admission;
mod cluster;
mod context;
mod demo;
mod explain;
mod feed;
mod ignore;
mod images;
mod key;
mod list;
mod notify;
mod reading;
mod registry_token;
mod registry_webhook;
mod report_to;
mod rules;
mod sandbox;
mod scan;
mod shared;
mod store;
mod target;
mod task;
mod traces;
mod tree;
mod version_order;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::admission::{
    Admission, AdmissionCertificate, AdmissionReview, AdmissionServe,
};
pub(crate) use self::cluster::{Cluster, ClusterAdd};
pub(crate) use self::context::{ContextCommand, Uses};
pub(crate) use self::demo::{Demo, DemoFormat};
pub(crate) use self::explain::{Explain, ExplainFormat};
pub(crate) use self::feed::{Feed, FeedKey};
pub(crate) use self::ignore::{Ignore, IgnoreAdd, IgnoreImport};
pub(crate) use self::images::{Affected, Images, Rank};
pub(crate) use self::key::{Key, KeyFormat};
pub(crate) use self::list::{List, ListFormat, ListWhat};
pub(crate) use self::notify::{
    Changes, ChangesFormat, Image, PriorityWord, Subscription, SubscriptionAdd,
};
pub(crate) use self::reading::{Confinement, Limits, Sandbox};
pub(crate) use self::registry_token::{RegistryToken, TokenPurpose};
pub(crate) use self::registry_webhook::RegistryWebhook;
pub(crate) use self::report_to::{OnReportError, ReportTo};
pub(crate) use self::rules::{RulesCommand, RulesImport};
pub(crate) use self::sandbox::SandboxCheck;
pub(crate) use self::scan::{SbomSources, Scan, VexSources};
pub(crate) use self::shared::SharedAt;
pub(crate) use self::store::{StoreCommand, StoreCopy};
pub(crate) use self::target::{Access, Input, Target};
pub(crate) use self::task::{
    Ending, Schedule, ScheduleWord, Task, TaskCancel, TaskListing, TaskRetry, Worker,
};
pub(crate) use self::traces::TracesAt;
pub(crate) use self::tree::{Tree, TreeFormat};
pub(crate) use self::version_order::{Compared, VersionOrder};

/// Shows which container images are loaded too deep: which are at risk, how badly, why, and what to do.
#[derive(Parser, Debug)]
#[command(name = "plimsoll", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes:\n  0  done; for `scan`: below the line\n  1  error\n  2  the command line is wrong\n  \
    3  `scan --fail-on` was reached, or `--policy` denies\n  4  `scan --require-coverage` was not reached (wins over 3)\n\n\
    Try `plimsoll demo` first: it needs nothing."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Said with any command.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Folder with all state: store, feed snapshot, layer cache [default: ~/.local/share/plimsoll]
    #[arg(long, value_name = "DIR", env = "PLIMSOLL_DATA", hide_env_values = true, global = true)]
    pub(crate) data: Option<PathBuf>,
    /// PostgreSQL database instead of the embedded one in the data folder: postgres://USER@HOST/DATABASE. The password comes
    /// from PGPASSWORD, ~/.pgpass or a file
    #[arg(long, value_name = "URL", env = "PLIMSOLL_STORE", hide_env_values = true, global = true)]
    pub(crate) store: Option<String>,
    /// File whose first line is that database's password
    #[arg(
        long,
        value_name = "FILE",
        env = "PLIMSOLL_STORE_PASSWORD_FILE",
        hide_env_values = true,
        global = true
    )]
    pub(crate) store_password_file: Option<PathBuf>,
    /// File with the master key, where it does not lie in the data folder as master.key, such as a mounted secret; PLIMSOLL_MASTER_KEY in the environment may hold the key itself
    #[arg(
        long,
        value_name = "FILE",
        env = "PLIMSOLL_MASTER_KEY_FILE",
        hide_env_values = true,
        global = true
    )]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Let a running server at this address do it instead (registry, images, rank, affected, ignore, changes, image, subscription, task, schedule, key, cluster)
    #[arg(
        long,
        value_name = "URL",
        env = "PLIMSOLL_SERVER",
        hide_env_values = true,
        global = true
    )]
    pub(crate) server: Option<String>,
    /// File with the server's admin token [default: admin-token in the data folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "PLIMSOLL_TOKEN_FILE",
        hide_env_values = true,
        global = true,
        requires = "server"
    )]
    pub(crate) token_file: Option<PathBuf>,
    /// Own certificate authority (PEM) for that server
    #[arg(long, value_name = "FILE", global = true, requires = "server")]
    pub(crate) server_ca: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = When::Auto, global = true)]
    pub(crate) color: When,
    /// No progress bars and hints on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How the log on standard error is written; RUST_LOG chooses what is in it
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        env = "PLIMSOLL_LOG_FORMAT",
        hide_env_values = true,
        default_value_t = LogFormat::Text,
        global = true
    )]
    pub(crate) log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: one object a line
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On terminals, unless NO_COLOR is set
    Auto,
    /// Even into files
    Always,
    /// Not at all
    Never,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show everything on this machine, with images and advisories that come along; needs no network
    Demo(Demo),
    /// Scan one image: a registry reference, an archive, a layout, a folder
    Scan(Box<Scan>),
    /// Show the files of an image as its runtime would see them
    Tree(Box<Tree>),
    /// Run the server: gateway, console, management API, scan workers
    Serve(Serve),
    /// Scan what servers with the same store queue, and nothing else
    Worker(Worker),
    /// What may run in a Kubernetes cluster: an admission webhook, its policy, its certificate
    #[command(subcommand)]
    Admission(Admission),
    /// Advisory data: import, update, look
    #[command(subcommand)]
    Feed(Feed),
    /// Rules for malicious files: rule packs, hash lists, allow-lists
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Registries whose images are watched
    #[command(subcommand)]
    Registry(Registry),
    /// Scans that run, wait, ended or were given up
    #[command(subcommand)]
    Task(Task),
    /// Syncs and scans at certain times
    #[command(subcommand)]
    Schedule(Schedule),
    /// List image records with their risk
    Images(Images),
    /// The riskiest images by vulnerabilities and by baseline
    Rank(Rank),
    /// Which images have a vulnerability or a package
    Affected(Affected),
    /// Why a finding is there, or why it is not
    Explain(Box<Explain>),
    /// Findings that do not count: where, why, who says so, until when
    #[command(subcommand)]
    Ignore(Ignore),
    /// How images are used: from where they can be reached, how much depends on them
    #[command(subcommand)]
    Context(ContextCommand),
    /// What changed in the fleet, or of an image, since a date
    Changes(Changes),
    /// One image
    #[command(subcommand)]
    Image(Image),
    /// Who is told what changes: webhooks, mail, chats
    #[command(subcommand)]
    Subscription(Subscription),
    /// Access keys of the gateway
    #[command(subcommand)]
    Key(Key),
    /// Clusters: watch what runs there, for filters by cluster and application
    #[command(subcommand)]
    Cluster(Cluster),
    /// Show or change settings: rank.scope, rank.limit, …
    Settings(Settings),
    /// The database behind all state
    #[command(subcommand)]
    Store(StoreCommand),
    /// List what this program knows: package formats, checks, feeds, …
    List(List),
    /// Say which of two versions is earlier, as matching does
    VersionOrder(VersionOrder),
    /// Show what confines scans on this machine, and try whether it holds
    Sandbox(SandboxCheck),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `plimsoll serve`
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address to serve at
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "PLIMSOLL_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:7467"
    )]
    pub(crate) listen: std::net::SocketAddr,
    /// How many images are scanned at once; 0 leaves scanning to `plimsoll worker`
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=64))]
    pub(crate) workers: u16,
    /// How many layers of one image are read at once; 1 keeps a scan on one core
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) layer_threads: u16,
    #[command(flatten)]
    pub(crate) ending: Ending,
    #[command(flatten)]
    pub(crate) shared: SharedAt,
    #[command(flatten)]
    pub(crate) traces: TracesAt,
    /// File whose first line is the admin token, of 32 characters or more, where several servers have the same [default: made at the first start]
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_ADMIN_TOKEN_FILE", hide_env_values = true)]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Minutes between two looks at each registry; 0 looks only when told
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) sync_interval: u64,
    /// Minutes between two updates of the advisories; 0 leaves them to `plimsoll feed update` and `feed import`
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    pub(crate) feed_interval: u64,
    /// A mirror to update the advisories from, as `feed update --from`; may be repeated [default: the publishers]
    #[arg(long, value_name = "URL", requires = "feed_interval")]
    pub(crate) feed_from: Vec<String>,
    /// Folder of rule packs, hash lists and allow.toml for malicious files, besides `rules` in the data folder; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,
    /// A VEX document whose word counts for all images, or a folder of them, besides `vex` in the data folder; may be given several times
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) vex: Vec<PathBuf>,
    /// Which VEX documents beside images are believed, too; their signatures are not verified
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = VexSources::None)]
    pub(crate) vex_sources: VexSources,
    /// Policy by which each image's verdict is said (TOML, as of `scan --policy`)
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_POLICY", hide_env_values = true)]
    pub(crate) policy: Option<PathBuf>,
    /// Certificate chain (PEM), to serve https
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) confinement: Confinement,
}

/// `plimsoll registry …`
#[derive(Subcommand, Debug)]
pub(crate) enum Registry {
    /// Watch a registry
    Add(Box<RegistryAdd>),
    /// The registries that are watched
    List {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Look for new images now, and queue scans of what changed
    Sync {
        /// Which registry [default: all]
        name: Option<String>,
        /// Scan what is queued here and now, until nothing is left
        #[arg(long)]
        scan: bool,
    },
    /// Try whether a registry and its API let the accounts in; nothing is listed or changed
    Check {
        /// Which registry
        name: String,
    },
    /// Say whose a registry is: scans of different tenants take turns, however many images each has
    Tenant {
        /// Which registry
        name: String,
        /// The tenant [default: the site's own]
        tenant: Option<String>,
    },
    /// Tokens by which webhooks, builds and a Harbor speak for a registry
    #[command(subcommand)]
    Token(RegistryToken),
    /// Webhooks by which a registry tells what is pushed, set by its own API
    #[command(subcommand)]
    Webhook(RegistryWebhook),
    /// Stop watching a registry and forget its images
    Remove {
        /// Which registry
        name: String,
    },
}

/// `plimsoll registry add`
#[derive(Args, Debug)]
#[command(
    after_help = "Example: plimsoll registry add build https://registry.example.com --username ci --password-file token"
)]
pub(crate) struct RegistryAdd {
    /// Your name for it
    pub(crate) name: String,
    /// Its address, such as `https://registry.example.com` or `http://127.0.0.1:5000`
    pub(crate) url: String,
    /// Kind of registry: `plimsoll list registry-kinds`
    #[arg(long, default_value = "oci")]
    pub(crate) kind: String,
    /// RegistryType that the API reports [default: the kind]
    #[arg(long, value_name = "TYPE")]
    pub(crate) reported_type: Option<String>,
    /// RegionId that the API reports
    #[arg(long, value_name = "REGION", default_value = "")]
    pub(crate) region: String,
    /// Reached through the internet or an internal network
    #[arg(long, value_enum, default_value_t = Network::Internet)]
    pub(crate) network: Network,
    /// Only this repository; may be repeated [default: all that the registry lists]
    #[arg(long = "repository", value_name = "NAME")]
    pub(crate) repositories: Vec<String>,
    /// Only this namespace, organisation, project or owner, where the kind has them; may be repeated
    #[arg(long = "namespace", value_name = "NAME")]
    pub(crate) namespaces: Vec<String>,
    /// Only images of this pattern, such as team/* or team/app:v*; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,
    /// No images of this pattern; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Where the vendor's API answers [default: where the kind knows it to]
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Account of the API, such as an AccessKey ID, where it is another than the registry's
    #[arg(long, value_name = "NAME")]
    pub(crate) api_account: Option<String>,
    /// File with the API's token, such as an AccessKey secret; `-` reads it from standard input [default: PLIMSOLL_REGISTRY_API_TOKEN in the environment]
    #[arg(long, value_name = "FILE")]
    pub(crate) api_token_file: Option<PathBuf>,
    /// Whose it is: scans of different tenants take turns, however many images each has [default: the site's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Which of the account's registries: instance or project
    #[arg(long, value_name = "ID")]
    pub(crate) instance: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// How a registry is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// The API's NetType 1
    Internet,
    /// The API's NetType 2
    Intranet,
}

/// `plimsoll settings`
#[derive(Args, Debug)]
pub(crate) struct Settings {
    /// Which setting [default: show all]
    pub(crate) name: Option<String>,
    /// Its new value
    pub(crate) value: Option<String>,
}
