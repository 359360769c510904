//! Webhooks that a registry's own API sets.
//!
//! In: a name, our address, the secret that a sender proves itself with. Out: what is set where, and whether that is what we
//! want. Odd:
//! * Some vendors send a header of one's choice, so that the secret stays out of addresses; for the others it is the address's
//!   last step. [`FoundWebhook`] has both apart either way.
//! * A hook is ours by its name or by where it sends. Vendors whose hooks have no names leave the second alone.
//! * The answer of a vendor's list holds secrets, so that what cannot be read of it is not repeated in errors.

use plimsoll_model::Secret;

use super::{Answering, RepositoryEntry};

/// Hooks at one place; more are not ours to tidy up.
pub(super) const MAX_HOOKS: usize = 1_000;

/// A webhook as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedWebhook {
    /// What it is called at the registry, where hooks have names.
    pub name: String,
    /// Where it sends, without the secret: `https://plimsoll.example.com/hooks/build`.
    pub address: String,
    /// What the sender proves itself with.
    pub secret: Secret<String>,
}

/// Where a webhook is set: a project, a repository, an organisation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WebhookPlace {
    /// For people: ``project `team` ``.
    pub title: String,
    /// What the vendor's API calls it by.
    pub handle: String,
}

/// A webhook as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundWebhook {
    /// What the vendor's API calls it by.
    pub handle: String,
    /// What people called it; empty where hooks have no names.
    pub name: String,
    /// Where it sends, without the secret.
    pub address: String,
    /// What it proves itself with, where the API tells it.
    pub secret: Option<Secret<String>>,
    /// Whether it is switched on and tells of all that changes images.
    pub is_whole: bool,
}

/// A registry whose API sets webhooks.
pub trait Webhooks: Send + Sync {
    /// Where hooks have to be set, so that they tell of these repositories.
    fn places(&self, repositories: &[RepositoryEntry]) -> Vec<WebhookPlace>;

    /// The hooks of a place, whoever set them.
    fn hooks_at<'a>(&'a self, place: &'a WebhookPlace) -> Answering<'a, Vec<FoundWebhook>>;

    /// Sets a new one.
    fn create_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()>;

    /// Makes one that is there as it should be. Where the API changes none, a new one is set before the old one goes, so that
    /// no push is missed.
    fn change_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
        wanted: &'a WantedWebhook,
    ) -> Answering<'a, ()> {
        Box::pin(async move {
            self.create_hook(place, wanted).await?;
            self.remove_hook(place, found).await
        })
    }

    /// Takes one away.
    fn remove_hook<'a>(
        &'a self,
        place: &'a WebhookPlace,
        found: &'a FoundWebhook,
    ) -> Answering<'a, ()>;
}

impl WantedWebhook {
    /// The address with the secret as its last step, for vendors that send no header of one's choice.
    pub(super) fn whole_address(&self) -> String {
        format!("{}/{}", self.address, self.secret.reveal())
    }

    /// The secret as `Authorization`, for vendors that send one.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.secret.reveal())
    }

    /// Whether `found` is this one, as it should be.
    #[must_use]
    pub fn is_met_by(&self, found: &FoundWebhook) -> bool {
        found.is_whole
            && found.address == self.address
            && found.secret.as_ref() == Some(&self.secret)
    }
}

/// Our hook's address and secret, as they stand in one text.
pub(super) fn apart(whole: &str) -> (String, Option<Secret<String>>) {
    let is_secret =
        |step: &str| step.len() >= 32 && step.bytes().all(|b| b.is_ascii_alphanumeric());
    match whole.rsplit_once('/') {
        Some((address, step)) if is_secret(step) => {
            (address.to_owned(), Some(Secret::new(step.to_owned())))
        }
        _ => (whole.to_owned(), None),
    }
}

/// The secret of an `Authorization` value, in the form that [`WantedWebhook::bearer`] gives it or alone.
pub(super) fn secret_of(header: Option<&str>) -> Option<Secret<String>> {
    let header = header?.trim();
    let secret = header.strip_prefix("Bearer ").unwrap_or(header).trim();
    (!secret.is_empty()).then(|| Secret::new(secret.to_owned()))
}

/// A place for each of these names, once.
pub(super) fn places_named<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<WebhookPlace> {
    let mut places: Vec<WebhookPlace> = names
        .into_iter()
        .map(|name| WebhookPlace { title: format!("{word} `{name}`"), handle: name.to_owned() })
        .collect();
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_its_secret_come_apart_and_together() {
        let token = "k7".repeat(24);
        let wanted = WantedWebhook {
            name: "plimsoll-build".into(),
            address: "https://p.example.com/hooks/build".into(),
            secret: Secret::new(token.clone()),
        };
        let (address, secret) = apart(&wanted.whole_address());
        assert_eq!((address.as_str(), secret), (wanted.address.as_str(), Some(Secret::new(token))));
        assert_eq!(secret_of(Some(&wanted.bearer())), Some(wanted.secret.clone()));
        assert!(!format!("{wanted:?}").contains("k7k7"));
        for other in
            ["https://p.example.com/hooks/build", "https://ci.example.com/a/b?x=1", "", "/"]
        {
            assert_eq!(apart(other), (other.to_owned(), None), "{other}");
        }
        for (header, wanted) in [(None, false), (Some(""), false), (Some("x"), true)] {
            assert_eq!(secret_of(header).is_some(), wanted, "{header:?}");
        }
    }

    #[test]
    fn places_are_named_once() {
        let places = places_named("project", ["team", "a", "team"]);
        assert_eq!(places.len(), 2);
        assert_eq!(
            places[1],
            WebhookPlace { title: "project `team`".into(), handle: "team".into() }
        );
    }
}
