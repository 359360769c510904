//! Subscriptions: who wants to hear of what changed, of which images, by which channel, when.
//!
//! In: what a person says. Out: [`Subscription`] rows. Odd: destinations are sealed like secrets, because the address of a
//! chat's robot is all that somebody needs to write into the chat; lists show what [`SubscriptionSettings::shown`] says. What a
//! channel's destination looks like is known by who speaks to it.

use plimsoll_model::{Priority, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    master_key::Place,
    registries::is_name,
    statement,
};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// When a subscriber is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "lowercase", deny_unknown_fields)]
pub enum Delivery {
    /// At once.
    #[default]
    Instant,
    /// Once a day, all of it.
    Digest {
        /// Hour of the day, UTC.
        hour: u8,
    },
    /// From a priority on at once, the rest once a day.
    Split {
        /// The lowest priority that is told at once.
        from: Priority,
        /// Hour of the rest, UTC.
        hour: u8,
    },
}

/// What a subscriber wants to hear of. Filters are combined with "and"; an empty list lets all pass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// Vulnerabilities of this priority and above, before or since; `None`: of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Priority>,
    /// Names of registries, with the wildcards `*` and `?`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<String>,
    /// Namespaces, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Repositories without their namespaces, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Only images that run in a cluster.
    pub running: bool,
    /// Images that were scanned for the first time and have what must be fixed as soon as possible, too.
    pub new_images: bool,
    /// When.
    pub delivery: Delivery,
}

/// What a person decides about a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriptionSettings {
    /// What people call it; unique. At most 128 characters, none of them a control character.
    pub name: String,
    /// `webhook`, `email`, …
    pub channel: String,
    /// The destination as lists show it: without tokens.
    pub shown: String,
    /// The destination in the channel's own words.
    pub destination: Secret<String>,
    /// What messages are signed with, or a password.
    pub secret: Option<Secret<String>>,
    /// What, of which images, when.
    pub wanted: Wanted,
}

/// One subscription, without what is sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Number of the row; never used again after removal.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `webhook`, `email`, …
    pub channel: String,
    /// The destination as lists show it.
    pub shown: String,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// What, of which images, when.
    pub wanted: Wanted,
    /// When it was added.
    pub created: Timestamp,
}

/// Why a subscription was not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// Another one has that name.
    #[error("subscription `{0}` exists already")]
    Taken(String),
    /// None has that name.
    #[error("there is no subscription `{0}`")]
    Unknown(String),
    /// A setting that cannot be.
    #[error("{0}")]
    Invalid(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Delivery {
    /// When what is not told at once is told next; `None`: all is told at once.
    pub(crate) fn next_digest(self, now: Timestamp) -> Option<Timestamp> {
        let hour = match self {
            Self::Instant => return None,
            Self::Digest { hour } | Self::Split { hour, .. } => i64::from(hour),
        };
        let today = now.0.div_euclid(DAY) * DAY + hour * 3_600;
        Some(Timestamp(if today > now.0 { today } else { today.saturating_add(DAY) }))
    }

    /// Whether what has this priority is told at once.
    pub(crate) fn is_instant(self, priority: Option<Priority>) -> bool {
        match self {
            Self::Instant => true,
            Self::Digest { .. } => false,
            Self::Split { from, .. } => priority >= Some(from),
        }
    }
}

impl Wanted {
    /// Whether any image is left out.
    pub(crate) fn has_image_filter(&self) -> bool {
        self.running
            || !self.registries.is_empty()
            || !self.namespaces.is_empty()
            || !self.repositories.is_empty()
    }

    /// Whether an image of this name is meant.
    pub(crate) fn means(&self, registry: &str, namespace: &str, repository: &str) -> bool {
        let any = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, text))
        };
        any(&self.registries, registry)
            && any(&self.namespaces, namespace)
            && any(&self.repositories, repository)
    }
}

/// Whether a text is of a pattern, in which `*` stands for any text and `?` for one character. Takes at most the product of
/// both lengths, whatever the pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which lengths of the text's beginning the pattern so far can stand for.
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        if sign == '*' {
            let mut any = false;
            for (own, before) in next.iter_mut().zip(&reached) {
                any |= before;
                *own = any;
            }
        } else {
            for ((own, before), letter) in next.iter_mut().skip(1).zip(&reached).zip(&text) {
                *own = *before && (sign == '?' || sign == *letter);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

impl Store {
    /// Adds a subscription.
    ///
    /// # Errors
    /// The name is taken, a setting cannot be, or the database fails.
    pub async fn add_subscription(
        &self,
        settings: &SubscriptionSettings,
        now: Timestamp,
    ) -> Result<Subscription, SubscriptionError> {
        const DOING: &str = "adding a subscription";
        if !is_name(&settings.name) {
            return Err(SubscriptionError::Invalid(
                "the name is empty, longer than 128 characters or has a control character",
            ));
        }
        let wanted =
            serde_json::to_string(&settings.wanted).map_err(|error| StoreError::Corrupt {
                column: "subscriptions.wanted".to_owned(),
                value: error.to_string(),
                expected: "JSON",
            })?;
        let mut transaction = self.write().await?;
        let row = statement::query(
            "INSERT INTO subscriptions (name, channel, shown, destination, wanted, created) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .bind(&settings.name)
        .bind(&settings.channel)
        .bind(&settings.shown)
        .bind(Vec::<u8>::new())
        .bind(&wanted)
        .bind(now.0)
        .fetch_optional(&mut transaction)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Err(SubscriptionError::Taken(settings.name.clone())) };
        let id: i64 = column::number(&row, "id")?;
        let number = id.to_string();
        let seal = |column, value: &Secret<String>| {
            self.master_key().seal(place(&number, column), value.reveal())
        };
        let secret = settings.secret.as_ref().map(|secret| seal("secret", secret)).transpose()?;
        let row = statement::query(
            "UPDATE subscriptions SET destination = $2, secret = $3 WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(seal("destination", &settings.destination)?)
        .bind(secret)
        .fetch_one(&mut transaction)
        .await
        .doing(DOING)?;
        let subscription = Subscription::from_row(&row)?;
        transaction.commit().await.doing(DOING)?;
        Ok(subscription)
    }

    /// All subscriptions by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        all(&mut *self.read().await?).await
    }

    /// One subscription.
    ///
    /// # Errors
    /// The database fails.
    pub async fn subscription(&self, name: &str) -> Result<Option<Subscription>, StoreError> {
        let row = statement::query("SELECT * FROM subscriptions WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading a subscription")?;
        row.map(|row| Subscription::from_row(&row)).transpose()
    }

    /// Removes a subscription with what is on its way to it. Returns how many messages were never delivered.
    ///
    /// # Errors
    /// There is none of that name, or the database fails.
    pub async fn remove_subscription(&self, name: &str) -> Result<u64, SubscriptionError> {
        const DOING: &str = "removing a subscription";
        let mut transaction = self.write().await?;
        let row = statement::query(
            "SELECT s.id, (SELECT COUNT(*) FROM messages m WHERE m.subscription_id = s.id AND m.state <> 'done') AS open \
             FROM subscriptions s WHERE s.name = $1",
        )
        .bind(name)
        .fetch_optional(&mut transaction)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Err(SubscriptionError::Unknown(name.to_owned())) };
        statement::query("DELETE FROM subscriptions WHERE id = $1")
            .bind(column::number::<i64>(&row, "id")?)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(column::number(&row, "open")?)
    }

    /// What is sealed of a subscription's row: destination, secret.
    pub(crate) fn unsealed(
        &self,
        row: &DatabaseRow,
        id: i64,
    ) -> Result<(Secret<String>, Option<Secret<String>>), StoreError> {
        let number = id.to_string();
        let destination: &[u8] = column::get(row, "destination")?;
        let destination = self.master_key().open(place(&number, "destination"), destination)?;
        let secret = column::get::<Option<Vec<u8>>>(row, "secret")?;
        let secret = secret.map(|secret| self.master_key().open(place(&number, "secret"), &secret));
        Ok((destination, secret.transpose()?))
    }
}

const fn place<'a>(row: &'a str, column: &'static str) -> Place<'a> {
    Place { table: "subscriptions", row, column }
}

impl Subscription {
    pub(crate) fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::number(row, "id")?,
            name: column::text(row, "name")?,
            channel: column::text(row, "channel")?,
            shown: column::text(row, "shown")?,
            has_secret: column::get::<Option<Vec<u8>>>(row, "secret")?.is_some(),
            wanted: column::json(row, "wanted")?,
            created: column::time(row, "created")?,
        })
    }
}

async fn all(connection: &mut DatabaseConnection) -> Result<Vec<Subscription>, StoreError> {
    let rows = statement::query("SELECT * FROM subscriptions ORDER BY name")
        .fetch_all(connection)
        .await
        .doing("listing subscriptions")?;
    rows.iter().map(Subscription::from_row).collect()
}

/// All subscriptions, as the transaction sees them.
pub(crate) async fn current(
    transaction: &mut Transaction,
) -> Result<Vec<Subscription>, StoreError> {
    all(transaction).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_of_whole_names() {
        for (pattern, text, wanted) in [
            ("team", "team", true),
            ("team", "teams", false),
            ("team-*", "team-a", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("*-prod-*", "eu-prod-1", true),
            ("*b", "abab", true),
            ("", "", true),
            ("é?", "éa", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_digest_is_due_at_its_next_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let digest = Delivery::Digest { hour: 8 };
        let before = at("2026-11-25T07:59:59Z");
        assert_eq!(digest.next_digest(before), Some(at("2026-11-25T08:00:00Z")));
        let sharp = at("2026-11-25T08:00:00Z");
        assert_eq!(digest.next_digest(sharp), Some(at("2026-11-26T08:00:00Z")));
        assert_eq!(Delivery::Instant.next_digest(sharp), None);
        let split = Delivery::Split { from: Priority::Later, hour: 0 };
        assert_eq!(split.next_digest(sharp), Some(at("2026-11-26T00:00:00Z")));
        assert!(split.is_instant(Some(Priority::Asap)) && split.is_instant(Some(Priority::Later)));
        assert!(!split.is_instant(Some(Priority::Nntf)) && !split.is_instant(None));
    }

    proptest! {
        /// The rule written down in another way.
        #[test]
        fn a_pattern_is_what_it_says(pattern in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
                    Some((sign, rest)) => text
                        .split_first()
                        .is_some_and(|(letter, text)| (*sign == b'?' || sign == letter) && slow(rest, text)),
                }
            }
            prop_assert_eq!(matches(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
