//! What is checked, as the contract arranges it: classes, names within them, items.
//!
//! In: the list of checks. Out: the same by class and name, with what people call them. Source: `docs/semantics.md`. Odd: the
//! list is the detectors' own, so that a check that is added is here, too; what an older list found stays listed under
//! [`UNKNOWN`].

use plimsoll_model::Kind;
use plimsoll_scanner::{About, checks};

/// Class and name of an item that is checked no more.
pub(super) const UNKNOWN: &str = "other";

/// Checks that most people would not miss: noisy, or of little weight. All others are the common ones.
const NOT_COMMON: &[&str] = &[
    "sys_account_shell",
    "weak_mysql",
    "ssh_weak_crypto",
    "world_writable_dir",
    "nginx_autoindex",
    "apache_listing",
    "tomcat_shutdown",
    "php_display_errors",
    "phpinfo_file",
    "mysql_local_infile",
];

/// What people call classes and names; one that is missing is called by its key.
const TITLES: &[(&str, &str)] = &[
    ("identification", "Identity authentication"),
    ("weak_password", "Weak passwords"),
    ("hc_image_exploit", "Unauthorized access"),
    ("hc_best_secruity", "Security best practices"),
    ("ak_leak", "AccessKey pair leak"),
    ("ssh", "SSH server"),
    ("os_file", "Files of the system"),
    ("nginx", "Nginx"),
    ("apache", "Apache HTTP Server"),
    ("tomcat", "Apache Tomcat"),
    ("php", "PHP"),
    ("mysql", "MySQL and MariaDB"),
    ("app", "Applications"),
    ("other", "Other"),
    ("package", "Packages"),
    ("secret", "Secrets"),
    ("network", "Network"),
    ("permission", "Permissions"),
];

/// A class with its names.
pub(super) struct Class {
    pub(super) key: &'static str,
    pub(super) names: Vec<Name>,
}

/// A name with its items.
pub(super) struct Name {
    pub(super) key: &'static str,
    pub(super) items: Vec<&'static About>,
}

/// The items of a kind, in the order of the list.
pub(super) fn items(kind: Kind) -> impl Iterator<Item = &'static About> {
    checks().iter().map(|check| check.about()).filter(move |about| about.kind == kind)
}

/// The item of that key, without regard to ASCII case.
pub(super) fn item(kind: Kind, key: &str) -> Option<&'static About> {
    items(kind).find(|about| about.id.eq_ignore_ascii_case(key))
}

/// The items of a kind by class and name.
pub(super) fn classes(kind: Kind) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for about in items(kind) {
        let class = match classes.iter().position(|class| class.key == about.class) {
            Some(place) => classes.get_mut(place),
            None => {
                classes.push(Class { key: about.class, names: Vec::new() });
                classes.last_mut()
            }
        };
        let Some(class) = class else { continue };
        match class.names.iter_mut().find(|name| name.key == about.name) {
            Some(name) => name.items.push(about),
            None => class.names.push(Name { key: about.name, items: vec![about] }),
        }
    }
    classes
}

/// Class and name of an item.
pub(super) fn place_of(kind: Kind, key: &str) -> (&'static str, &'static str) {
    item(kind, key).map_or((UNKNOWN, UNKNOWN), |about| (about.class, about.name))
}

/// Whether an item is one of the common ones.
pub(super) fn is_common(about: &About) -> bool {
    !NOT_COMMON.contains(&about.id)
}

/// What people call a class or a name.
pub(super) fn title(key: &str) -> String {
    let known = TITLES.iter().find(|(known, _)| *known == key);
    known.map_or_else(|| key.to_owned(), |(_, title)| (*title).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_place_and_every_place_a_title() {
        for kind in [Kind::Baseline, Kind::Build] {
            let mut found = 0;
            for class in classes(kind) {
                assert_ne!(title(class.key), class.key, "class {} has no title", class.key);
                for name in &class.names {
                    if kind == Kind::Baseline {
                        assert_ne!(title(name.key), name.key, "name {} has no title", name.key);
                    }
                    for about in &name.items {
                        assert_eq!(place_of(kind, about.id), (class.key, name.key));
                        found += 1;
                    }
                }
            }
            assert_eq!(found, items(kind).count());
        }
        assert_eq!(place_of(Kind::Baseline, "no-such-check"), (UNKNOWN, UNKNOWN));
    }
}
