//! How the parts of an ignore rule are spelt.
//!
//! In: a part as somebody wrote it. Out: the same in one spelling, or what is wrong with it; whether a name is one that a rule
//! gives. Source: `docs/ignore.md`. Odd: `*` stands for any text, slashes as well.

use super::RuleError;
use crate::{digest::Digest, purl::Purl};

/// Bytes of a name.
const LONGEST_NAME: usize = 512;
/// Bytes of a reason.
const LONGEST_TEXT: usize = 4_096;

pub(super) fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

pub(super) fn wrong(field: &'static str, text: &str, problem: &'static str) -> RuleError {
    let text = text.chars().filter(|c| !c.is_control()).take(80).collect();
    RuleError::Field { field, text, problem }
}

pub(super) fn check_name(field: &'static str, text: &str) -> Result<(), RuleError> {
    if text.len() > LONGEST_NAME {
        return Err(wrong(field, text, "longer than 512 bytes"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong(field, text, "spaces and control characters stand in no such name"));
    }
    Ok(())
}

pub(super) fn check_text(field: &'static str, text: &str) -> Result<(), RuleError> {
    if text.len() > LONGEST_TEXT {
        return Err(wrong(field, text, "longer than 4096 bytes"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(wrong(field, text, "control characters cannot stand there"));
    }
    Ok(())
}

/// An image's id with dashes, or a digest with its algorithm.
pub(super) fn canonical_image(text: &str) -> Result<String, RuleError> {
    let text = text.to_ascii_lowercase();
    let hex = text.strip_prefix("sha256:").unwrap_or(&text);
    if hex.len() == 64
        && let Ok(digest) = format!("sha256:{hex}").parse::<Digest>()
    {
        return Ok(digest.to_string());
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let dashes = text.len() - digits.len();
    if digits.len() == 32
        && (dashes == 0 || dashes == 4)
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range));
        let uuid: Vec<&str> = parts.into_iter().flatten().collect();
        let uuid = uuid.join("-");
        if dashes == 0 || uuid == text {
            return Ok(uuid);
        }
    }
    Err(wrong("image", &text, "neither an image's id (32 digits) nor a digest (sha256:…)"))
}

pub(super) fn is_purl(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("pkg:"))
}

/// Whether a package URL is of a package, as a rule names it.
pub(super) fn is_package(wanted: &str, purl: &str) -> bool {
    if is_purl(wanted) {
        let wanted = wanted.parse::<Purl>().map_or_else(|_| wanted.to_owned(), |p| p.to_string());
        return purl
            .strip_prefix(wanted.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '?', '#']));
    }
    let Ok(purl) = purl.parse::<Purl>() else { return false };
    let identity = purl.identity();
    identity.name == wanted
        || purl.name == wanted
        || identity.full_name() == wanted
        || identity.source.is_some_and(|source| source.name == wanted)
}

/// Whether a text is like a pattern in which `*` stands for any text, the empty one too.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// A path as findings have it: without a slash in front.
pub(super) fn checked_path(text: &str) -> Result<String, RuleError> {
    let path = text.trim_start_matches('/');
    if path.is_empty() {
        return Err(wrong("path", text, "that is no path of a file"));
    }
    if path.len() > LONGEST_TEXT {
        return Err(wrong("path", path, "longer than 4096 bytes"));
    }
    if path.chars().any(char::is_control) {
        return Err(wrong(
            "path",
            path,
            "control characters cannot stand there: write `*` for them",
        ));
    }
    Ok(path.to_owned())
}

/// An MD5 in lower case.
pub(super) fn checked_md5(text: &str) -> Result<String, RuleError> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("md5", text, "an MD5 has 32 hex digits"));
    }
    Ok(text.to_ascii_lowercase())
}
