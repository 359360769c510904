//! In which trace somebody asks: what is queued meanwhile says so, and whoever does it can name the asker.
//!
//! In: a `traceparent` of W3C Trace Context, around whatever is asked of a [`Store`](crate::Store). Out: the same with each task that
//! was queued. Odd: it goes along with the running future and not as an argument, as traces do; what is spawned in it does not have it.

use std::future::Future;

tokio::task_local! {
    static TRACEPARENT: Option<String>;
}

/// Runs what somebody asks for in a trace; `None`: in none.
pub async fn asked_in<F: Future>(traceparent: Option<String>, asked: F) -> F::Output {
    TRACEPARENT.scope(traceparent, asked).await
}

/// The trace in which this is asked.
pub(crate) fn traceparent() -> Option<String> {
    TRACEPARENT.try_with(Clone::clone).ok().flatten()
}
