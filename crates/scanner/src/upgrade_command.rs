//! The command that upgrades a package, as people type it into an image's build.
//!
//! In: a package and the first version without the vulnerability. Out: a command line, or nothing where there is none (an
//! upgrade that is an edit, like Maven's) or where it would not help. Odd: names come from images, which may be hostile, and people paste
//! commands into shells: a name or version of other characters than such names have gives no command. Distributions are upgraded to
//! their newest build, since advisories name versions of sources.

use plimsoll_model::Package;

/// The command that upgrades this package to a version without the vulnerability.
#[must_use]
pub fn upgrade_command(package: &Package, fixed: &str) -> Option<String> {
    let row = package.ecosystem.row()?;
    let name = package.name.as_str();
    if !is_plain(name) || !is_plain(fixed) {
        return None;
    }
    let command = match (row.name, row.purl_type) {
        (_, "deb") => format!("apt-get update && apt-get install --only-upgrade {name}"),
        (_, "apk") => format!("apk update && apk add --upgrade {name}"),
        ("SUSE" | "openSUSE", _) => format!("zypper update {name}"),
        ("Azure Linux" | "Photon OS", _) => format!("tdnf update {name}"),
        ("Bottlerocket", _) => return None,
        (_, "rpm") => format!("yum update {name}"),
        (_, "alpm") => format!("pacman -Syu {name}"),
        (_, "opkg") => format!("opkg update && opkg upgrade {name}"),
        (_, "pypi") => format!("pip install --upgrade '{name}>={fixed}'"),
        (_, "npm") => format!("npm install {name}@{fixed}"),
        (_, "gem") => format!("gem install {name} --version {fixed}"),
        ("Packagist", _) => format!("composer require '{name}:>={fixed}'"),
        // Go's own library comes with the compiler.
        (_, "golang") if name == "stdlib" => return None,
        (_, "golang") => format!("go get {name}@v{}", fixed.trim_start_matches('v')),
        (_, "cargo") => format!("cargo update --package {name} --precise {fixed}"),
        (_, "nuget") => format!("dotnet add package {name} --version {fixed}"),
        (_, "hex") => format!("mix deps.update {name}"),
        (_, "pub") => format!("dart pub upgrade {name}"),
        _ => return None,
    };
    Some(command)
}

/// Whether a text has only characters that names and versions of packages have, and that no shell acts on.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "@/._+:~^-".contains(c);
    !text.is_empty() && text.len() <= 200 && !text.starts_with('-') && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_model::{Ecosystem, ecosystem::ECOSYSTEMS};
    use proptest::prelude::*;

    use super::*;

    fn package(ecosystem: &str, name: &str) -> Package {
        Package {
            ecosystem: Ecosystem::named(ecosystem),
            release: None,
            name: name.to_owned(),
            version: "1".to_owned(),
            source: None,
            purl: String::new(),
            locations: Vec::new(),
            found_by: String::new(),
            extra: BTreeMap::new(),
        }
    }

    #[test]
    fn each_package_manager_has_its_command() {
        for (ecosystem, name, fixed, wanted) in [
            (
                "Debian",
                "libssl3",
                "3.0.14-1",
                Some("apt-get update && apt-get install --only-upgrade libssl3"),
            ),
            ("Alpine", "musl", "1.2.5-r1", Some("apk update && apk add --upgrade musl")),
            ("Red Hat", "openssl-libs", "1:3.0.7-27.el9", Some("yum update openssl-libs")),
            ("SUSE", "libopenssl3", "3.0.8", Some("zypper update libopenssl3")),
            ("PyPI", "django", "4.2.11", Some("pip install --upgrade 'django>=4.2.11'")),
            ("npm", "@babel/traverse", "7.23.2", Some("npm install @babel/traverse@7.23.2")),
            ("Go", "golang.org/x/net", "0.23.0", Some("go get golang.org/x/net@v0.23.0")),
            ("Go", "stdlib", "1.22.2", None),
            ("Maven", "org.a.b:c", "1.2.3", None),
            ("Nonesuch", "a", "1", None),
        ] {
            assert_eq!(upgrade_command(&package(ecosystem, name), fixed).as_deref(), wanted);
        }
    }

    #[test]
    fn hostile_names_give_no_command() {
        for name in [
            "a; rm -rf /",
            "$(id)",
            "`id`",
            "a'b",
            "a\"b",
            "-rf",
            "",
            "a\nb",
            "a b",
            "a|b",
            "a&b",
            "a>b",
        ] {
            assert_eq!(upgrade_command(&package("Debian", name), "1"), None, "{name:?}");
            assert_eq!(upgrade_command(&package("PyPI", "a"), name), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn commands_hold_nothing_that_a_shell_acts_on(row in 0..ECOSYSTEMS.len(), name: String, fixed: String) {
            if let Some(command) = upgrade_command(&package(ECOSYSTEMS[row].name, &name), &fixed) {
                let rest = command.replacen("&& ", "", 1);
                prop_assert!(!rest.contains([';', '$', '`', '|', '&', '\n', '"', '\\', '(', '<']));
            }
        }
    }
}
