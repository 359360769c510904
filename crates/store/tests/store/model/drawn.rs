//! Fleets and queries as they are drawn.

use plimsoll_store::{ImageRiskQuery, RiskFilter, image_uuid, split_repository};
use proptest::prelude::*;

use super::{PATHS, REGISTRIES, TAGS, config_of, index_of, manifest_of};

/// What a scan of one content finds.
#[derive(Clone, Debug)]
pub(super) enum Scan {
    Never,
    Unreadable,
    Finds { asap: usize, later: usize, nntf: usize, baseline: [usize; 3], malware: usize, top: u16 },
}

#[derive(Clone, Debug)]
pub(super) enum Runs {
    Index(usize),
    Manifest(usize),
    Config(usize),
    Unknown,
    Reference { registry: usize, path: usize, tag: usize },
}

#[derive(Clone, Debug)]
pub(super) struct Fleet {
    pub(super) scans: Vec<Scan>,
    /// Registry, path, tag, content, seconds since which it is there.
    pub(super) images: Vec<(usize, usize, usize, usize, i64)>,
    /// Cluster, namespace, app, image.
    pub(super) containers: Vec<(&'static str, &'static str, &'static str, Runs)>,
}

fn scans() -> impl Strategy<Value = Scan> {
    prop_oneof![
        1 => Just(Scan::Never),
        1 => Just(Scan::Unreadable),
        6 => (0..3_usize, 0..2_usize, 0..2_usize, [0..2_usize, 0..2_usize, 0..2_usize], 0..2_usize, 135..138_u16)
            .prop_map(|(asap, later, nntf, baseline, malware, top)| Scan::Finds { asap, later, nntf, baseline, malware, top }),
    ]
}

pub(super) const CONTENTS: usize = 6;

pub(super) fn fleets() -> impl Strategy<Value = Fleet> {
    let runs = prop_oneof![
        (0..CONTENTS).prop_map(Runs::Index),
        (0..CONTENTS).prop_map(Runs::Manifest),
        (0..CONTENTS).prop_map(Runs::Config),
        Just(Runs::Unknown),
        (0..3_usize, 0..PATHS.len(), 0..TAGS.len())
            .prop_map(|(registry, path, tag)| Runs::Reference { registry, path, tag }),
    ];
    let word = |words: &'static [&'static str]| prop::sample::select(words);
    (
        prop::collection::vec(scans(), CONTENTS),
        prop::collection::vec(
            (0..3_usize, 0..PATHS.len(), 0..TAGS.len(), 0..CONTENTS, 0..3_i64),
            0..24,
        ),
        prop::collection::vec(
            (
                word(&["c1", "c2"]),
                word(&["kube-system", "team", "prod"]),
                word(&["web", "db"]),
                runs,
            ),
            0..6,
        ),
    )
        .prop_map(|(scans, images, containers)| Fleet { scans, images, containers })
}

pub(super) fn queries() -> impl Strategy<Value = ImageRiskQuery> {
    let some = |words: &'static [&'static str]| {
        prop_oneof![
            2 => Just(None),
            1 => prop::sample::select(words).prop_map(|word| Some(word.to_owned())),
        ]
    };
    let risk = prop_oneof![
        3 => Just(None),
        1 => Just(Some(RiskFilter::NotScanned)),
        2 => (0..4_u8).prop_map(|level| Some(RiskFilter::Level(level))),
    ];
    (
        some(&["c1", "c2", "c3", ""]),
        some(&["team", "kube-system", "prod", "a", ""]),
        some(&["web", "db", "we"]),
        some(&[
            "app:1",
            "APP",
            "v1",
            "%",
            "_",
            "alpha.test/team",
            "docker.io/",
            "app:1' OR 1=1 --",
            "!",
        ]),
        some(&["alpha", "hub", "beta"]),
        risk,
        texts(),
        (0..4_u32, 1..9_u32),
    )
        .prop_map(
            |(cluster_id, namespace, app_name, image_name, registry, risk, text, paging)| {
                let (page, page_size) = paging;
                ImageRiskQuery {
                    page,
                    page_size,
                    cluster_id,
                    namespace,
                    app_name,
                    image_name,
                    registry,
                    risk,
                    policy: None,
                    text,
                }
            },
        )
}

/// Free texts: words of names, and beginnings of digests and ids.
fn texts() -> impl Strategy<Value = Option<String>> {
    const WORDS: &[&str] =
        &["team app", "HUB", "sha256:", "latest z/", "  ", "a\0b", "p:1", "st/team", "abc", ":"];
    prop_oneof![
        6 => Just(None),
        3 => prop::sample::select(WORDS).prop_map(|words| Some(words.to_owned())),
        3 => (0..6_usize, 3..9_usize, any::<bool>(), 0..3_usize).prop_map(|(content, length, prefix, of)| {
            let whole = [index_of(content), manifest_of(content), config_of(content)][of].hex();
            let word = whole.chars().take(length).collect::<String>().to_ascii_uppercase();
            Some(if prefix { format!("app sha256:{word}") } else { word })
        }),
        1 => (0..3_usize, 0..PATHS.len(), 0..TAGS.len(), 3..36_usize).prop_map(|(registry, path, tag, length)| {
            let (namespace, repository) = split_repository(PATHS[path]);
            let uuid = image_uuid(REGISTRIES[registry], namespace, repository, TAGS[tag]);
            Some(uuid.chars().take(length).collect())
        }),
    ]
}
