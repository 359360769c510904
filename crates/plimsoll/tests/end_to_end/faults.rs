//! Processes that are killed or stopped, a full disk, a database that goes away: nothing that was acknowledged is lost.
//!
//! In: a site of two processes, images in a registry of this process, a number from which all that is random is drawn. Out: what
//! was acknowledged is there, once, as on a site where nothing went wrong. Odd: moments are drawn, but when a process is at which
//! point is not; a seed that failed fails again often, not always. CI kills forty times on each store; `cargo xtask faults` says
//! how often (`PLIMSOLL_FAULTS`), from which seed, on which server, and stops and takes away for minutes instead of seconds.

mod away;
mod checks;
mod client;
mod disk;
mod kills;
mod site;
mod stopped;

use std::time::Duration;

use crate::postgres_server::Server;

/// How much is tried.
struct Extent {
    kills: u64,
    seed: u64,
    /// How long a worker is stopped, at least.
    stopped: Duration,
    /// How long the database is away.
    away: Duration,
    /// Whether bounds of time are held: not where other tests run beside.
    is_timed: bool,
}

impl Extent {
    fn of_this_run() -> Self {
        let number = |name: &str| {
            let text = std::env::var_os(name)?.into_string().unwrap();
            Some(text.parse::<u64>().unwrap())
        };
        let kills = number("PLIMSOLL_FAULTS");
        let (stopped, away) = if kills.is_some() { (180, 60) } else { (0, 3) };
        let extent = Self {
            kills: kills.unwrap_or(40),
            seed: number("PLIMSOLL_FAULTS_SEED").unwrap_or(20_261_201),
            stopped: Duration::from_secs(stopped),
            away: Duration::from_secs(away),
            is_timed: kills.is_some(),
        };
        println!("faults: {} kills, seed {}", extent.kills, extent.seed);
        extent
    }
}

/// Numbers that look random and follow from the first: `SplitMix64`.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A PostgreSQL database: that of `PLIMSOLL_FAULTS_POSTGRES`, which must be empty, or one on a server of the test's own.
struct Database {
    url: String,
    _server: Option<Server>,
}

impl Database {
    /// `None`, said aloud, where there is none.
    fn find() -> Option<Self> {
        if let Some(url) = std::env::var_os("PLIMSOLL_FAULTS_POSTGRES") {
            return Some(Self { url: url.into_string().unwrap(), _server: None });
        }
        let server = own_server()?;
        Some(Self { url: server.url(), _server: Some(server) })
    }
}

fn own_server() -> Option<Server> {
    crate::support::has("pg_createcluster").then(Server::start).flatten()
}
