//! `*.LICENSE.txt` and `*.LEGAL.txt`: the licence comments that a bundler cut out of what it put together.
//!
//! In: comments. Out: a package for each that names itself with a version, as `lodash v4.17.21` or `@license React v16.13.1`
//! do, with `evidence: bundle`. Source: terser-webpack-plugin, "extractComments"; the comments themselves. Odd: a comment
//! says what its author liked, so only names of a table count, and names of several words that stand as npm has them at a
//! comment's start or behind `@license`. A bundle may hold a part of the package alone.

use plimsoll_image::EntryMeta;

use super::{NPM, split_name};
use crate::{
    facts::FileFacts,
    packages::lock::{BUNDLE, LockFile, Locked, is_inside_package},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Bundles of hundreds of packages have some ten thousand bytes of this.
const LIMIT: u64 = 4 << 20;

/// Longest line that is a banner.
const MAX_LINE: usize = 300;

/// Reads the comments of a bundle.
#[derive(Debug)]
pub(crate) struct BundleBanners;

/// What packages call themselves, in lower case, and what npm calls them.
const NAMES: &[(&str, &str)] = &[
    ("angularjs", "angular"),
    ("axios", "axios"),
    ("backbone.js", "backbone"),
    ("bootstrap", "bootstrap"),
    ("bootstrap-vue", "bootstrap-vue"),
    ("bootstrapvue", "bootstrap-vue"),
    ("chart.js", "chart.js"),
    ("clipboard.js", "clipboard"),
    ("core-js", "core-js"),
    ("cropper.js", "cropperjs"),
    ("dompurify", "dompurify"),
    ("ember", "ember-source"),
    ("fabric.js", "fabric"),
    ("handlebars", "handlebars"),
    ("highlight.js", "highlight.js"),
    ("html2canvas", "html2canvas"),
    ("jquery", "jquery"),
    ("jquery javascript library", "jquery"),
    ("jquery migrate", "jquery-migrate"),
    ("jquery ui", "jquery-ui"),
    ("jquery validation plugin", "jquery-validation"),
    ("jspdf", "jspdf"),
    ("knockout javascript library", "knockout"),
    ("knockout", "knockout"),
    ("lodash", "lodash"),
    ("marked", "marked"),
    ("moment.js", "moment"),
    ("mustache.js", "mustache"),
    ("pdf.js", "pdfjs-dist"),
    ("pdfmake", "pdfmake"),
    ("quill editor", "quill"),
    ("select2", "select2"),
    ("sortable", "sortablejs"),
    ("sweetalert2", "sweetalert2"),
    ("swagger-ui", "swagger-ui"),
    ("three.js", "three"),
    ("tinymce", "tinymce"),
    ("underscore.js", "underscore"),
    ("video.js", "video.js"),
    ("vue.js", "vue"),
    ("vue-i18n", "vue-i18n"),
    ("vue-router", "vue-router"),
    ("vuex", "vuex"),
    ("zepto", "zepto"),
];

/// What the comments of React's repository go by: the file that they stand above.
const REACT: &[(&str, &str)] = &[
    ("react", "react"),
    ("react-jsx-runtime", "react"),
    ("react-jsx-dev-runtime", "react"),
    ("react-dom", "react-dom"),
    ("react-dom-server", "react-dom"),
    ("react-is", "react-is"),
    ("scheduler", "scheduler"),
    ("react-reconciler", "react-reconciler"),
    ("react-test-renderer", "react-test-renderer"),
];

impl Parser for BundleBanners {
    fn id(&self) -> &'static str {
        "js-banner"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "*.LICENSE.txt, *.LEGAL.txt outside of installed packages: banners with a name and a version"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let is_claimed = path.ends_with(b".LICENSE.txt") || path.ends_with(b".LEGAL.txt");
        (is_claimed && !is_inside_package(path)).then_some(Want::Head { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let mut found = LockFile::weak(NPM, BUNDLE);
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((name, version)) = banner(line) else { continue };
            let name = if name == "react" {
                let Some(name) = lines.peek().and_then(|line| react(line)) else { continue };
                name
            } else {
                name
            };
            let (namespace, name) = split_name(&name);
            found.add(&Locked { namespace, name, version, ..Locked::default() });
        }
        Ok(found.finish())
    }
}

/// npm's name and the version that a line states.
fn banner(line: &str) -> Option<(String, &str)> {
    if line.len() > MAX_LINE {
        return None;
    }
    let bare = line.trim_start_matches(|c: char| c.is_whitespace() || "/*!".contains(c));
    let opens = line.trim_start().starts_with('/');
    let (says_licence, bare) = match bare.strip_prefix("@license") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, bare),
    };
    let (name, version) = split_version(bare)?;
    let lower = name.to_lowercase();
    if lower == "react" {
        return Some((lower, version));
    }
    if let Some((_, known)) = NAMES.iter().find(|(known, _)| *known == lower) {
        return Some(((*known).to_owned(), version));
    }
    let is_exact =
        (opens || says_licence) && is_npm_name(name) && version.matches('.').count() >= 2;
    is_exact.then(|| (name.to_owned(), version))
}

/// `Name v1.2.3 …` and `Name 1.2.3`: what stands before the version, and the version.
fn split_version(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end().trim_end_matches([',', ';', ':', '|']);
        let version = bare.strip_prefix(['v', 'V']).unwrap_or(bare);
        if at > 0 && is_version(version) {
            let name = text.get(..at)?.trim_end().trim_end_matches([',', '-', ':', '@']).trim_end();
            let name = name.strip_suffix(" version").unwrap_or(name);
            return Some((name, version)).filter(|(name, _)| !name.is_empty());
        }
        at += word.len();
    }
    None
}

fn is_version(text: &str) -> bool {
    let mut numbers = text.splitn(3, '.');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_number(numbers.next())
        && is_number(numbers.next())
        && numbers.next().is_none_or(|rest| {
            let is_of_versions = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.bytes().all(is_of_versions)
        })
}

fn is_npm_name(name: &str) -> bool {
    let bare = name.strip_prefix('@').unwrap_or(name);
    let is_of_names = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._/".contains(c);
    bare.contains(['-', '.', '/'])
        && bare.chars().all(is_of_names)
        && bare.matches('/').count() == usize::from(name.starts_with('@'))
        && bare.contains(|c: char| c.is_ascii_lowercase())
}

/// `react-dom.production.min.js` below the banner of React's repository.
fn react(line: &str) -> Option<String> {
    let file = line.trim_start_matches(|c: char| c.is_whitespace() || c == '*').trim_end();
    let stem = file.split('.').next()?;
    let (_, name) = REACT.iter().find(|(file, _)| *file == stem)?;
    Some((*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners_name_packages() {
        for (line, wanted) in [
            ("/*! lodash v4.17.21 */", Some(("lodash", "4.17.21"))),
            (" * jQuery JavaScript Library v3.5.1", Some(("jquery", "3.5.1"))),
            ("  * Bootstrap v4.5.0 (https://getbootstrap.com/)", Some(("bootstrap", "4.5.0"))),
            ("/*! @license DOMPurify 2.3.1 | (c) Cure53 */", Some(("dompurify", "2.3.1"))),
            (" * @license AngularJS v1.8.2", Some(("angular", "1.8.2"))),
            ("/*! js-cookie v2.2.1 | MIT */", Some(("js-cookie", "2.2.1"))),
            (" * vue-router v3.4.9", Some(("vue-router", "3.4.9"))),
            ("//! moment.js", None),
            ("//! version : 2.29.1", None),
            (" * some-name v1.2.3", None),
            ("/* Copyright 2014 v1.2 */", None),
            ("/*! My Own Library v1.2.3 */", None),
            ("/** @license React v16.13.1", Some(("react", "16.13.1"))),
            ("", None),
        ] {
            let found = banner(line);
            let found = found.as_ref().map(|(name, version)| (name.as_str(), *version));
            assert_eq!(found, wanted, "{line}");
        }
        assert_eq!(react(" * react-dom.production.min.js").as_deref(), Some("react-dom"));
        assert_eq!(react(" * other.js"), None);
    }
}
