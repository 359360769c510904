//! The tasks of an order: queued with it, and taken back.
//!
//! In: an order whose targets are written. Out: changed rows of `tasks`. Odd: one statement each, however many they are, because
//! whoever places an order waits for it.

use plimsoll_model::Timestamp;

use crate::{Origin, StoreError, database::Transaction, error::Doing, statement};

const ENQUEUE: &str = "queueing an order's scans";

/// Queues every artifact of an order, by one statement however many they are. What a worker has stays with it.
pub(super) async fn queue(
    transaction: &mut Transaction,
    order: i64,
    origin: Origin,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = statement::query(
        "INSERT INTO tasks (artifact_id, registry_id, state, origin, attempts, generation, due, queued) \
         SELECT artifact_id, MIN(registry_id), 'queued', $2, 0, 0, $3, $3 FROM order_targets WHERE order_id = $1 \
         GROUP BY artifact_id ORDER BY artifact_id ON CONFLICT (artifact_id) DO UPDATE SET state = 'queued', \
         origin = CASE WHEN tasks.state = 'queued' AND tasks.origin < excluded.origin THEN tasks.origin ELSE excluded.origin END, \
         attempts = CASE WHEN tasks.state = 'queued' THEN tasks.attempts ELSE 0 END, due = excluded.due, \
         queued = CASE WHEN tasks.state = 'queued' THEN tasks.queued ELSE excluded.queued END, reason = NULL \
         WHERE tasks.state <> 'running'",
    )
    .bind(order)
    .bind(origin.number())
    .bind(now.0)
    .execute(transaction)
    .await
    .doing(ENQUEUE)?;
    Ok(done.rows_affected())
}

/// Takes back what an order queued that is canceled, where no other order waits for it. What was never scanned stays in the
/// queue, behind what people ask for.
pub(super) async fn withdraw(transaction: &mut Transaction, order: i64) -> Result<(), StoreError> {
    const DOING: &str = "taking scans out of the queue";
    // By way of a state of its own: what ends a task is counted, and this is no end.
    statement::query(
        "UPDATE tasks SET state = CASE WHEN finished IS NULL THEN state ELSE 'withdrawn' END, origin = $2 \
         WHERE state = 'queued' AND origin = $3 \
         AND artifact_id IN (SELECT g.artifact_id FROM order_targets g WHERE g.order_id = $1 AND g.state = 'canceled') \
         AND NOT EXISTS (SELECT 1 FROM order_targets g WHERE g.artifact_id = tasks.artifact_id AND g.state = 'open')",
    )
    .bind(order)
    .bind(Origin::Schedule.number())
    .bind(Origin::User.number())
    .execute(transaction)
    .await
    .doing(DOING)?;
    statement::query(
        "UPDATE tasks SET state = CASE WHEN succeeded = finished THEN 'done' ELSE 'cancelled' END WHERE state = 'withdrawn'",
    )
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}
