//! What licences are called. Table: names that are no SPDX ids.
//!
//! In: a run of words. Out: the licence that it names. Source: SPDX's list (ids and full names); Debian's policy on
//! machine-readable copyright files; Fedora's list of short names; apk; trove classifiers of Python; names in the wild of Maven,
//! npm, RubyGems, CPAN and CRAN. Odd: names are compared without case, punctuation, and words such as `the` and `license`; a
//! name that leaves the version or the clauses open is a family of its own (`LicenseRef-BSD`), never a guess.

use std::{collections::HashMap, sync::OnceLock};

use spdx::identifiers::{EXCEPTIONS, LICENSES};

use super::expression::Term;

/// An exception that is not named.
pub(super) const UNNAMED: &str = "unnamed";

/// What a name means.
pub(super) enum Found {
    /// A licence.
    Term(Term),
    /// Several, as an expression of ids.
    Text(&'static str),
}

/// The licence of that name.
pub(super) fn licence(name: &str) -> Option<Found> {
    let key = key(name);
    if key.is_empty() {
        return None;
    }
    if let Some(text) = OWN.iter().find(|(own, _)| *own == key).map(|(_, text)| *text) {
        return Some(match text.split_once(" WITH ") {
            _ if text.contains(" OR ") => Found::Text(text),
            Some((licence, exception)) => Found::Term(term(licence.to_owned(), Some(exception))),
            None => Found::Term(term(text.to_owned(), None)),
        });
    }
    if let Some(id) = gnu(&key) {
        return Some(Found::Term(term(id, None)));
    }
    if let Some(id) = listed().get(key.as_str()) {
        return Some(Found::Term(term((*id).to_owned(), None)));
    }
    // The same or a later version, of what is not GNU's.
    if let Some(id) = key.strip_suffix('+').and_then(|older| listed().get(older.trim_end())) {
        return Some(Found::Term(term(format!("{id}+"), None)));
    }
    // A licence of somebody's own; its name stands as it is, for policies to name it.
    let own = name.strip_prefix("LicenseRef-").filter(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    });
    own.map(|own| Found::Term(term(format!("LicenseRef-{own}"), None)))
}

/// The exception of that name.
pub(super) fn exception(name: &str) -> Option<&'static str> {
    static BY_KEY: OnceLock<HashMap<String, &'static str>> = OnceLock::new();
    let by_key = BY_KEY.get_or_init(|| {
        let listed = EXCEPTIONS.iter().map(|exception| (key(exception.name), exception.name));
        listed.chain(OWN_EXCEPTIONS.iter().map(|(name, id)| ((*name).to_owned(), *id))).collect()
    });
    by_key.get(key(name).as_str()).copied()
}

fn term(licence: String, exception: Option<&str>) -> Term {
    Term { licence, exception: exception.map(ToOwned::to_owned) }
}

/// SPDX's ids and full names, by their keys.
fn listed() -> &'static HashMap<String, &'static str> {
    static BY_KEY: OnceLock<HashMap<String, &'static str>> = OnceLock::new();
    BY_KEY.get_or_init(|| {
        let is_licence = |name: &str| !matches!(name, "NOASSERTION" | "NONE");
        let mut by_key = HashMap::new();
        for licence in LICENSES.iter().filter(|licence| is_licence(licence.name)) {
            by_key.insert(key(licence.name), licence.name);
        }
        for licence in LICENSES.iter().filter(|licence| is_licence(licence.name)) {
            by_key.entry(key(licence.full_name)).or_insert(licence.name);
        }
        by_key
    })
}

/// Words in small letters without those that say nothing, with blanks between them.
fn key(name: &str) -> String {
    // `GPL (>= 2)`, as R writes it.
    let later = name.split_once(">=").map(|(family, version)| format!("{family} {version}+"));
    let name = later.as_deref().unwrap_or(name);
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_alphanumeric() || "+.".contains(character) {
            plain.extend(character.to_lowercase());
        } else {
            plain.push(' ');
        }
    }
    let mut words: Vec<&str> = Vec::new();
    for word in plain.split_whitespace() {
        let word = word.trim_end_matches('.');
        let after_v =
            word.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let word = after_v.unwrap_or(word);
        let says_nothing = matches!(
            word,
            "" | "the"
                | "license"
                | "licence"
                | "licenses"
                | "licences"
                | "licensed"
                | "version"
                | "ver"
                | "v"
                | "software"
                | "inc"
                | "under"
        );
        if !says_nothing {
            words.push(word);
        }
    }
    words.join(" ")
}

/// GNU's licences in the many ways in which people write them.
fn gnu(key: &str) -> Option<String> {
    let mut rest = key.strip_prefix("gnu ").unwrap_or(key);
    let mut found: Option<String> = None;
    // A name may be followed by its short form: `gnu general public 2 or later gplv2+`.
    while !rest.is_empty() {
        let (family, after) = FAMILIES.iter().find_map(|(words, family)| {
            rest.strip_prefix(words)
                .filter(|after| !after.starts_with(char::is_alphabetic) || after.starts_with('v'))
                .map(|after| (*family, after))
        })?;
        let after = after.trim_start();
        let after = after.strip_prefix('v').unwrap_or(after);
        let digits = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        let (number, after) = after.split_at_checked(digits)?;
        let suffix = after.trim_start();
        let (is_later, after) = LATER
            .iter()
            .find_map(|words| suffix.strip_prefix(words).map(|after| (true, after)))
            .or_else(|| suffix.strip_prefix("only").map(|after| (false, after)))
            .unwrap_or((false, after));
        if !after.is_empty() && !after.starts_with(' ') {
            return None;
        }
        let this = match version(family, number)? {
            None => format!("LicenseRef-{family}"),
            Some(version) => {
                let id =
                    format!("{family}-{version}-{}", if is_later { "or-later" } else { "only" });
                spdx::license_id(&id)?;
                id
            }
        };
        match &found {
            None => found = Some(this),
            // The short form often leaves out what the long one says.
            Some(first) if *first == this || this == format!("LicenseRef-{family}") => {}
            Some(_) => return None,
        }
        rest = after.trim_start();
        rest = rest.strip_prefix("gnu ").unwrap_or(rest);
    }
    found
}

/// A version as SPDX writes it: `Some(None)` where there is none.
fn version(family: &str, number: &str) -> Option<Option<String>> {
    match (family, number.trim_end_matches('.')) {
        (_, "") => Some(None),
        (_, whole) if whole.len() == 1 => Some(Some(format!("{whole}.0"))),
        (_, full) if full.len() == 3 => Some(Some(full.to_owned())),
        _ => None,
    }
}

const FAMILIES: &[(&str, &str)] = &[
    ("affero general public", "AGPL"),
    ("affero gpl", "AGPL"),
    ("agpl", "AGPL"),
    ("lesser general public", "LGPL"),
    ("library general public", "LGPL"),
    ("library or lesser general public", "LGPL"),
    ("lesser gpl", "LGPL"),
    ("library gpl", "LGPL"),
    ("lgpl", "LGPL"),
    ("general public", "GPL"),
    ("gpl", "GPL"),
    ("free documentation", "GFDL"),
    ("gfdl", "GFDL"),
    ("fdl", "GFDL"),
];

const LATER: &[&str] = &[
    "+",
    "or later",
    "or newer",
    "or greater",
    "or above",
    "or any later",
    "or higher",
    "and later",
    "later",
];

const OWN_EXCEPTIONS: &[(&str, &str)] = &[
    ("classpath", "Classpath-exception-2.0"),
    ("classpath exception", "Classpath-exception-2.0"),
    ("gnu classpath exception", "Classpath-exception-2.0"),
    ("cpe", "Classpath-exception-2.0"),
    ("gcc exception", "GCC-exception-3.1"),
    ("gcc runtime library exception", "GCC-exception-3.1"),
    ("gcc runtime library exception 3.1", "GCC-exception-3.1"),
    ("libtool exception", "Libtool-exception"),
    ("autoconf exception", "Autoconf-exception-generic"),
    ("bison exception", "Bison-exception-2.2"),
    ("font exception", "Font-exception-2.0"),
    ("llvm exception", "LLVM-exception"),
    ("llvm exceptions", "LLVM-exception"),
    ("exception", UNNAMED),
    ("exceptions", UNNAMED),
];

/// Keys and what they mean: an id, or an expression.
const OWN: &[(&str, &str)] = &[
    // MIT and its kin.
    ("expat", "MIT"),
    ("mit expat", "MIT"),
    ("mit x11", "MIT"),
    ("mit style", "LicenseRef-notice"),
    ("mit like", "LicenseRef-notice"),
    ("mit modern style", "MIT"),
    ("mit old style", "LicenseRef-notice"),
    ("mit with advertising", "MIT-advertising"),
    ("mit mit", "MIT"),
    ("x11 style", "LicenseRef-notice"),
    ("x consortium", "X11"),
    ("http opensource.org mit", "MIT"),
    ("https opensource.org mit", "MIT"),
    ("http www.opensource.org mit php", "MIT"),
    ("http www.opensource.org mit", "MIT"),
    ("https opensource.org mit php", "MIT"),
    // Apache.
    ("apache", "LicenseRef-Apache"),
    ("apache 2", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("apachev2", "Apache-2.0"),
    ("apache 2.0 apache", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("asl 2", "Apache-2.0"),
    ("al2", "Apache-2.0"),
    ("asl 1.1", "Apache-1.1"),
    ("asl 1.0", "Apache-1.0"),
    ("apache foundation 2.0", "Apache-2.0"),
    ("apache public 2.0", "Apache-2.0"),
    ("apache 2.0 see http www.apache.org 2.0.txt", "Apache-2.0"),
    ("http www.apache.org 2.0", "Apache-2.0"),
    ("http www.apache.org 2.0.txt", "Apache-2.0"),
    ("http www.apache.org 2.0.html", "Apache-2.0"),
    ("https www.apache.org 2.0", "Apache-2.0"),
    ("https www.apache.org 2.0.txt", "Apache-2.0"),
    ("https www.apache.org 2.0.html", "Apache-2.0"),
    ("http apache.org 2.0", "Apache-2.0"),
    ("http apache.org 2.0.txt", "Apache-2.0"),
    ("http opensource.org apache 2.0", "Apache-2.0"),
    ("https opensource.org apache 2.0", "Apache-2.0"),
    // BSD.
    ("bsd", "LicenseRef-BSD"),
    ("bsd like", "LicenseRef-BSD"),
    ("bsd style", "LicenseRef-BSD"),
    ("bsd derived", "LicenseRef-BSD"),
    ("berkeley distribution", "LicenseRef-BSD"),
    ("new bsd", "BSD-3-Clause"),
    ("modified bsd", "BSD-3-Clause"),
    ("revised bsd", "BSD-3-Clause"),
    ("bsd new", "BSD-3-Clause"),
    ("bsd 3", "BSD-3-Clause"),
    ("bsd3", "BSD-3-Clause"),
    ("bsd 3clause", "BSD-3-Clause"),
    ("3 clause bsd", "BSD-3-Clause"),
    ("three clause bsd", "BSD-3-Clause"),
    ("bsd three clause", "BSD-3-Clause"),
    ("bsd 3 clauses", "BSD-3-Clause"),
    ("eclipse distribution 1.0", "BSD-3-Clause"),
    ("edl 1.0", "BSD-3-Clause"),
    ("http opensource.org bsd 3 clause", "BSD-3-Clause"),
    ("https opensource.org bsd 3 clause", "BSD-3-Clause"),
    ("simplified bsd", "BSD-2-Clause"),
    ("freebsd", "BSD-2-Clause"),
    ("bsd 2", "BSD-2-Clause"),
    ("bsd2", "BSD-2-Clause"),
    ("bsd 2clause", "BSD-2-Clause"),
    ("2 clause bsd", "BSD-2-Clause"),
    ("two clause bsd", "BSD-2-Clause"),
    ("bsd two clause", "BSD-2-Clause"),
    ("https opensource.org bsd 2 clause", "BSD-2-Clause"),
    ("bsd with advertising", "BSD-4-Clause"),
    ("bsd 4", "BSD-4-Clause"),
    ("bsd original", "BSD-4-Clause"),
    ("bsd with attribution", "BSD-3-Clause-Attribution"),
    ("bsd protection", "BSD-Protection"),
    // GNU beyond what is said by rule.
    ("gpl 2 ce", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("gpl2 w or cpe", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("gpl 2.0 with classpath exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("gpl 2.0 with gcc exception", "GPL-2.0-only WITH GCC-exception-2.0"),
    ("gpl 3.0 with gcc exception", "GPL-3.0-only WITH GCC-exception-3.1"),
    ("gpl 2.0 with autoconf exception", "GPL-2.0-only WITH Autoconf-exception-2.0"),
    ("gpl 3.0 with autoconf exception", "GPL-3.0-only WITH Autoconf-exception-3.0"),
    ("gpl 2.0 with bison exception", "GPL-2.0-only WITH Bison-exception-2.2"),
    ("gpl 2.0 with font exception", "GPL-2.0-only WITH Font-exception-2.0"),
    ("gpl+", "LicenseRef-GPL"),
    ("lgpl+", "LicenseRef-LGPL"),
    ("gplv1+", "GPL-1.0-or-later"),
    // Mozilla, Eclipse, Sun.
    ("mozilla public", "LicenseRef-MPL"),
    ("mpl", "LicenseRef-MPL"),
    ("mozilla public 2", "MPL-2.0"),
    ("mozilla public 2.0 mpl 2.0", "MPL-2.0"),
    ("mozilla public 1.1 mpl 1.1", "MPL-1.1"),
    ("mpl 2", "MPL-2.0"),
    ("mpl2", "MPL-2.0"),
    ("mpl2.0", "MPL-2.0"),
    ("mplv2.0", "MPL-2.0"),
    ("mplv2", "MPL-2.0"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv1.0", "MPL-1.0"),
    ("eclipse public", "LicenseRef-EPL"),
    ("epl", "LicenseRef-EPL"),
    ("eclipse public 1", "EPL-1.0"),
    ("eclipse public 2", "EPL-2.0"),
    ("epl 2", "EPL-2.0"),
    ("epl 1", "EPL-1.0"),
    ("cddl", "LicenseRef-CDDL"),
    ("common development and distribution", "LicenseRef-CDDL"),
    ("common development and distribution cddl", "LicenseRef-CDDL"),
    ("cddl 1", "CDDL-1.0"),
    ("common development and distribution cddl 1.0", "CDDL-1.0"),
    ("common development and distribution cddl 1.1", "CDDL-1.1"),
    (
        "cddl and gplv2 with classpath exception",
        "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    ("cddl or gplv2+ce", "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0"),
    // Python, Perl, Ruby, Tcl, R and other languages.
    ("python", "PSF-2.0"),
    ("psf", "PSF-2.0"),
    ("psfl", "PSF-2.0"),
    ("python foundation", "PSF-2.0"),
    ("pythonpsf", "PSF-2.0"),
    ("perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("perl 5", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("same terms as perl 5", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("gpl+ or artistic", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("artistic", "Artistic-1.0"),
    ("artistic 2", "Artistic-2.0"),
    ("artistic clarified", "ClArtistic"),
    ("ruby s", "Ruby"),
    ("php", "PHP-3.01"),
    ("php 3.0", "PHP-3.0"),
    ("tcl tk", "TCL"),
    ("lua", "MIT"),
    ("unlimited", "LicenseRef-notice"),
    ("file", "LicenseRef-notice"),
    // Others.
    ("public domain", "LicenseRef-public-domain"),
    ("pd", "LicenseRef-public-domain"),
    ("public domain cc0", "CC0-1.0"),
    ("cc0", "CC0-1.0"),
    ("cc0 1.0 universal", "CC0-1.0"),
    ("unlicense unlicense", "Unlicense"),
    ("isc iscl", "ISC"),
    ("iscl", "ISC"),
    ("zlib libpng", "Zlib"),
    ("zlib or libpng", "Zlib"),
    ("zlib", "Zlib"),
    ("boost", "BSL-1.0"),
    ("boost 1.0", "BSL-1.0"),
    ("bsl", "BSL-1.0"),
    ("openldap", "OLDAP-2.8"),
    ("openldap public 2.8", "OLDAP-2.8"),
    ("w3c document", "W3C"),
    ("vim", "Vim"),
    ("ijg", "IJG"),
    ("libpng", "Libpng"),
    ("bzip2", "bzip2-1.0.6"),
    ("sqlite", "blessing"),
    ("sleepycat", "Sleepycat"),
    ("historical permission notice and disclaimer hpnd", "HPND"),
    ("university of illinois ncsa open source", "NCSA"),
    ("unicode", "Unicode-3.0"),
    ("unicode dfs 2016", "Unicode-DFS-2016"),
    ("ofl", "OFL-1.1"),
    ("sil ofl", "OFL-1.1"),
    ("sil open font", "OFL-1.1"),
    ("ofl 1.1", "OFL-1.1"),
    ("cc by 4.0 international", "CC-BY-4.0"),
    ("cc by sa", "CC-BY-SA-4.0"),
    ("wtfpl", "WTFPL"),
    ("ucd", "LicenseRef-notice"),
    ("copyright only", "LicenseRef-notice"),
    ("redistributable", "LicenseRef-notice"),
    ("freely redistributable", "LicenseRef-notice"),
    ("bouncy castle", "MIT"),
    ("zope public", "ZPL-2.1"),
    ("zpl", "ZPL-2.1"),
    ("zpl 2.1", "ZPL-2.1"),
    ("json", "JSON"),
    ("go", "BSD-3-Clause"),
    ("proprietary", "LicenseRef-proprietary"),
    ("other proprietary", "LicenseRef-proprietary"),
    ("commercial", "LicenseRef-proprietary"),
    ("unlicensed", "LicenseRef-proprietary"),
    ("all rights reserved", "LicenseRef-proprietary"),
    ("oracle", "LicenseRef-proprietary"),
    ("freeware", "LicenseRef-proprietary"),
    ("sspl", "SSPL-1.0"),
    ("elastic 2.0", "Elastic-2.0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_own_key_and_means_something() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, text) in OWN {
            assert_eq!(key(name), *name, "a row that is never found");
            assert!(seen.insert(name), "{name} stands twice");
            for part in text.split(" OR ") {
                let (licence, exception) = part
                    .split_once(" WITH ")
                    .map_or((part, None), |(licence, rest)| (licence, Some(rest)));
                assert!(
                    licence.starts_with("LicenseRef-") || spdx::license_id(licence).is_some(),
                    "{name}: {licence}"
                );
                assert!(exception.is_none_or(|name| spdx::exception_id(name).is_some()), "{name}");
            }
        }
        for (name, id) in OWN_EXCEPTIONS {
            assert_eq!(key(name), *name);
            assert!(*id == UNNAMED || spdx::exception_id(id).is_some(), "{name}");
        }
    }
}
