//! Server and worker are killed at drawn moments, again and again, while somebody asks for things.

use std::{sync::atomic::AtomicBool, time::Duration};

use super::{
    Database, Draw, Extent,
    checks::{all_is_done, equals_a_site_from_scratch, is_sound, promises_are_kept},
    client::{Until, keep_asking},
    site::{LEASE, Site},
};

/// Images that are there from the beginning.
const IMAGES: u32 = 16;
/// The longest pause between two kills, in milliseconds: time for some scans.
const LONGEST_PAUSE: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn processes_killed_at_random_points_lose_nothing() {
    let extent = Extent::of_this_run();
    run(&Site::new(None, IMAGES, LEASE).await, &extent);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_killed_at_random_points_lose_nothing_on_postgresql() {
    let extent = Extent::of_this_run();
    let Some(database) = Database::find() else { return };
    run(&Site::new(Some(&database.url), IMAGES, LEASE).await, &extent);
}

fn run(site: &Site, extent: &Extent) {
    let mut draw = Draw(extent.seed);
    let asking = Draw(draw.below(u64::MAX));
    let ended = AtomicBool::new(false);
    let mut server = site.serve("1");
    let mut worker = site.worker();
    site.wait_for_server();
    let (promised, server, worker) = std::thread::scope(|scope| {
        let until = Until(&ended);
        let asked = scope.spawn(|| keep_asking(site, asking, &ended));
        for _ in 0..extent.kills {
            // Else a slow machine would see nothing but beginnings.
            if draw.below(3) > 0 {
                site.wait_for_server();
            }
            std::thread::sleep(Duration::from_millis(draw.below(LONGEST_PAUSE)));
            if draw.below(2) == 0 {
                server.kill();
                server = site.serve("1");
            } else {
                worker.kill();
                worker = site.worker();
            }
        }
        drop(until);
        (asked.join().unwrap(), server, worker)
    });
    site.wait_for_server();
    let again = all_is_done(site);
    promises_are_kept(site, &promised);
    equals_a_site_from_scratch(site);
    drop((server, worker));
    is_sound(site);
    println!(
        "{} kills: {} scans, {} requested scans and {} new images were acknowledged and are there; {again} were asked for again \
         after five killed attempts; answers by status: {:?}",
        extent.kills,
        promised.scans.len(),
        promised.requested.len(),
        promised.synced.len(),
        promised.statuses
    );
    assert!(!promised.scans.is_empty() && !promised.requested.is_empty());
}
