//! Feed files from a mirror on loopback.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_registry::{
    HttpClient,
    download::{
        DownloadError, Outcome, Progress, download,
        feed::{FeedAddresses, OTHERS, OtherFeed, Published},
    },
};

use crate::{
    content::options,
    origin::{Origin, Reply, Request},
};

fn http() -> HttpClient {
    HttpClient::new(options()).unwrap()
}

async fn fetch(url: &str, target: &std::path::Path) -> Result<Outcome, DownloadError> {
    download(&http(), url, target, 1 << 20, &mut |_| {}).await
}

/// Without a second attempt.
async fn fetch_once(url: &str, target: &std::path::Path) -> Result<Outcome, DownloadError> {
    let mut once = options();
    once.retries = 0;
    download(&HttpClient::new(once).unwrap(), url, target, 1 << 20, &mut |_| {}).await
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Serves `body` with an `ETag` made of its length, as a web server does: 304, ranges, `If-Range`.
fn serve(request: &Request, body: &[u8]) -> Reply {
    let etag = format!("\"{}\"", body.len());
    let reply = |status| Reply::new(status).header("ETag", &etag);
    if request.header("if-none-match") == Some(&etag) {
        return reply(304);
    }
    let start = request
        .header("range")
        .filter(|_| request.header("if-range") == Some(&etag))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match start {
        Some(start) if start >= body.len() => reply(416),
        Some(start) => {
            let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
            reply(206).header("Content-Range", &range).body(&body[start..])
        }
        None => reply(200).body(body),
    }
}

#[tokio::test]
async fn a_mirror_serves_all_feeds_and_then_nothing_new() {
    let origin = Origin::start(|request| match request.path() {
        "/feeds/ecosystems.txt" => {
            Reply::new(200).body("Debian\nRocky Linux\nDebian:12\n../../etc\n\nAlpine\n")
        }
        "/feeds/Rocky%20Linux/all.zip" => serve(request, b"rocky"),
        "/feeds/Debian/all.zip" => serve(request, b"debian zip"),
        "/feeds/known_exploited_vulnerabilities.json" => serve(request, b"{}"),
        "/feeds/epss_scores-current.csv.gz" => serve(request, b"scores"),
        _ => Reply::new(404),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let addresses = FeedAddresses::mirror(&origin.url("/feeds/"));
    let ecosystems = addresses.ecosystems(&http()).await.unwrap();
    assert_eq!(ecosystems, ["Alpine", "Debian", "Rocky Linux"]);
    let mut files: Vec<_> =
        ecosystems[1..].iter().map(|name| addresses.archive(name).unwrap()).collect();
    for other in &OTHERS[..2] {
        files.push(addresses.other(&http(), other).await.unwrap());
    }
    for wanted in [[10, 5, 2, 6].map(Outcome::Fetched), [Outcome::Current; 4]] {
        for (file, wanted) in files.iter().zip(wanted) {
            let outcome = file.fetch(&http(), folder.path(), &mut |_| {}).await.unwrap();
            assert_eq!(outcome, wanted, "{}", file.url);
        }
    }
    assert_eq!(fs::read(folder.path().join("Rocky Linux/all.zip")).unwrap(), b"rocky");
    assert_eq!(names(&folder.path().join("Debian")), ["all.zip", "all.zip.origin"]);
    let missing = addresses.archive("Alpine").unwrap();
    let error = missing.fetch(&http(), folder.path(), &mut |_| {}).await.unwrap_err();
    let wanted = format!("downloading `Alpine/all.zip`: `http://{}` answered 404", origin.address);
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test]
async fn single_records_are_asked_for_again_when_the_server_stumbles() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |request| match request.path() {
        "/feeds/AlmaLinux/ALSA-2025:10873.json" => match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(500),
            1 => Reply::new(200).body("{\"id\":1}").cut_after(3),
            _ => Reply::new(200).body("{}"),
        },
        _ => Reply::new(404),
    })
    .await;
    let addresses = FeedAddresses::mirror(&origin.url("/feeds/"));
    let records = addresses.records(&http(), "AlmaLinux").unwrap();
    assert_eq!(records.get("ALSA-2025:10873").await.unwrap(), b"{}");
    assert_eq!(origin.requests().len(), 3);
    let error = records.get("ALSA-1").await.unwrap_err();
    assert!(matches!(error, DownloadError::Status { status: 404, .. }), "{error}");
    assert_eq!(origin.requests().len(), 4, "what is not there is not asked for again");
}

#[tokio::test]
async fn a_cut_download_is_taken_up_within_a_call() {
    let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (served, count) = (body.clone(), AtomicUsize::new(0));
    let origin = Origin::start(move |request| {
        let reply = serve(request, &served);
        if count.fetch_add(1, Ordering::Relaxed) < 3 { reply.cut_after(70_000) } else { reply }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("all.zip");
    let seen = Mutex::new(Vec::new());
    let outcome = download(&http(), &origin.url("/all.zip"), &target, 1 << 20, &mut |progress| {
        seen.lock().unwrap().push(progress);
    })
    .await
    .unwrap();
    assert_eq!(outcome, Outcome::Fetched(400_000));
    assert_eq!(fs::read(&target).unwrap(), body);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|progress| progress.total == Some(400_000)));
    assert_eq!(seen.last(), Some(&Progress { received: 400_000, total: Some(400_000) }));
    let ranges: Vec<String> = origin
        .requests()
        .iter()
        .filter_map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["bytes=70000-", "bytes=140000-", "bytes=210000-"]);
}

#[tokio::test]
async fn a_download_that_stays_cut_leaves_the_old_file_and_is_taken_up_by_the_next_call() {
    let body = Arc::new(Mutex::new((b"old".to_vec(), usize::MAX)));
    let shared = Arc::clone(&body);
    let origin = Origin::start(move |request| {
        let (body, most) = shared.lock().unwrap().clone();
        serve(request, &body).cut_after(most)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (url, target) = (origin.url("/kev.json"), folder.path().join("kev.json"));
    assert_eq!(fetch(&url, &target).await.unwrap(), Outcome::Fetched(3));

    *body.lock().unwrap() = (b"new content".to_vec(), 2);
    let error = fetch_once(&url, &target).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(fs::read(&target).unwrap(), b"old");

    body.lock().unwrap().1 = usize::MAX;
    assert_eq!(fetch(&url, &target).await.unwrap(), Outcome::Fetched(11));
    assert_eq!(fs::read(&target).unwrap(), b"new content");
    let last = origin.requests().pop().unwrap();
    assert_eq!(last.header("range"), Some("bytes=2-"));
    assert_eq!(fetch(&url, &target).await.unwrap(), Outcome::Current);
}

#[tokio::test]
async fn halves_of_two_versions_are_never_glued() {
    let body = Arc::new(Mutex::new((b"first version".to_vec(), 5)));
    let shared = Arc::clone(&body);
    let origin = Origin::start(move |request| {
        let (body, most) = shared.lock().unwrap().clone();
        serve(request, &body).cut_after(most)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (url, target) = (origin.url("/f"), folder.path().join("f"));
    assert!(fetch_once(&url, &target).await.is_err());
    assert_eq!(fs::read(folder.path().join("f.part")).unwrap(), b"first");
    *body.lock().unwrap() = (b"second, longer version".to_vec(), usize::MAX);
    assert_eq!(fetch(&url, &target).await.unwrap(), Outcome::Fetched(22));
    assert_eq!(fs::read(&target).unwrap(), b"second, longer version");
    // Another address has nothing to do with what is there.
    let elsewhere = Origin::start(|_| Reply::new(200).body("x")).await;
    assert_eq!(fetch(&elsewhere.url("/f"), &target).await.unwrap(), Outcome::Fetched(1));
    assert_eq!(elsewhere.requests()[0].header("if-none-match"), None);
}

#[tokio::test]
async fn a_server_that_only_knows_dates_is_asked_by_date() {
    let date = "Wed, 25 Nov 2026 01:00:00 GMT";
    let origin = Origin::start(move |request| {
        let status = if request.header("if-modified-since") == Some(date) { 304 } else { 200 };
        let reply = Reply::new(status).header("Last-Modified", date);
        if status == 200 { reply.body("dated") } else { reply }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("f");
    assert_eq!(fetch(&origin.url("/f"), &target).await.unwrap(), Outcome::Fetched(5));
    assert_eq!(fetch(&origin.url("/f"), &target).await.unwrap(), Outcome::Current);
    fs::remove_file(&target).unwrap();
    let again = fetch(&origin.url("/f"), &target).await.unwrap();
    assert_eq!(again, Outcome::Fetched(5), "a file that is gone is not current");
}

#[tokio::test]
async fn too_much_is_refused_stated_or_not() {
    let origin = Origin::start(|_| Reply::new(200).body(vec![0; (1 << 20) + 1])).await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("f");
    let error = fetch(&origin.url("/f"), &target).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { limit: 1_048_576, .. }), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn addresses_that_are_none_do_not_show_passwords() {
    for url in ["ftp://a/b", "nonsense", "http://me:hunter2@127.0.0.1/x", "file:///etc/passwd"] {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch(url, &folder.path().join("f")).await.unwrap_err();
        assert!(matches!(error, DownloadError::Url(_)), "{url}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_mirror_may_not_lead_to_inner_addresses() {
    let origin = Origin::start(|_| Reply::redirect(302, "http://169.254.169.254/x")).await;
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&origin.url("/f"), &folder.path().join("f")).await.unwrap_err();
    assert!(error.to_string().contains("never connected to"), "{error}");
}

/// The address of a repository's `updateinfo` by way of a list at `path`, or of the repository there.
async fn located(origin: &Origin, path: &str) -> Result<String, DownloadError> {
    let url = origin.url(path).leak();
    let is_list = path.ends_with(".list");
    let other = OtherFeed {
        feed: "updateinfo",
        ecosystem: Some("Amazon Linux"),
        published: if is_list { Published::UpdateInfo(url) } else { Published::Repository(url) },
        file: "updateinfo.xml.gz",
        limit: 1 << 20,
    };
    Ok(FeedAddresses::default().other(&http(), &other).await?.url)
}

#[tokio::test]
async fn a_repository_is_followed_to_its_updateinfo_and_nowhere_else() {
    let metadata = |place: &str| {
        format!("<repomd><data type=\"updateinfo\"><location href=\"{place}\"/></data></repomd>")
    };
    let origin = Origin::start(move |request| {
        let host = request.header("host").unwrap_or_default();
        match request.path() {
            "/mirror.list" => {
                Reply::new(200).body(format!("# mirrors\n\nhttp://{host}/guids/1/\n"))
            }
            "/guids/1/repodata/repomd.xml" => Reply::new(200).body(metadata("repodata/a.xml.gz")),
            "/outside.list" => Reply::new(200).body(format!("http://{host}/guids/2\n")),
            "/guids/2/repodata/repomd.xml" => Reply::new(200).body(metadata("../../secret")),
            "/guids/3/repodata/repomd.xml" => Reply::new(200).body("<repomd></repomd>"),
            "/elsewhere.list" => Reply::new(200).body("http://127.0.0.2:1/guids/1/\n"),
            "/empty.list" => Reply::new(200).body("\n"),
            _ => Reply::new(404),
        }
    })
    .await;
    let found = located(&origin, "/mirror.list").await.unwrap();
    assert_eq!(found, origin.url("/guids/1/repodata/a.xml.gz"));
    for repository in ["/guids/1", "/guids/1/"] {
        assert_eq!(located(&origin, repository).await.unwrap(), found);
    }
    for (list, says) in [
        ("/outside.list", "no place below it"),
        ("/elsewhere.list", "leads to another server"),
        ("/empty.list", "names no repository"),
        ("/missing.list", "answered 404"),
        ("/guids/2", "no place below it"),
        ("/guids/3", "has no `updateinfo`"),
        ("/guids/4", "answered 404"),
    ] {
        let error = located(&origin, list).await.unwrap_err().to_string();
        assert!(error.contains(says), "{list}: {error}");
    }
}
