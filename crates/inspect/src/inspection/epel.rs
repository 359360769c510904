//! Packages that Fedora builds for enterprise distributions (EPEL), which are on their images beside the distribution's own.
//!
//! In: an rpm package as its database has it. Out: the ecosystem and release of the advisories that speak of it: Fedora's, of
//! `EPEL-9`, as Bodhi calls it. Source: Fedora's documentation of EPEL; the collections of its `updateinfo`. Odd: vendor and the tag of the
//! release tell it; the distribution's advisories speak of other builds of what has the same name, and Fedora's own of none.

use plimsoll_model::Ecosystem;

use crate::facts::PackageFact;

const VENDOR: &str = "Fedora Project";

/// Whose advisories speak of the package, if it is EPEL's.
pub(super) fn origin(fact: &PackageFact) -> Option<(Ecosystem, String)> {
    if fact.extra.get("vendor").map(|vendor| vendor.trim()) != Some(VENDOR) {
        return None;
    }
    let (_, release) = fact.version.rsplit_once('-')?;
    // `7.el9`, `3.el10_1`, `1.module_el8+15+ab`.
    let number = release.split(['.', '_', '+', '~']).find_map(|tag| {
        let number = tag.strip_prefix("el")?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(number)
    })?;
    Some((Ecosystem::named("Fedora"), format!("EPEL-{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(vendor: &str, version: &str) -> Option<String> {
        let extra = [("vendor".to_owned(), vendor.to_owned())].into();
        let fact = PackageFact { version: version.to_owned(), extra, ..PackageFact::default() };
        origin(&fact).map(|(ecosystem, release)| format!("{ecosystem}:{release}"))
    }

    #[test]
    fn vendor_and_tag_tell_it() {
        for (version, wanted) in [
            ("3.3.0-1.el9", "Fedora:EPEL-9"),
            ("1:2.0-4.20240101git.el8", "Fedora:EPEL-8"),
            ("6.1-3.el10_1", "Fedora:EPEL-10"),
            ("6.1-3.module_el8+15+ab12", "Fedora:EPEL-8"),
        ] {
            assert_eq!(release("Fedora Project", version).as_deref(), Some(wanted), "{version}");
        }
        for version in ["1-1.fc40", "1-1.eln120", "1-1", "1"] {
            assert_eq!(release("Fedora Project", version), None, "{version}");
        }
        assert_eq!(release("Rocky Enterprise Software Foundation", "3.3.0-1.el9"), None);
    }
}
