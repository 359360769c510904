//! Package names as their ecosystem compares them.
//!
//! Source: PEP 503 for Python (case, `-`, `_` and `.` do not count); NuGet's, Composer's and Hex's documentation (case does
//! not count). Odd: a package URL lower-cases a Go module, so its name is looked up without case as well; Swift's names are
//! addresses of repositories, with and without scheme and `.git`; npm, Maven and the others compare names exactly; OSV's
//! records for distributions are exact too.

use std::borrow::Cow;

use plimsoll_model::Ecosystem;

/// The one spelling of a name by which it is stored and looked up.
pub(crate) fn normalized<'a>(ecosystem: &Ecosystem, name: &'a str) -> Cow<'a, str> {
    match ecosystem.0.as_str() {
        "PyPI" => folded(name).into(),
        "NuGet" | "Packagist" | "Hex" | "Go" => name.to_lowercase().into(),
        "SwiftURL" => {
            let name = name.split_once("://").map_or(name, |(_, address)| address);
            let name = name.trim_end_matches('/');
            name.strip_suffix(".git").unwrap_or(name).to_lowercase().into()
        }
        _ => Cow::Borrowed(name),
    }
}

fn folded(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(character.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_names_fold() {
        let python = Ecosystem::named("PyPI");
        for name in ["Foo_Bar.baz", "foo-bar-baz", "FOO--bar__baz"] {
            assert_eq!(normalized(&python, name), "foo-bar-baz");
        }
        assert_eq!(normalized(&Ecosystem::named("npm"), "Foo_Bar"), "Foo_Bar");
    }

    #[test]
    fn names_without_case_and_addresses_fold() {
        let normal = |ecosystem: &str, name| normalized(&Ecosystem::named(ecosystem), name);
        assert_eq!(normal("NuGet", "Newtonsoft.Json"), "newtonsoft.json");
        assert_eq!(normal("Packagist", "Foo/Bar"), "foo/bar");
        for name in ["https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio/"] {
            assert_eq!(normal("SwiftURL", name), "github.com/apple/swift-nio");
        }
        assert_eq!(normal("Go", "github.com/BurntSushi/toml"), "github.com/burntsushi/toml");
    }
}
