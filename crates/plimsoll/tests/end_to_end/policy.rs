//! Policies from the command line and on a server: the same file, the same verdict, exit codes, formats.

use std::{fs, path::Path};

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{Kind, Report};
use plimsoll_server::LoopbackRegistry;
use serde_json::Value;

use crate::support::{plimsoll, plimsoll_ok, run, serve, temporary};

fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    let layer = Layer::builder("ADD rootfs /")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file(
            "srv/node_modules/free/package.json",
            br#"{"name": "free", "version": "1.0.0", "license": "(AGPL-3.0 OR GPL-3.0+)"}"#,
        )
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

const LICENCES: &str = "deny = ['copyleft', 'network-copyleft']\nunknown = 'ignore'\n";

fn starter(data: &Path) {
    plimsoll_ok(["feed", "import", "--starter", "--quiet", "--data", data.to_str().unwrap()]);
}

#[test]
fn a_policy_decides_how_a_scan_ends() {
    let folder = temporary();
    starter(folder.path());
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let (data, target) = (folder.path().to_str().unwrap(), layout.to_str().unwrap());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let scan = |more: &[&str]| {
        let fixed = ["scan", "--format", "json", "--data", data];
        plimsoll(fixed.iter().chain(more).chain(&[target]))
    };
    let code = |more: &[&str]| {
        let output = scan(more);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };

    let policy = file("plimsoll.toml", "[deny]\nvulnerability = 'low'\n[warn]\nbuild = 'low'\n");
    let (ended, told) = code(&["--policy", &policy]);
    assert_eq!(ended, 3, "{told}");
    assert!(
        told.contains("policy: deny") && told.contains("deny.vulnerability:low: CVE-"),
        "{told}"
    );
    assert!(told.contains("warn.build:low: "), "{told}");

    // What a file beside it ignores does not decide.
    let report: Report = serde_json::from_slice(&scan(&[]).stdout).unwrap();
    let of = |finding: &&plimsoll_model::Finding| finding.kind == Kind::Vulnerability;
    let rules: String = report
        .findings
        .iter()
        .filter(of)
        .map(|one| format!("[[ignore]]\nvulnerability = '{}'\nreason = 'r'\n", one.id))
        .collect();
    file("accepted.toml", &rules);
    let lenient = file(
        "lenient.toml",
        "ignore-files = ['accepted.toml']\n[deny]\nvulnerability = 'any'\n[warn]\nbuild = 'low'\n",
    );
    let (ended, told) = code(&["--policy", &lenient]);
    assert!(ended == 0 && told.contains("policy: warn"), "{ended} {told}");
    file("accepted.toml", "[[ignore]]\nvulnerability = 'CVE-1'\n");
    let (ended, told) = code(&["--policy", &lenient]);
    assert!(ended == 1 && told.contains("accepted.toml") && told.contains("reason"), "{told}");

    // Coverage first; nothing passes that nobody could look at.
    let strict = file("strict.toml", "[require]\ncoverage = 'complete'\n[deny]\nbuild = 'any'\n");
    assert_eq!(code(&["--policy", &strict]).0, 4);
    let no_feed = folder.path().join("empty");
    let (ended, told) = code(&["--data", no_feed.to_str().unwrap(), "--policy", &policy]);
    assert!(ended != 0 && ended != 3, "{ended} {told}");

    let wrong = file("wrong.toml", "[deny]\n\nvulnerabilities = 'asap'\n");
    let (ended, told) = code(&["--policy", &wrong]);
    assert!(ended == 1 && told.contains("line 3") && told.contains("wrong.toml"), "{told}");
}

#[test]
fn licences_are_held_against_a_policy() {
    let folder = temporary();
    starter(folder.path());
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let (data, target) = (folder.path().to_str().unwrap(), layout.to_str().unwrap());
    let path = folder.path().join("licences.toml");
    fs::write(&path, LICENCES).unwrap();
    let file = path.to_str().unwrap();
    let scan = |more: &[&str]| plimsoll(["scan", "--data", data, target].iter().chain(more));

    let output = scan(&["--license-policy", file, "--fail-on", "license:high", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<(&str, &str)> = report
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::License)
        .map(|finding| (finding.id.as_str(), finding.extra["expression"].as_str()))
        .collect();
    assert_eq!(found, [("AGPL-3.0-only", "AGPL-3.0-only OR GPL-3.0-or-later")]);
    let table = String::from_utf8(scan(&["--license-policy", file]).stdout).unwrap();
    assert!(table.contains("Licences: 1") && table.contains("AGPL-3.0-only"), "{table}");

    let output = scan(&["--fail-on", "license"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("--license-policy"), "{told}");
    fs::write(&path, "deny = ['GPL3 or so']").unwrap();
    let told = String::from_utf8(scan(&["--license-policy", file]).stderr).unwrap();
    assert!(told.contains("licences.toml") && told.contains("`GPL3 or so` in `deny`"), "{told}");

    let told = String::from_utf8(scan(&["--fail-on", "secret:asap"]).stderr).unwrap();
    assert!(told.contains("`asap` is not one of critical, high"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_of_each_image_what_its_policy_says() {
    let registry = LoopbackRegistry::new();
    registry.put("team/app", "1", &image());
    let handle = registry.serve().await.unwrap();
    let folder = temporary();
    let data = folder.path().to_str().unwrap().to_owned();
    let url = handle.url();
    tokio::task::spawn_blocking(move || on_a_server(&data, &url)).await.unwrap();
    drop(handle);
}

fn on_a_server(data: &str, url: &str) {
    starter(Path::new(data));
    let ok = |words: &[&str]| plimsoll_ok(words.iter().chain(&["--data", data]));
    ok(&["registry", "add", "build", url]);
    ok(&["registry", "sync", "build", "--scan", "--quiet"]);
    let images: Value = serde_json::from_str(&ok(&["images", "--format", "json"])).unwrap();
    let uuid = images[0]["uuid"].as_str().unwrap().to_owned();
    let policy = Path::new(data).join("plimsoll.toml");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    fs::write(
        &policy,
        format!(
            "[deny]\nlicense = 'high'\n[warn]\nbuild = 'low'\n[require]\nregistries = ['{host}/team/*']\n[licenses]\n{LICENCES}"
        ),
    )
    .unwrap();
    let token = fs::read_to_string(Path::new(data).join("admin-token")).unwrap_or_default();
    let server = serve(Path::new(data), &["--workers", "1", "--policy", policy.to_str().unwrap()]);
    let token = if token.is_empty() {
        fs::read_to_string(Path::new(data).join("admin-token")).unwrap()
    } else {
        token
    };
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let get = |path: &str| {
        run("curl", ["--silent", "-H", &bearer, &format!("{}/api/v1/{path}", server.endpoint)])
    };
    let said: Value = serde_json::from_str(&get(&format!("images/{uuid}/policy"))).unwrap();
    assert_eq!(said["verdict"], "deny", "{said}");
    let rules: Vec<&str> = said["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["deny.license:high", "warn.build:low"], "{said}");
    // It is kept with the image as soon as the server has looked.
    let listed = |filter: &str| -> Vec<Value> {
        let list: Value = serde_json::from_str(&get(&format!("images?policy={filter}"))).unwrap();
        list["images"].as_array().unwrap().clone()
    };
    let mut denied = listed("deny");
    for _look in 0..200 {
        if !denied.is_empty() {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        denied = listed("deny");
    }
    assert_eq!((&denied[0]["uuid"], &denied[0]["policy"]), (&uuid.clone().into(), &"deny".into()));
    assert!(listed("pass").is_empty());
    let unknown = get("images/00000000-0000-0000-0000-000000000000/policy");
    assert!(unknown.contains("no image"), "{unknown}");
    drop(server);
    let server = serve(Path::new(data), &["--workers", "1"]);
    let get = |path: &str| {
        run("curl", ["--silent", "-H", &bearer, &format!("{}/api/v1/{path}", server.endpoint)])
    };
    let none = get(&format!("images/{uuid}/policy"));
    assert!(none.contains("serve --policy"), "{none}");
}
