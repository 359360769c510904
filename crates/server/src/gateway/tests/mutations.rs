//! Captured requests with one thing changed, and the documented answer to each.

use super::*;

/// Changes the value of a header.
fn with_header(mut request: RawRequest, name: &str, value: &str) -> RawRequest {
    let header = request.headers.iter_mut().find(|(sent, _)| sent == name).unwrap();
    header.1 = value.as_bytes().to_vec();
    request
}

fn without_header(mut request: RawRequest, name: &str) -> RawRequest {
    request.headers.retain(|(sent, _)| sent != name);
    request
}

fn with_query(request: RawRequest, from: &str, to: &str) -> RawRequest {
    assert!(request.query.contains(from), "{} has no {from}", request.query);
    RawRequest { query: request.query.replacen(from, to, 1), ..request }
}

fn refused(code: &str, status: u16) -> (String, u16) {
    (code.to_owned(), status)
}

const RANK: &str = "py-tea/GetDockerhubImageRiskRankInfo";
const LIST: &str = "py-tea/ListImageRisk";
const OLD: &str = "py-core/ListImageRisk-GET";

#[test]
fn what_is_signed_cannot_be_changed() {
    let mismatch = refused("SignatureDoesNotMatch", 400);
    assert_eq!(outcome(&with_query(captured(RANK), "=baseline", "=vulAsap")), mismatch);
    let rank = "GetDockerhubImageRiskRankInfo";
    for action in [rank, "DescribeImageInstances", "NoSuchAction"] {
        assert_eq!(outcome(&with_header(captured(LIST), "x-acs-action", action)), mismatch);
    }
    let form = captured("py-tea/PageImageRegistry-form-body");
    let body = String::from_utf8(form.body.clone()).unwrap().replace("harbor", "quay");
    assert_eq!(outcome(&RawRequest { body: body.into_bytes(), ..form }), mismatch);
    for name in ["host", "user-agent", "x-acs-signature-nonce", "x-acs-credentials-provider"] {
        assert_eq!(outcome(&with_header(captured(LIST), name, "other")), mismatch, "{name}");
    }
    let moved = RawRequest { method: "GET".to_owned(), ..captured("py-core/ListImageRisk-POST") };
    assert_eq!(outcome(&moved), mismatch);
    let moved = RawRequest { method: "GET".to_owned(), ..captured(LIST) };
    assert_eq!(outcome(&moved), mismatch);
    assert_eq!(outcome(&with_query(captured(OLD), "PageSize=20", "PageSize=2")), mismatch);
    assert_eq!(outcome(&with_query(captured(OLD), "RegionId=cn-hangzhou&", "")), mismatch);
}

#[test]
fn another_secret_does_not_match_anywhere() {
    for capture in captures() {
        let keys = Captured { secret: "another", ..Captured::default() };
        let (code, status) = outcome_with(&capture.request(), &keys, now());
        let wanted = match capture.wanted() {
            unsupported if unsupported.starts_with("InvalidParameter") => unsupported,
            token if token.starts_with("InvalidSecurityToken") => token,
            _ => "SignatureDoesNotMatch",
        };
        assert_eq!((code.as_str(), status), (wanted, 400), "{}", capture.id);
    }
}

#[test]
fn the_messages_of_a_mismatch_are_the_ones_that_clients_cut() {
    let keys = Captured { secret: "another", ..Captured::default() };
    let refusal = try_admit(&captured(LIST), &keys, now()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\n\
         cae875065d7c5f0188a664b7f49aef87727ff48fb0415f138ce596ff34493861]"
    );
    let Refusal::HeaderSignature { canonical_request, .. } = refusal else { unreachable!() };
    assert!(canonical_request.starts_with("POST\n/\nAppName=edge%20app~%2A%281%29&ClusterId="));
    let request = captured(OLD);
    let refusal = try_admit(&request, &keys, now()).unwrap_err();
    let claim = Claim::read(&request, &Parameters::read(&request).unwrap()).unwrap();
    assert_eq!(
        refusal.to_string(),
        format!(
            "Specified signature is not matched with our calculation. server string to sign is:{}",
            claim.string_to_sign()
        )
    );
}

#[test]
fn what_is_missing_is_named() {
    let message = |request: &RawRequest| {
        let refusal = try_admit(request, &Captured::default(), now()).unwrap_err();
        (refusal.code().into_owned(), refusal.to_string())
    };
    let mandatory = |name: &str| {
        let text = format!(
            "The input parameter \"{name}\" that is mandatory for processing this request is not supplied."
        );
        ("MissingParameter".to_owned(), text)
    };
    let special =
        |name: &str| (format!("Missing{name}"), format!("{name} is mandatory for this action."));
    let nonce = without_header(captured(LIST), "x-acs-signature-nonce");
    assert_eq!(message(&nonce), mandatory("SignatureNonce"));
    let hash = without_header(captured(LIST), "x-acs-content-sha256");
    assert_eq!(message(&hash), mandatory("x-acs-content-sha256"));
    for (header, name) in
        [("x-acs-action", "Action"), ("x-acs-version", "Version"), ("x-acs-date", "Timestamp")]
    {
        assert_eq!(message(&without_header(captured(LIST), header)), special(name));
    }
    assert_eq!(message(&without_header(captured(LIST), "authorization")), special("AccessKeyId"));
    for name in ["Signature", "SignatureNonce", "SignatureMethod", "SignatureVersion"] {
        assert_eq!(message(&without_parameter(captured(OLD), name)), mandatory(name));
    }
    for name in ["Action", "Version", "Timestamp", "AccessKeyId"] {
        assert_eq!(message(&without_parameter(captured(OLD), name)), special(name));
    }
    assert_eq!(message(&RawRequest::default()), special("Action"));
}

fn without_parameter(request: RawRequest, name: &str) -> RawRequest {
    let prefix = format!("{name}=");
    let kept: Vec<&str> =
        request.query.split('&').filter(|piece| !piece.starts_with(&prefix)).collect();
    assert_ne!(kept.join("&"), request.query);
    RawRequest { query: kept.join("&"), ..request }
}

#[test]
fn keys_times_nonces_and_permissions() {
    for capture in captures() {
        if !matches!(capture.wanted(), "ListImageRisk" | "GetDockerhubImageRiskRankInfo") {
            continue;
        }
        let (request, keys) = (capture.request(), Captured::default());
        let claim = Claim::read(&request, &Parameters::read(&request).unwrap()).unwrap();
        let signed: Timestamp = claim.signed_at.parse().unwrap();
        let at = |seconds| Timestamp(signed.0 + seconds);
        for away in [-901, 901] {
            let expired = outcome_with(&request, &keys, at(away));
            assert_eq!(expired, refused("InvalidTimeStamp.Expired", 400), "{}", capture.id);
        }
        for away in [-900, -899, 0, 899, 900] {
            let fresh = Captured::default();
            assert_eq!(outcome_with(&request, &fresh, at(away)).1, 200, "{}", capture.id);
        }
        assert_eq!(outcome_with(&request, &keys, at(0)).1, 200);
        let again = outcome_with(&request, &keys, at(0));
        assert_eq!(again, refused("SignatureNonceUsed", 400), "{}", capture.id);

        let inactive = Captured { active: false, ..Captured::default() };
        let inactive = outcome_with(&request, &inactive, at(0));
        assert_eq!(inactive, refused("InvalidAccessKeyId.Inactive", 400));
        let powerless = Captured { policy: Policy::default(), ..Captured::default() };
        let refusal = try_admit(&request, &powerless, at(0)).unwrap_err();
        assert_eq!((refusal.code().as_ref(), refusal.status()), ("NoPermission", 403));
        let action = format!("yundun-sas:{}", claim.action);
        assert_eq!(refusal, Refusal::NoPermission { action, explicit: false });
    }
    for date in ["2026-11-22 01:21:56", "2026-11-22", "2026-11-22T01:21:56+00:00", "now"] {
        let dated = with_header(captured(LIST), "x-acs-date", date);
        assert_eq!(outcome(&dated), refused("InvalidTimeStamp.Format", 400));
    }
}

#[test]
fn unknown_and_temporary_keys() {
    let of_key = |key: &str| {
        let request = captured(OLD);
        with_query(request, "AccessKeyId=testAccessKeyId", &format!("AccessKeyId={key}"))
    };
    assert_eq!(outcome(&of_key("nobody")), refused("InvalidAccessKeyId.NotFound", 404));
    assert_eq!(outcome(&of_key("STS.nobody")), refused("MissingSecurityToken", 400));
    let with_token = with_query(of_key("STS.nobody"), "Action=", "SecurityToken=t&Action=");
    assert_eq!(outcome(&with_token), refused("InvalidAccessKeyId.NotFound", 404));
}

#[test]
fn versions_methods_and_algorithms() {
    let other = with_header(captured(LIST), "x-acs-version", "2014-05-26");
    assert_eq!(outcome(&other), refused("InvalidVersion", 400));
    for method in ["PUT", "DELETE", "HEAD", "post"] {
        let request = RawRequest { method: method.to_owned(), ..captured(LIST) };
        assert_eq!(outcome(&request), refused("UnsupportedHTTPMethod", 403));
    }
    for (name, from, to) in [
        ("SignatureMethod", "SignatureMethod=HMAC-SHA1", "SignatureMethod=SHA256withRSA"),
        ("SignatureVersion", "SignatureVersion=1.0", "SignatureVersion=2.0"),
        ("SignatureType", "SignatureType=&", "SignatureType=PRIVATEKEY&"),
        ("SignatureType", "SignatureType=&", "SignatureType=BEARERTOKEN&"),
    ] {
        let request = with_query(captured(OLD), from, to);
        assert_eq!(outcome(&request), refused(&format!("InvalidParameter.{name}"), 400));
    }
    let mut proxied = captured(OLD);
    proxied.headers.push(("authorization".to_owned(), b"Basic cHJveHk=".to_vec()));
    assert_eq!(outcome(&proxied).1, 200);
    let rsa = with_header(captured(LIST), "authorization", "ACS3-RSA-SHA256 Credential=a");
    assert_eq!(outcome(&rsa), refused("InvalidParameter.SignatureMethod", 400));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let incomplete = refused("IncompleteSignature", 400);
    let twice = |name: &str, value: &str| {
        let mut request = captured(LIST);
        request.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        request
    };
    for name in
        ["host", "x-acs-action", "x-acs-date", "authorization", "user-agent", "content-type"]
    {
        let mut request = twice(name, "x");
        if name == "content-type" {
            request.headers.push((name.to_owned(), b"y".to_vec()));
        }
        assert_eq!(outcome(&request), incomplete, "{name}");
    }
    // Sent and not signed.
    assert_eq!(outcome(&twice("x-acs-security-token", "t")), incomplete);
    assert_eq!(outcome(&twice("x-acs-anything", "t")), incomplete);
    assert_eq!(outcome(&twice("x-other", "t")).1, 200);
    // Header and parameter say different things.
    let list = with_query(captured(LIST), "AppName=", "Action=DescribeImageInstances&AppName=");
    assert_eq!(outcome(&list), refused("InvalidParameter", 400));
    let old = with_header(captured(OLD), "x-acs-action", "GetDockerhubImageRiskRankInfo");
    assert_eq!(outcome(&old), refused("InvalidParameter", 400));
    // The same parameter twice, here and there.
    let query = with_query(captured(LIST), "PageSize=20", "PageSize=20&PageSize=20");
    assert_eq!(outcome(&query), refused("InvalidParameter", 400));
    let mut both = captured("py-core/GetDockerhubImageRiskRankInfo-POST-body");
    both.query.push_str("&Types.1=vulAsap");
    assert_eq!(outcome(&both), refused("InvalidParameter", 400));
    // A form whose type is not signed.
    let mut form = captured("py-tea/ListImageRisk-async");
    form = with_header(form, "content-type", "application/x-www-form-urlencoded");
    assert_eq!(outcome(&form).1, 200, "nothing is in it");
    form.body = b"Format=XML".to_vec();
    assert_eq!(outcome(&form), incomplete);
}

#[test]
fn authorizations_that_do_not_hold_together() {
    let signed = "host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version";
    let hex = "0".repeat(64);
    for authorization in [
        "Basic dGVzdDp0ZXN0".to_owned(),
        "ACS3-HMAC-SHA256".to_owned(),
        "ACS3-HMAC-SHA256 Credential".to_owned(),
        format!("ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={signed}"),
        format!("ACS3-HMAC-SHA256 Credential=testAccessKeyId,Signature={hex}"),
        format!(
            "ACS3-HMAC-SHA256 Credential=a,Credential=b,SignedHeaders={signed},Signature={hex}"
        ),
        format!("ACS3-HMAC-SHA256 Credential=a,SignedHeaders={signed},Signature={hex},Other=1"),
        format!("ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={signed},Signature=xyz"),
        format!(
            "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=zzz;{signed},Signature={hex}"
        ),
        format!(
            "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={signed};x-none,Signature={hex}"
        ),
        format!(
            "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={},Signature={hex}",
            signed.replace("host;", "")
        ),
        format!(
            "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={},Signature={hex}",
            signed.replace("host", "Host")
        ),
        format!(
            "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={},Signature={hex}",
            signed.replace("host;", "host;host;")
        ),
    ] {
        let request = with_header(captured(LIST), "authorization", &authorization);
        assert_eq!(outcome(&request), refused("IncompleteSignature", 400), "{authorization}");
    }
    let nobody = format!("ACS3-HMAC-SHA256 Credential=,SignedHeaders={signed},Signature={hex}");
    let request = with_header(captured(LIST), "authorization", &nobody);
    assert_eq!(outcome(&request), refused("MissingAccessKeyId", 400));
    let long = with_header(captured(LIST), "x-acs-signature-nonce", &"n".repeat(129));
    assert_eq!(outcome(&long), refused("InvalidParameter", 400));
}

#[test]
fn what_is_not_signed_may_change() {
    for capture in captures().iter().filter(|capture| !capture.wanted().contains('.')) {
        let reordered = |request: RawRequest| {
            let mut pieces: Vec<&str> = request.query.split('&').collect();
            pieces.reverse();
            RawRequest { query: pieces.join("&"), ..request }
        };
        assert_eq!(outcome(&reordered(capture.request())).1, 200, "{}", capture.id);
        let mut headers = capture.request();
        headers.headers.reverse();
        assert_eq!(outcome(&headers).1, 200, "{}", capture.id);
        for (from, to) in [("+", "%20"), ("%20", "+"), ("*", "%2A"), ("%2A", "*"), ("%2A", "%2a")] {
            let request = capture.request();
            let respelt = RawRequest { query: request.query.replace(from, to), ..request };
            assert_eq!(outcome(&respelt).1, 200, "{} {from} {to}", capture.id);
        }
    }
    let mut moved = captured("py-core/GetDockerhubImageRiskRankInfo-POST-query");
    let (types, rest): (Vec<&str>, Vec<&str>) =
        moved.query.split('&').partition(|piece| piece.starts_with("Types."));
    let (body, query) = (types.join("&"), rest.join("&"));
    assert!(!body.is_empty());
    (moved.body, moved.query) = (body.into_bytes(), query);
    let form = b"application/x-www-form-urlencoded".to_vec();
    moved.headers.retain(|(name, _)| name != "content-type");
    moved.headers.push(("content-type".to_owned(), form));
    assert_eq!(outcome(&moved), ("GetDockerhubImageRiskRankInfo".to_owned(), 200));
}
