//! `updateinfo.xml` of rpm repositories.
//!
//! In: an `updates` document of Amazon Linux, Fedora, EPEL, AlmaLinux, Rocky Linux, Oracle Linux, Anolis OS, Alibaba Cloud Linux. Out:
//! per update that is about vulnerabilities which package of which release is fixed where. Source: `createrepo_c`,
//! "updateinfo.xml"; the repositories' own files. Odd, and each covered by a case:
//! * The release is told by the collection, else by the end of each package's own release (`.amzn2023`), since collections
//!   are named freely.
//! * Fedora names CVEs in the titles of bugs alone. Updates without a CVE say nothing that could be matched.
//! * Amazon Linux 2 has extras, repositories each with builds of their own of what others have too (`php` of `php8.1`); the id says
//!   which (`ALAS2PHP8.1-2023-001`), and stands as the claims' module.
//! * A repository lists only its own packages of an update; the parts of an update in several repositories are one.

use plimsoll_model::Timestamp;

use super::{
    Document, Feed, Sink,
    claims::{self, Bulletin, Claim, Rated, Verdict, with_epoch},
    is_cve, parse_time,
    platform::{self, Platform},
    title_of,
    xml::{self, Element},
};
use crate::{matching::AMAZON_EXTRA, priority::VendorSeverity};

#[derive(Debug)]
pub(super) struct UpdateInfo;

impl Feed for UpdateInfo {
    fn id(&self) -> &'static str {
        "updateinfo"
    }

    fn about(&self) -> &'static str {
        "updateinfo.xml of the repositories of Amazon Linux with its extras, Fedora, EPEL, AlmaLinux, Rocky Linux, Oracle Linux and Anolis OS"
    }

    fn home(&self) -> &'static str {
        "https://cdn.amazonlinux.com/al2023/"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        claims::page(id)
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        xml::root_name(document.bytes).as_deref() == Some("updates")
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let mut records = 0;
        xml::read(document.bytes, &|name| name == "update", &mut |update| {
            records += 1;
            match bulletin(&update)? {
                Some(bulletin) => into.add_bulletin("updateinfo", bulletin),
                None => Ok(()),
            }
        })?;
        // Many extras of Amazon Linux 2 have none yet. Where there were some, the import sees that they are gone.
        Ok(records)
    }
}

/// What an update says, if it is about vulnerabilities of packages whose release is known.
fn bulletin(update: &Element) -> Result<Option<Bulletin>, String> {
    let id = update.text_of("id");
    if id.is_empty() || title_of(id) != id {
        return Err(format!("it has an update with the id `{}`", title_of(id)));
    }
    let cves = cves(update);
    let claims = claims(update, id);
    if cves.is_empty() || claims.is_empty() {
        return Ok(None);
    }
    let date = |name: &str| time(update.child(name)?.attribute("date"));
    let (issued, updated) = (date("issued"), date("updated"));
    let modified = updated.or(issued).ok_or_else(|| format!("the update `{id}` has no date"))?;
    let rated = cves.into_iter().map(|cve| Rated { cve, ..Rated::default() });
    Ok(Some(Bulletin {
        id: id.to_owned(),
        title: title_of(update.text_of("title")),
        modified,
        published: issued,
        severity: VendorSeverity::from_word(update.text_of("severity")),
        rated: rated.collect(),
        claims,
    }))
}

/// The CVEs that references name, by their ids or in their titles.
fn cves(update: &Element) -> Vec<String> {
    let references = update.all("references").flat_map(|all| all.all("reference"));
    let texts = references.flat_map(|one| [one.attribute("id"), one.attribute("title")]);
    let words = texts.chain([update.text_of("title")]).flat_map(|text| {
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
    });
    let mut cves: Vec<String> = words.filter(|word| is_cve(word)).map(str::to_owned).collect();
    cves.sort();
    cves.dedup();
    cves
}

fn claims(update: &Element, id: &str) -> Vec<Claim> {
    let extra = extra(id);
    let mut claims = Vec::new();
    for collection in update.all("pkglist").flat_map(|list| list.all("collection")) {
        let own = platform::by_name(collection.text_of("name"));
        let module = collection
            .child("module")
            .map(|module| format!("{}:{}", module.attribute("name"), module.attribute("stream")))
            .or_else(|| extra.clone());
        for package in collection.all("package") {
            claims.extend(claim(package, id, own.as_ref(), module.as_deref()));
        }
    }
    claims.sort();
    claims.dedup();
    claims
}

/// The repository of Amazon Linux 2's extras that an advisory is about, as yum calls it: `amzn2extra-php8.1`.
fn extra(id: &str) -> Option<String> {
    let rest = id.strip_prefix("ALAS2").or_else(|| id.strip_prefix("ALAS"))?;
    if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    // Year and number end it; the name may have hyphens of its own.
    let mut parts = rest.rsplitn(3, '-');
    let name = parts.nth(2)?;
    Some(format!("{AMAZON_EXTRA}{}", name.to_ascii_lowercase()))
}

fn claim(
    package: &Element,
    id: &str,
    own: Option<&Platform>,
    module: Option<&str>,
) -> Option<Claim> {
    let field = |name: &str| package.attribute(name);
    let (name, version, release) = (field("name"), field("version"), field("release"));
    // Sources are in no image.
    if name.is_empty() || version.is_empty() || release.is_empty() || field("arch") == "src" {
        return None;
    }
    let platform = platform::by_release(release, id).or_else(|| own.cloned())?;
    Some(Claim {
        platform,
        name: name.to_owned(),
        module: module.map(str::to_owned),
        verdict: Verdict::FixedIn(with_epoch(field("epoch"), &format!("{version}-{release}"))),
        severity: None,
    })
}

/// `2018-01-11 21:05`, `2023-02-17T00:30:00Z`, `2012-12-12 00:00:00`, or seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches(" GMT").trim_end_matches(" UTC");
    if let Some(seconds) = text.parse::<i64>().ok().filter(|seconds| *seconds > 100_000_000) {
        return Some(Timestamp(seconds));
    }
    let with_t = text.replacen(' ', "T", 1);
    parse_time(&with_t)
        .or_else(|| parse_time(&format!("{with_t}:00")))
        .or_else(|| parse_time(text.get(..10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_repositories_write_them() {
        let wanted = "2018-01-11T21:05:00Z".parse::<Timestamp>().ok();
        for text in
            ["2018-01-11 21:05", "2018-01-11 21:05:00", "2018-01-11T21:05:00Z", "1515704700"]
        {
            assert_eq!(time(text), wanted, "{text}");
        }
        assert_eq!(time("2018-01-11"), "2018-01-11".parse().ok());
        assert_eq!(time("soon"), None);
    }

    #[test]
    fn extras_are_told_by_ids() {
        for (id, wanted) in [
            ("ALAS2DOCKER-2026-108", Some("amzn2extra-docker")),
            ("ALASDOCKER-2024-040", Some("amzn2extra-docker")),
            ("ALAS2KERNEL-5.10-2022-001", Some("amzn2extra-kernel-5.10")),
            ("ALAS2-2018-939", None),
            ("ALAS-2018-939", None),
            ("ALAS2023-2023-001", None),
            ("ALAS2023LIVEPATCH-2023-001", None),
            ("ALAS2DOCKER", None),
            ("FEDORA-2024-1", None),
        ] {
            assert_eq!(extra(id).as_deref(), wanted, "{id}");
        }
    }
}
