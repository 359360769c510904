//! Every way to read the numbers of the fleet, held against each other.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_model::Kind;
use plimsoll_server::operation::{
    files::{FileWord, ListFiles, list_files},
    images::{ImageView, ListImages, list_images},
    rank::rank,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    World,
    console::{between, entries, text},
    drawn::level_of,
};

/// The keys of `RiskLevelDetail` that may be other than 0.
const MOVING: [&str; 13] = [
    "cveNum",
    "imageBaselineHigh",
    "imageBaselineLow",
    "imageBaselineMedium",
    "imageBaselineNum",
    "imageMaliciousFileRemind",
    "imageMaliciousFileSerious",
    "imageMaliciousFileSuspicious",
    "imageVulAsap",
    "imageVulLater",
    "imageVulNntf",
    "scaNum",
    "vul",
];

/// What the API says of all images.
#[derive(PartialEq, Debug)]
pub(super) struct Seen {
    /// `RiskLevelDetail` by id without dashes.
    pub(super) details: BTreeMap<String, Value>,
    list: Vec<Value>,
    ranking: Value,
    levels: Value,
}

impl Seen {
    pub(super) async fn read(world: &World) -> Self {
        let mut list = Vec::new();
        // Pages are parts of one list.
        for page in ["1", "2", "3"] {
            let sent = [("PageSize", "2"), ("CurrentPage", page)];
            let answer = world.ask("ListImageRisk", &sent).await;
            list.extend(answer["ImageRiskList"].as_array().unwrap().clone());
        }
        let mut details = BTreeMap::new();
        for path in ["team/app", "team/web", "solo", "other/db"] {
            let found = world.ask("ListDockerhubImage", &[("Query", path)]).await;
            for entry in found["ImageList"].as_array().unwrap() {
                let detail = detail_of(entry);
                details.insert(detail["uuid"].as_str().unwrap().to_owned(), detail);
            }
        }
        let ranking = world.ask("GetDockerhubImageRiskRankInfo", &[]).await["RiskRankInfo"].clone();
        let levels = world.ask("DescribeImageRiskLevelStatistic", &[]).await;
        Self { details, list, ranking, levels: levels["ImageRiskLevelList"].clone() }
    }

    /// Ids of the images that were scanned, with dashes.
    pub(super) fn scanned(&self) -> Vec<String> {
        let uuid = |image: &Value| image["Uuid"].as_str().unwrap().to_owned();
        let known = |uuid: &String| self.details.contains_key(&uuid.replace('-', ""));
        self.list.iter().map(uuid).filter(known).collect()
    }
}

fn detail_of(entry: &Value) -> Value {
    serde_json::from_str(entry["RiskLevelDetail"].as_str().unwrap()).unwrap()
}

fn number(detail: &Value, name: &str) -> u64 {
    detail[name].as_u64().unwrap()
}

/// All identities, whoever looks.
pub(super) async fn agree(world: &World) -> Result<(), TestCaseError> {
    let seen = Seen::read(world).await;
    let request = ListImages { page_size: Some(500), ..ListImages::default() };
    let views = list_images(&world.server.store, &request).await.unwrap().images;
    prop_assert_eq!(seen.details.len(), views.iter().filter(|view| view.scanned.is_some()).count());
    let order: Vec<&str> = seen.list.iter().map(|one| one["Uuid"].as_str().unwrap()).collect();
    let own: Vec<&str> = views.iter().map(|view| view.uuid.as_str()).collect();
    prop_assert_eq!(&order, &own, "the command line lists as the API does");
    for (view, listed) in views.iter().zip(&seen.list) {
        let Some(detail) = seen.details.get(&view.uuid.replace('-', "")) else { continue };
        of_one(view, listed, detail)?;
        lists(world, view, detail).await?;
        page_of_image(world, view, detail).await?;
    }
    levels(&seen, &views)?;
    rankings(world, &seen, &views).await?;
    console_lists(world, &seen, &order).await
}

/// I1 to I7.
fn of_one(view: &ImageView, listed: &Value, detail: &Value) -> Result<(), TestCaseError> {
    let of = |name: &str| number(detail, name);
    let malicious = of("imageMaliciousFileSerious")
        + of("imageMaliciousFileSuspicious")
        + of("imageMaliciousFileRemind");
    prop_assert_eq!(of("vul"), of("cveNum") + of("scaNum"));
    prop_assert_eq!(of("vul"), of("imageVulAsap") + of("imageVulLater") + of("imageVulNntf"));
    prop_assert_eq!(
        of("imageBaselineNum"),
        of("imageBaselineHigh") + of("imageBaselineMedium") + of("imageBaselineLow")
    );
    let statistics: Value = serde_json::from_str(listed["Statistics"].as_str().unwrap()).unwrap();
    let wanted = json!({"baselineNum": of("imageBaselineNum"), "newSuspicious": malicious, "vul": of("vul")});
    prop_assert_eq!(statistics, wanted);
    let members = detail.as_object().unwrap();
    prop_assert_eq!(members.len(), 47);
    for (name, value) in members {
        if name != "uuid" && !MOVING.contains(&name.as_str()) {
            prop_assert_eq!(value, &json!(0), "{}", name);
        }
    }
    let counters = &view.counters;
    let of_command_line = [
        counters.cve,
        counters.baseline_high,
        counters.baseline_low,
        counters.baseline_medium,
        counters.baseline(),
        counters.malicious_remind,
        counters.malicious_serious,
        counters.malicious_suspicious,
        counters.asap,
        counters.later,
        counters.nntf,
        counters.sca,
        counters.vulnerabilities(),
    ];
    let of_api = MOVING.map(of);
    prop_assert_eq!(of_command_line.map(u64::from), of_api);
    prop_assert_eq!(&view.uuid.replace('-', ""), detail["uuid"].as_str().unwrap());
    Ok(())
}

/// How many are open of a kind that is in no number.
pub(super) async fn total(world: &World, kind: Kind, uuid: &str) -> u64 {
    if kind == Kind::Build {
        let sent = [("ImageUuid", uuid), ("Status", "0"), ("PageSize", "100")];
        let found = world.ask("DescribeImageBuildRiskByKey", &sent).await;
        return found["Data"]["PageInfo"]["TotalCount"].as_u64().unwrap();
    }
    let request = ListFiles { kind: FileWord::Secret, page: None, page_size: Some(500) };
    let files = list_files(&world.server.store, uuid, &request).await.unwrap().files;
    files.iter().filter(|file| file.state == "open").count() as u64
}

/// I8 to I10: lists are as long as the numbers say.
async fn lists(world: &World, view: &ImageView, detail: &Value) -> Result<(), TestCaseError> {
    let uuid = view.uuid.as_str();
    let mut tiers = [0; 3];
    for (kind, name) in [("cve", "cveNum"), ("sca", "scaNum")] {
        let count = async |more: &[(&str, &str)]| {
            let sent = [&[("Type", kind), ("Uuids", uuid), ("Dealed", "n")], more].concat();
            world.ask("DescribeImageVulList", &sent).await["TotalCount"].as_u64().unwrap()
        };
        prop_assert_eq!(count(&[]).await, number(detail, name));
        for (tier, word) in tiers.iter_mut().zip(["asap", "later", "nntf"]) {
            *tier += count(&[("Necessity", word)]).await;
        }
    }
    let names = ["imageVulAsap", "imageVulLater", "imageVulNntf"];
    prop_assert_eq!(tiers, names.map(|name| number(detail, name)));
    let sent = [("ImageUuid", uuid), ("Status", "0"), ("PageSize", "100")];
    let items = world.ask("DescribeImageBaselineItemList", &sent).await;
    prop_assert_eq!(
        items["PageInfo"]["TotalCount"].as_u64().unwrap(),
        number(detail, "imageBaselineNum")
    );
    let infos = items["BaselineItemInfos"].as_array().unwrap();
    for (level, name) in [
        ("high", "imageBaselineHigh"),
        ("medium", "imageBaselineMedium"),
        ("low", "imageBaselineLow"),
    ] {
        let is_so = |info: &&Value| level_of(info["BaselineItemKey"].as_str().unwrap()) == level;
        let own = infos.iter().filter(is_so).count();
        prop_assert_eq!(own as u64, number(detail, name), "{}", level);
    }
    let image = [("Image", view.image.as_str()), ("Status", "0")];
    let files = world.malicious(&image).await;
    for (level, name) in [
        ("serious", "imageMaliciousFileSerious"),
        ("suspicious", "imageMaliciousFileSuspicious"),
        ("remind", "imageMaliciousFileRemind"),
    ] {
        let own = files.iter().filter(|file| file["Level"] == level).count();
        prop_assert_eq!(own as u64, number(detail, name), "{}", level);
    }
    Ok(())
}

/// I11.
fn levels(seen: &Seen, views: &[ImageView]) -> Result<(), TestCaseError> {
    for entry in seen.levels.as_array().unwrap() {
        let level: u8 = entry["ImageRiskLevel"].as_str().unwrap().parse().unwrap();
        let own = views.iter().filter(|view| view.risk_level == Some(level)).count();
        prop_assert_eq!(&entry["Cnt"], &json!(own), "level {}", level);
    }
    Ok(())
}

/// I16: both rankings have exactly the images with such numbers, sorted, each content of a repository once.
async fn rankings(world: &World, seen: &Seen, views: &[ImageView]) -> Result<(), TestCaseError> {
    let own = rank(&world.server.store).await.unwrap();
    let page = entries(&world.console.page("/console/ranking").await);
    let shown: Vec<&str> = page.iter().map(|entry| entry.uuid.as_str()).collect();
    let mut wanted_page: Vec<String> = Vec::new();
    for (name, own, is_baseline) in
        [("VulAsap", &own.vul_asap, false), ("Baseline", &own.baseline, true)]
    {
        let mut ranked: Vec<&ImageView> = views
            .iter()
            .filter(|view| match is_baseline {
                false => view.counters.asap > 0,
                true => view.counters.baseline() > 0,
            })
            .collect();
        ranked.sort_by_key(|view| {
            let c = &view.counters;
            let order = match is_baseline {
                false => [c.asap, c.later, c.nntf, c.top_tenths],
                true => [c.baseline_high, c.baseline_medium, c.baseline_low, 0],
            };
            let digest = view.digest.to_string();
            (
                Reverse(order),
                view.namespace.clone(),
                view.repository.clone(),
                view.tag.clone(),
                digest,
            )
        });
        let mut contents = BTreeSet::new();
        ranked.retain(|view| {
            contents.insert((view.namespace.clone(), view.repository.clone(), view.digest))
        });
        let wanted: Vec<&str> = ranked.iter().map(|view| view.uuid.as_str()).collect();
        let of_command_line: Vec<&str> = own.iter().map(|entry| entry.uuid.as_str()).collect();
        prop_assert_eq!(&of_command_line, &wanted, "{} on the command line", name);
        let entries = seen.ranking[name].as_array().unwrap();
        let of_api: Vec<&str> =
            entries.iter().map(|entry| entry["Uuid"].as_str().unwrap()).collect();
        prop_assert_eq!(&of_api, &wanted, "{}", name);
        for entry in entries {
            let detail = detail_of(entry);
            let current = &seen.details[detail["uuid"].as_str().unwrap()];
            prop_assert_eq!(&detail, current, "{}", name);
            // I4.
            prop_assert_eq!(&entry["HcCount"], &detail["imageBaselineNum"]);
            prop_assert_eq!(&entry["VulCount"], &detail["vul"]);
        }
        wanted_page.extend(wanted.into_iter().map(ToOwned::to_owned));
    }
    prop_assert_eq!(&shown, &wanted_page, "the console's ranking");
    Ok(())
}

fn vulnerabilities(detail: &Value) -> String {
    let of = |name: &str| number(detail, name);
    format!(
        "{} asap {} later {} no need now",
        of("imageVulAsap"),
        of("imageVulLater"),
        of("imageVulNntf")
    )
}

/// The console's list has the order of the API's, and its numbers.
async fn console_lists(world: &World, seen: &Seen, order: &[&str]) -> Result<(), TestCaseError> {
    let page = entries(&world.console.page("/console/images").await);
    let shown: Vec<&str> = page.iter().map(|entry| entry.uuid.as_str()).collect();
    prop_assert_eq!(&shown, order, "the console lists as the API does");
    for entry in &page {
        let Some(detail) = seen.details.get(&entry.uuid.replace('-', "")) else { continue };
        let wanted = vulnerabilities(detail);
        prop_assert!(entry.text.contains(&wanted), "{}: {}", wanted, entry.text);
        for (name, word) in [
            ("imageBaselineHigh", "high"),
            ("imageBaselineMedium", "medium"),
            ("imageBaselineLow", "low"),
            ("imageMaliciousFileSerious", "serious"),
            ("imageMaliciousFileSuspicious", "suspicious"),
            ("imageMaliciousFileRemind", "remind"),
        ] {
            let count = number(detail, name);
            let wanted = format!(" {count} {word}");
            prop_assert!(count == 0 || entry.text.contains(&wanted), "{}: {}", wanted, entry.text);
        }
    }
    Ok(())
}

/// An image's page has its numbers, and a tab for each kind with what counts of it.
async fn page_of_image(
    world: &World,
    view: &ImageView,
    detail: &Value,
) -> Result<(), TestCaseError> {
    let page = world.console.page(&format!("/console/images/{}", view.uuid)).await;
    let summary = text(between(&page, "class=\"card summary\">", "</dl>").unwrap());
    prop_assert!(summary.contains(&vulnerabilities(detail)), "{}", summary);
    let (secrets, build) =
        (total(world, Kind::Secret, &view.uuid).await, total(world, Kind::Build, &view.uuid).await);
    let malicious = number(detail, "imageMaliciousFileSerious")
        + number(detail, "imageMaliciousFileSuspicious")
        + number(detail, "imageMaliciousFileRemind");
    for (kind, wanted) in [
        ("vulnerability", number(detail, "vul")),
        ("baseline", number(detail, "imageBaselineNum")),
        ("malware", malicious),
        ("secret", secrets),
        ("build", build),
    ] {
        let tab = between(&page, &format!("/findings/{kind}#views\""), "</a>").unwrap();
        let shown = text(&format!("<a{tab}"));
        prop_assert!(shown.ends_with(&format!(" {wanted}")), "{}: {} of {}", kind, shown, wanted);
    }
    Ok(())
}
