//! Package names as their ecosystem compares them.
//!
//! Source: PEP 503 for Python (case, `-`, `_` and `.` do not count). Odd: npm and Maven compare names exactly; OSV's
//! records for distributions are exact too.

use std::borrow::Cow;

use plimsoll_model::Ecosystem;

/// The one spelling of a name by which it is stored and looked up.
pub(crate) fn normalized<'a>(ecosystem: &Ecosystem, name: &'a str) -> Cow<'a, str> {
    if ecosystem.0 != "PyPI" {
        return Cow::Borrowed(name);
    }
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(character.to_ascii_lowercase()),
        }
    }
    Cow::Owned(normal)
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
}
