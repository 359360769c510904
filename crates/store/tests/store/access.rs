//! Keys, nonces, the admin token, sessions, settings.

use std::{fs, os::unix::fs::PermissionsExt};

use plimsoll_model::Secret;
use plimsoll_store::{KeyError, Policy, TokenError};

use crate::builders::{Fixture, NOW, after, open};

#[tokio::test]
async fn a_key_is_made_read_disabled_and_enabled() {
    let fixture = Fixture::new().await;
    let policy = Policy::allowing(["yundun-sas:ListImageRisk"]);
    let made = fixture.store.create_key("ci", &policy, NOW).await.unwrap();
    assert!(made.id.starts_with("PLIM") && made.id.len() == 24);
    assert!(made.secret.reveal().len() == 40);
    let fixture = fixture.reopen().await;
    let key = fixture.store.key(&made.id).await.unwrap().unwrap();
    assert_eq!(key.secret, made.secret);
    assert_eq!((key.summary.name.as_str(), &key.summary.policy), ("ci", &policy));
    assert!(key.summary.active);
    fixture.store.set_key_active(&made.id, false).await.unwrap();
    assert!(!fixture.store.key(&made.id).await.unwrap().unwrap().summary.active);
    fixture.store.set_key_active(&made.id, true).await.unwrap();
    assert!(fixture.store.key(&made.id).await.unwrap().unwrap().summary.active);

    let second = fixture.store.create_key("ci", &Policy::default(), after(1)).await.unwrap();
    let listed = fixture.store.list_keys().await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, [&made.id, &second.id]);
    assert_eq!(fixture.store.key("PLIMnone").await.unwrap(), None);
    assert!(matches!(
        fixture.store.set_key_active("PLIMnone", true).await,
        Err(KeyError::Unknown(_))
    ));
    for name in ["", " ", "a\tb", &"x".repeat(129)] {
        let error = fixture.store.create_key(name, &policy, NOW).await.unwrap_err();
        assert!(matches!(error, KeyError::Name(_)), "{name:?}");
    }
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_day() {
    let fixture = Fixture::new().await;
    let made = fixture.store.create_key("ci", &Policy::default(), NOW).await.unwrap();
    let summary = async || fixture.store.key(&made.id).await.unwrap().unwrap().summary;
    assert_eq!(summary().await.last_used, None);
    fixture.store.note_key_use(&summary().await, NOW).await.unwrap();
    let noted = summary().await;
    assert_eq!(noted.last_used.unwrap().0, NOW.0 - NOW.0 % 86_400);
    let before = fixture.bytes().await;
    fixture.store.note_key_use(&noted, after(60)).await.unwrap();
    assert!(fixture.bytes().await == before);
    fixture.store.note_key_use(&noted, after(86_400)).await.unwrap();
    assert!(summary().await.last_used > noted.last_used);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_equal_nonces_one_is_new() {
    let fixture = Fixture::new().await;
    let other = open(fixture.folder.path()).await;
    let requests: Vec<_> = (0..400)
        .map(|number| {
            let store = if number % 2 == 0 { fixture.store.clone() } else { other.clone() };
            let nonce = format!("nonce-{}", number % 40);
            let key = format!("key-{}", number % 2);
            tokio::spawn(async move {
                let fresh = store.use_nonce(&key, &nonce, after(900), NOW).await.unwrap();
                usize::from(fresh)
            })
        })
        .collect();
    let mut fresh = 0;
    for request in requests {
        fresh += request.await.unwrap();
    }
    assert_eq!(fresh, 40, "nonce n comes with key n % 2 alone");
}

#[tokio::test]
async fn a_nonce_stays_used_across_a_restart_and_is_its_keys_own() {
    let fixture = Fixture::new().await;
    let used = async |fixture: &Fixture, key: &str, now| {
        fixture.store.use_nonce(key, "n", after(900), now).await.unwrap()
    };
    assert!(used(&fixture, "a", NOW).await);
    assert!(!used(&fixture, "a", NOW).await);
    assert!(used(&fixture, "b", NOW).await);
    // Killed, not closed.
    let folder = fixture.folder;
    drop(fixture.store);
    let fixture = Fixture { store: open(folder.path()).await, folder };
    assert!(!used(&fixture, "a", after(60)).await);
    let fixture = fixture.reopen().await;
    assert!(!used(&fixture, "a", after(900)).await, "its timestamp is still acceptable");
    assert!(used(&fixture, "a", after(961)).await, "forgotten when no timestamp can carry it");
    let rows = fixture.dump(&[]).await;
    assert_eq!(rows.iter().filter(|row| row.starts_with("nonces: ")).count(), 1, "{rows:?}");
}

#[tokio::test]
async fn nonces_are_bytes_not_patterns() {
    let fixture = Fixture::new().await;
    for nonce in ["a", "A", "a ", "", "%", "é"] {
        assert!(fixture.store.use_nonce("k", nonce, after(900), NOW).await.unwrap(), "{nonce:?}");
        assert!(!fixture.store.use_nonce("k", nonce, after(900), NOW).await.unwrap(), "{nonce:?}");
    }
}

#[tokio::test]
async fn after_closing_no_nonce_is_new() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    assert!(fixture.store.use_nonce("k", "n", after(900), NOW).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_admin_token_is_made_once() {
    let fixture = Fixture::new().await;
    let other = open(fixture.folder.path()).await;
    assert!(!fixture.store.is_admin_token("").await.unwrap());
    let starts: Vec<_> = (0..8)
        .map(|number| {
            let store = if number % 2 == 0 { fixture.store.clone() } else { other.clone() };
            tokio::spawn(async move { store.ensure_admin_token().await.unwrap() })
        })
        .collect();
    let mut made = Vec::new();
    for start in starts {
        made.extend(start.await.unwrap());
    }
    assert_eq!(made.len(), 1);
    let token = made[0].reveal();
    let path = fixture.store.admin_token_file();
    assert_eq!(fs::read_to_string(&path).unwrap().trim(), token);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(fixture.store.is_admin_token(token).await.unwrap());
    for wrong in ["", "x", &token.to_lowercase(), token.split_at(1).1, &format!("{token} ")] {
        assert!(!fixture.store.is_admin_token(wrong).await.unwrap(), "{wrong}");
    }
    let new = fixture.store.reset_admin_token().await.unwrap();
    assert!(!other.is_admin_token(token).await.unwrap());
    assert!(other.is_admin_token(new.reveal()).await.unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap().trim(), new.reveal());
}

#[tokio::test]
async fn a_session_ends_when_idle_old_or_left() {
    let fixture = Fixture::new().await;
    let id = fixture.store.create_session(NOW).await.unwrap();
    let alive = async |now| fixture.store.session(id.reveal(), now).await.unwrap().is_some();
    let before = fixture.bytes().await;
    assert!(alive(after(299)).await);
    assert!(fixture.bytes().await == before, "reading pages does not write");
    assert!(alive(after(1_799)).await);
    assert!(alive(after(1_799 + 1_799)).await, "used within half an hour each time");
    assert!(!alive(after(1_799 + 1_799 + 1_800)).await);

    let id = fixture.store.create_session(NOW).await.unwrap();
    let day = 12 * 3_600;
    for now in (0..day).step_by(1_000) {
        assert!(fixture.store.session(id.reveal(), after(now)).await.unwrap().is_some());
    }
    assert_eq!(fixture.store.session(id.reveal(), after(day)).await.unwrap(), None);

    let id = fixture.store.create_session(NOW).await.unwrap();
    let session = fixture.store.session(id.reveal(), NOW).await.unwrap().unwrap();
    assert_eq!((session.created, session.expires), (NOW, after(day)));
    fixture.store.remove_session(id.reveal()).await.unwrap();
    assert_eq!(fixture.store.session(id.reveal(), NOW).await.unwrap(), None);
    assert_eq!(fixture.store.session("other", NOW).await.unwrap(), None);
}

#[tokio::test]
async fn settings_are_written_when_they_change() {
    let fixture = Fixture::new().await;
    fixture.store.set_setting("rank.limit", Some("20")).await.unwrap();
    let before = fixture.bytes().await;
    fixture.store.set_setting("rank.limit", Some("20")).await.unwrap();
    fixture.store.set_setting("rank.scope", None).await.unwrap();
    assert!(fixture.bytes().await == before);
    fixture.store.set_setting("rank.limit", Some("30")).await.unwrap();
    let settings = fixture.store.settings().await.unwrap();
    assert_eq!(settings, [("rank.limit".to_owned(), "30".to_owned())]);
}

#[tokio::test]
async fn the_admin_token_can_be_somebody_elses_choice() {
    let fixture = Fixture::new().await;
    let made = fixture.store.ensure_admin_token().await.unwrap().unwrap();
    let given = Secret::new("0123456789abcdef0123456789abcdef".to_owned());
    fixture.store.set_admin_token(&given).await.unwrap();
    assert!(fixture.store.is_admin_token(given.reveal()).await.unwrap());
    assert!(!fixture.store.is_admin_token(made.reveal()).await.unwrap());
    assert!(fixture.store.ensure_admin_token().await.unwrap().is_none());
    let before = fixture.bytes().await;
    fixture.store.set_admin_token(&given).await.unwrap();
    assert!(fixture.bytes().await == before, "the same again writes nothing");
    for weak in [
        "",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef 0123456789abcdef",
        "ä".repeat(32).as_str(),
    ] {
        let refused = fixture.store.set_admin_token(&Secret::new(weak.to_owned())).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, TokenError::Weak), "{weak}");
        assert!(weak.is_empty() || !format!("{error:?} {error}").contains(weak));
    }
}

#[tokio::test]
async fn processes_agree_on_the_secret_that_was_said_first() {
    let fixture = Fixture::new().await;
    let (first, second) = ("canary-one".to_owned(), "canary-two".to_owned());
    let (first, second) = (Secret::new(first), Secret::new(second));
    for ours in [&first, &second] {
        let agreed = fixture.store.agreed_secret("a", ours).await.unwrap();
        assert_eq!(agreed.reveal(), first.reveal());
    }
    let other = fixture.store.agreed_secret("b", &second).await.unwrap();
    assert_eq!(other.reveal(), second.reveal());
    let dump = fixture.dump(&[]).await.join("\n");
    assert!(!dump.contains("canary"), "they are sealed");
    // One that is moved to another name does not open.
    let sealed = fixture.store.setting("a").await.unwrap();
    fixture.store.set_setting("b", sealed.as_deref()).await.unwrap();
    assert!(fixture.store.agreed_secret("b", &second).await.is_err());
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.agreed_secret("a", &second).await.unwrap(), first);
}
