//! A disk that is full for a while.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};

use super::{
    Draw, Extent,
    checks::{all_is_done, equals_a_site_from_scratch, is_sound, promises_are_kept},
    client::{Until, keep_asking},
    site::{LEASE, Site},
};
use crate::support::{temporary, wait_until};

/// Bytes of the disk: room for the site, and for little more.
const SIZE: &str = "size=64m";
const IMAGES: u32 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_answers_and_no_scan() {
    let extent = Extent::of_this_run();
    let folder = temporary();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let site = Site::within(temporary(), disk.path.join("data"), None, IMAGES, LEASE).await;
    let mut processes = [site.serve("1"), site.worker()];
    site.wait_for_server();
    // At once: a write-ahead log that has grown before has room for more.
    let filler = disk.fill();
    let ended = AtomicBool::new(false);
    let promised = std::thread::scope(|scope| {
        let until = Until(&ended);
        let asked = scope.spawn(|| keep_asking(&site, Draw(extent.seed), &ended));
        wait_until("an answer that says to come again", || scan_all(&site) == Some(503));
        std::fs::remove_file(filler).unwrap();
        wait_until("an answer as before", || scan_all(&site) == Some(202));
        drop(until);
        asked.join().unwrap()
    });
    for process in &mut processes {
        assert!(process.child.try_wait().unwrap().is_none(), "a process ended");
    }
    all_is_done(&site);
    promises_are_kept(&site, &promised);
    equals_a_site_from_scratch(&site);
    drop(processes);
    is_sound(&site);
}

/// Asks for a scan of every image; the first status that is not 202, else that.
fn scan_all(site: &Site) -> Option<u16> {
    let images = site.call("GET", "/images?page_size=500", None)?;
    let mut status = images.status;
    for image in images.body["images"].as_array().into_iter().flatten() {
        let path = format!("/images/{}/scan", image["uuid"].as_str().unwrap());
        let answer = site.call("POST", &path, None)?;
        assert!([202, 503].contains(&answer.status), "{}: {}", answer.status, answer.body);
        status = answer.status;
        if status == 503 {
            assert!(answer.retry_after.is_some(), "503 says when to come again");
            break;
        }
    }
    Some(status)
}

/// A file system in memory, unmounted when dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None`, said aloud, where this user may not mount.
    fn mount(folder: &Path) -> Option<Self> {
        let path = folder.join("disk");
        std::fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
            .arg(&path)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { path });
        }
        println!("skipped: a small disk cannot be mounted here, which root may do");
        None
    }

    /// Leaves no byte free.
    fn fill(&self) -> PathBuf {
        let path = self.path.join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let chunk = vec![1; size];
            while file.write_all(&chunk).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left something open.
        drop(Command::new("umount").arg("--lazy").arg(&self.path).status());
    }
}
