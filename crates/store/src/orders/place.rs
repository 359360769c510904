//! Placing and canceling orders; ending those of syncs.
//!
//! In: a selection, or nothing for every registry. Out: the order, and tasks in the queue. Odd: canceling takes back only what
//! waits and nobody else ordered; what was never scanned stays in the queue, behind what people ask for, because a sync had put
//! it there.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;

use super::{MOST_OPEN_ORDERS, Order, OrderKind, ScanSelection, queue, read};
use crate::{
    Origin, Store, StoreError, column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    statement::{self, QueryBuilder},
    tasks,
};

const DOING: &str = "placing an order";
const CANCEL: &str = "canceling an order";
const SYNCS: &str = "reading which registries are to be synced";

/// What became of a wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placed {
    /// It is an order.
    New(Order),
    /// It is the same as this one, which is open.
    Same(Order),
    /// Too many orders are open.
    TooMany,
}

impl Store {
    /// Orders scans of the images of a selection, before what schedules ask for.
    ///
    /// # Errors
    /// The database fails.
    pub async fn order_scans(
        &self,
        selection: &ScanSelection,
        source: &str,
        now: Timestamp,
    ) -> Result<Placed, StoreError> {
        let mut transaction = self.write().await?;
        let placed = place_scans(&mut transaction, selection, source, now).await?;
        if matches!(placed, Placed::New(_)) {
            transaction.commit().await.doing(DOING)?;
            self.hint_tasks();
        }
        Ok(placed)
    }

    /// Orders a sync of every registry, or of those of these numbers.
    ///
    /// # Errors
    /// The database fails.
    pub async fn order_syncs(
        &self,
        registries: Option<&[i64]>,
        source: &str,
        now: Timestamp,
    ) -> Result<Placed, StoreError> {
        let wish = registries.map_or_else(String::new, |ids| {
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        });
        let mut transaction = self.write().await?;
        if let Some(order) = open_order(&mut transaction, OrderKind::Sync, &wish).await? {
            return Ok(Placed::Same(order));
        }
        let id = insert(&mut transaction, OrderKind::Sync, source, &wish, now).await?;
        let mut sql = QueryBuilder::new(
            "INSERT INTO order_targets (order_id, registry_id, name, state) \
             SELECT o.id, r.id, r.name, 'open' FROM registries r JOIN orders o ON o.id = ",
        );
        // What builds report cannot be listed.
        sql.push_bind(id).push(" WHERE r.reported_type <> 'CI/CD'");
        if let Some(registries) = registries {
            sql.push(" AND ");
            crate::listing::push_in(&mut sql, "r.id", registries);
        }
        sql.push(" ORDER BY r.id");
        sql.build().persistent(false).execute(&mut transaction).await.doing(DOING)?;
        let order = read_placed(&mut transaction, id).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Placed::New(order))
    }

    /// Registries whose sync is ordered, by their numbers, each with the newest target that a sync which begins now ends.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ordered_syncs(&self) -> Result<BTreeMap<i64, i64>, StoreError> {
        let rows = statement::query(
            "SELECT registry_id, MAX(id) AS newest FROM order_targets WHERE state = 'open' AND artifact_id IS NULL \
             GROUP BY registry_id",
        )
        .fetch_all(&mut *self.read().await?)
        .await
        .doing(SYNCS)?;
        rows.iter()
            .map(|row| Ok((column::number(row, "registry_id")?, column::number(row, "newest")?)))
            .collect()
    }

    /// Ends the ordered syncs of a registry up to this target; `problem`: why it could not be synced.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end_ordered_sync(
        &self,
        registry_id: i64,
        newest: i64,
        problem: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "ending an ordered sync";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE order_targets SET state = $3, finished = $4, error = $5 WHERE registry_id = $1 AND id <= $2 \
             AND state = 'open' AND artifact_id IS NULL",
        )
        .bind(registry_id)
        .bind(newest)
        .bind(if problem.is_some() { "failed" } else { "done" })
        .bind(now.0)
        .bind(problem.map(tasks::cut))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Cancels an order: what of it has not ended ends so. Returns the order; `None`: there is none of this number.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cancel_order(&self, id: i64, now: Timestamp) -> Result<Option<Order>, StoreError> {
        let mut transaction = self.write().await?;
        let Some(order) = read(&mut transaction, id).await? else { return Ok(None) };
        if !order.is_open() {
            return Ok(Some(order));
        }
        statement::query(
            "UPDATE order_targets SET state = 'canceled', finished = $2 WHERE order_id = $1 AND state = 'open'",
        )
        .bind(id)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(CANCEL)?;
        statement::query("UPDATE orders SET canceled = $2 WHERE id = $1")
            .bind(id)
            .bind(now.0)
            .execute(&mut transaction)
            .await
            .doing(CANCEL)?;
        queue::withdraw(&mut transaction, id).await?;
        let order = read_placed(&mut transaction, id).await?;
        transaction.commit().await.doing(CANCEL)?;
        Ok(Some(order))
    }

    /// Forgets orders that ended before that time. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_orders(&self, before: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting orders";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "DELETE FROM orders WHERE created < $1 \
             AND NOT EXISTS (SELECT 1 FROM order_targets g WHERE g.order_id = orders.id AND g.state = 'open')",
        )
        .bind(before.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }
}

/// From where orders come that no person placed.
pub(crate) const SCHEDULE: &str = "schedule";

/// Places an order of scans in a transaction. What is no new order has written nothing.
pub(crate) async fn place_scans(
    transaction: &mut Transaction,
    selection: &ScanSelection,
    source: &str,
    now: Timestamp,
) -> Result<Placed, StoreError> {
    let wish = selection.wish();
    if let Some(order) = open_order(transaction, OrderKind::Scan, &wish).await? {
        return Ok(Placed::Same(order));
    }
    if open_orders(transaction).await? >= MOST_OPEN_ORDERS {
        return Ok(Placed::TooMany);
    }
    let id = insert(transaction, OrderKind::Scan, source, &wish, now).await?;
    let mut sql = QueryBuilder::new(
        "INSERT INTO order_targets (order_id, artifact_id, registry_id, image_uuid, name, digest, state) \
         SELECT o.id, i.artifact_id, i.registry_id, i.uuid, r.authority || '/' || i.reference, i.manifest_digest, 'open' \
         FROM images i JOIN registries r ON r.id = i.registry_id JOIN orders o ON o.id = ",
    );
    // What builds report is scanned by them.
    sql.push_bind(id).push(" WHERE r.reported_type <> 'CI/CD'");
    selection.push(&mut sql);
    sql.push(" ORDER BY i.registry_id, i.namespace, i.repository, i.tag");
    sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    let origin = if source == SCHEDULE { Origin::Schedule } else { Origin::User };
    queue::queue(transaction, id, origin, now).await?;
    read_placed(transaction, id).await.map(Placed::New)
}

/// Writes an order that has no targets yet.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    kind: OrderKind,
    source: &str,
    wish: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let row = statement::query(
        "INSERT INTO orders (kind, source, wish, created) VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(kind.as_str())
    .bind(source)
    .bind(wish)
    .bind(now.0)
    .fetch_one(transaction)
    .await
    .doing(DOING)?;
    column::number(&row, "id")
}

/// The order that was just written.
async fn read_placed(transaction: &mut Transaction, id: i64) -> Result<Order, StoreError> {
    read(transaction, id).await?.ok_or_else(|| StoreError::Corrupt {
        column: "orders.id".to_owned(),
        value: id.to_string(),
        expected: "an order that was just written",
    })
}

async fn open_order(
    connection: &mut DatabaseConnection,
    kind: OrderKind,
    wish: &str,
) -> Result<Option<Order>, StoreError> {
    let row = statement::query(
        "SELECT o.id FROM orders o WHERE o.kind = $1 AND o.wish = $2 \
         AND EXISTS (SELECT 1 FROM order_targets g WHERE g.order_id = o.id AND g.state = 'open') ORDER BY o.id LIMIT 1",
    )
    .bind(kind.as_str())
    .bind(wish)
    .fetch_optional(&mut *connection)
    .await
    .doing(DOING)?;
    match row {
        Some(row) => read(connection, column::number(&row, "id")?).await,
        None => Ok(None),
    }
}

async fn open_orders(connection: &mut DatabaseConnection) -> Result<u64, StoreError> {
    let row = statement::query(
        "SELECT COUNT(*) AS number FROM orders o WHERE o.kind = 'scan' AND o.source <> 'build' \
         AND EXISTS (SELECT 1 FROM order_targets g WHERE g.order_id = o.id AND g.state = 'open')",
    )
    .fetch_one(connection)
    .await
    .doing(DOING)?;
    column::number(&row, "number")
}
