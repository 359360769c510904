//! The version that the linker was told to put into a program: `-ldflags "-X main.version=1.2.3"`.
//!
//! In: the setting `-ldflags`, the main module's path. Out: a version, where just one is told. Source: Go, `cmd/link`,
//! flag `-X`. Odd: the same flag tells versions of libraries, dates and commits as well. So a variable counts by its name, and
//! by whose it is: the package `main`'s before one of the main module's, and others' not at all.

use std::collections::BTreeSet;

/// Names of variables that hold a program's version, in small letters.
const NAMES: &[&str] = &[
    "version",
    "ver",
    "tag",
    "buildversion",
    "appversion",
    "gitversion",
    "gittag",
    "programversion",
    "semver",
    "fullversion",
    "currentversion",
    "release",
    "versionstring",
    "buildtag",
    "cliversion",
];

/// Flags that are looked at.
const MAX_FLAGS: usize = 10_000;

/// The version that the flags tell of the program.
pub(super) fn version(flags: &str, module: &str) -> Option<String> {
    let words: Vec<String> = words(flags).take(MAX_FLAGS).collect();
    let mut of_main: BTreeSet<&str> = BTreeSet::new();
    let mut of_module: BTreeSet<&str> = BTreeSet::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let assignment = match word.trim_start_matches('-').strip_prefix('X') {
            _ if !word.starts_with('-') => continue,
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest.strip_prefix('=').unwrap_or_default(),
            None => continue,
        };
        let Some((variable, value)) = assignment.split_once('=') else { continue };
        let Some((package, name)) = variable.rsplit_once('.') else { continue };
        if !NAMES.contains(&name.to_ascii_lowercase().as_str()) || !is_version(value) {
            continue;
        }
        let is_module_s = package
            .strip_prefix(module)
            .is_some_and(|rest| !module.is_empty() && (rest.is_empty() || rest.starts_with('/')));
        if package == "main" {
            of_main.insert(value);
        } else if is_module_s {
            of_module.insert(value);
        }
    }
    // Two versions of one program contradict each other.
    let told = if of_main.is_empty() { of_module } else { of_main };
    let mut told = told.into_iter();
    let version = told.next().filter(|_| told.next().is_none())?;
    Some(if version.starts_with('v') { version.to_owned() } else { format!("v{version}") })
}

/// `1.2`, `v1.2.3-rc.1+x`: semantic, with or without a letter.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.contains('.')
        && numbers.split('.').count() <= 3
        && numbers.split('.').all(is_number)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// The words of flags as a shell would part them: blanks in quotes stay.
fn words(flags: &str) -> impl Iterator<Item = String> + '_ {
    let mut characters = flags.chars().peekable();
    std::iter::from_fn(move || {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        characters.peek()?;
        let (mut word, mut quote) = (String::new(), None);
        for character in characters.by_ref() {
            match quote {
                Some(end) if character == end => quote = None,
                None if matches!(character, '"' | '\'') => quote = Some(character),
                None if character.is_whitespace() => break,
                _ => word.push(character),
            }
        }
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_the_linker_was_told() {
        let module = "example.org/tool/v2";
        let rules = [
            ("-s -w -X main.version=1.2.3 -X main.commit=abc", Some("v1.2.3")),
            ("-X=main.Version=v1.2.3-rc.1+meta", Some("v1.2.3-rc.1+meta")),
            ("--X main.version=1.2.3", Some("v1.2.3")),
            ("-X 'example.org/tool/v2/internal/build.Version=2.0.1'", Some("v2.0.1")),
            ("-X \"main.date=Mon 1.2.3\" -X main.version=1.2.3", Some("v1.2.3")),
            // The program's own word before its module's.
            ("-X example.org/tool/v2/api.version=1.0.0 -X main.version=2.1.0", Some("v2.1.0")),
            // A library's, a date, a contradiction, nothing of the kind.
            ("-X k8s.io/component-base/version.gitVersion=v1.28.0", None),
            ("-X example.org/tool/v20.Version=1.0.0", None),
            ("-X main.version=2024-01-02", None),
            ("-X main.version=1.0.0 -X main.ver=1.0.1", None),
            ("-X main.version=dev", None),
            ("-X", None),
            ("-X main.version", None),
            ("", None),
        ];
        for (flags, wanted) in rules {
            assert_eq!(version(flags, module).as_deref(), wanted, "{flags}");
        }
    }
}
