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
    let listed = versions.iter().map(|version| Listed::of_version(version)).collect();
    Shown { families: BTreeMap::from([(family, listed)]) }
}

/// `ID`, `VERSION_ID`, `VERSION`, `NAME` as images have them; ecosystem and release.
type Stated = (&'static str, &'static str, &'static str, &'static str);
const RELEASES: &[(Stated, &str, Option<&str>)] = &[
    (("debian", "12", "12 (bookworm)", "Debian GNU/Linux"), "Debian", Some("12")),
    (("debian", "", "", "Debian GNU/Linux"), "Debian", None),
    (("ubuntu", "22.04", "22.04.4 LTS (Jammy Jellyfish)", "Ubuntu"), "Ubuntu", Some("22.04:LTS")),
    (("ubuntu", "26.04", "26.04 LTS", "Ubuntu"), "Ubuntu", Some("26.04:LTS")),
    (("ubuntu", "23.10", "23.10 (Mantic Minotaur)", "Ubuntu"), "Ubuntu", Some("23.10")),
    (("ubuntu", "23.04", "23.04 (Lunar Lobster)", "Ubuntu"), "Ubuntu", Some("23.04")),
    (("echo", "1", "", "Echo Linux"), "Echo", None),
    (("raspbian", "12", "12 (bookworm)", "Raspbian GNU/Linux"), "Raspbian", Some("12")),
    (("kali", "2024.3", "2024.3", "Kali GNU/Linux"), "Kali Linux", None),
    (("devuan", "5", "5 (daedalus)", "Devuan GNU/Linux"), "Devuan", Some("5")),
    (("linuxmint", "21.3", "21.3 (Virginia)", "Linux Mint"), "Linux Mint", Some("21.3")),
    (("deepin", "23", "23", "deepin"), "deepin", Some("23")),
    (("alpine", "3.20.3", "", "Alpine Linux"), "Alpine", Some("v3.20")),
    (("alpine", "3.21.0_alpha20240923", "", "Alpine Linux"), "Alpine", Some("edge")),
    (("wolfi", "20230201", "", "Wolfi"), "Wolfi", None),
    (("chainguard", "20230214", "", "Chainguard"), "Chainguard", None),
    (("minimos", "20241031", "", "MinimOS"), "MinimOS", None),
    (("clnstrt", "", "", "CleanStart"), "CleanStart", None),
    (("cleanstart", "", "", "CleanStart"), "CleanStart", None),
    (("alpaquita", "23", "", "BellSoft Alpaquita Linux"), "Alpaquita", Some("23")),
    (
        ("bellsoft-hardened-containers", "25", "", "BellSoft Hardened Containers"),
        "BellSoft Hardened Containers",
        Some("25"),
    ),
    (
        ("rhel", "9.4", "9.4 (Plow)", "Red Hat Enterprise Linux"),
        "Red Hat",
        Some("enterprise_linux:9"),
    ),
    (("centos", "7", "7 (Core)", "CentOS Linux"), "CentOS", Some("7")),
    (("centos", "9", "9", "CentOS Stream"), "CentOS", Some("9-stream")),
    (("almalinux", "9.3", "9.3 (Shamrock Pampas Cat)", "AlmaLinux"), "AlmaLinux", Some("9")),
    (("rocky", "8.9", "8.9 (Green Obsidian)", "Rocky Linux"), "Rocky Linux", Some("8")),
    (("ol", "8.10", "8.10", "Oracle Linux Server"), "Oracle Linux", Some("8")),
    (("fedora", "40", "40 (Container Image)", "Fedora Linux"), "Fedora", Some("40")),
    (("amzn", "2018.03", "2018.03", "Amazon Linux AMI"), "Amazon Linux", Some("1")),
    (("amzn", "2", "2", "Amazon Linux"), "Amazon Linux", Some("2")),
    (("amzn", "2023", "2023", "Amazon Linux"), "Amazon Linux", Some("2023")),
    (("sles", "15.5", "15-SP5", "SLES"), "SUSE", Some("Linux Enterprise Server 15 SP5")),
    (("sles", "15.0", "15", "SLES"), "SUSE", Some("Linux Enterprise Server 15")),
    (("sles", "16.0", "16.0", "SLES"), "SUSE", Some("Linux Enterprise Server 16.0")),
    (("sled", "15.6", "15-SP6", "SLED"), "SUSE", Some("Linux Enterprise Server 15 SP6")),
    (("sle_hpc", "15.3", "15-SP3", "SLE_HPC"), "SUSE", Some("Linux Enterprise Server 15 SP3")),
    (("sles_sap", "12.5", "12-SP5", "SLES"), "SUSE", Some("Linux Enterprise Server 12 SP5")),
    (("suse", "12", "12", "SUSE"), "SUSE", Some("Linux Enterprise Server 12")),
    (("sle-micro", "5.5", "5.5", "SLE Micro"), "SUSE", Some("Linux Enterprise Micro 5.5")),
    (("suse-microos", "5.1", "5.1", "SLE Micro"), "SUSE", Some("Linux Enterprise Micro 5.1")),
    (("sl-micro", "6.0", "6.0", "SL-Micro"), "SUSE", Some("Linux Micro 6.0")),
    (("opensuse-leap", "15.5", "15.5", "openSUSE Leap"), "openSUSE", Some("Leap 15.5")),
    (("opensuse", "42.3", "42.3", "openSUSE Leap"), "openSUSE", Some("Leap 42.3")),
    (
        ("opensuse-leap-micro", "5.5", "5.5", "openSUSE Leap Micro"),
        "openSUSE",
        Some("Leap Micro 5.5"),
    ),
    (
        ("opensuse-tumbleweed", "20240101", "", "openSUSE Tumbleweed"),
        "openSUSE",
        Some("Tumbleweed"),
    ),
    (("opensuse-microos", "20240101", "", "openSUSE MicroOS"), "openSUSE", Some("Tumbleweed")),
    (("mageia", "9", "9", "Mageia"), "Mageia", Some("9")),
    (("azurelinux", "3.0", "3.0.20240727", "Microsoft Azure Linux"), "Azure Linux", Some("3")),
    (("mariner", "2.0", "2.0.20230126", "Common Base Linux Mariner"), "Azure Linux", Some("2")),
    (("photon", "4.0", "4.0", "VMware Photon OS"), "Photon OS", Some("4.0")),
    (
        ("bottlerocket", "1.20.3", "1.20.3 (aws-k8s-1.30)", "Bottlerocket"),
        "Bottlerocket",
        Some("1.20.3"),
    ),
    (("openEuler", "22.03", "22.03 (LTS-SP3)", "openEuler"), "openEuler", Some("22.03-LTS-SP3")),
    (("openEuler", "20.03", "20.03 (LTS)", "openEuler"), "openEuler", Some("20.03-LTS")),
    (("openEuler", "25.09", "25.09", "openEuler"), "openEuler", Some("25.09")),
    (("euleros", "2.0", "2.0 (SP8)", "EulerOS"), "EulerOS", Some("2.0-SP8")),
    (
        ("alinux", "2.1903", "2.1903 LTS (Hunting Beagle)", "Alibaba Cloud Linux"),
        "Alibaba Cloud Linux",
        Some("2"),
    ),
    (
        ("alinux", "3", "3 (Soaring Falcon)", "Alibaba Cloud Linux"),
        "Alibaba Cloud Linux",
        Some("3"),
    ),
    (("alios", "7", "7", "AliOS"), "Alibaba Cloud Linux", Some("7")),
    (("aliyun", "17.1", "17.1", "Aliyun Linux"), "Alibaba Cloud Linux", Some("17")),
    (("anolis", "7.9", "7.9", "Anolis OS"), "Anolis OS", Some("7")),
    (("anolis", "8.8", "8.8", "Anolis OS"), "Anolis OS", Some("8")),
    (("anolis", "23", "23", "Anolis OS"), "Anolis OS", Some("23")),
    (("kylin", "V10", "V10 (Lance)", "Kylin Linux Advanced Server"), "Kylin", Some("V10")),
    (("tencentos", "3.1", "3.1 (Final)", "TencentOS Server"), "TencentOS", Some("3")),
    (("tlinux", "2.4", "2.4", "Tencent tlinux"), "TencentOS", Some("2")),
    (("opencloudos", "9.2", "9.2", "OpenCloudOS"), "OpenCloudOS", Some("9")),
    (("uos", "20", "20", "UnionTech OS Server 20"), "UnionTech OS", Some("20")),
    (("uniontech", "20", "20", "UnionTech OS"), "UnionTech OS", Some("20")),
    (("arch", "", "", "Arch Linux"), "Arch Linux", None),
    (("archarm", "", "", "Arch Linux ARM"), "Arch Linux", None),
    (("gentoo", "2.17", "", "Gentoo"), "Gentoo", None),
    (("openwrt", "23.05.5", "23.05.5", "OpenWrt"), "OpenWrt", Some("23.05")),
    (("nixos", "24.05", "24.05 (Uakari)", "NixOS"), "Nix", Some("24.05")),
    (
        ("flatcar", "3815.2.0", "3815.2.0", "Flatcar Container Linux by Kinvolk"),
        "Flatcar",
        Some("3815.2.0"),
    ),
    (("cos", "113", "113", "Container-Optimized OS"), "Container-Optimized OS", Some("113")),
    (("talos", "v1.7.0", "", "Talos"), "Talos", Some("v1.7.0")),
    (("buildroot", "2024.02", "2024.02", "Buildroot"), "Buildroot", Some("2024.02")),
];

#[test]
fn releases_are_written_as_osv_writes_them() {
    for ((id, version, long, name), ecosystem, release) in RELEASES {
        let fields =
            fields(&[("ID", id), ("VERSION_ID", version), ("VERSION", long), ("NAME", name)]);
        let stated = table::by_os_release(&fields).unwrap().distribution;
        assert_eq!(stated.ecosystem.0, *ecosystem, "{id} {version}");
        assert_eq!(stated.release.as_deref(), *release, "{id} {version}");
    }
    for id in distributions().iter().flat_map(|row| row.ids) {
        let is_there = RELEASES.iter().any(|((known, ..), _, _)| known.eq_ignore_ascii_case(id));
        assert!(is_there, "`{id}` has no example");
    }
    assert!(table::by_os_release(&fields(&[("ID", "plan9")])).is_none());
}

/// Distributions without a database of packages, which the model knows nothing of.
const BARE: &[&str] = &["Flatcar", "Container-Optimized OS", "Talos", "Buildroot"];

#[test]
fn rows_are_known_to_the_model_and_their_dates_parse() {
    for row in distributions() {
        let is_known = Ecosystem::named(row.ecosystem).row().is_some();
        assert_eq!(is_known, !BARE.contains(&row.ecosystem), "{}", row.ecosystem);
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
fn dates_are_those_of_releases_that_the_numbering_gives() {
    for (id, version, long, name, end) in [
        ("centos", "8", "8", "CentOS Linux", "2021-12-31"),
        ("centos", "8", "8", "CentOS Stream", "2024-05-31"),
        ("openEuler", "22.03", "22.03 (LTS-SP4)", "openEuler", "2026-06-30"),
        ("alinux", "2.1903", "2.1903 LTS (Hunting Beagle)", "Alibaba Cloud Linux", "2024-03-31"),
        ("openwrt", "22.03.2", "22.03.2", "OpenWrt", "2024-04-11"),
        ("sles", "12.5", "12-SP5", "SLES", "2024-10-31"),
        ("opensuse-leap", "15.6", "15.6", "openSUSE Leap", "2026-04-30"),
        ("mariner", "1.0", "1.0", "CBL-Mariner", "2023-07-31"),
        ("photon", "3.0", "3.0", "VMware Photon Linux", "2024-03-01"),
        ("nixos", "23.11", "23.11 (Tapir)", "NixOS", "2024-06-30"),
    ] {
        let fields =
            fields(&[("ID", id), ("VERSION_ID", version), ("VERSION", long), ("NAME", name)]);
        let stated = table::by_os_release(&fields).unwrap().distribution;
        assert_eq!(stated.end_of_life.map(|end| end.date()).as_deref(), Some(end), "{id}");
    }
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
