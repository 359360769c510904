//! Updating feeds from mirrors: in full once, then only what changed; and what mirrors do wrong.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod mirror;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use mirror::{Fault, Mirror};
use plimsoll_advisory::{ImportOptions, Snapshot, import};
use plimsoll_model::Timestamp;
use plimsoll_registry::{HttpClient, HttpOptions, download::feed::FeedAddresses};
use plimsoll_server::{
    FeedUpdates, ServeConfig,
    operation::{
        feed::feed_path,
        update::{Downloaded, LastUpdate, UpdateEvent, UpdateLock, UpdateRequest, download_feeds},
    },
    serve,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-07-30T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99959\n";
const KEV: &str = r#"{"catalogVersion":"1","dateReleased":"2026-08-01T00:00:00Z","count":1,
    "vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10"}]}"#;

/// Ids and days of an ecosystem's records.
type Rows = BTreeMap<String, u32>;

fn rows(count: u32) -> Rows {
    (0..count).map(|number| (format!("GHSA-{number:03}"), 1)).collect()
}

fn rocky() -> Rows {
    (0..20).map(|number| (format!("RLSA-2026:{number}"), 1)).collect()
}

fn record(ecosystem: &str, id: &str, day: u32) -> String {
    format!(
        r#"{{"id":"{id}","modified":"2026-07-{day:02}T00:00:00Z","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{id}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{day}.0.0"}}]}}]}}]}}"#
    )
}

fn archive<'a>(ecosystem: &str, rows: impl IntoIterator<Item = (&'a String, &'a u32)>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (id, day) in rows {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(format!("{id}.json"), options).unwrap();
        writer.write_all(record(ecosystem, id, *day).as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Puts all of a dump there.
fn publish(mirror: &Mirror, ecosystem: &str, rows: &Rows) {
    let mut list: Vec<(&u32, &String)> = rows.iter().map(|(id, day)| (day, id)).collect();
    list.sort_by(|a, b| b.cmp(a));
    let list: String =
        list.iter().map(|(day, id)| format!("2026-07-{day:02}T00:00:00.123Z,{id}\n")).collect();
    mirror.put("ecosystems.txt", "Rocky Linux\nnpm\n");
    mirror.put(&format!("{ecosystem}/modified_id.csv"), list);
    mirror.put(&format!("{ecosystem}/all.zip"), archive(ecosystem, rows));
    for (id, day) in rows {
        mirror.put(&format!("{ecosystem}/{id}.json"), record(ecosystem, id, *day));
    }
    mirror.put("known_exploited_vulnerabilities.json", KEV);
    mirror.put("epss_scores-current.csv.gz", EPSS);
}

fn published(npm: &Rows) -> Mirror {
    let mirror = Mirror::start();
    publish(&mirror, "npm", npm);
    publish(&mirror, "Rocky Linux", &rocky());
    mirror
}

/// A site that updates.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn feeds(&self) -> PathBuf {
        self.folder.path().join("feeds")
    }

    /// Downloads; answers what came and what was said of failures.
    async fn download(&self, mirrors: &[&Mirror]) -> (Downloaded, Vec<String>) {
        let options = HttpOptions {
            retries: 1,
            retry_pause: Duration::from_millis(1),
            system_roots: false,
            ..HttpOptions::default()
        };
        let http = HttpClient::new(options).unwrap();
        let mirrors: Vec<FeedAddresses> =
            mirrors.iter().map(|mirror| FeedAddresses::mirror(&mirror.url())).collect();
        let request = UpdateRequest { mirrors: &mirrors, ecosystems: &[], folder: &self.feeds() };
        let mut said = Vec::new();
        let downloaded = download_feeds(&http, &request, &mut |event| {
            if let UpdateEvent::Failed(what) = event {
                said.push(what);
            }
        })
        .await;
        (downloaded, said)
    }

    /// Downloads and compiles what must go well; answers the snapshot's digest and ids.
    async fn update(&self, mirrors: &[&Mirror]) -> (String, Vec<String>) {
        let (downloaded, said) = self.download(mirrors).await;
        assert!(downloaded.failures.is_empty(), "{said:?}");
        self.import(&downloaded)
    }

    fn import(&self, downloaded: &Downloaded) -> (String, Vec<String>) {
        let target = self.folder.path().join("snapshot");
        import(&downloaded.paths, &target, &ImportOptions::default(), &mut |_| {}).unwrap();
        self.in_use()
    }

    fn in_use(&self) -> (String, Vec<String>) {
        let snapshot = Snapshot::open(&self.folder.path().join("snapshot")).unwrap();
        let mut ids: Vec<String> = snapshot.ids().collect();
        ids.retain(|id| id.starts_with("GHSA"));
        (snapshot.state().snapshot.to_string(), ids)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_once_and_then_only_what_changed() {
    let mut npm = rows(100);
    let mirror = published(&npm);
    let site = Site::new();
    let (first, ids) = site.update(&[&mirror]).await;
    assert_eq!(ids.len(), 100);
    assert!(mirror.given().contains(&"npm/all.zip".to_owned()));
    assert_eq!(site.update(&[&mirror]).await.0, first);
    assert_eq!(mirror.given(), ["ecosystems.txt"], "the rest is asked for by its tag");

    npm.insert("GHSA-003".to_owned(), 5);
    npm.insert("GHSA-new".to_owned(), 6);
    npm.remove("GHSA-050");
    publish(&mirror, "npm", &npm);
    mirror.remove("npm/GHSA-050.json");
    let (second, ids) = site.update(&[&mirror]).await;
    let mut given = mirror.given();
    given.sort();
    assert_eq!(
        given,
        ["ecosystems.txt", "npm/GHSA-003.json", "npm/GHSA-new.json", "npm/modified_id.csv"]
    );
    assert!(ids.contains(&"GHSA-new".to_owned()) && !ids.contains(&"GHSA-050".to_owned()));
    assert_eq!(Site::new().update(&[&mirror]).await.0, second, "as if all were new");
    assert!(!site.feeds().join("npm/changes").exists());

    let folder_as_mirror = fs::read_to_string(site.feeds().join("npm/modified_id.csv")).unwrap();
    assert!(folder_as_mirror.starts_with("2026-07-06T00:00:00Z,GHSA-new\n"));
}

/// An `updateinfo` of one update.
fn update_info(id: &str, release: &str) -> String {
    format!(
        r#"<updates><update type="security"><id>{id}</id><title>t</title><issued date="2026-07-01 00:00"/>
        <references><reference id="CVE-2026-0001" type="cve"/></references>
        <pkglist><collection short="c"><name>c</name><package name="p" version="1" release="{release}" arch="x86_64"/>
        </collection></pkglist></update></updates>"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn extras_are_what_their_catalogue_lists() {
    let mirror = published(&rows(3));
    let ids = |site: &Site| -> Vec<String> {
        let snapshot = Snapshot::open(&site.folder.path().join("snapshot")).unwrap();
        let of_rpms = |id: &String| id.starts_with("ALAS") || id.starts_with("FEDORA");
        snapshot.ids().filter(of_rpms).collect()
    };
    let catalogue = |names: &[&str]| {
        let topics: Vec<_> = names.iter().map(|name| serde_json::json!({"n": name})).collect();
        serde_json::json!({"status": "ok", "topics": topics}).to_string()
    };
    mirror.put("amazon_2_extras.json", catalogue(&["docker", "emacs", "quiet"]));
    mirror.put("amazon_2_extra_docker.xml.gz", update_info("ALAS2DOCKER-2026-1", "1.amzn2"));
    mirror.put("amazon_2_extra_quiet.xml.gz", "<updates></updates>");
    mirror.put("amazon_2_extra_unlisted.xml.gz", update_info("ALAS2UNLISTED-2026-1", "1.amzn2"));
    mirror.put("epel_9_updateinfo", update_info("FEDORA-EPEL-2026-1", "1.el9"));
    let site = Site::new();
    site.update(&[&mirror]).await;
    assert_eq!(ids(&site), ["ALAS2DOCKER-2026-1", "FEDORA-EPEL-2026-1"]);

    // Without a catalogue that of the last time counts; with a damaged one what is there, and it is said.
    mirror.given();
    mirror.remove("amazon_2_extras.json");
    mirror.put("amazon_2_extra_docker.xml.gz", update_info("ALAS2DOCKER-2026-2", "1.amzn2"));
    site.update(&[&mirror]).await;
    assert!(mirror.given().contains(&"amazon_2_extra_docker.xml.gz".to_owned()));
    let second = ids(&site);
    assert_eq!(second, ["ALAS2DOCKER-2026-2", "FEDORA-EPEL-2026-1"]);
    mirror.put("amazon_2_extras.json", "{\"topics\":");
    let (downloaded, _) = site.download(&[&mirror]).await;
    assert!(downloaded.failures.iter().any(|what| what.starts_with("amazon_2_extras.json: ")));
    site.import(&downloaded);
    assert_eq!(ids(&site), second);

    mirror.put("amazon_2_extras.json", catalogue(&["docker"]));
    mirror.fault("amazon_2_extra_docker.xml.gz", Fault::Status(500));
    let (downloaded, said) = site.download(&[&mirror]).await;
    assert!(said.iter().any(|what| what.starts_with("amazon_2_extra_docker.xml.gz: ")), "{said:?}");
    site.import(&downloaded);
    assert_eq!(ids(&site), second, "the last good file counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn much_change_and_gaps_fetch_all() {
    let mut npm = rows(100);
    let mirror = published(&npm);
    let site = Site::new();
    site.update(&[&mirror]).await;
    mirror.given();
    npm.values_mut().take(60).for_each(|day| *day = 4);
    publish(&mirror, "npm", &npm);
    let (digest, _) = site.update(&[&mirror]).await;
    assert!(mirror.given().contains(&"npm/all.zip".to_owned()));
    assert_eq!(Site::new().update(&[&mirror]).await.0, digest);

    // What is listed but not there: the archive has it.
    mirror.given();
    npm.insert("GHSA-unserved".to_owned(), 9);
    publish(&mirror, "npm", &npm);
    mirror.remove("npm/GHSA-unserved.json");
    let (_, ids) = site.update(&[&mirror]).await;
    assert!(ids.contains(&"GHSA-unserved".to_owned()));
    assert!(mirror.given().contains(&"npm/all.zip".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_behind_its_list_is_completed() {
    let mut npm = rows(100);
    let mirror = published(&npm);
    let old = archive("npm", &npm);
    npm.insert("GHSA-late".to_owned(), 3);
    npm.insert("GHSA-000".to_owned(), 3);
    publish(&mirror, "npm", &npm);
    mirror.put("npm/all.zip", old);
    let site = Site::new();
    let (digest, ids) = site.update(&[&mirror]).await;
    assert!(ids.contains(&"GHSA-late".to_owned()));
    publish(&mirror, "npm", &npm);
    assert_eq!(Site::new().update(&[&mirror]).await.0, digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_without_lists_gives_archives() {
    let mirror = published(&rows(10));
    mirror.remove("npm/modified_id.csv");
    mirror.remove("Rocky Linux/modified_id.csv");
    let site = Site::new();
    let (digest, _) = site.update(&[&mirror]).await;
    mirror.given();
    assert_eq!(site.update(&[&mirror]).await.0, digest);
    assert_eq!(mirror.given(), ["ecosystems.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_goes_on_where_it_stopped() {
    let mut npm = rows(100);
    let mirror = published(&npm);
    let site = Site::new();
    let (good, _) = site.update(&[&mirror]).await;
    npm.values_mut().take(10).for_each(|day| *day = 2);
    publish(&mirror, "npm", &npm);
    mirror.fault("npm/GHSA-007.json", Fault::Status(500));
    let (downloaded, said) = site.download(&[&mirror]).await;
    assert_eq!(downloaded.failures.len(), 1, "{said:?}");
    assert!(said[0].contains("GHSA-007") && said[0].contains("500"), "{said:?}");
    assert_eq!(site.import(&downloaded).0, good, "what was there stays as it was");
    mirror.mend();
    mirror.given();
    site.update(&[&mirror]).await;
    let given = mirror.given();
    assert!(given.contains(&"npm/GHSA-007.json".to_owned()));
    assert!(!given.contains(&"npm/GHSA-000.json".to_owned()), "{given:?}");
    assert!(!given.contains(&"npm/all.zip".to_owned()), "{given:?}");
}

/// Makes a mirror a bad one.
type Spoil = Box<dyn Fn(&Mirror)>;

/// Each fault alone: the next mirror helps; without one, what was there serves, and the failure is said.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_leaves_the_last_good_data() {
    let mut newer = rows(100);
    newer.insert("GHSA-001".to_owned(), 7);
    let mut much = rows(100);
    much.values_mut().take(70).for_each(|day| *day = 8);
    let half: Vec<u8> = archive("npm", much.iter().take(50));
    let cases: Vec<(&str, &Rows, Spoil)> = vec![
        ("list cut", &newer, Box::new(|m| m.fault("npm/modified_id.csv", Fault::Cut(0)))),
        ("list 500", &newer, Box::new(|m| m.fault("npm/modified_id.csv", Fault::Status(500)))),
        ("list longer", &newer, Box::new(|m| m.fault("npm/modified_id.csv", Fault::Longer(9)))),
        ("list shorter", &newer, Box::new(|m| m.fault("npm/modified_id.csv", Fault::Shorter(9)))),
        ("list is a page", &newer, Box::new(|m| m.put("npm/modified_id.csv", "<html>\n"))),
        ("list empty", &newer, Box::new(|m| m.put("npm/modified_id.csv", ""))),
        ("record cut", &newer, Box::new(|m| m.fault("npm/GHSA-001.json", Fault::Cut(20)))),
        ("record 500", &newer, Box::new(|m| m.fault("npm/GHSA-001.json", Fault::Status(503)))),
        (
            "record other",
            &newer,
            Box::new(|m| {
                m.put("npm/GHSA-001.json", record("npm", "GHSA-999", 7));
            }),
        ),
        ("record shorter", &newer, Box::new(|m| m.fault("npm/GHSA-001.json", Fault::Shorter(5)))),
        ("archive cut", &much, Box::new(|m| m.fault("npm/all.zip", Fault::Cut(0)))),
        ("archive 500", &much, Box::new(|m| m.fault("npm/all.zip", Fault::Status(500)))),
        ("archive shorter", &much, Box::new(|m| m.fault("npm/all.zip", Fault::Shorter(50)))),
        ("archive half", &much, Box::new(move |m| m.put("npm/all.zip", half.clone()))),
        ("archive a page", &much, Box::new(|m| m.put("npm/all.zip", "<html>sorry</html>"))),
        ("archive empty", &much, Box::new(|m| m.put("npm/all.zip", ""))),
        (
            "kev 500",
            &newer,
            Box::new(|m| {
                m.fault("known_exploited_vulnerabilities.json", Fault::Status(500));
            }),
        ),
        ("epss gone", &newer, Box::new(|m| m.remove("epss_scores-current.csv.gz"))),
    ];
    for (what, content, spoil) in cases {
        let site = Site::new();
        let bad = published(&rows(100));
        let (good, _) = site.update(&[&bad]).await;
        publish(&bad, "npm", content);
        spoil(&bad);
        let (downloaded, said) = site.download(&[&bad]).await;
        assert!(!downloaded.failures.is_empty(), "{what}");
        assert!(said.iter().all(|text| text.contains("mirror `http://127.0.0.1")), "{said:?}");
        if what.starts_with("kev") || what.starts_with("epss") {
            // The other feeds' news come all the same.
            assert_ne!(site.import(&downloaded).0, good, "{what}");
        } else {
            assert_eq!(site.import(&downloaded).0, good, "{what}");
        }
        let healthy = published(content);
        let (downloaded, said) = site.download(&[&bad, &healthy]).await;
        assert!(downloaded.failures.is_empty(), "{what}: {said:?}");
        assert!(!said.is_empty(), "{what}: the first mirror's failure is said");
        let wanted = Site::new().update(&[&healthy]).await.0;
        assert_eq!(site.import(&downloaded).0, wanted, "{what}");
    }
}

/// A server whose tag does not change with the file: halves of two versions are glued, and the archive is not whole.
#[tokio::test(flavor = "multi_thread")]
async fn halves_that_a_wrong_tag_glued_are_noticed() {
    let mirror = published(&rows(100));
    let site = Site::new();
    let (good, _) = site.update(&[&mirror]).await;
    let mut much = rows(100);
    much.values_mut().take(70).for_each(|day| *day = 8);
    publish(&mirror, "npm", &much);
    let whole = archive("npm", &much);
    fs::write(site.feeds().join("npm/fetched.zip.part"), &archive("npm", &rows(100))[..900])
        .unwrap();
    let origin = format!(
        r#"{{"url":"{}/npm/all.zip","etag":"\"always\"","last_modified":null}}"#,
        mirror.url()
    );
    fs::write(site.feeds().join("npm/fetched.zip.part.origin"), origin).unwrap();
    mirror.fault("npm/all.zip", Fault::OneTag);
    let (downloaded, said) = site.download(&[&mirror]).await;
    assert_eq!(downloaded.failures.len(), 1, "{said:?}");
    assert_eq!(site.import(&downloaded).0, good);
    // The next time all of it is fetched.
    site.update(&[&mirror]).await;
    assert!(whole.len() > 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_no_data_and_no_harm() {
    let site = Site::new();
    let gone = Mirror::start();
    let (downloaded, said) = site.download(&[&gone]).await;
    assert!(!downloaded.any && downloaded.paths.is_empty());
    assert!(said.iter().any(|text| text.starts_with("ecosystems: ")), "{said:?}");
}

#[test]
fn how_the_last_update_went_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let data: &Path = folder.path();
    assert_eq!(LastUpdate::read(data), None);
    LastUpdate::remember(data, Timestamp(100), Vec::new()).unwrap();
    LastUpdate::remember(data, Timestamp(200), vec!["npm: gone".to_owned()]).unwrap();
    let last = LastUpdate::read(data).unwrap();
    assert_eq!((last.tried, last.succeeded), (Timestamp(200), Some(Timestamp(100))));
    assert_eq!(last.failures, ["npm: gone"]);
}

/// Waits for the server's own work; gives up after half a minute.
async fn until(what: &str, reached: impl Fn() -> bool) {
    for _ in 0..1_500 {
        if reached() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(reached(), "{what} was not reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_its_advisories_current() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = published(&rows(100));
    let mut config = ServeConfig::new(folder.path());
    config.listen.set_port(0);
    let interval = Duration::from_secs(1);
    config.feed_updates = Some(FeedUpdates { interval, mirrors: vec![mirror.url()] });
    let server = serve(config).await.unwrap();
    let count = || {
        let snapshot = Snapshot::open(&feed_path(folder.path())).ok()?;
        Some(snapshot.ids().filter(|id| id.starts_with("GHSA")).count())
    };
    until("the first snapshot", || count() == Some(100)).await;
    publish(&mirror, "npm", &rows(101));
    until("the second snapshot", || count() == Some(101)).await;
    mirror.fault("known_exploited_vulnerabilities.json", Fault::Status(503));
    let failed = || LastUpdate::read(folder.path()).is_some_and(|last| !last.failures.is_empty());
    until("a failure", failed).await;
    assert_eq!(count(), Some(101));
    mirror.mend();
    until("an update without failures", || !failed()).await;
    server.stop().await;
}

/// What `/healthz` says.
async fn health(address: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_with_the_last_good_advisories_whatever_a_mirror_gives() {
    let days = |day: u32| -> Rows { rows(100).into_keys().map(|id| (id, day)).collect() };
    let folder = tempfile::tempdir().unwrap();
    let mirror = published(&days(3));
    let mut config = ServeConfig::new(folder.path());
    config.listen.set_port(0);
    let interval = Duration::from_secs(1);
    config.feed_updates = Some(FeedUpdates { interval, mirrors: vec![mirror.url()] });
    let server = serve(config).await.unwrap();
    let address = server.address();
    let in_use = || {
        let snapshot = Snapshot::open(&feed_path(folder.path())).ok()?;
        Some(snapshot.state().snapshot)
    };
    let last = || LastUpdate::read(folder.path());
    let is_good = || last().is_some_and(|last| last.failures.is_empty());
    until("the first update", is_good).await;
    let good = in_use().unwrap();
    assert!(!health(address).await.contains("warning: not updated"));

    let whole = archive("npm", &days(4));
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 1;
    let cut = whole[..whole.len() / 2].to_vec();
    let half = archive("npm", days(4).iter().take(50));
    for (what, rows, bytes) in [
        ("cut", days(4), cut),
        ("flipped", days(4), flipped),
        ("empty", days(4), Vec::new()),
        ("half an ecosystem", days(4), half),
    ] {
        publish(&mirror, "npm", &rows);
        mirror.put("npm/all.zip", bytes);
        until(what, || !is_good()).await;
        assert_eq!(in_use(), Some(good), "{what}");
        let said = health(address).await;
        assert!(
            said.starts_with("HTTP/1.1 200") && said.contains("warning: not updated"),
            "{said}"
        );
        publish(&mirror, "npm", &days(3));
        until("a mended mirror", is_good).await;
        assert_eq!(in_use(), Some(good), "{what}");
    }
    // A mirror that lags behind has nothing to take, which is no failure.
    publish(&mirror, "npm", &days(2));
    mirror.put("npm/all.zip", archive("npm", &days(2)));
    let before = last().map(|last| last.tried);
    until("looks at what is older", || last().map(|last| last.tried) > before && is_good()).await;
    assert_eq!(in_use(), Some(good), "older than what is in use");
    publish(&mirror, "npm", &days(5));
    until("something new", || in_use().is_some_and(|snapshot| snapshot != good)).await;
    server.stop().await;
}

#[test]
fn one_process_at_a_time_updates() {
    let folder = tempfile::tempdir().unwrap();
    let first = UpdateLock::take(folder.path()).unwrap();
    assert!(first.is_some());
    assert!(UpdateLock::take(folder.path()).unwrap().is_none());
    drop(first);
    assert!(UpdateLock::take(folder.path()).unwrap().is_some());
}
