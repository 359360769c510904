//! What values are called on a page.
//!
//! In: reasons, sizes, times, kinds. Out: plain words. Odd: times are UTC and say so, because the server does not know
//! where its reader is.

use maud::{Markup, html};
use plimsoll_model::{GapReason, Kind, Priority, Status, Timestamp, Verdict};

/// `2026-11-25 01:23 UTC` in a `time` element.
pub(super) fn moment(at: Timestamp) -> Markup {
    let full = at.to_string();
    let clock: String = full.chars().skip(11).take(5).collect();
    html! {
        time datetime=(full) {
            span class="whole" { (at.date()) } " " span class="whole" { (clock) " UTC" }
        }
    }
}

/// `2026-11-25` in a `time` element.
pub(super) fn day(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) { (at.date()) } }
}

/// `12.3 MB`, in powers of ten as registries count.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = bytes / (unit / 10);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

/// `1 image`, `2 images`.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Class and words of a coverage verdict.
pub(super) const fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Complete => ("badge complete", "Complete"),
        Verdict::Partial => ("badge partial", "Partial"),
        Verdict::Unreadable => ("badge unreadable", "Unreadable"),
    }
}

/// What a verdict means.
pub(super) const fn verdict_sentence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "Everything that Plimsoll knows how to read was read.",
        Verdict::Partial => "Some things could not be looked at. Findings may be missing there.",
        Verdict::Unreadable => "The image could not be read. No finding does not mean no risk.",
    }
}

/// A gap's title and what it means for the reader.
pub(super) const fn gap(reason: GapReason) -> (&'static str, &'static str) {
    match reason {
        GapReason::UnreadableImage => (
            "The image could not be read",
            "Nothing below this point was seen. Check the registry and scan again.",
        ),
        GapReason::UnreadableFile => (
            "A file could not be read",
            "Whatever this file describes is missing from the package list.",
        ),
        GapReason::BudgetReached => (
            "A limit was reached",
            "Reading stopped here to protect the server. What follows was not looked at.",
        ),
        GapReason::UnsupportedDistribution => (
            "No advisories for this distribution",
            "Its packages are listed, but vulnerabilities in them cannot be told.",
        ),
        GapReason::EndOfLifeDistribution => (
            "This distribution gets no more fixes",
            "New vulnerabilities in it are no longer published. Move to a supported release.",
        ),
        GapReason::UnknownDistribution => (
            "The distribution is not known",
            "System packages could not be matched with advisories.",
        ),
        GapReason::PackageDatabaseRemoved => (
            "The package database is missing or was changed by hand",
            "Installed packages may be hidden. Build the image without deleting it.",
        ),
        GapReason::UnparsableVersion => {
            ("A version could not be compared", "Whether this package is affected is not known.")
        }
        GapReason::FeedMissing => (
            "Advisory data is missing or incomplete",
            "Vulnerabilities that are not in it cannot be told. Get it with “plimsoll feed update”.",
        ),
        GapReason::FeedStale => (
            "Advisory data is old",
            "What became known since then is not in it. Refresh it with “plimsoll feed update”.",
        ),
        GapReason::Anomaly => (
            "The archive is ambiguous",
            "Runtimes may read this image differently. Treat it with care.",
        ),
        GapReason::NotInSource => (
            "An SBOM shows packages only",
            "Files, configuration and build history were not looked at. Scan the image itself for those.",
        ),
        GapReason::Unverified => (
            "Somebody else’s word was taken unchecked",
            "The signature of an SBOM from the registry was not verified.",
        ),
        GapReason::OpaqueProgram => (
            "A program does not show what it is made of",
            "Vulnerabilities in its parts cannot be told. Ask whoever built it for an SBOM.",
        ),
        GapReason::UnknownLicence => (
            "Licences are not known",
            "Packages do not say which licence they have, or not in words that are understood.",
        ),
    }
}

/// A line as a sentence begins.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + letters.as_str()
}

/// A text in which commands and names stand between backticks, as rules write them.
pub(super) fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // One that is not closed is no mark.
    let is_marked = parts.len() % 2 == 1;
    html! {
        @if is_marked {
            @for (position, part) in parts.iter().enumerate() {
                @if position % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

/// What kind of finding it is.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Vulnerability => "Vulnerability",
        Kind::Baseline => "Configuration",
        Kind::Malware => "Malicious file",
        Kind::Secret => "Secret",
        Kind::Build => "Build step",
        Kind::License => "Licence",
    }
}

/// What to do about a vulnerability, and when.
pub(super) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Asap => "as soon as possible",
        Priority::Later => "later",
        Priority::Nntf => "no need now",
    }
}

/// What the deciding sources say, of a finding without a fix.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Affected => "no fix yet",
        Status::UnderInvestigation => "being investigated",
        Status::WillNotFix => "will not be fixed",
        Status::EndOfLife => "release gets no fixes any more",
        Status::Fixed => "fixed",
        Status::NotAffected => "not affected",
    }
}

/// `log4j-core 2.14.1` for a package URL; anything else as it is.
pub(super) fn package(purl: &str) -> String {
    let Some((kind, rest)) = purl.strip_prefix("pkg:").and_then(|rest| rest.split_once('/')) else {
        return purl.to_owned();
    };
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let (path, version) = path.rsplit_once('@').unwrap_or((path, ""));
    // Distributions and Maven groups are known from the page; scopes and module paths are part of a name.
    let name = match kind {
        "deb" | "apk" | "rpm" | "maven" => path.rsplit('/').next().unwrap_or(path),
        _ => path,
    };
    let text = format!("{} {}", decoded(name), decoded(version));
    text.trim_end().to_owned()
}

/// Undoes `%40` and its like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let byte = pair.and_then(|(hex, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?, after))
        });
        let (byte, after) = byte.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Letters, digits, `-`, `.`, `:`, `_`: an id that leads nowhere else when it stands in an address.
pub(super) fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    !id.is_empty() && id.len() <= 100 && !id.starts_with('.') && id.chars().all(plain)
}

/// What a cap or floor of the score means.
pub(super) fn rule(rule: &str) -> String {
    let known = match rule {
        "floor:exploited" => "Raised to 13.5: it is known to be exploited or malicious.",
        "floor:vendor-critical" => "Raised to 13.5: the distribution rates it critical.",
        "cap:vendor-low" => "Lowered: the distribution rates it low.",
        "cap:will-not-fix" => "Lowered to 6.9: the distribution decided not to fix it.",
        "cap:disputed" => "Lowered to 13.4: the vulnerability is disputed.",
        "cap:unimportant" | "cap:negligible" => {
            "Lowered to 6.9: the distribution says that it does no harm in this package."
        }
        "not-applicable:kernel" => {
            "Set to 0: a container does not run the kernel that lies in its image."
        }
        other => return format!("Rule applied: {other}."),
    };
    known.to_owned()
}

/// What a tab with findings of a kind is called.
pub(super) const fn kinds(kind: Kind) -> &'static str {
    match kind {
        Kind::Vulnerability => "Vulnerabilities",
        Kind::Baseline => "Baseline",
        Kind::Malware => "Malware",
        Kind::Secret => "Secrets",
        Kind::Build => "Build",
        Kind::License => "Licences",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_text_are_set_apart_and_stay_text() {
        assert_eq!(prose("run `a <b>` now").into_string(), "run <code>a &lt;b&gt;</code> now");
        assert_eq!(prose("it's `open").into_string(), "it's `open");
        assert_eq!((sentence("what runs"), sentence("")), ("What runs".into(), String::new()));
    }

    #[test]
    fn sizes_and_counts_read_well() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_500), "1.5 kB");
        assert_eq!(size(29_126_278), "29.1 MB");
        assert_eq!(size(7_000_000_000), "7.0 GB");
        assert_eq!(count(1, "image"), "1 image");
        assert_eq!(count(0, "image"), "0 images");
    }

    #[test]
    fn packages_are_called_as_people_call_them() {
        let maven = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";
        assert_eq!(package(maven), "log4j-core 2.14.1");
        assert_eq!(
            package("pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12"),
            "libc6 2.36-9+deb12u4"
        );
        assert_eq!(package("pkg:npm/%40babel/core@7.0.0"), "@babel/core 7.0.0");
        assert_eq!(package("pkg:golang/golang.org/x/net@v0.1.0"), "golang.org/x/net v0.1.0");
        assert_eq!(package("etc/passwd"), "etc/passwd");
        assert_eq!(package("pkg:npm/odd%4@%zz"), "odd%4 %zz");
    }

    #[test]
    fn only_what_looks_like_an_id_becomes_an_address() {
        assert!(is_id("CVE-2021-44228"));
        assert!(is_id("RHSA-2021:5133"));
        for other in ["", "..", "a/b", "x?y", "javascript:alert(1)", "a b", "<b>"] {
            assert!(!is_id(other), "{other}");
        }
    }

    #[test]
    fn times_are_utc_and_say_so() {
        let at: Timestamp = "2026-11-25T01:23:44Z".parse().unwrap();
        assert_eq!(
            moment(at).into_string(),
            concat!(
                r#"<time datetime="2026-11-25T01:23:44Z"><span class="whole">2026-11-25</span> "#,
                r#"<span class="whole">01:23 UTC</span></time>"#
            )
        );
    }
}
