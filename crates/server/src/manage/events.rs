//! `GET /api/v1/tasks/events`: what becomes of tasks, as it happens.
//!
//! In: the queue, looked at each second. Out: events `counts` (how many tasks are in which state) and `task` (one that began, ended,
//! or was tried again), each when it differs from what was sent before. Source: WHATWG HTML, "Server-sent events". Odd:
//! * The database is asked, because other processes scan, too; so several changes of one task within a second are one event.
//! * The stream ends after a while, and when the server does: clients connect again by themselves, and what they hear first is how
//!   everything stands.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use plimsoll_model::Timestamp;
use plimsoll_store::{TaskCounts, TaskState};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::{error_chain, status::ScanCounts, tasks::TaskView},
    stop::Stop,
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long a stream lasts.
const LASTS: Duration = Duration::from_secs(15 * 60);
/// Tasks of one look; what is beyond is heard of when fewer are in motion.
const MOST: u32 = 500;
/// How long before the last look a task may have ended whose transaction was not done then, in seconds.
const OVERLAP: i64 = 15;

pub(super) async fn events(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let Ok(place) = Arc::clone(&context.streams).try_acquire_owned() else {
        let message = "as many listeners are served as this process serves at once";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", message);
        return Err(problem.retry_after(10));
    };
    let watch = Watch {
        stop: context.stopper.listen(),
        since: context.clock.now(),
        ends: Instant::now() + LASTS,
        known: Known::default(),
        waiting: VecDeque::new(),
        looked: false,
        context,
        _place: place,
    };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(20));
    Ok(Sse::new(watch.into_stream()).keep_alive(keep_alive).into_response())
}

/// What was sent before.
#[derive(Default)]
struct Known {
    counts: Option<TaskCounts>,
    /// Claims and state of each task.
    tasks: BTreeMap<i64, (i64, TaskState)>,
}

/// One listener.
struct Watch {
    context: Context,
    stop: Stop,
    since: Timestamp,
    ends: Instant,
    known: Known,
    waiting: VecDeque<Event>,
    looked: bool,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            watch.next().await.map(|event| (Ok(event), watch))
        })
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if (self.looked && self.stop.said_within(LOOK).await) || Instant::now() >= self.ends {
                return None;
            }
            self.looked = true;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let now = self.context.clock.now();
        let store = &self.context.store;
        let since = Timestamp(self.since.0.saturating_sub(OVERLAP));
        let counts = store.task_counts(None).await;
        let (counts, tasks) = match (counts, store.tasks_in_motion(since, MOST).await) {
            (Ok(counts), Ok(tasks)) => (counts, tasks),
            (Err(error), _) | (_, Err(error)) => {
                // The listener hears of it when the database is there again.
                tracing::warn!(error = error_chain(&error), "tasks not looked at");
                return;
            }
        };
        let mut seen = BTreeMap::new();
        for task in &tasks {
            let stands = (task.generation, task.state);
            if self.known.tasks.get(&task.id) != Some(&stands) {
                self.waiting.extend(Event::default().event("task").json_data(TaskView::of(task)));
            }
            seen.insert(task.id, stands);
        }
        if self.known.counts != Some(counts) {
            let counts = ScanCounts::of(counts);
            self.waiting.extend(Event::default().event("counts").json_data(counts));
        }
        self.known = Known { counts: Some(counts), tasks: seen };
        self.since = now;
    }
}
