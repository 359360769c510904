//! Orders: scans of many images, or syncs of registries, that somebody asked for at once, with how each part of them stands.
//!
//! In: which images or registries. Out: [`Order`] and its [`OrderTarget`]s; scans are queued as any person's are. Odd:
//! * An image's part of an order ends with the next scan of its content that ends, whoever asked for that one.
//! * Triggers end the parts (`migrations/`), so that no statement that ends a task can forget them.
//! * The same wish twice is one order while the first is open: a client that asks again after a lost answer gets the same one.

mod place;
mod queue;
mod selection;
mod targets;

use plimsoll_model::Timestamp;

use crate::{
    Page, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    statement::QueryBuilder,
};

pub(crate) use self::place::{SCHEDULE, insert, place_scans};
pub use self::{
    place::Placed,
    selection::{ScanSelection, Selected},
    targets::{OrderTarget, OrderTargetQuery, TargetImage, TargetState},
};

/// How many orders of scans may be open at once.
pub const MOST_OPEN_ORDERS: u64 = 10;

/// What is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderKind {
    /// Scans of images.
    Scan,
    /// Syncs of registries.
    Sync,
}

const KINDS: &[(&str, OrderKind)] = &[("scan", OrderKind::Scan), ("sync", OrderKind::Sync)];

impl OrderKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Sync => "sync",
        }
    }
}

/// An order, and how many of its targets stand how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Its number.
    pub id: i64,
    /// What is ordered.
    pub kind: OrderKind,
    /// From where it came, in the contract's words: `openapi`, `console_batch`, `schedule`.
    pub source: String,
    /// When.
    pub created: Timestamp,
    /// When it was canceled, if it was.
    pub canceled: Option<Timestamp>,
    /// When the target that ended last did so.
    pub finished: Option<Timestamp>,
    /// All targets.
    pub total: u64,
    /// Of them, those that a worker has.
    pub running: u64,
    /// … that ended well.
    pub done: u64,
    /// … that failed.
    pub failed: u64,
    /// … that were canceled.
    pub withdrawn: u64,
}

/// Which orders.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrderQuery {
    /// Only this one.
    pub id: Option<i64>,
    /// Only of this kind.
    pub kind: Option<OrderKind>,
    /// Only from there.
    pub source: Option<String>,
    /// Only those that were made then or later.
    pub from: Option<Timestamp>,
    /// Only those that were made then or before.
    pub until: Option<Timestamp>,
    /// Number of the page, from 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

const DOING: &str = "reading orders";

impl Order {
    /// Targets that ended, well or not.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.done.saturating_add(self.failed).saturating_add(self.withdrawn)
    }

    /// Whether something of it is still to be done.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended() < self.total
    }

    /// How much of it has ended, in percent, rounded down; an order of nothing is done.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let percent = self.ended().saturating_mul(100).checked_div(self.total);
        percent.map_or(100, |percent| u8::try_from(percent).unwrap_or(100))
    }

    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::number(row, "id")?,
            kind: column::word(row, "kind", KINDS)?,
            source: column::text(row, "source")?,
            created: column::time(row, "created")?,
            canceled: column::optional_time(row, "canceled")?,
            finished: column::optional_time(row, "finished")?,
            total: column::number(row, "total")?,
            running: column::number(row, "running")?,
            done: column::number(row, "done")?,
            failed: column::number(row, "failed")?,
            withdrawn: column::number(row, "withdrawn")?,
        })
    }
}

const COLUMNS: &str = "SELECT o.id, o.kind, o.source, o.created, o.canceled, MAX(g.finished) AS finished, \
     COUNT(g.id) AS total, COUNT(CASE WHEN g.state = 'open' AND t.state = 'running' THEN 1 END) AS running, \
     COUNT(CASE WHEN g.state = 'done' THEN 1 END) AS done, COUNT(CASE WHEN g.state = 'failed' THEN 1 END) AS failed, \
     COUNT(CASE WHEN g.state = 'canceled' THEN 1 END) AS withdrawn FROM orders o \
     LEFT JOIN order_targets g ON g.order_id = o.id LEFT JOIN tasks t ON t.artifact_id = g.artifact_id WHERE 1 = 1";
const GROUPS: &str = " GROUP BY o.id, o.kind, o.source, o.created, o.canceled";

impl Store {
    /// One order by its number.
    ///
    /// # Errors
    /// The database fails.
    pub async fn order(&self, id: i64) -> Result<Option<Order>, StoreError> {
        read(&mut *self.read().await?, id).await
    }

    /// One page of orders, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn orders(&self, query: &OrderQuery) -> Result<Page<Order>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number FROM orders o WHERE 1 = 1");
        push_conditions(&mut count, query);
        let row = count.build().fetch_one(&mut snapshot).await.doing(DOING)?;
        let page = query.page.max(1);
        let mut sql = QueryBuilder::new(COLUMNS);
        push_conditions(&mut sql, query);
        sql.push(GROUPS).push(" ORDER BY o.id DESC LIMIT ").push_bind(i64::from(query.page_size));
        let before = i64::from(page - 1).saturating_mul(i64::from(query.page_size));
        sql.push(" OFFSET ").push_bind(before);
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(DOING)?;
        Ok(Page {
            items: rows.iter().map(Order::from_row).collect::<Result<_, _>>()?,
            total: column::number(&row, "number")?,
            page,
            page_size: query.page_size,
        })
    }

    /// Scans that succeeded from that minute on, those that were done again each time; all with `None`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn succeeded_scans(&self, from: Option<Timestamp>) -> Result<u64, StoreError> {
        // The minute that has begun before counts as a whole: scans are counted by the minute.
        let minute = from.map_or(i64::MIN, |from| from.0.div_euclid(60));
        let row = crate::statement::query(
            "SELECT CAST(COALESCE(SUM(number), 0) AS BIGINT) AS number FROM succeeded_scans WHERE minute >= $1",
        )
        .bind(minute)
        .fetch_one(&mut *self.read().await?)
        .await
        .doing("counting scans")?;
        column::number(&row, "number")
    }
}

fn push_conditions(sql: &mut QueryBuilder, query: &OrderQuery) {
    if let Some(id) = query.id {
        sql.push(" AND o.id = ").push_bind(id);
    }
    if let Some(kind) = query.kind {
        sql.push(" AND o.kind = ").push_bind(kind.as_str());
    }
    if let Some(source) = &query.source {
        sql.push(" AND o.source = ").push_bind(source.clone());
    }
    if let Some(from) = query.from {
        sql.push(" AND o.created >= ").push_bind(from.0);
    }
    if let Some(until) = query.until {
        sql.push(" AND o.created <= ").push_bind(until.0);
    }
}

async fn read(connection: &mut DatabaseConnection, id: i64) -> Result<Option<Order>, StoreError> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push(" AND o.id = ").push_bind(id).push(GROUPS);
    let row = sql.build().fetch_optional(connection).await.doing(DOING)?;
    row.map(|row| Order::from_row(&row)).transpose()
}
