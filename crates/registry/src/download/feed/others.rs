//! Table: every feed file besides OSV's, with its address.
//!
//! In: nothing. Out: [`OTHERS`]. Source: the publishers' own pages, and the tools that read them. Odd: Amazon's metadata lies
//! at an address that changes with each release of a repository, so that only the way to it is fixed; its `x86_64` repository
//! lists the advisories of both architectures. EPEL 7 is in the archive. Alpine's branches before v3.18 no longer change: osv.dev
//! has them.

/// A file of a feed other than OSV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OtherFeed {
    /// Id of the feed that reads it.
    pub feed: &'static str,
    /// The one ecosystem that it speaks of; `None`: of all. A mirror may lack what speaks of one.
    pub ecosystem: Option<&'static str>,
    /// Where it is published.
    pub published: Published,
    /// Its name, in a mirror and in the feed folder.
    pub file: &'static str,
    /// Most bytes that it may have.
    pub limit: u64,
}

/// How a file is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// At an address that stays.
    File(&'static str),
    /// The `updateinfo` of the rpm repository whose address is the first line of this list of mirrors; it moves with each
    /// release of the repository.
    UpdateInfo(&'static str),
    /// The `updateinfo` of the rpm repository at this address, whose name changes with its content.
    Repository(&'static str),
}

const fn everywhere(feed: &'static str, published: &'static str, file: &'static str) -> OtherFeed {
    OtherFeed {
        feed,
        ecosystem: None,
        published: Published::File(published),
        file,
        limit: 256 << 20,
    }
}

const fn of(
    ecosystem: &'static str,
    feed: &'static str,
    published: &'static str,
    file: &'static str,
) -> OtherFeed {
    let published = Published::File(published);
    OtherFeed { feed, ecosystem: Some(ecosystem), published, file, limit: 512 << 20 }
}

const fn amazon(published: &'static str, file: &'static str) -> OtherFeed {
    OtherFeed {
        feed: "updateinfo",
        ecosystem: Some("Amazon Linux"),
        published: Published::UpdateInfo(published),
        file,
        limit: 512 << 20,
    }
}

/// What Fedora builds for enterprise distributions.
const fn epel(published: &'static str, file: &'static str) -> OtherFeed {
    OtherFeed {
        feed: "updateinfo",
        ecosystem: Some("Fedora"),
        published: Published::Repository(published),
        file,
        limit: 512 << 20,
    }
}

/// Every file of a feed other than OSV: asked for whole, by its `ETag` or date.
pub const OTHERS: &[OtherFeed] = &[
    everywhere(
        "kev",
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
        "known_exploited_vulnerabilities.json",
    ),
    everywhere(
        "epss",
        "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
        "epss_scores-current.csv.gz",
    ),
    of(
        "Debian",
        "debian-tracker",
        "https://security-tracker.debian.org/tracker/data/json",
        "debian_tracker.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.18/main.json",
        "alpine_v3.18_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.18/community.json",
        "alpine_v3.18_community.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.19/main.json",
        "alpine_v3.19_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.19/community.json",
        "alpine_v3.19_community.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.20/main.json",
        "alpine_v3.20_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.20/community.json",
        "alpine_v3.20_community.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.21/main.json",
        "alpine_v3.21_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.21/community.json",
        "alpine_v3.21_community.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.22/main.json",
        "alpine_v3.22_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.22/community.json",
        "alpine_v3.22_community.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.23/main.json",
        "alpine_v3.23_main.json",
    ),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/v3.23/community.json",
        "alpine_v3.23_community.json",
    ),
    of("Alpine", "secdb", "https://secdb.alpinelinux.org/edge/main.json", "alpine_edge_main.json"),
    of(
        "Alpine",
        "secdb",
        "https://secdb.alpinelinux.org/edge/community.json",
        "alpine_edge_community.json",
    ),
    of("Wolfi", "secdb", "https://packages.wolfi.dev/os/security.json", "wolfi_security.json"),
    of(
        "Chainguard",
        "secdb",
        "https://packages.cgr.dev/chainguard/security.json",
        "chainguard_security.json",
    ),
    of(
        "MinimOS",
        "secdb",
        "https://packages.mini.dev/advisories/secdb/security.json",
        "minimos_security.json",
    ),
    of(
        "Oracle Linux",
        "oval",
        "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2",
        "com.oracle.elsa-all.xml.bz2",
    ),
    of(
        "Alibaba Cloud Linux",
        "oval",
        "https://mirrors.aliyun.com/alinux/cve/data/OVAL/alinux-2.1903.oval.xml",
        "alinux-2.1903.oval.xml",
    ),
    of(
        "Alibaba Cloud Linux",
        "oval",
        "https://mirrors.aliyun.com/alinux/cve/data/OVAL/alinux-3.2104.oval.xml",
        "alinux-3.2104.oval.xml",
    ),
    of(
        "Alibaba Cloud Linux",
        "oval",
        "https://mirrors.aliyun.com/alinux/cve/data/OVAL/alinux-4.oval.xml",
        "alinux-4.oval.xml",
    ),
    amazon(
        "https://cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list",
        "amazon_2_updateinfo.xml.gz",
    ),
    amazon(
        "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/x86_64/mirror.list",
        "amazon_2023_updateinfo.xml.gz",
    ),
    epel("https://dl.fedoraproject.org/pub/archive/epel/7/x86_64", "epel_7_updateinfo"),
    epel("https://dl.fedoraproject.org/pub/epel/8/Everything/x86_64", "epel_8_updateinfo"),
    epel("https://dl.fedoraproject.org/pub/epel/9/Everything/x86_64", "epel_9_updateinfo"),
    epel("https://dl.fedoraproject.org/pub/epel/10/Everything/x86_64", "epel_10_updateinfo"),
];
