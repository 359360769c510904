//! Table: `os-release` as images of each distribution have it, and what it must be taken for.
//!
//! In: texts of images, shortened to the lines that say who somebody is. Out: ecosystem, release, last day of free fixes.
//! Source: the base images of each distribution.

use super::{release_file::ReleaseFile, table};
use crate::parser::{ClaimedFile, Parser};

/// The text; ecosystem, release and end of life.
type Sample = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

const SAMPLES: &[Sample] = &[
    (
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n",
        "Debian",
        Some("12"),
        Some("2028-06-30"),
    ),
    (
        "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"11\"\nVERSION=\"Debian GNU/Linux 11 (bullseye)\"\n",
        "Debian",
        Some("11"),
        Some("2026-08-31"),
    ),
    (
        "PRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.4 LTS (Jammy Jellyfish)\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n",
        "Ubuntu",
        Some("22.04:LTS"),
        Some("2027-06-01"),
    ),
    (
        "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\nHOME_URL=\"https://alpinelinux.org/\"\n",
        "Alpine",
        Some("v3.20"),
        Some("2026-04-01"),
    ),
    (
        "ID=wolfi\nNAME=\"Wolfi\"\nPRETTY_NAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\nHOME_URL=\"https://wolfi.dev\"\n",
        "Wolfi",
        None,
        None,
    ),
    (
        "ID=chainguard\nNAME=\"Chainguard\"\nPRETTY_NAME=\"Chainguard\"\nVERSION_ID=\"20230214\"\nHOME_URL=\"https://chainguard.dev/\"\n",
        "Chainguard",
        None,
        None,
    ),
    (
        "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n",
        "Red Hat",
        Some("enterprise_linux:9"),
        Some("2032-05-31"),
    ),
    // UBI 7, whose values stand in quotes all of them.
    (
        "NAME=\"Red Hat Enterprise Linux Server\"\nVERSION=\"7.9 (Maipo)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVARIANT=\"Server\"\nVERSION_ID=\"7.9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux Server 7.9 (Maipo)\"\n",
        "Red Hat",
        Some("enterprise_linux:7"),
        Some("2024-06-30"),
    ),
    (
        "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n",
        "CentOS",
        Some("7"),
        Some("2024-06-30"),
    ),
    (
        "NAME=\"CentOS Stream\"\nVERSION=\"9\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"9\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"CentOS Stream 9\"\n",
        "CentOS",
        Some("9-stream"),
        Some("2027-05-31"),
    ),
    (
        "NAME=\"Rocky Linux\"\nVERSION=\"9.3 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Rocky Linux 9.3 (Blue Onyx)\"\n",
        "Rocky Linux",
        Some("9"),
        Some("2032-05-31"),
    ),
    (
        "NAME=\"AlmaLinux\"\nVERSION=\"8.9 (Midnight Oncilla)\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\nPLATFORM_ID=\"platform:el8\"\nPRETTY_NAME=\"AlmaLinux 8.9 (Midnight Oncilla)\"\n",
        "AlmaLinux",
        Some("8"),
        Some("2029-05-31"),
    ),
    (
        "NAME=\"Oracle Linux Server\"\nVERSION=\"8.9\"\nID=\"ol\"\nID_LIKE=\"fedora\"\nVARIANT=\"Server\"\nVARIANT_ID=\"server\"\nVERSION_ID=\"8.9\"\nPLATFORM_ID=\"platform:el8\"\nPRETTY_NAME=\"Oracle Linux Server 8.9\"\n",
        "Oracle Linux",
        Some("8"),
        Some("2029-07-31"),
    ),
    (
        "NAME=\"Fedora Linux\"\nVERSION=\"40 (Container Image)\"\nID=fedora\nVERSION_ID=40\nVERSION_CODENAME=\"\"\nPLATFORM_ID=\"platform:f40\"\nPRETTY_NAME=\"Fedora Linux 40 (Container Image)\"\n",
        "Fedora",
        Some("40"),
        Some("2025-05-13"),
    ),
    (
        "NAME=\"Amazon Linux AMI\"\nVERSION=\"2018.03\"\nID=\"amzn\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"2018.03\"\nPRETTY_NAME=\"Amazon Linux AMI 2018.03\"\n",
        "Amazon Linux",
        Some("1"),
        Some("2023-12-31"),
    ),
    (
        "NAME=\"Amazon Linux\"\nVERSION=\"2\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\nPRETTY_NAME=\"Amazon Linux 2\"\n",
        "Amazon Linux",
        Some("2"),
        Some("2026-06-30"),
    ),
    (
        "NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\nPLATFORM_ID=\"platform:al2023\"\nPRETTY_NAME=\"Amazon Linux 2023\"\n",
        "Amazon Linux",
        Some("2023"),
        Some("2029-06-30"),
    ),
    (
        "NAME=\"SLES\"\nVERSION=\"15-SP5\"\nVERSION_ID=\"15.5\"\nPRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP5\"\nID=\"sles\"\nID_LIKE=\"suse\"\n",
        "SUSE",
        Some("Linux Enterprise Server 15 SP5"),
        Some("2024-12-31"),
    ),
    (
        "NAME=\"openSUSE Leap\"\nVERSION=\"15.6\"\nID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.6\"\nPRETTY_NAME=\"openSUSE Leap 15.6\"\n",
        "openSUSE",
        Some("Leap 15.6"),
        Some("2026-04-30"),
    ),
    (
        "NAME=\"openSUSE Tumbleweed\"\n# VERSION=\"20240603\"\nID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\nVERSION_ID=\"20240603\"\nPRETTY_NAME=\"openSUSE Tumbleweed\"\n",
        "openSUSE",
        Some("Tumbleweed"),
        None,
    ),
    (
        "NAME=\"VMware Photon OS\"\nVERSION=\"4.0\"\nID=photon\nVERSION_ID=4.0\nPRETTY_NAME=\"VMware Photon OS/Linux\"\n",
        "Photon OS",
        Some("4.0"),
        Some("2026-03-01"),
    ),
    (
        "NAME=\"Common Base Linux Mariner\"\nVERSION=\"2.0.20240628\"\nID=mariner\nVERSION_ID=\"2.0\"\nPRETTY_NAME=\"CBL-Mariner/Linux\"\n",
        "Azure Linux",
        Some("2"),
        Some("2025-07-31"),
    ),
    (
        "NAME=\"Microsoft Azure Linux\"\nVERSION=\"3.0.20240727\"\nID=azurelinux\nVERSION_ID=\"3.0\"\nPRETTY_NAME=\"Microsoft Azure Linux 3.0\"\n",
        "Azure Linux",
        Some("3"),
        None,
    ),
    (
        "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\nVERSION_ID=20240101.0.204074\n",
        "Arch Linux",
        None,
        None,
    ),
    (
        "NAME=Gentoo\nID=gentoo\nPRETTY_NAME=\"Gentoo Linux\"\nVERSION_ID=\"2.14\"\n",
        "Gentoo",
        None,
        None,
    ),
    (
        "NAME=\"OpenWrt\"\nVERSION=\"23.05.2\"\nID=\"openwrt\"\nID_LIKE=\"lede openwrt\"\nPRETTY_NAME=\"OpenWrt 23.05.2\"\nVERSION_ID=\"23.05.2\"\n",
        "OpenWrt",
        Some("23.05"),
        Some("2025-08-16"),
    ),
    (
        "NAME=Bottlerocket\nID=bottlerocket\nVERSION=\"1.20.3 (aws-k8s-1.30)\"\nPRETTY_NAME=\"Bottlerocket OS 1.20.3 (aws-k8s-1.30)\"\nVARIANT_ID=aws-k8s-1.30\nVERSION_ID=1.20.3\n",
        "Bottlerocket",
        Some("1.20.3"),
        None,
    ),
    (
        "NAME=\"Alibaba Cloud Linux\"\nVERSION=\"3 (Soaring Falcon)\"\nID=\"alinux\"\nID_LIKE=\"rhel fedora centos anolis\"\nVERSION_ID=\"3\"\nPLATFORM_ID=\"platform:al8\"\nPRETTY_NAME=\"Alibaba Cloud Linux 3 (Soaring Falcon)\"\n",
        "Alibaba Cloud Linux",
        Some("3"),
        Some("2031-03-31"),
    ),
    (
        "NAME=\"Anolis OS\"\nVERSION=\"8.8\"\nID=\"anolis\"\nID_LIKE=\"rhel fedora centos\"\nVERSION_ID=\"8.8\"\nPLATFORM_ID=\"platform:an8\"\nPRETTY_NAME=\"Anolis OS 8.8\"\n",
        "Anolis OS",
        Some("8"),
        Some("2031-03-31"),
    ),
    (
        "NAME=\"openEuler\"\nVERSION=\"22.03 (LTS-SP3)\"\nID=\"openEuler\"\nVERSION_ID=\"22.03\"\nPRETTY_NAME=\"openEuler 22.03 (LTS-SP3)\"\n",
        "openEuler",
        Some("22.03-LTS-SP3"),
        Some("2025-12-31"),
    ),
    (
        "NAME=\"Kylin Linux Advanced Server\"\nVERSION=\"V10 (Lance)\"\nID=\"kylin\"\nVERSION_ID=\"V10\"\nPRETTY_NAME=\"Kylin Linux Advanced Server V10 (Lance)\"\n",
        "Kylin",
        Some("V10"),
        None,
    ),
    (
        "NAME=\"TencentOS Server\"\nVERSION=\"3.1 (Final)\"\nID=\"tencentos\"\nID_LIKE=\"rhel fedora centos\"\nVERSION_ID=\"3.1\"\nPLATFORM_ID=\"platform:el8\"\nPRETTY_NAME=\"TencentOS Server 3.1 (Final)\"\n",
        "TencentOS",
        Some("3"),
        None,
    ),
];

#[test]
fn each_distribution_is_known_by_its_os_release() {
    let (path, budget) = ("etc/os-release".into(), plimsoll_image::Budget::default());
    for (text, ecosystem, release, end) in SAMPLES {
        let facts = ReleaseFile.parse(&ClaimedFile::new(&path, text.as_bytes(), &budget)).unwrap();
        let found = table::by_os_release(&facts.distribution.unwrap().fields).unwrap().distribution;
        assert_eq!(found.ecosystem.0, *ecosystem, "{text}");
        assert_eq!(found.release.as_deref(), *release, "{text}");
        assert_eq!(found.end_of_life.map(|end| end.date()).as_deref(), *end, "{text}");
    }
}
