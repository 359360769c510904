//! The media types of the Pluggable Scanner API.
//!
//! In: a type as Harbor writes it. Out: which one it is. Source: goharbor/pluggable-scanner-spec, `api/spec`. Odd: the version
//! is a parameter, and whether a blank stands before it differs between clients.

/// What a scanner can do.
pub(super) const METADATA: &str = "application/vnd.scanner.adapter.metadata+json; version=1.0";
/// The name of an accepted scan.
pub(super) const SCAN_RESPONSE: &str =
    "application/vnd.scanner.adapter.scan.response+json; version=1.0";
/// What went wrong.
pub(super) const ERROR: &str = "application/vnd.scanner.adapter.error+json; version=1.0";
/// Vulnerabilities, since version 1.1.
pub(super) const VULNERABILITIES: &str =
    "application/vnd.security.vulnerability.report; version=1.1";
/// Vulnerabilities, of version 1.0.
pub(super) const NATIVE: &str =
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";
/// An SBOM, since version 1.2.
pub(super) const SBOM: &str = "application/vnd.security.sbom.report+json; version=1.0";
/// The SBOM inside.
pub(super) const SPDX: &str = "application/spdx+json";
/// What can be scanned. Harbor wants the first of every scanner.
pub(super) const ARTIFACTS: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
];

/// A kind of report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Vulnerabilities, under either name.
    Vulnerabilities(&'static str),
    /// An SBOM.
    Sbom,
}

/// Whether two texts are the same type: case, blanks and quotes around the version do not matter.
pub(super) fn is(text: &str, mime: &str) -> bool {
    let plain = |text: &str| {
        let shown = text.chars().filter(|character| !matches!(character, ' ' | '\t' | '"'));
        shown.collect::<String>().to_ascii_lowercase()
    };
    plain(text) == plain(mime)
}

impl Kind {
    /// The kind of report that is meant; without a wish the newest on vulnerabilities.
    pub(super) fn of(accept: Option<&str>) -> Option<Self> {
        let accept = accept.map(str::trim).filter(|accept| !accept.is_empty() && *accept != "*/*");
        match accept {
            None => Some(Self::Vulnerabilities(VULNERABILITIES)),
            Some(accept) if is(accept, VULNERABILITIES) => {
                Some(Self::Vulnerabilities(VULNERABILITIES))
            }
            Some(accept) if is(accept, NATIVE) => Some(Self::Vulnerabilities(NATIVE)),
            Some(accept) if is(accept, SBOM) => Some(Self::Sbom),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_however_they_are_spaced() {
        let newest = Some(Kind::Vulnerabilities(VULNERABILITIES));
        for (accept, wanted) in [
            (None, newest),
            (Some("*/*"), newest),
            (Some("application/vnd.security.vulnerability.report; version=1.1"), newest),
            (Some("application/vnd.security.vulnerability.report;version=1.1"), newest),
            (Some("application/vnd.security.vulnerability.report; version=\"1.1\""), newest),
            (Some("application/vnd.security.vulnerability.report; version=1.0"), None),
            (Some(NATIVE), Some(Kind::Vulnerabilities(NATIVE))),
            (Some("Application/vnd.security.sbom.report+json; version=1.0"), Some(Kind::Sbom)),
            (Some("application/vnd.scanner.adapter.vuln.report.raw"), None),
            (Some("application/json"), None),
        ] {
            assert_eq!(Kind::of(accept), wanted, "{accept:?}");
        }
    }
}
