use super::*;

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn as_of() -> Timestamp {
    "2026-11-25".parse().unwrap()
}

fn determine_all(files: &ReleaseFiles, shown: &Shown<'_>) -> (Option<Distribution>, Vec<Gap>) {
    let (distribution, mut gaps) = determine(files, shown);
    gaps.extend(distribution.as_ref().and_then(|it| end_of_life_gap(it, as_of())));
    (distribution, gaps)
}

fn shown(family: Family, versions: &[&'static str]) -> Shown<'static> {
    Shown { families: BTreeMap::from([(family, versions.to_vec())]) }
}

#[test]
fn releases_are_written_as_osv_writes_them() {
    for (id, version, long, ecosystem, release) in [
        ("debian", "12", "", "Debian", Some("12")),
        ("debian", "", "", "Debian", None),
        ("ubuntu", "22.04", "", "Ubuntu", Some("22.04:LTS")),
        ("ubuntu", "23.10", "", "Ubuntu", Some("23.10")),
        ("ubuntu", "23.04", "", "Ubuntu", Some("23.04")),
        ("alpine", "3.20.3", "", "Alpine", Some("v3.20")),
        ("alpine", "3.21.0_alpha20240923", "", "Alpine", Some("edge")),
        ("rhel", "9.4", "", "Red Hat", Some("enterprise_linux:9")),
        ("almalinux", "9.3", "", "AlmaLinux", Some("9")),
        ("rocky", "8.9", "", "Rocky Linux", Some("8")),
        ("ol", "8.10", "", "Oracle Linux", Some("8")),
        ("fedora", "40", "", "Fedora", Some("40")),
        ("centos", "7", "", "CentOS", Some("7")),
        ("amzn", "2018.03", "", "Amazon Linux", Some("1")),
        ("amzn", "2", "", "Amazon Linux", Some("2")),
        ("amzn", "2023", "", "Amazon Linux", Some("2023")),
        ("sles", "15.5", "", "SUSE", Some("Linux Enterprise Server 15 SP5")),
        ("opensuse-leap", "15.5", "", "openSUSE", Some("Leap 15.5")),
        ("opensuse-tumbleweed", "20240101", "", "openSUSE", Some("Tumbleweed")),
        ("azurelinux", "3.0", "", "Azure Linux", Some("3")),
        ("photon", "4.0", "", "Photon OS", Some("4.0")),
        ("openEuler", "22.03", "22.03 (LTS-SP3)", "openEuler", Some("22.03-LTS-SP3")),
        ("alinux", "3", "", "Alibaba Cloud Linux", Some("3")),
        ("anolis", "8.8", "", "Anolis OS", Some("8")),
        ("wolfi", "20230201", "", "Wolfi", None),
        ("chainguard", "20230214", "", "Chainguard", None),
        ("alpaquita", "23", "", "Alpaquita", Some("23")),
    ] {
        let fields = fields(&[("ID", id), ("VERSION_ID", version), ("VERSION", long)]);
        let stated = table::by_os_release(&fields).unwrap().distribution;
        assert_eq!(stated.ecosystem.0, ecosystem, "{id} {version}");
        assert_eq!(stated.release.as_deref(), release, "{id} {version}");
    }
    assert!(table::by_os_release(&fields(&[("ID", "plan9")])).is_none());
}

#[test]
fn rows_are_known_to_the_model_and_their_dates_parse() {
    for row in distributions() {
        assert!(Ecosystem::named(row.ecosystem).row().is_some(), "{}", row.ecosystem);
        for (release, date) in row.end_of_life {
            assert!(date.parse::<Timestamp>().is_ok(), "{release}");
        }
    }
    let mut ids: Vec<&str> = distributions().iter().flat_map(|row| row.ids).copied().collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_supported_release_has_no_gap_and_an_ended_one_says_when() {
    let determine = |version: &str| {
        let files = ReleaseFiles::from([(
            "etc/os-release".to_owned(),
            fields(&[("ID", "debian"), ("VERSION_ID", version), ("PRETTY_NAME", "D")]),
        )]);
        determine_all(&files, &shown(Family::Dpkg, &["1"])).1
    };
    assert_eq!(determine("12"), []);
    let gaps = determine("10");
    assert_eq!(gaps[0].reason, GapReason::EndOfLifeDistribution);
    assert_eq!(gaps[0].detail, "`D` gets no free fixes since 2024-06-30: advisories end there");
}

#[test]
fn the_database_is_believed_more_than_a_forged_name() {
    let files = ReleaseFiles::from([(
        "etc/os-release".to_owned(),
        fields(&[("ID", "alpine"), ("VERSION_ID", "3.20.0"), ("PRETTY_NAME", "Alpine")]),
    )]);
    let versions = ["2.36-9+deb12u4", "1.0", "3.0.11-1~deb12u2"];
    let (distribution, gaps) = determine_all(&files, &shown(Family::Dpkg, &versions));
    let distribution = distribution.unwrap();
    assert_eq!(
        (distribution.ecosystem.0.as_str(), distribution.release.as_deref()),
        ("Debian", Some("12"))
    );
    assert_eq!(gaps[0].reason, GapReason::PackageDatabaseRemoved);
    assert!(gaps[0].detail.contains("the package database is one of dpkg"), "{gaps:?}");
}

#[test]
fn without_os_release_versions_and_old_files_speak() {
    let none = ReleaseFiles::new();
    let (distribution, gaps) = determine_all(&none, &shown(Family::Rpm, &["1-2.el9_4", "1-1.el9"]));
    assert_eq!(distribution.unwrap().release.as_deref(), Some("enterprise_linux:9"));
    assert_eq!(gaps[0].reason, GapReason::UnknownDistribution);
    let alpine =
        ReleaseFiles::from([("etc/alpine-release".to_owned(), fields(&[("TEXT", "3.22.1")]))]);
    let (distribution, _) = determine_all(&alpine, &shown(Family::Apk, &["1-r0"]));
    assert_eq!(distribution.unwrap().release.as_deref(), Some("v3.22"));
    let (distribution, gaps) = determine_all(&none, &Shown::default());
    assert!(distribution.is_none() && gaps.is_empty());
}

#[test]
fn two_release_files_that_disagree_are_an_anomaly() {
    let files = |text: &str| {
        ReleaseFiles::from([
            ("etc/os-release".to_owned(), fields(&[("ID", "debian"), ("VERSION_ID", "12")])),
            ("etc/debian_version".to_owned(), fields(&[("TEXT", text)])),
        ])
    };
    let gaps = |text: &str| determine_all(&files(text), &shown(Family::Dpkg, &["1"])).1;
    assert_eq!(gaps("12.5"), []);
    assert_eq!(gaps("trixie/sid"), []);
    assert_eq!(gaps("11.9")[0].reason, GapReason::Anomaly);
}
