//! The console's style sheet, part of the program.
//!
//! In: `plimsoll.css` at build time. Out: its address, which carries a hash of its content, and the answer to a request
//! for it. Odd: because a new content has a new address, browsers may keep it for a year.

use std::sync::LazyLock;

use crate::sha256::sha256;
use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const SHEET: &str = include_str!("plimsoll.css");

/// File name with the first 16 hex digits of the content's digest.
static NAME: LazyLock<String> = LazyLock::new(|| {
    let hash: String = sha256(SHEET.as_bytes()).to_string().chars().skip(7).take(16).collect();
    format!("plimsoll-{hash}.css")
});

/// Where the style sheet is.
pub(super) fn address() -> String {
    format!("/console/assets/{}", *NAME)
}

/// `GET /console/assets/{name}`.
pub(super) async fn get(Path(name): Path<String>) -> Response {
    if name != *NAME {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, SHEET).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_has_a_hash_and_the_sheet_asks_for_nothing_else() {
        assert!(address().starts_with("/console/assets/plimsoll-"), "{}", address());
        assert_eq!(address().len(), "/console/assets/plimsoll-.css".len() + 16);
        assert!(!SHEET.contains("url(") && !SHEET.contains("@import"));
    }
}
