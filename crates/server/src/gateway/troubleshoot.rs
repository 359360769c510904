//! What each error code means and what to do, served as the page that errors point to in `Recommend`.
//!
//! In: a code. Out: a text of a few lines. The list is complete: a test compares it with the codes that can be answered.

/// Code and what to do, by code.
const REMEDIES: &[(&str, &str)] = &[
    (
        "IncompleteSignature",
        "The signature is there but cannot be checked; the message says what is missing. Official clients never get this unless something between them and this server changes headers.",
    ),
    ("InternalError", "A defect of this server. The log holds the details under the request id."),
    (
        "InvalidAccessKeyId.Inactive",
        "The access key was disabled: `plimsoll key list` shows it. Use another key.",
    ),
    (
        "InvalidAccessKeyId.NotFound",
        "No access key has this id: `plimsoll key list` shows those that exist, `plimsoll key create` makes one. Keys of Alibaba Cloud itself are not known here.",
    ),
    ("InvalidAction.NotFound", "This server has no action of that name, or not yet."),
    ("InvalidApi.NotFound", "There is nothing at this path: requests are sent to `/`."),
    (
        "InvalidParameter",
        "The message names the parameter and says what it can be. PageSize is 1 to 100, CurrentPage at least 1.",
    ),
    (
        "InvalidParameter.SignatureMethod",
        "Sign with ACS3-HMAC-SHA256 (the default of current clients) or HMAC-SHA1.",
    ),
    (
        "InvalidParameter.SignatureType",
        "Sign with an access key; bearer tokens and key pairs are not known here.",
    ),
    (
        "InvalidParameter.SignatureVersion",
        "Requests signed with HMAC-SHA1 say SignatureVersion 1.0.",
    ),
    (
        "InvalidSecurityToken.Malformed",
        "This server issues no temporary keys: leave the security token out and use an access key of this server.",
    ),
    (
        "InvalidTimeStamp.Expired",
        "The request was signed more than 15 minutes before or after this server's time. Set the client's clock, or this server's.",
    ),
    ("InvalidTimeStamp.Format", "Times are UTC and look like 2026-11-25T01:23:44Z."),
    ("InvalidVersion", "The version is 2018-12-03."),
    ("MissingAccessKeyId", "The request is not signed. Give the client an access key."),
    (
        "MissingAction",
        "The request names no action, in the header x-acs-action or in the parameter Action.",
    ),
    ("MissingParameter", "The message names the parameter that is missing."),
    (
        "MissingSecurityToken",
        "The access key id is one of a temporary key, which is of no use without its security token. This server issues none: use an access key of this server.",
    ),
    (
        "MissingTimestamp",
        "The request does not say when it was signed, in the header x-acs-date or in the parameter Timestamp.",
    ),
    ("MissingVersion", "The request names no version: it is 2018-12-03."),
    (
        "NoPermission",
        "The access key's policy does not allow the action that AccessDeniedDetail names. Make a key that may: `plimsoll key create --allow 'yundun-sas:*'`.",
    ),
    (
        "RequestTimeout",
        "The request's body did not arrive within 10 seconds, or broke off. Send it again.",
    ),
    (
        "RequestTooLarge",
        "A request has at most 1 MiB of body, 16 KiB of headers and 2000 parameters.",
    ),
    (
        "ServerError",
        "The action could not be carried out. The log holds the details under the request id.",
    ),
    (
        "ServiceUnavailable",
        "Too many requests at once, or the database is busy. Send it again after the time that the header x-acs-retry-after gives in milliseconds.",
    ),
    (
        "SignatureDoesNotMatch",
        "Another signature than ours. Compare the string to sign in the message with the client's: if they are equal, the secret is wrong; if not, something between client and server changes the request, often a proxy that rewrites Host or User-Agent.",
    ),
    (
        "SignatureNonceUsed",
        "This request was answered before. Sign each request anew, with a nonce of its own.",
    ),
    (
        "Throttling.User",
        "More than 10 wrong signatures in a minute from this address for this key. Other addresses are served. Wait for the time that the header x-acs-retry-after gives in milliseconds.",
    ),
    ("UnsupportedHTTPMethod", "Requests are GET or POST."),
];

/// The page about a code.
pub(crate) fn page(code: &str) -> String {
    let shown: String = code.chars().filter(char::is_ascii_graphic).take(64).collect();
    match REMEDIES.iter().find(|(known, _)| *known == code) {
        Some((known, remedy)) => format!("{known}\n\n{remedy}\n"),
        None => format!("`{shown}` is no error code of this server.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::refusal::Refusal;

    /// The code of each kind of refusal.
    fn codes() -> Vec<String> {
        let text = String::new;
        let mut refusals = vec![
            Refusal::MissingParameter(text()),
            Refusal::invalid("", "", ""),
            Refusal::ApiNotFound,
            Refusal::ActionNotFound,
            Refusal::InvalidVersion,
            Refusal::UnsupportedMethod,
            Refusal::KeyNotFound,
            Refusal::KeyInactive,
            Refusal::InvalidSecurityToken,
            Refusal::IncompleteSignature(text()),
            Refusal::ParameterSignature(text()),
            Refusal::TimestampFormat,
            Refusal::TimestampExpired,
            Refusal::NonceUsed,
            Refusal::Throttled { retry_after_ms: 1 },
            Refusal::NoPermission { action: text(), explicit: false },
            Refusal::TooLarge(""),
            Refusal::Unread(""),
            Refusal::Server,
            Refusal::Internal,
            Refusal::Unavailable,
        ];
        for name in ["AccessKeyId", "Action", "SecurityToken", "Timestamp", "Version"] {
            refusals.push(Refusal::Missing(name));
        }
        for name in ["SignatureMethod", "SignatureType", "SignatureVersion"] {
            refusals.push(Refusal::Unsupported { name, why: text() });
        }
        let mut codes: Vec<String> =
            refusals.iter().map(|refusal| refusal.code().into_owned()).collect();
        codes.sort();
        codes
    }

    #[test]
    fn every_code_has_its_remedy() {
        let listed: Vec<&str> = REMEDIES.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed, codes());
        assert!(page("NoPermission").contains("--allow"));
        assert_eq!(page("<b>\n"), "`<b>` is no error code of this server.\n");
    }
}
