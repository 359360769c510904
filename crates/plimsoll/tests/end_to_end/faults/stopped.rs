//! A worker that is stopped beyond its lease, as by a machine that sleeps, and goes on as if nothing had been.

use std::time::Instant;

use plimsoll_server::Blobs;

use super::{
    Extent,
    checks::{all_is_done, equals_a_site_from_scratch},
    site::{LEASE, Site},
};
use crate::{
    postgres_server::Server,
    support::{run, wait_until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_stopped_beyond_its_lease_lands_nothing() {
    if crate::support::has("sqlite3") {
        stopped(&Site::new(None, 1, LEASE).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_stopped_beyond_its_lease_lands_nothing_on_postgresql() {
    // What is written is looked at in the server's own folder.
    let Some(server) = super::own_server() else { return };
    stopped(&Site::new(Some(&server.url()), 1, LEASE).await, Some(&server));
}

fn stopped(site: &Site, postgres: Option<&Server>) {
    let extent = Extent::of_this_run();
    let _server = site.serve("0");
    site.wait_for_server();
    site.registry.take_requests();
    site.registry.answer_blobs(Blobs::Hold);
    let first = site.worker();
    let asks_for_a_layer = || {
        // Each scan asks for the configuration and for the layer; both are held.
        site.registry.take_requests().iter().any(|request| request.contains("/blobs/"))
    };
    wait_until("the first worker's scan", asks_for_a_layer);
    signal(&first, "STOP");
    let stopped = Instant::now();
    let _second = site.worker();
    wait_until("the second worker's scan", asks_for_a_layer);
    let taken_over = stopped.elapsed();
    println!("taken over {:.1} s after the stop, leases of {LEASE} s", taken_over.as_secs_f64());
    if extent.is_timed {
        let bound = 1.5 * f64::from(u32::try_from(LEASE).unwrap());
        assert!(taken_over.as_secs_f64() <= bound, "1.5 leases are {bound} s");
    }
    site.registry.answer_blobs(Blobs::Serve);
    all_is_done(site);
    let before = written(site, postgres);
    if let Some(left) = extent.stopped.checked_sub(stopped.elapsed()) {
        std::thread::sleep(left);
    }
    assert!(!site.log().to_lowercase().contains("dropped"), "nobody was late yet");
    signal(&first, "CONT");
    wait_until("the first worker to see that it is late", || {
        site.log().to_lowercase().contains("dropped")
    });
    assert_eq!(written(site, postgres), before, "a late worker writes nothing");
    equals_a_site_from_scratch(site);
}

fn signal(process: &crate::support::Process, name: &str) {
    run("kill", [&format!("-{name}"), &process.child.id().to_string()]);
}

/// Every row, but those of nonces.
fn written(site: &Site, postgres: Option<&Server>) -> Vec<String> {
    let dump = match postgres {
        None => {
            let file = site.data.join("plimsoll.db");
            run("sqlite3", ["-readonly", file.to_str().unwrap(), ".dump"])
        }
        Some(server) => {
            let program = server.programs.join("pg_dump");
            let folder = server.folder.path().to_str().unwrap();
            let what = ["--data-only", "--inserts", "--username=plimsoll", "--host", folder];
            run(program.to_str().unwrap(), what.iter().chain(&["postgres"]))
        }
    };
    let rows = dump.lines().filter(|line| line.starts_with("INSERT") && !line.contains("nonce"));
    let mut rows: Vec<String> = rows.map(ToOwned::to_owned).collect();
    rows.sort();
    rows
}
