//! Watching a cluster: pods, and what tells what they belong to and where they run.
//!
//! In: [`ClusterApi`]. Out: [`Changes`] whenever somebody asks, and what is wrong at the moment. Source: Kubernetes, "Efficient
//! detection of changes"; the crate `kube` lists in pages, watches with bookmarks, takes a cut watch up again, lists anew where
//! the API server has forgotten what it is asked to go on from (410), and waits longer after each failure.
//!
//! Odd:
//! * Pods alone are needed. Where replica sets, jobs or nodes may not be read, applications are called as their names tell, and
//!   platforms are not known; that is a problem that is told, and no failure.
//! * `kube` asks again for a watch that is refused with 410 at its beginning, forever; here it lists anew.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use kube::{
    Api,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};

use crate::{
    ClusterApi,
    objects::{WatchedJob, WatchedNode, WatchedPod, WatchedReplicaSet},
    picture::{Changes, Picture},
    transport::{Answered, status_words, words},
};

const PODS: Kind = Kind { what: "pods", path: "/api/v1/pods" };
const REPLICA_SETS: Kind = Kind { what: "replica sets", path: "/apis/apps/v1/replicasets" };
const JOBS: Kind = Kind { what: "jobs", path: "/apis/batch/v1/jobs" };
const NODES: Kind = Kind { what: "nodes", path: "/api/v1/nodes" };
/// Seconds after which a quiet watch is ended and begun again.
const QUIET: u32 = 240;

/// What is watched, and where it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    what: &'static str,
    path: &'static str,
}

/// What one of the watches saw.
enum Seen {
    Pod(Event<WatchedPod>),
    ReplicaSet(Event<PartialObjectMeta<WatchedReplicaSet>>),
    Job(Event<PartialObjectMeta<WatchedJob>>),
    Node(Event<WatchedNode>),
}

type Outcome = (Kind, Result<Seen, watcher::Error>);

/// A cluster that is being watched.
pub struct ClusterWatch {
    seen: SelectAll<BoxStream<'static, Outcome>>,
    picture: Picture,
    /// Lists that were not read yet and have not failed either.
    expected: BTreeSet<Kind>,
    problems: BTreeMap<Kind, String>,
    answered: Answered,
}

impl ClusterWatch {
    /// Begins to watch.
    #[must_use]
    pub fn new(api: &ClusterApi) -> Self {
        let config = || watcher::Config::default().timeout(QUIET);
        let client = || api.client().clone();
        let (pods, nodes) = (Api::<WatchedPod>::all(client()), Api::<WatchedNode>::all(client()));
        let sets = Api::<PartialObjectMeta<WatchedReplicaSet>>::all(client());
        let jobs = Api::<PartialObjectMeta<WatchedJob>>::all(client());
        let seen = stream::select_all([
            one(PODS, Seen::Pod, move || watcher(pods.clone(), config()).boxed()),
            one(REPLICA_SETS, Seen::ReplicaSet, move || watcher(sets.clone(), config()).boxed()),
            one(JOBS, Seen::Job, move || watcher(jobs.clone(), config()).boxed()),
            one(NODES, Seen::Node, move || watcher(nodes.clone(), config()).boxed()),
        ]);
        Self {
            seen,
            picture: Picture::new(),
            expected: BTreeSet::from([PODS, REPLICA_SETS, JOBS, NODES]),
            problems: BTreeMap::new(),
            answered: api.answered().clone(),
        }
    }

    /// Waits until something is seen, or a watch fails. It may be dropped at any time, and nothing is lost.
    pub async fn next(&mut self) {
        let Some((kind, outcome)) = self.seen.next().await else {
            // Watches have no end.
            return std::future::pending().await;
        };
        match outcome {
            Ok(seen) => {
                if self.note(seen) {
                    self.expected.remove(&kind);
                }
            }
            Err(error) => {
                if kind != PODS {
                    self.expected.remove(&kind);
                }
                // A watch that has to begin anew is nothing that anybody must know.
                if !is_gone(&error) {
                    self.answered.forget(kind.path);
                    self.problems.insert(kind, in_words(&error));
                }
            }
        }
    }

    /// Whether this ends a list.
    fn note(&mut self, seen: Seen) -> bool {
        let picture = &mut self.picture;
        match seen {
            Seen::Pod(event) => {
                let is_listed = matches!(event, Event::InitDone);
                picture.pod(event);
                is_listed
            }
            Seen::ReplicaSet(event) => {
                let is_listed = matches!(event, Event::InitDone);
                picture.controller("ReplicaSet", event);
                is_listed
            }
            Seen::Job(event) => {
                let is_listed = matches!(event, Event::InitDone);
                picture.controller("Job", event);
                is_listed
            }
            Seen::Node(event) => {
                let is_listed = matches!(event, Event::InitDone);
                picture.node(event);
                is_listed
            }
        }
    }

    /// Whether there is anything for [`ClusterWatch::take`]: not before everything was listed once.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.expected.is_empty() && self.picture.is_changed()
    }

    /// What changed since the last time; at first everything. `None` where nothing did.
    pub fn take(&mut self) -> Option<Changes> {
        self.is_changed().then(|| self.picture.take())
    }

    /// Takes back what could not be used: it is handed out again.
    pub fn put_back(&mut self, changes: Changes) {
        self.picture.put_back(changes);
    }

    /// What is wrong at the moment, if anything is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let lines: Vec<String> = self
            .problems
            .iter()
            .filter(|(kind, _)| !self.answered.has(kind.path))
            .map(|(kind, why)| format!("{}: {why}", kind.what))
            .collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// One watch, which waits after failures and begins anew where it cannot go on.
fn one<K: 'static>(
    kind: Kind,
    seen: fn(Event<K>) -> Seen,
    begin: impl Fn() -> BoxStream<'static, Result<Event<K>, watcher::Error>> + Send + 'static,
) -> BoxStream<'static, Outcome>
where
    Event<K>: Send,
{
    let outcome = move |outcome: Result<Event<K>, watcher::Error>| (kind, outcome.map(seen));
    beginning_anew(begin).default_backoff().map(outcome).boxed()
}

fn beginning_anew<K: 'static>(
    begin: impl Fn() -> BoxStream<'static, Result<Event<K>, watcher::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send
where
    Event<K>: Send,
{
    let first = begin();
    stream::unfold((first, begin), |(mut watch, begin)| async move {
        let outcome = watch.next().await?;
        if outcome.as_ref().is_err_and(is_gone) {
            watch = begin();
        }
        Some((outcome, (watch, begin)))
    })
}

/// Whether the API server has forgotten what it was asked to go on from.
fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code == 410,
        watcher::Error::WatchError(status) => status.code == 410,
        _ => false,
    }
}

fn in_words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => format!("cannot be listed: {}", words(error)),
        watcher::Error::WatchStartFailed(error) => format!("cannot be watched: {}", words(error)),
        watcher::Error::WatchFailed(error) => format!("the watch broke off: {}", words(error)),
        watcher::Error::WatchError(status) => {
            format!("the watch was ended: {}", status_words(status))
        }
        watcher::Error::NoResourceVersion => "no `resourceVersion` in an answer".to_owned(),
    }
}
