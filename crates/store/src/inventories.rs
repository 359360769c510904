//! Inventories: what an artifact holds, content-addressed and shared by all artifacts that hold the same.
//!
//! In: a report. Out: its parts, the places where they lie, and what only this artifact knows (its identity); and the same
//! report again, byte for byte. Source: `docs/decisions/`, "Packages are matched once".
//!
//! Odd:
//! * A layer stands as its number from the bottom, so that images which were built again the same way share an inventory.
//! * A report that would not come back as it is (findings left out at a limit, layers that the identity does not name) is
//!   not taken apart: it is kept whole, and its artifact is scanned again with each snapshot.

use std::collections::BTreeMap;

use plimsoll_model::{
    BuildStep, Coverage, Digest, Evidence, FeedState, Finding, Gap, ImageIdentity, Kind, Location,
    MatchContext, Package, Platform, Report, Subject,
};
use serde::{Deserialize, Serialize};

use crate::{
    Judge, StoreError, numbers,
    parts::{Content, Key, Matched, Remainder, failed, key_of, pack_bytes, sha256, to_json},
};

/// The name under which matching stands among what ran.
const MATCH_STEP: &str = "match";
/// Names a layer by its number in places of findings: no SHA-256 begins with 28 zero bytes.
const LAYER_MARK: [u8; 28] = [0; 28];
const DOING: &str = "taking a report apart";
/// Identities and places are our own, but a damaged file must not fill the memory.
const LARGEST: u64 = 1 << 30;

/// A report taken apart.
pub(crate) struct Split {
    /// Packages in the report's order, then the remainder.
    pub(crate) parts: Vec<(Key, Content, Vec<u8>)>,
    /// Where the packages lie, packed.
    pub(crate) places: Vec<u8>,
    /// What only this artifact knows.
    pub(crate) identity: Vec<u8>,
    /// Names parts and places.
    pub(crate) digest: Key,
    /// In which its packages are judged.
    pub(crate) context: MatchContext,
}

/// Locations of packages, with paths and layers once.
#[derive(Serialize, Deserialize, Default)]
struct Places {
    paths: Vec<String>,
    /// By package: pairs of path and layer, the layer's number raised by one, 0 for none; all in one list.
    rows: Vec<Vec<u32>>,
}

/// An identity without its digests, which stand behind it as bytes.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<String>,
    /// How the image was built; layers stand as their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    build: Vec<BuildStep>,
}

/// Says in an identity's first byte that the manifest's digest is known, and that what stands behind the digests is packed.
const HAS_DIGEST: u8 = 1;
const IS_PACKED: u8 = 2;

/// Takes a report apart; `None` when it would not come back as it is.
pub(crate) fn split(
    report: &Report,
    judge: &dyn Judge,
    context: MatchContext,
) -> Result<Option<Split>, StoreError> {
    let layers: BTreeMap<Digest, u32> = report.image.layers.iter().copied().zip(0_u32..).collect();
    let mut paths: BTreeMap<&str, u32> = BTreeMap::new();
    let mut places = Places::default();
    let mut parts = Vec::with_capacity(report.packages.len() + 1);
    for package in &report.packages {
        let mut row = Vec::with_capacity(package.locations.len() * 2);
        for location in &package.locations {
            let next = u32::try_from(paths.len()).unwrap_or(u32::MAX);
            let path = *paths.entry(&location.path).or_insert_with(|| {
                places.paths.push(location.path.clone());
                next
            });
            let layer = match &location.layer {
                None => 0,
                Some(digest) => match layers.get(digest) {
                    Some(number) => number.saturating_add(1),
                    None => return Ok(None),
                },
            };
            row.extend([path, layer]);
        }
        places.rows.push(row);
        let bare = Package { locations: Vec::new(), ..package.clone() };
        let content = Content::Package(Box::new(bare));
        let (key, json) = content.encode(context)?;
        parts.push((key, content, json));
    }
    let mut own: Vec<Finding> =
        report.findings.iter().filter(|finding| !is_matched(finding)).cloned().collect();
    for finding in &mut own {
        for location in locations_of(finding) {
            if let Some(number) = location.layer.as_ref().and_then(|digest| layers.get(digest)) {
                location.layer = Some(marked(*number));
            }
        }
    }
    let mut build = report.build.clone();
    for step in &mut build {
        if let Some(number) = step.layer.as_ref().and_then(|digest| layers.get(digest)) {
            step.layer = Some(marked(*number));
        }
    }
    let gaps = report.coverage.gaps.iter().filter(|gap| !judge.is_gap_of_matching(gap));
    let remainder = Content::Remainder(Remainder {
        ran: report.coverage.ran.iter().filter(|step| *step != MATCH_STEP).cloned().collect(),
        gaps: gaps.cloned().collect(),
        findings: own,
    });
    let (key, json) = remainder.encode(context)?;
    parts.push((key, remainder, json));
    let places = to_json(&places)?;
    Ok(Some(Split {
        digest: digest_of(&parts, &places),
        parts,
        places: pack_bytes(&places)?,
        identity: pack_identity(&report.image, build)?,
        context,
    }))
}

/// The name of an inventory with these parts and places.
fn digest_of(parts: &[(Key, Content, Vec<u8>)], places: &[u8]) -> Key {
    let mut named = Vec::with_capacity(parts.len() * 32 + places.len());
    named.extend(parts.iter().flat_map(|(key, ..)| *key));
    named.extend_from_slice(places);
    sha256(&named)
}

/// What is stored of an artifact, to be judged in another context: the parts in their order with their JSON, places and identity.
pub(crate) fn split_again(
    parts: Vec<(Content, Vec<u8>)>,
    places: Vec<u8>,
    identity: Vec<u8>,
    context: MatchContext,
) -> Result<Split, StoreError> {
    let parts: Vec<(Key, Content, Vec<u8>)> = parts
        .into_iter()
        .map(|(content, json)| {
            let key = match &content {
                Content::Package(_) => key_of(&json, context),
                Content::Remainder(_) => sha256(&json),
            };
            (key, content, json)
        })
        .collect();
    let unpacked = unpack_bytes(&places).map_err(|error| failed(DOING, error))?;
    Ok(Split { digest: digest_of(&parts, &unpacked), parts, places, identity, context })
}

/// What matching found: all else is found by looking at the image.
pub(crate) fn is_matched(finding: &Finding) -> bool {
    match finding.kind {
        Kind::Vulnerability => true,
        Kind::Malware => matches!(finding.subject, Subject::Purl(_)),
        _ => false,
    }
}

fn locations_of(finding: &mut Finding) -> impl Iterator<Item = &mut Location> {
    finding.evidence.iter_mut().filter_map(|evidence| evidence.location.as_mut())
}

/// Puts an image's layers where a finding's places name them by number.
pub(crate) fn place_in(finding: &mut Finding, layers: &[Digest]) {
    for location in locations_of(finding) {
        if let Some(number) = location.layer.as_ref().and_then(unmarked) {
            location.layer = layers.get(number).copied();
        }
    }
}

fn marked(number: u32) -> Digest {
    let mut bytes = [0; 32];
    let (mark, rest) = bytes.split_at_mut(LAYER_MARK.len());
    mark.copy_from_slice(&LAYER_MARK);
    rest.copy_from_slice(&number.to_be_bytes());
    Digest::from_bytes(bytes)
}

fn unmarked(digest: &Digest) -> Option<usize> {
    let number = digest.as_bytes().strip_prefix(&LAYER_MARK)?;
    usize::try_from(u32::from_be_bytes(number.try_into().ok()?)).ok()
}

/// Digests as bytes behind their number, then the rest as JSON. The manifest's own digest is the artifact's.
fn pack_identity(image: &ImageIdentity, build: Vec<BuildStep>) -> Result<Vec<u8>, StoreError> {
    let is_packed = !build.is_empty();
    let has_digest = if image.digest.is_some() { HAS_DIGEST } else { 0 };
    let form = has_digest | if is_packed { IS_PACKED } else { 0 };
    let mut bytes = vec![form, u8::from(image.id.is_some())];
    numbers::put(&mut bytes, u64::try_from(image.layers.len()).unwrap_or_default());
    for digest in image.id.iter().chain(&image.layers) {
        bytes.extend_from_slice(digest.as_bytes());
    }
    let named = to_json(&Named {
        name: image.name.clone(),
        source: image.source.clone(),
        platform: image.platform.clone(),
        size: image.size,
        distribution: image.distribution.clone(),
        build,
    })?;
    bytes.extend(if is_packed { pack_bytes(&named)? } else { named });
    Ok(bytes)
}

fn unpack_identity(bytes: &[u8], artifact: &Digest) -> Option<(ImageIdentity, Vec<BuildStep>)> {
    let (form, rest) = bytes.split_first()?;
    let (has_id, mut rest) = rest.split_first()?;
    let layers = usize::try_from(numbers::take(&mut rest)?).ok()?;
    let mut digest = || {
        let (digest, behind) = rest.split_first_chunk::<32>()?;
        rest = behind;
        Some(Digest::from_bytes(*digest))
    };
    let id = if *has_id == 1 { Some(digest()?) } else { None };
    let layers = (0..layers).map(|_| digest()).collect::<Option<Vec<Digest>>>()?;
    let named: Named = if form & IS_PACKED == 0 {
        serde_json::from_slice(rest).ok()?
    } else {
        unpack_json(rest).ok()?
    };
    let mut build = named.build;
    for step in &mut build {
        if let Some(number) = step.layer.as_ref().and_then(unmarked) {
            step.layer = layers.get(number).copied();
        }
    }
    let image = ImageIdentity {
        name: named.name,
        source: named.source,
        digest: (form & HAS_DIGEST != 0).then_some(*artifact),
        id,
        platform: named.platform,
        size: named.size,
        layers,
        distribution: named.distribution,
    };
    Some((image, build))
}

/// The layers of an image from its packed identity.
pub(crate) fn layers_of(identity: &[u8]) -> Option<Vec<Digest>> {
    unpack_identity(identity, &Digest::from_bytes([0; 32])).map(|(image, _)| image.layers)
}

/// A stored part, as a report is put together from it.
pub(crate) struct StoredPart {
    pub(crate) content: Vec<u8>,
    pub(crate) matched: Option<Vec<u8>>,
    pub(crate) gaps: Option<String>,
    /// Whether it is a package.
    pub(crate) is_package: bool,
}

/// What a report is put together from, besides its parts.
pub(crate) struct Frame<'a> {
    pub(crate) artifact: &'a Digest,
    pub(crate) identity: &'a [u8],
    pub(crate) places: &'a [u8],
    pub(crate) gaps: Option<&'a str>,
    pub(crate) feed: Option<FeedState>,
}

/// Puts a report together again. The order is the scan's: what was looked at first, then what was matched, by urgency.
pub(crate) fn join(frame: Frame<'_>, parts: &[&StoredPart]) -> Result<Report, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt {
        column: format!("{column} of {}", frame.artifact),
        value: "bytes".to_owned(),
        expected: "what this program writes there",
    };
    let (image, build) =
        unpack_identity(frame.identity, frame.artifact).ok_or_else(|| corrupt("reports.report"))?;
    let places: Places =
        unpack_json(frame.places).map_err(|_error| corrupt("inventories.places"))?;
    let mut rows = places.rows.iter();
    let (mut packages, mut matched) = (Vec::new(), Vec::new());
    let (mut gaps, mut ran, mut findings): (Vec<Gap>, Vec<String>, Vec<Finding>) =
        Default::default();
    for part in parts {
        if let Some(of_part) = &part.gaps {
            let of_part: Vec<Gap> =
                serde_json::from_str(of_part).map_err(|_error| corrupt("parts.gaps"))?;
            gaps.extend(of_part);
        }
        if !part.is_package {
            let own: Remainder =
                unpack_json(&part.content).map_err(|_error| corrupt("parts.content"))?;
            ran.extend(own.ran);
            findings.extend(own.findings);
            continue;
        }
        let mut package: Package =
            serde_json::from_slice(&part.content).map_err(|_error| corrupt("parts.content"))?;
        let row = rows.next().ok_or_else(|| corrupt("inventories.places"))?;
        package.locations =
            locations(row, &places, &image).ok_or_else(|| corrupt("inventories.places"))?;
        if let Some(packed) = &part.matched {
            let of_part: Matched =
                unpack_json(packed).map_err(|_error| corrupt("parts.matched"))?;
            matched.extend(
                of_part
                    .findings
                    .into_iter()
                    .map(|finding| at_places(finding, &package, &of_part.installed)),
            );
        }
        packages.push(package);
    }
    for finding in &mut findings {
        place_in(finding, &image.layers);
    }
    if let Some(of_all) = frame.gaps {
        let of_all: Vec<Gap> =
            serde_json::from_str(of_all).map_err(|_error| corrupt("inventories.gaps"))?;
        gaps.extend(of_all);
    }
    if frame.feed.is_some() {
        ran.push(MATCH_STEP.to_owned());
    }
    matched.sort_by(Finding::compare_urgency);
    matched.dedup_by(|a, b| a.id == b.id && a.subject == b.subject && a.kind == b.kind);
    findings.extend(matched);
    findings.sort_by(Finding::compare_urgency);
    let coverage = Coverage::new(ran, gaps);
    let ignore_rules = Vec::new();
    Ok(Report { image, coverage, feed: frame.feed, packages, findings, build, ignore_rules })
}

fn locations(row: &[u32], places: &Places, image: &ImageIdentity) -> Option<Vec<Location>> {
    let (pairs, _) = row.as_chunks::<2>();
    pairs
        .iter()
        .map(|[path, layer]| {
            let path = places.paths.get(usize::try_from(*path).ok()?)?.clone();
            let layer = match layer.checked_sub(1) {
                None => None,
                Some(number) => Some(*image.layers.get(usize::try_from(number).ok()?)?),
            };
            Some(Location { path, layer })
        })
        .collect()
}

/// A finding with the places where its package lies here.
fn at_places(mut finding: Finding, package: &Package, installed: &str) -> Finding {
    finding.evidence.extend(package.locations.iter().map(|location| Evidence {
        location: Some(location.clone()),
        detail: installed.to_owned(),
    }));
    finding.evidence.sort();
    finding.evidence.dedup();
    finding
}

pub(crate) fn unpack_json<T: serde::de::DeserializeOwned>(
    packed: &[u8],
) -> Result<T, std::io::Error> {
    Ok(serde_json::from_slice(&unpack_bytes(packed)?)?)
}

pub(crate) fn unpack_bytes(packed: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let decoder = zstd::Decoder::new(packed)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(decoder, LARGEST), &mut bytes)?;
    Ok(bytes)
}

/// JSON of a list; `None` when it is empty.
pub(crate) fn gaps_text(gaps: &[Gap]) -> Result<Option<String>, StoreError> {
    if gaps.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(gaps).map(Some).map_err(|error| failed(DOING, error))
}
