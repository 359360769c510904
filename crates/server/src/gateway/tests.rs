//! Captured requests of official clients, and what becomes of them when they are changed.
//!
//! The captures are in `tests/vectors/requests.json`: what six clients sent to a loopback logger, with the string that
//! each signed. Their key is not one of a [`Store`](plimsoll_store::Store), which draws its own, so [`Captured`] stands
//! for the key alone.

mod mutations;
mod properties;

use std::{collections::BTreeSet, sync::Mutex};

use futures_util::FutureExt;
use plimsoll_model::{Secret, Timestamp};
use plimsoll_store::{AccessKey, KeySummary, Policy, StoreError};

use super::{
    admit::{Admitted, KeyBook, admit},
    throttle::Throttle,
    *,
};

const KEY_ID: &str = "testAccessKeyId";
const SECRET: &str = "testAccessKeySecret";

#[derive(serde::Deserialize)]
struct Capture {
    id: String,
    method: String,
    target: String,
    headers: Vec<String>,
    body: String,
    string_to_sign: Option<String>,
}

impl Capture {
    fn request(&self) -> RawRequest {
        let (_, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let header = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.as_bytes().to_vec())
        };
        RawRequest {
            method: self.method.clone(),
            query: query.to_owned(),
            headers: self.headers.iter().map(header).collect(),
            body: self.body.clone().into_bytes(),
            source: None,
        }
    }

    /// What becomes of it, unchanged: the name of the action, or a code.
    fn wanted(&self) -> &str {
        let (client, call) = self.id.split_once('/').unwrap();
        match (client, call) {
            ("py-tea", "ListImageRisk-sm3") => "InvalidParameter.SignatureMethod",
            ("py-tea", "ListImageRisk-bearer") => "InvalidParameter.SignatureType",
            _ if call.ends_with("-sts") => "InvalidSecurityToken.Malformed",
            _ => match call.split('-').next().unwrap() {
                known @ ("ListImageRisk"
                | "GetDockerhubImageRiskRankInfo"
                | "DescribeImageInstances"
                | "DescribeImageSensitiveFileList"
                | "PageImageRegistry") => known,
                _ => "InvalidAction.NotFound",
            },
        }
    }
}

fn captures() -> Vec<Capture> {
    serde_json::from_str(include_str!("../../tests/vectors/requests.json")).unwrap()
}

fn captured(id: &str) -> RawRequest {
    captures().into_iter().find(|capture| capture.id == id).unwrap().request()
}

/// The time of the captures.
fn now() -> Timestamp {
    "2026-11-22T01:22:00Z".parse().unwrap()
}

/// The captures' key, and its used nonces.
struct Captured {
    secret: &'static str,
    policy: Policy,
    active: bool,
    used: Mutex<BTreeSet<(String, String)>>,
}

impl Default for Captured {
    fn default() -> Self {
        Self {
            secret: SECRET,
            policy: Policy::allowing(["yundun-sas:*"]),
            active: true,
            used: Mutex::default(),
        }
    }
}

impl KeyBook for Captured {
    async fn key(&self, id: &str) -> Result<Option<AccessKey>, StoreError> {
        let summary = KeySummary {
            id: KEY_ID.to_owned(),
            name: "captured".to_owned(),
            policy: self.policy.clone(),
            active: self.active,
            created: Timestamp(0),
            last_used: None,
        };
        let key = AccessKey { summary, secret: Secret::new(self.secret.to_owned()) };
        Ok((id == KEY_ID).then_some(key))
    }

    async fn use_nonce(
        &self,
        key_id: &str,
        nonce: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.used.lock().unwrap().insert((key_id.to_owned(), nonce.to_owned())))
    }
}

fn try_admit(request: &RawRequest, keys: &Captured, now: Timestamp) -> Result<Admitted, Refusal> {
    let sent = Parameters::read(request)?;
    let throttle = Throttle::new(u32::MAX);
    admit(request, &sent, keys, &throttle, now).now_or_never().unwrap()
}

/// The action that is run, or the code and status.
fn outcome_with(request: &RawRequest, keys: &Captured, now: Timestamp) -> (String, u16) {
    match try_admit(request, keys, now) {
        Ok(admitted) => (admitted.action.name.to_owned(), 200),
        Err(refusal) => (refusal.code().into_owned(), refusal.status()),
    }
}

fn outcome(request: &RawRequest) -> (String, u16) {
    outcome_with(request, &Captured::default(), now())
}

#[test]
fn every_captured_signature_is_ours() {
    let mut verified = 0;
    for capture in captures() {
        let request = capture.request();
        let claim = Claim::read(&request, &Parameters::read(&request).unwrap());
        let Ok(claim) = claim else {
            assert!(matches!(claim, Err(Refusal::Unsupported { .. })), "{}", capture.id);
            continue;
        };
        assert_eq!(Some(claim.string_to_sign()), capture.string_to_sign.as_deref());
        assert_eq!(claim.verify(SECRET), Ok(()), "{}", capture.id);
        assert_eq!(claim.verify("another").unwrap_err().code(), "SignatureDoesNotMatch");
        verified += 1;
    }
    assert_eq!(verified, 47);
}

#[test]
fn every_captured_request_is_answered_as_it_should_be() {
    for capture in captures() {
        assert_eq!(outcome(&capture.request()).0, capture.wanted(), "{}", capture.id);
    }
}

#[test]
fn every_client_s_parameters_decode_alike() {
    for (id, name) in [
        ("py-tea/ListImageRisk", "edge app~*(1)"),
        ("py-tea/ListImageRisk-async", "edge app~*(1)"),
        ("go-tea/ListImageRisk", "edge app~*(1)"),
        ("node-core/ListImageRisk", "edge app~*(1)'!"),
        ("py-core/ListImageRisk-POST", "edge app~*(1)"),
        ("node-pop/ListImageRisk-POST", "edge app~*(1)'!"),
        ("go-acs/ListImageRisk-POST", "edge app~*(1)"),
    ] {
        let sent = Parameters::read(&captured(id)).unwrap();
        assert_eq!(sent.text("AppName"), Some(name), "{id}");
        assert_eq!(sent.text("ImageName"), Some("container-镜像:v1/x y+z"), "{id}");
        assert_eq!(sent.integer("PageSize").map(|size| size.unwrap_or(20)), Ok(20), "{id}");
    }
    let odd = Parameters::read(&captured("py-tea/ListImageRisk-edge-values")).unwrap();
    assert_eq!(odd.text("AppName"), None);
    assert_eq!(odd.text("ImageName"), Some("😀\nline2+plus"));
    let boolean = Parameters::read(&captured("py-tea/DescribeImageInstances-bool")).unwrap();
    assert_eq!(boolean.boolean("Scanned"), Ok(Some(true)));
    let json = captured("py-tea/DescribeImageSensitiveFileList-json-array");
    let json = Parameters::read(&json).unwrap();
    assert_eq!(json.list("ScanRange").unwrap(), ["image", "container"]);
    assert_eq!(json.list("SensitiveKeyList").unwrap(), ["npm_token", "pem"]);
    let form = Parameters::read(&captured("py-tea/PageImageRegistry-form-body")).unwrap();
    assert_eq!(form.text("SourceIp"), Some("1.2.3.4"));
    assert_eq!(form.list("RegistryTypeInList").unwrap(), ["harbor", "quay"]);
    for id in ["py-core", "node-pop", "go-acs"] {
        let id = format!("{id}/GetDockerhubImageRiskRankInfo-POST");
        for capture in captures().iter().filter(|capture| capture.id.starts_with(&id)) {
            let sent = Parameters::read(&capture.request()).unwrap();
            assert_eq!(sent.list("Types").unwrap(), ["vulAsap", "baseline"], "{}", capture.id);
        }
    }
}

#[test]
fn the_vendor_s_published_examples() {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let request = RawRequest {
        method: "POST".to_owned(),
        query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
            .to_owned(),
        headers: vec![
            header("host", "ecs.cn-shanghai.aliyuncs.com"),
            header("x-acs-action", "RunInstances"),
            header(
                "x-acs-content-sha256",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            header("x-acs-date", "2023-10-26T10:22:32Z"),
            header("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
            header("x-acs-version", "2014-05-26"),
            header(
                "authorization",
                "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            ),
        ],
        ..RawRequest::default()
    };
    let claim = Claim::read(&request, &Parameters::read(&request).unwrap()).unwrap();
    assert_eq!(claim.verify("YourAccessKeySecret"), Ok(()));

    let request = RawRequest {
        method: "GET".to_owned(),
        query: "AccessKeyId=testid&Action=DescribeRegions&Format=XML&SignatureMethod=HMAC-SHA1&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&SignatureVersion=1.0&Timestamp=2016-02-23T12%3A46%3A24Z&Version=2014-05-26&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D".to_owned(),
        ..RawRequest::default()
    };
    let claim = Claim::read(&request, &Parameters::read(&request).unwrap()).unwrap();
    assert_eq!(claim.verify("testsecret"), Ok(()));
}

#[test]
fn a_panic_becomes_an_error() {
    let refused = survive(async { panic!("a defect") }).now_or_never().unwrap();
    assert_eq!(refused, Err(Refusal::Internal));
}
