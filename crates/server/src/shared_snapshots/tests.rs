//! Two machines with a data directory each, one store, and a folder that both see.

use plimsoll_advisory::{ImportOptions, import, starter_feed};
use plimsoll_model::FeedState;
use plimsoll_store::StoreOptions;

use super::*;
use crate::operation::feed::{feed_path, open_feed, share_feed};

struct Site {
    folder: tempfile::TempDir,
    store: Store,
    clock: Clock,
}

/// What one machine has of its own.
struct Machine {
    folder: tempfile::TempDir,
    context: Context,
    shared: SharedSnapshots,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
        Self { folder, store, clock: Clock::fixed("2026-12-01T10:00:00Z".parse().unwrap()) }
    }

    fn place(&self) -> SharedPlace {
        SharedPlace::Folder(self.folder.path().join("shared"))
    }

    fn machine(&self) -> Machine {
        Machine {
            folder: tempfile::tempdir().unwrap(),
            context: Context::new(self.store.clone(), self.clock.clone()),
            shared: SharedSnapshots::new(self.place(), self.clock.clone()),
        }
    }

    /// The files of what is shared.
    fn parts(&self) -> Vec<PathBuf> {
        let snapshots = self.folder.path().join("shared/snapshots");
        let mut parts = Vec::new();
        for snapshot in fs::read_dir(snapshots).into_iter().flatten() {
            let files = fs::read_dir(snapshot.unwrap().path()).unwrap();
            parts.extend(files.map(|file| file.unwrap().path()));
        }
        parts.sort();
        parts
    }
}

impl Machine {
    fn feed(&self) -> PathBuf {
        feed_path(self.folder.path())
    }

    /// As at the start of a process: whatever lies there is in use.
    fn begin(&self) -> Option<FeedState> {
        self.context.feed.set(open_feed(&self.feed()).unwrap().map(Arc::new));
        self.context.feed.state()
    }

    async fn settle(&self, gives: Gives) -> Settled {
        self.shared.settle(&self.context, &self.feed(), gives).await
    }

    fn digest(&self) -> Option<Digest> {
        self.context.feed.state().map(|state| state.snapshot)
    }
}

/// A feed of one record of this day.
fn feed_of(day: &str, target: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"{{"schema_version":"1.7.0","id":"ALPINE-{day}","modified":"{day}T00:00:00Z","published":"2026-01-05T00:00:00Z",
        "affected":[{{"package":{{"ecosystem":"Alpine:v3.20","name":"zlib"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"1.3.2-r0"}}]}}]}}]}}"#
    );
    fs::write(folder.path().join("record.json"), text).unwrap();
    let options = ImportOptions { allow_older: true, starter: false };
    import(&[folder.path().to_owned()], target, &options, &mut |_| {}).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_has_all_use() {
    let site = Site::new().await;
    let (server, worker) = (site.machine(), site.machine());
    assert_eq!(worker.settle(Gives::Never).await, Settled::Agreed, "nobody has any");
    starter_feed(&server.feed()).unwrap();
    let given = server.begin().unwrap().snapshot;
    assert_eq!(server.settle(Gives::Newer).await, Settled::Agreed);
    let taken = worker.settle(Gives::Never).await;
    assert_eq!(taken, Settled::Taken(trace(&worker.feed())));
    assert_eq!(worker.digest(), Some(given));
    assert_eq!(open_feed(&worker.feed()).unwrap().unwrap().state().snapshot, given);
    let left = fs::read_dir(worker.folder.path()).unwrap().count();
    assert_eq!(left, 1, "no draft stays");
    assert_eq!(worker.settle(Gives::Never).await, Settled::Agreed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_one_is_given_and_an_older_one_only_by_somebody() {
    let site = Site::new().await;
    let (one, two) = (site.machine(), site.machine());
    feed_of("2026-11-20", &one.feed());
    feed_of("2026-11-25", &two.feed());
    let (older, newer) = (one.begin().unwrap().snapshot, two.begin().unwrap().snapshot);
    assert_eq!(one.settle(Gives::Newer).await, Settled::Agreed);
    assert_eq!(two.settle(Gives::Newer).await, Settled::Agreed);
    assert!(matches!(one.settle(Gives::Newer).await, Settled::Taken(_)));
    assert_eq!((one.digest(), two.digest()), (Some(newer), Some(newer)));
    // Put there while it runs, it is meant.
    feed_of("2026-11-20", &one.feed());
    assert_eq!(one.begin().unwrap().snapshot, older);
    assert_eq!(one.settle(Gives::Whatever).await, Settled::Agreed);
    assert!(matches!(two.settle(Gives::Newer).await, Settled::Taken(_)));
    assert_eq!(two.digest(), Some(older));
    // By the command line, too.
    feed_of("2026-11-22", &two.feed());
    let wanted = two.begin();
    assert_eq!(share_feed(&two.context, site.place()).await.unwrap(), wanted);
    assert!(matches!(one.settle(Gives::Newer).await, Settled::Taken(_)));
    assert_eq!(one.context.feed.state(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_right_one_changes_nothing() {
    let site = Site::new().await;
    let (server, worker) = (site.machine(), site.machine());
    feed_of("2026-11-20", &worker.feed());
    let before = worker.begin().unwrap().snapshot;
    feed_of("2026-11-25", &server.feed());
    server.begin();
    server.settle(Gives::Newer).await;
    let [part]: [PathBuf; 1] = site.parts().try_into().unwrap();
    let whole = fs::read(&part).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other");
    feed_of("2026-11-26", &other);
    let forged = [Vec::new(), whole[..whole.len() - 1].to_vec(), flipped, fs::read(other).unwrap()];
    for (number, bytes) in forged.into_iter().enumerate() {
        fs::write(&part, bytes).unwrap();
        assert_eq!(worker.settle(Gives::Never).await, Settled::Apart, "{number}");
        assert_eq!(worker.digest(), Some(before), "{number}");
        assert_eq!(fs::read_dir(worker.folder.path()).unwrap().count(), 1, "{number}");
        // Right again, it is left alone for a minute.
        fs::write(&part, &whole).unwrap();
        assert_eq!(worker.settle(Gives::Never).await, Settled::Apart, "{number}");
        site.clock.advance(REST + 1);
    }
    assert!(matches!(worker.settle(Gives::Never).await, Settled::Taken(_)));
    assert_eq!(worker.digest(), server.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_from_the_place_is_given_again() {
    let site = Site::new().await;
    let server = site.machine();
    starter_feed(&server.feed()).unwrap();
    server.begin();
    server.settle(Gives::Newer).await;
    let parts = site.parts();
    assert_eq!(parts.len(), 1);
    fs::remove_file(&parts[0]).unwrap();
    let late = site.machine();
    assert_eq!(late.settle(Gives::Never).await, Settled::Apart);
    // The next process of that machine.
    let again = Machine { shared: site.machine().shared, ..server };
    assert_eq!(again.settle(Gives::Newer).await, Settled::Agreed);
    assert_eq!(site.parts(), parts);
    site.clock.advance(REST + 1);
    assert!(matches!(late.settle(Gives::Never).await, Settled::Taken(_)));
}
