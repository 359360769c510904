//! `plimsoll scan --kinds`: what nobody asked for is not looked for, said to be left out, and never taken for clean, now or later.

use std::path::Path;

use plimsoll_image::{BuiltImage, ImageBuilder, Layer};
use plimsoll_model::{Kind, Report, Verdict};

use crate::support::{plimsoll, plimsoll_ok, temporary};

/// An image with something of every kind but licences.
fn image() -> BuiltImage {
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.9-1\n\n";
    // Put together here, so that nothing that looks into this file finds them.
    let eicar =
        concat!("X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    let token = format!("token: {}_{}\n", "ghp", "QWERTYuiopasdfghJKLzxcvbnm12342o7GQW");
    let layer = Layer::builder("RUN curl http://example.org/install.sh | sh")
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nalso:x:0:0::/:/bin/sh\n")
        .file("srv/eicar.com", eicar.as_bytes())
        .file("srv/settings.yaml", token.as_bytes())
        .file("srv/id_rsa", KEY.as_bytes())
        .build()
        .unwrap();
    ImageBuilder::new("linux/amd64".parse().unwrap()).layer(&layer).build().unwrap()
}

/// The head of a private key is enough for it to count.
const KEY: &str = concat!(
    "-----BEGIN OPENSSH PRIVATE",
    " KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n",
    "QyNTUxOQAAACAY2hlY2sgdGhhdCB0aGlzIGlzIG5vdCBhIHJlYWwga2V5IQAAAIgAAAAA\n-----END OPENSSH PRIVATE",
    " KEY-----\n"
);

fn scan(data: &Path, layout: &Path, more: &[&str]) -> std::process::Output {
    let fixed = ["scan", "--data", data.to_str().unwrap(), layout.to_str().unwrap()];
    plimsoll(fixed.iter().chain(more))
}

fn report(data: &Path, layout: &Path, more: &[&str]) -> Report {
    let output = scan(data, layout, &[&["--format", "json"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn found(report: &Report) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

const ALL: [Kind; 5] =
    [Kind::Vulnerability, Kind::Baseline, Kind::Malware, Kind::Secret, Kind::Build];

#[test]
fn each_kind_alone_finds_its_own_and_says_what_it_left_out() {
    let folder = temporary();
    plimsoll_ok([
        "feed",
        "import",
        "--starter",
        "--quiet",
        "--data",
        folder.path().to_str().unwrap(),
    ]);
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    // Twice each, since the second answer is from what is known of the image, and in both orders with all kinds.
    for kind in ALL {
        for _ in 0..2 {
            let alone = report(folder.path(), &layout, &["--kinds", kind.as_str()]);
            assert_eq!(found(&alone), [kind]);
            assert_eq!(alone.coverage.left_out.len(), 5, "{:?}", alone.coverage.left_out);
            assert_eq!(alone.packages.len(), 1, "packages are listed whatever is looked for");
            assert_eq!(alone.feed.is_some(), kind == Kind::Vulnerability);
        }
    }
    for more in [&[][..], &["--kinds", "vulnerability,baseline,malware,secret,build,license"]] {
        let all = report(folder.path(), &layout, more);
        assert_eq!(found(&all), ALL);
        assert_eq!(all.coverage.left_out, []);
    }
    let again = report(folder.path(), &layout, &["--kinds", "secret,build"]);
    assert_eq!(found(&again), [Kind::Secret, Kind::Build]);
    assert!(!again.coverage.ran.iter().any(|id| id == "malware"), "{:?}", again.coverage.ran);
    assert!(again.coverage.ran.iter().any(|id| id == "secrets"), "{:?}", again.coverage.ran);
}

#[test]
fn no_feed_is_missed_where_nobody_asks_for_vulnerabilities() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    assert_eq!(report(folder.path(), &layout, &[]).coverage.verdict, Verdict::Partial);
    let others = report(folder.path(), &layout, &["--kinds", "baseline,malware,secret,build"]);
    assert_eq!((others.coverage.verdict, others.coverage.gaps), (Verdict::Complete, vec![]));
    let shown = scan(folder.path(), &layout, &["--kinds", "malware, secret"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("Not looked for, as asked: vulnerability, baseline, build"), "{shown}");
}

#[test]
fn what_was_left_out_decides_nothing() {
    let folder = temporary();
    let layout = folder.path().join("layout");
    image().write_oci_layout(&layout, "latest").unwrap();
    let policy = folder.path().join("plimsoll.toml");
    std::fs::write(&policy, "[deny]\nmalware = 'any'\n").unwrap();
    let policy = policy.to_str().unwrap();
    for (more, code, told) in [
        (
            &["--kinds", "secret", "--fail-on", "malware"][..],
            1,
            "`--fail-on malware` cannot be decided",
        ),
        (&["--kinds", "secret", "--policy", policy], 1, "`--policy` on malware cannot be decided"),
        (&["--kinds", "secret,malware", "--fail-on", "malware"], 3, "reach the line"),
        (&["--kinds", "secrets"], 2, "`secrets` is not one of vulnerability, baseline"),
        (&["--kinds", ","], 2, "at least one kind"),
    ] {
        let output = scan(folder.path(), &layout, more);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {error}");
        assert!(error.contains(told), "{more:?}: {error}");
    }
}
