//! Tokens by which others speak for a registry.

use plimsoll_store::{RegistryError, TokenPurpose};

use crate::{
    builders::{Fixture, NOW, after},
    outside::ask_sql,
};

#[tokio::test]
async fn a_token_is_of_one_registry_and_one_purpose() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (one, two) = (fixture.registry("one").await, fixture.registry("two").await);
    let token = store.create_registry_token("one", TokenPurpose::Hook, NOW).await.unwrap();
    store.create_registry_token("two", TokenPurpose::Hook, NOW).await.unwrap();
    let bearer = store.bearer_of(token.reveal(), TokenPurpose::Hook).await.unwrap().unwrap();
    assert_eq!((bearer.registry_id, bearer.registry.as_str()), (one.id, "one"));
    assert_ne!(one.id, two.id);
    let cut: String = token.reveal().chars().skip(1).collect();
    for (text, purpose) in [
        (token.reveal().as_str(), TokenPurpose::Scanner),
        (token.reveal().as_str(), TokenPurpose::Report),
        ("", TokenPurpose::Hook),
        (cut.as_str(), TokenPurpose::Hook),
    ] {
        assert_eq!(store.bearer_of(text, purpose).await.unwrap(), None);
    }
    let stored = ask_sql(fixture.folder.path(), "SELECT MIN(hash) FROM registry_tokens").await;
    assert_eq!(stored.len(), 64, "only hashes are kept");
}

#[tokio::test]
async fn a_new_token_ends_the_one_before_and_a_registry_takes_its_own_along() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    fixture.registry("one").await;
    let old = store.create_registry_token("one", TokenPurpose::Report, NOW).await.unwrap();
    let new = store.create_registry_token("one", TokenPurpose::Report, after(1)).await.unwrap();
    let is_known =
        async |token: &str| store.bearer_of(token, TokenPurpose::Report).await.unwrap().is_some();
    assert!(!is_known(old.reveal()).await && is_known(new.reveal()).await);
    let listed = store.registry_tokens("one").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].purpose, listed[0].created), (TokenPurpose::Report, after(1)));
    assert!(!store.remove_registry_token("one", TokenPurpose::Hook).await.unwrap());
    assert!(is_known(new.reveal()).await);
    store.remove_registry("one", NOW).await.unwrap();
    assert!(!is_known(new.reveal()).await);
    let error = store.create_registry_token("one", TokenPurpose::Report, NOW).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unknown(name) if name == "one"));
}
