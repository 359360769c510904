//! Bitnami's versions: the upstream's, and a revision of the packaging (`1.27.2-0`).
//!
//! Source: Bitnami's vulnerability database, whose bounds are semantic versions of the upstream. Odd: to Semantic
//! Versioning the revision would be a pre-release and lie before the version that it packages. Of two revisions neither
//! is later: the bounds name the upstream (`last_affected: 5.16.0` means all of its revisions).

use super::semver;

/// The version of the upstream.
pub(super) fn parse(text: &str) -> Result<semver::Version<'_>, &'static str> {
    let upstream = text.rsplit_once('-').filter(|(_, revision)| {
        !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit())
    });
    semver::Version::parse(upstream.map_or(text, |(upstream, _)| upstream))
}
