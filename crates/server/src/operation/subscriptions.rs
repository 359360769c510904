//! Subscriptions: who is told what changed.
//!
//! In: what a person says of a subscriber. Out: rows, never with an address's token or a secret; whether a sample arrives. Odd: a
//! secret that is made here is shown once, in the answer that made it.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::{Priority, Secret, Timestamp};
use plimsoll_store::{
    Delivered, Delivery, Message, MessageKind, MessageTask, Retry, Store, StoreError, Subscription,
    SubscriptionError, SubscriptionSettings, Wanted,
};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::OperationError;
use crate::{
    clock::Clock,
    notify::{
        Channel, Destination, Event, Failure, SECRET_PREFIX, Sending, Wrong, channel, channels,
        compose, options, refuse_others,
    },
};

pub use crate::notify::{CONSOLE_SETTING, NETWORKS_SETTING, networks};

/// Messages that a subscription's page shows.
const SHOWN_MESSAGES: u32 = 20;
/// Bytes of a secret that is made.
const SECRET_BYTES: usize = 32;
/// When a sample is delivered by the server if whoever asked for it is gone, in seconds.
const SAMPLE_LATER: i64 = 3_600;

/// A subscription to add. There is no `Debug`: it may hold a secret.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddSubscription {
    /// What people call it.
    pub name: String,
    /// `webhook`, `email`, `dingtalk`, `slack`.
    pub channel: String,
    /// Where messages go.
    #[serde(default)]
    pub destination: Destination,
    /// What messages are signed with, or a password; a webhook's is made where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Only vulnerabilities of this priority and above, before or since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Priority>,
    /// Only images of these registries, with the wildcards `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<String>,
    /// Only of these namespaces, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Only of these repositories, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Only images that run in a cluster.
    #[serde(default)]
    pub running: bool,
    /// Do not tell of new images.
    #[serde(default)]
    pub no_new_images: bool,
    /// Tell once a day, at this hour (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_hour: Option<u8>,
    /// With a digest: tell what has this priority and above at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instant_from: Option<Priority>,
}

/// A subscription as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionView {
    /// Its name.
    pub name: String,
    /// Its channel.
    pub channel: String,
    /// Where messages go, without tokens.
    pub destination: String,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// What, of which images, when.
    pub wanted: Wanted,
    /// When it was added.
    pub created: Timestamp,
    /// How many messages are queued, running, done, failed.
    pub messages: BTreeMap<String, u64>,
}

/// A subscription that was added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AddedSubscription {
    /// It.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// The secret that was made for it; it is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// All subscriptions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionList {
    /// By name.
    pub subscriptions: Vec<SubscriptionView>,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// Its id, the same in every attempt.
    pub id: String,
    /// `changed`, `digest`, `scanned`, `test`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// When it was queued.
    pub created: Timestamp,
    /// When it arrived or was given up.
    pub finished: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// A subscription with its latest messages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionDetail {
    /// It.
    #[serde(flatten)]
    pub subscription: SubscriptionView,
    /// Newest first.
    pub latest: Vec<MessageView>,
}

/// What went with a removed subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemovedSubscription {
    /// Messages that were never delivered.
    pub undelivered: u64,
}

/// Whether a sample arrived.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TestedSubscription {
    /// The sample's id.
    pub id: String,
    /// Whether it arrived.
    pub delivered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How many messages are tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RetriedMessages {
    /// Messages that were given up.
    pub messages: u64,
}

/// Adds a subscription.
///
/// # Errors
/// A parameter cannot be, the name is taken, or the database fails.
pub async fn add_subscription(
    store: &Store,
    request: &AddSubscription,
    now: Timestamp,
) -> Result<AddedSubscription, OperationError> {
    let channel = channel(&request.channel).ok_or_else(|| unknown_channel(&request.channel))?;
    let wrong = |Wrong(field, why): Wrong| OperationError::invalid(field, why);
    let given = request.secret.as_deref().map(str::trim).filter(|secret| !secret.is_empty());
    refuse_others(channel, &request.destination, given.is_some()).map_err(wrong)?;
    let made = if given.is_none() && channel.makes_secret() { Some(new_secret()?) } else { None };
    let secret = given.map(str::to_owned).or_else(|| made.clone()).map(Secret::new);
    let shown = channel.check(&request.destination, secret.as_ref()).map_err(wrong)?;
    let destination = serde_json::to_string(&request.destination)
        .map_err(|error| OperationError::invalid("destination", error.to_string()))?;
    let settings = SubscriptionSettings {
        name: request.name.clone(),
        channel: channel.id().to_owned(),
        shown,
        destination: Secret::new(destination),
        secret,
        wanted: wanted(request)?,
    };
    let added = store.add_subscription(&settings, now).await.map_err(refusal)?;
    tracing::info!(subscription = added.name, channel = added.channel, "subscription added");
    Ok(AddedSubscription { subscription: view(store, &added).await?, secret: made })
}

/// All subscriptions.
///
/// # Errors
/// The database fails.
pub async fn list_subscriptions(store: &Store) -> Result<SubscriptionList, OperationError> {
    let mut subscriptions = Vec::new();
    for subscription in store.subscriptions().await? {
        subscriptions.push(view(store, &subscription).await?);
    }
    Ok(SubscriptionList { subscriptions })
}

/// One subscription with its latest messages.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn show_subscription(
    store: &Store,
    name: &str,
) -> Result<SubscriptionDetail, OperationError> {
    let found = store.subscription(name).await?.ok_or_else(|| unknown(name))?;
    let latest = store.messages(found.id, SHOWN_MESSAGES).await?;
    let latest = latest.into_iter().map(MessageView::of).collect();
    Ok(SubscriptionDetail { subscription: view(store, &found).await?, latest })
}

/// Removes a subscription with its messages.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn remove_subscription(
    store: &Store,
    name: &str,
) -> Result<RemovedSubscription, OperationError> {
    let undelivered = store.remove_subscription(name).await.map_err(refusal)?;
    tracing::info!(subscription = name, undelivered, "subscription removed");
    Ok(RemovedSubscription { undelivered })
}

/// Sends a sample, and waits whether it arrives. It is tried once.
///
/// # Errors
/// There is none of that name, or the database fails.
pub async fn test_subscription(
    store: &Store,
    name: &str,
    clock: &Clock,
) -> Result<TestedSubscription, OperationError> {
    let now = clock.now();
    let later = Timestamp(now.0.saturating_add(SAMPLE_LATER));
    let id = store.queue_test_message(name, later, now).await.map_err(refusal)?;
    let Some(task) = store.claim_message("test", Some(&id), now).await? else {
        return Err(unknown(name));
    };
    let delivered = deliver(store, &task, clock).await? == Delivered::Done;
    let messages = store.messages(task.subscription.id, SHOWN_MESSAGES).await?;
    let error = messages.into_iter().find(|message| message.event_id == id);
    Ok(TestedSubscription { id, delivered, error: error.and_then(|message| message.error) })
}

/// Tries messages again that were given up.
///
/// # Errors
/// There is no such subscription, or the database fails.
pub async fn retry_subscription(
    store: &Store,
    name: &str,
    now: Timestamp,
) -> Result<RetriedMessages, OperationError> {
    Ok(RetriedMessages { messages: store.retry_messages(name, now).await.map_err(refusal)? })
}

/// Delivers a message that was claimed, and notes what became of it. One without anything to say is removed.
///
/// # Errors
/// The database fails.
pub(crate) async fn deliver(
    store: &Store,
    task: &MessageTask,
    clock: &Clock,
) -> Result<Delivered, StoreError> {
    let event = match &task.body {
        Some(body) => serde_json::from_str::<Event>(body).ok(),
        None => {
            let Some(event) = compose(store, task).await? else {
                let removed = store.remove_message(&task.lease).await?;
                return Ok(if removed { Delivered::Done } else { Delivered::Dropped });
            };
            let body = serde_json::to_string(&event).unwrap_or_default();
            if !store.keep_message(&task.lease, &body).await? {
                return Ok(Delivered::Dropped);
            }
            Some(event)
        }
    };
    let outcome = match event {
        Some(event) => attempt(store, task, &event, clock.now()).await?,
        None => Err(Failure::last("its text was written by another version of this program")),
    };
    match outcome {
        Ok(()) => store.end_message(&task.lease, clock.now()).await,
        Err(Failure { why, is_final, wish }) => {
            // Whoever sends a sample waits for it, and sends another one.
            let is_last = is_final || task.kind == MessageKind::Test;
            let retry = if is_last { Retry::Never } else { Retry::Later };
            store.fail_message(task, &why, retry, wish, clock.now()).await
        }
    }
}

async fn attempt(
    store: &Store,
    task: &MessageTask,
    event: &Event,
    now: Timestamp,
) -> Result<Result<(), Failure>, StoreError> {
    let Some(channel) = channel(&task.subscription.channel) else {
        return Ok(Err(Failure::last("this program does not know the channel")));
    };
    let Ok(destination) = serde_json::from_str::<Destination>(task.destination.reveal()) else {
        return Ok(Err(Failure::last(
            "the destination was written by another version of this program",
        )));
    };
    let options = options(store, &destination).await?;
    let sending = Sending {
        event,
        destination: &destination,
        secret: task.secret.as_ref(),
        options: &options,
        now,
    };
    Ok(channel.send(&sending).await)
}

fn wanted(request: &AddSubscription) -> Result<Wanted, OperationError> {
    let delivery = match (request.digest_hour, request.instant_from) {
        (None, None) => Delivery::Instant,
        (Some(hour @ 0..=23), None) => Delivery::Digest { hour },
        (Some(hour @ 0..=23), Some(from)) => Delivery::Split { from, hour },
        (Some(_), _) => {
            return Err(OperationError::invalid("digest_hour", "hours are 0 to 23, UTC"));
        }
        (None, Some(_)) => {
            let why = "it says what a digest leaves out: give `digest_hour`, or `minimum` instead";
            return Err(OperationError::invalid("instant_from", why));
        }
    };
    for (name, patterns) in [
        ("registries", &request.registries),
        ("namespaces", &request.namespaces),
        ("repositories", &request.repositories),
    ] {
        if patterns.len() > 100 || patterns.iter().any(|pattern| pattern.len() > 256) {
            let why = "at most 100 patterns of at most 256 bytes";
            return Err(OperationError::invalid(name, why));
        }
    }
    Ok(Wanted {
        minimum: request.minimum,
        registries: request.registries.clone(),
        namespaces: request.namespaces.clone(),
        repositories: request.repositories.clone(),
        running: request.running,
        new_images: !request.no_new_images,
        delivery,
    })
}

fn new_secret() -> Result<String, OperationError> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_error| StoreError::Random)?;
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
}

fn unknown(name: &str) -> OperationError {
    OperationError::NotFound { what: "subscription", name: name.to_owned() }
}

fn unknown_channel(id: &str) -> OperationError {
    let all: Vec<&str> = channels().iter().map(|channel| Channel::id(*channel)).collect();
    OperationError::invalid("channel", format!("`{id}` is not one of {}", all.join(", ")))
}

fn refusal(error: SubscriptionError) -> OperationError {
    match error {
        SubscriptionError::Taken(name) => OperationError::Exists { what: "subscription", name },
        SubscriptionError::Unknown(name) => unknown(&name),
        SubscriptionError::Invalid(why) => OperationError::invalid("name", why),
        SubscriptionError::Store(error) => OperationError::Store(error),
    }
}

async fn view(
    store: &Store,
    subscription: &Subscription,
) -> Result<SubscriptionView, OperationError> {
    let counts = store.message_counts(subscription.id).await?;
    Ok(SubscriptionView {
        name: subscription.name.clone(),
        channel: subscription.channel.clone(),
        destination: subscription.shown.clone(),
        has_secret: subscription.has_secret,
        wanted: subscription.wanted.clone(),
        created: subscription.created,
        messages: counts.into_iter().map(|(state, count)| (state.to_owned(), count)).collect(),
    })
}

impl MessageView {
    fn of(message: Message) -> Self {
        Self {
            id: message.event_id,
            kind: message.kind.as_str().to_owned(),
            state: message.state.as_str().to_owned(),
            attempts: message.attempts,
            due: message.due,
            created: message.created,
            finished: message.finished,
            error: message.error,
        }
    }
}
