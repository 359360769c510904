//! What holds for every change: nothing is accepted that means something else than what was signed.

use std::sync::LazyLock;

use proptest::prelude::{any, *};

use super::*;

/// The captures that are admitted as they are.
static ADMITTED: LazyLock<Vec<RawRequest>> = LazyLock::new(|| {
    let captures = captures().into_iter();
    captures.filter(|one| !one.wanted().contains('.')).map(|one| one.request()).collect()
});

/// What a request says, apart from how it is written down.
#[derive(PartialEq, Debug)]
struct Meaning {
    method: String,
    parameters: Option<Parameters>,
    /// With HMAC-SHA1 headers and body are not signed; what a form says is among the parameters.
    signed_headers: Vec<(String, String)>,
    signed_body: Vec<u8>,
}

impl Meaning {
    fn of(request: &RawRequest) -> Self {
        let header = |wanted: &str| {
            let mut headers = request.headers.iter();
            let value = headers.find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
            String::from_utf8_lossy(value.unwrap_or_default()).trim_matches([' ', '\t']).to_owned()
        };
        let authorization = header("authorization");
        let names = authorization
            .split(',')
            .find_map(|part| part.trim().strip_prefix("SignedHeaders="))
            .unwrap_or_default();
        let names = names.split(';').filter(|name| !name.is_empty());
        let signed_headers: Vec<_> = names.map(|name| (name.to_owned(), header(name))).collect();
        Self {
            method: request.method.clone(),
            parameters: Parameters::read(request).ok(),
            signed_body: if signed_headers.is_empty() { Vec::new() } else { request.body.clone() },
            signed_headers,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Replace,
    Insert,
    Delete,
}

fn edit(bytes: &mut Vec<u8>, at: prop::sample::Index, byte: u8, edit: Edit) {
    let at = if bytes.is_empty() { 0 } else { at.index(bytes.len()) };
    match edit {
        Edit::Replace if !bytes.is_empty() => bytes[at] = byte,
        Edit::Delete if !bytes.is_empty() => {
            bytes.remove(at);
        }
        _ => bytes.insert(at, byte),
    }
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![Just(Edit::Replace), Just(Edit::Insert), Just(Edit::Delete)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_changed_byte_is_refused_or_means_the_same(
        which: prop::sample::Index, place: prop::sample::Index, at: prop::sample::Index,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"&=%+;,. 0aA-_.~/?".to_vec())],
        kind in edits(),
    ) {
        let original = which.get(&ADMITTED).clone();
        let mut changed = original.clone();
        match place.index(original.headers.len() + 3) {
            0 => {
                let mut method = changed.method.into_bytes();
                edit(&mut method, at, byte, kind);
                changed.method = String::from_utf8_lossy(&method).into_owned();
            }
            1 => {
                let mut query = changed.query.into_bytes();
                edit(&mut query, at, byte, kind);
                changed.query = String::from_utf8_lossy(&query).into_owned();
            }
            2 => edit(&mut changed.body, at, byte, kind),
            header => edit(&mut changed.headers[header - 3].1, at, byte, kind),
        }
        if outcome(&changed).1 == 200 {
            prop_assert_eq!(Meaning::of(&changed), Meaning::of(&original));
        }
    }

    #[test]
    fn a_parameter_more_is_refused(
        which: prop::sample::Index, name in "[A-Za-z.0-9]{1,12}", value in "[ -~]{0,8}", in_form: bool,
    ) {
        let original = which.get(&ADMITTED).clone();
        let mut changed = original.clone();
        let pair = format!("{}={}", encoding::encode(&name), encoding::encode(&value));
        if in_form && changed.has_form().unwrap() {
            changed.body.extend_from_slice(format!("&{pair}").as_bytes());
        } else {
            changed.query.push_str(&format!("&{pair}"));
        }
        // Header and parameter `Action` may say the same; then the signature is no longer right.
        prop_assert_ne!(outcome(&changed).1, 200);
    }

    #[test]
    fn any_request_is_answered(
        method in "[A-Z]{0,6}", query in "(?s).{0,60}", body: Vec<u8>,
        headers in prop::collection::vec((
            prop::sample::select(vec!["host", "authorization", "x-acs-action", "x-acs-date", "content-type"]),
            any::<Vec<u8>>(),
        ), 0..6),
    ) {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = RawRequest { method, query, headers, body, source: None };
        prop_assert!(outcome(&request).1 >= 400);
    }

    #[test]
    fn any_authorization_is_answered(credentials in "[ -~]{0,80}") {
        let mut request = captured("py-tea/ListImageRisk");
        for (name, value) in &mut request.headers {
            if name == "authorization" {
                *value = format!("ACS3-HMAC-SHA256 {credentials}").into_bytes();
            }
        }
        prop_assert!(outcome(&request).1 >= 400);
    }
}
