//! Who is believed: keys, signatures, replays, times, permissions, and who must wait.

use plimsoll_model::Timestamp;
use plimsoll_server::gateway::GatewaySettings;
use plimsoll_store::{Effect, Policy, Statement};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use crate::{
    server::{Server, refused},
    signer::{Call, Place, Scheme},
};

const SCHEMES: [Scheme; 2] = [Scheme::Acs3, Scheme::V1];

#[tokio::test]
async fn wrong_keys_and_secrets() {
    let server = Server::start().await;
    for scheme in SCHEMES {
        let mut nobody = server.call(scheme, "ListImageRisk");
        nobody.key_id = "PLIMnobody".to_owned();
        assert_eq!(server.ask(&nobody).await.error(), refused("InvalidAccessKeyId.NotFound", 404));
        let mut wrong = server.call(scheme, "ListImageRisk");
        wrong.secret.push('x');
        let reply = server.ask(&wrong).await;
        assert_eq!(reply.error(), refused("SignatureDoesNotMatch", 400));
        let message = reply.json()["Message"].as_str().unwrap().to_owned();
        match scheme {
            Scheme::Acs3 => {
                assert!(message.starts_with("Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\n"));
                assert!(message.ends_with(']'));
                assert!(reply.json()["CanonicalRequest"].as_str().unwrap().starts_with("POST\n/\n\nhost:"));
            }
            Scheme::V1 => assert!(message.starts_with(
                "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3DPLIM"
            )),
        }
    }
    server.store.set_key_active(&server.key.id, false).await.unwrap();
    let reply = server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await;
    assert_eq!(reply.error(), refused("InvalidAccessKeyId.Inactive", 400));
    server.store.set_key_active(&server.key.id, true).await.unwrap();
    assert_eq!(server.ask(&server.call(Scheme::Acs3, "ListImageRisk")).await.status, 200);
}

/// The hash that a client states must be the body's, and not only well signed.
#[tokio::test]
async fn a_signed_untruth_about_the_body_is_refused() {
    let server = Server::start().await;
    for claimed in
        ["UNSIGNED-PAYLOAD", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856"]
    {
        let mut call = server.call(Scheme::Acs3, "ListImageRisk");
        call.claimed_hash = Some(claimed);
        assert_eq!(server.ask(&call).await.error(), refused("SignatureDoesNotMatch", 400));
    }
}

#[tokio::test]
async fn a_request_is_answered_once_even_after_a_restart() {
    let mut server = Server::start().await;
    for scheme in SCHEMES {
        // As far ahead of our time as may be: its nonce must be kept for half an hour.
        let mut ahead = server.call(scheme, "ListImageRisk");
        ahead.at = Timestamp(server.now().0 + 15 * 60);
        let wire = ahead.sign();
        assert_eq!(server.send(&wire).await.status, 200);
        assert_eq!(server.send(&wire).await.error(), refused("SignatureNonceUsed", 400));
        server = server.restart(GatewaySettings::default()).await;
        assert_eq!(server.send(&wire).await.error(), refused("SignatureNonceUsed", 400));
        server.clock.advance(30 * 60);
        assert_eq!(server.send(&wire).await.error(), refused("SignatureNonceUsed", 400));
        server.clock.advance(1);
        assert_eq!(server.send(&wire).await.error(), refused("InvalidTimeStamp.Expired", 400));
    }
}

#[tokio::test]
async fn a_nonce_is_used_up_by_right_signatures_only() {
    let server = Server::start().await;
    let good = server.call(Scheme::Acs3, "ListImageRisk");
    let mut bad = good.clone();
    bad.secret.push('x');
    assert_eq!(server.ask(&bad).await.error(), refused("SignatureDoesNotMatch", 400));
    assert_eq!(server.ask(&good).await.status, 200);
    // Another key may use the same.
    let policy = Policy::allowing(["yundun-sas:*"]);
    let other = server.store.create_key("other", &policy, server.now()).await.unwrap();
    let other = Call { key_id: other.id, secret: other.secret.reveal().clone(), ..good };
    assert_eq!(server.ask(&other).await.status, 200);
}

#[tokio::test]
async fn fifteen_minutes_both_ways() {
    let server = Server::start().await;
    for scheme in SCHEMES {
        for (away, status) in
            [(-901, 400), (-899, 200), (-900, 200), (899, 200), (900, 200), (901, 400)]
        {
            let mut call = server.call(scheme, "ListImageRisk");
            call.at = Timestamp(server.now().0 + away);
            let reply = server.ask(&call).await;
            assert_eq!(reply.status, status, "{away}");
            if status == 400 {
                assert_eq!(reply.error(), refused("InvalidTimeStamp.Expired", 400));
            }
        }
    }
}

#[tokio::test]
async fn a_key_does_what_its_policy_allows() {
    let server = Server::start().await;
    let statement = |effect, action: &str| Statement {
        effect,
        actions: vec![action.to_owned()],
        resources: vec!["*".to_owned()],
    };
    let narrow = Policy {
        statements: vec![
            statement(Effect::Allow, "yundun-sas:*"),
            statement(Effect::Deny, "yundun-sas:GetDockerhub*"),
        ],
    };
    for (policy, action, denial) in [
        (Policy::allowing(["yundun-sas:ListImageRisk"]), "ListImageRisk", None),
        (
            Policy::allowing(["yundun-sas:ListImageRisk"]),
            "ListDockerhubImage",
            Some("ImplicitDeny"),
        ),
        (Policy::default(), "ListImageRisk", Some("ImplicitDeny")),
        (narrow.clone(), "ListImageRisk", None),
        (narrow, "GetDockerhubImageRiskRankInfo", Some("ExplicitDeny")),
    ] {
        let key = server.store.create_key("narrow", &policy, server.now()).await.unwrap();
        let call = Call {
            key_id: key.id,
            secret: key.secret.reveal().clone(),
            ..server.call(Scheme::Acs3, action)
        };
        let reply = server.ask(&call).await;
        let Some(denial) = denial else {
            assert_eq!(reply.status, 200);
            continue;
        };
        assert_eq!(reply.error(), refused("NoPermission", 403));
        assert_eq!(reply.json()["Message"], json!("caller has no permission"));
        assert_eq!(
            reply.json()["AccessDeniedDetail"],
            json!({"AuthAction": format!("yundun-sas:{action}"), "NoPermissionType": denial})
        );
    }
}

#[tokio::test]
async fn who_guesses_waits_and_nobody_else() {
    let server = Server::start().await;
    let policy = Policy::allowing(["yundun-sas:*"]);
    let other = server.store.create_key("other", &policy, server.now()).await.unwrap();
    let guess = || {
        let mut guess = server.call(Scheme::V1, "ListImageRisk");
        guess.secret.push('x');
        guess
    };
    for _ in 0..10 {
        assert_eq!(server.ask(&guess()).await.error(), refused("SignatureDoesNotMatch", 400));
    }
    server.clock.advance(20);
    let reply = server.ask(&guess()).await;
    assert_eq!(reply.error(), refused("Throttling.User", 429));
    assert_eq!(reply.headers["x-acs-retry-after"], "40000");
    assert_eq!(reply.headers["retry-after"], "40");
    let neighbour = Call {
        key_id: other.id,
        secret: other.secret.reveal().clone(),
        ..server.call(Scheme::V1, "ListImageRisk")
    };
    assert_eq!(server.ask(&neighbour).await.status, 200);
    server.clock.advance(40);
    assert_eq!(server.ask(&server.call(Scheme::V1, "ListImageRisk")).await.status, 200);
}

/// What any client signs by the book is understood, whatever stands in its parameters.
#[test]
fn whatever_is_signed_is_understood() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let texts = prop::collection::btree_map("[A-Za-z]{3,8}(\\.[1-9])?", "(?s).{0,12}", 0..4);
    let schemes = prop::sample::select(SCHEMES.to_vec());
    let places = prop::sample::select(vec![Place::Query, Place::Form]);
    let strategy = (schemes, places, texts, prop::sample::select(vec!["GET", "POST"]));
    let mut runner = TestRunner::new(ProptestConfig { cases: 100, ..ProptestConfig::default() });
    runner
        .run(&strategy, |(scheme, place, texts, method)| {
            let mut call = server.call(scheme, "ListImageRisk");
            (call.place, call.method) = (place, method);
            call.parameters = texts.into_iter().collect();
            let reply = runtime.block_on(server.ask(&call));
            prop_assert_eq!(reply.status, 200, "{}", reply.body);
            Ok(())
        })
        .unwrap();
}
