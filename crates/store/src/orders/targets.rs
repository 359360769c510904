//! The parts of orders: images to be scanned, registries to be synced.
//!
//! In: [`OrderTargetQuery`]. Out: one page of them, newest order first. Odd: what is said of an image is what holds now; of one
//! that is gone the name and the digest are left that it had.

use plimsoll_model::{Digest, Timestamp};

use super::{KINDS, OrderKind};
use crate::{
    Page, Store, StoreError, column, database::DatabaseRow, error::Doing, images::dashed,
    listing::push_in, statement::QueryBuilder,
};

/// How a part of an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetState {
    /// It is not being worked at.
    Waiting,
    /// A worker has it.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
    /// The order was canceled before it ended.
    Canceled,
}

const STATES: &[(&str, TargetState)] = &[
    ("open", TargetState::Waiting),
    ("running", TargetState::Running),
    ("done", TargetState::Done),
    ("failed", TargetState::Failed),
    ("canceled", TargetState::Canceled),
];

/// An image that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetImage {
    /// Its id.
    pub uuid: String,
    /// Id of its repository.
    pub repo_id: String,
    /// Its repository's namespace.
    pub namespace: String,
    /// Its repository behind the namespace.
    pub repository: String,
    /// Its tag.
    pub tag: String,
}

/// One image of an order, or one registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderTarget {
    /// Its number.
    pub id: i64,
    /// Number of the order.
    pub order: i64,
    /// What is ordered.
    pub kind: OrderKind,
    /// From where the order came.
    pub source: String,
    /// When it was placed.
    pub created: Timestamp,
    /// How it stands.
    pub state: TargetState,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// `host/namespace/repository:tag`, or the registry's name.
    pub name: String,
    /// The platform's manifest; `None` of a registry.
    pub digest: Option<Digest>,
    /// The image, while it is there.
    pub image: Option<TargetImage>,
    /// What the API calls the kind of the registry; `None`: that is gone.
    pub registry_type: Option<String>,
    /// The registry's region; `None`: that is gone.
    pub region_id: Option<String>,
}

/// Which parts of which orders; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderTargetQuery {
    /// Of orders of this kind.
    pub kind: OrderKind,
    /// Of this order.
    pub order: Option<i64>,
    /// Of orders from there.
    pub source: Option<String>,
    /// In these states; none: in any.
    pub states: Vec<TargetState>,
    /// Of orders that were placed then or later.
    pub from: Option<Timestamp>,
    /// … then or before.
    pub until: Option<Timestamp>,
    /// An image's id or digest, or a registry's name.
    pub target: Option<String>,
    /// Number of the page, from 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

const STANDING: &str =
    "CASE WHEN g.state = 'open' AND t.state = 'running' THEN 'running' ELSE g.state END";
const COLUMNS: &str = "SELECT g.id, g.order_id, o.kind, o.source, o.created, g.finished, g.error, g.name, g.digest, \
     i.uuid, i.repo_id, i.namespace, i.repository, i.tag, r.reported_type, r.region_id, ";
const TABLES: &str = " FROM order_targets g JOIN orders o ON o.id = g.order_id \
     LEFT JOIN tasks t ON t.artifact_id = g.artifact_id LEFT JOIN images i ON i.uuid = g.image_uuid \
     LEFT JOIN registries r ON r.id = g.registry_id WHERE o.kind = ";
const DOING: &str = "listing what is ordered";

impl Store {
    /// One page of parts of orders: the newest order first, each in the order of names.
    ///
    /// # Errors
    /// The database fails.
    pub async fn order_targets(
        &self,
        query: &OrderTargetQuery,
    ) -> Result<Page<OrderTarget>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number");
        count.push(TABLES);
        push_conditions(&mut count, query);
        let row = count.build().fetch_one(&mut snapshot).await.doing(DOING)?;
        let mut sql = QueryBuilder::new(COLUMNS);
        sql.push(STANDING).push(" AS standing").push(TABLES);
        push_conditions(&mut sql, query);
        let page = query.page.max(1);
        let before = i64::from(page - 1).saturating_mul(i64::from(query.page_size));
        sql.push(" ORDER BY g.order_id DESC, g.id LIMIT ");
        sql.push_bind(i64::from(query.page_size)).push(" OFFSET ").push_bind(before);
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(DOING)?;
        Ok(Page {
            items: rows.iter().map(OrderTarget::from_row).collect::<Result<_, _>>()?,
            total: column::number(&row, "number")?,
            page,
            page_size: query.page_size,
        })
    }

    /// The newest part of an order of scans that is about this digest.
    ///
    /// # Errors
    /// The database fails.
    pub async fn latest_target_of(
        &self,
        digest: &Digest,
    ) -> Result<Option<OrderTarget>, StoreError> {
        let mut sql = QueryBuilder::new(COLUMNS);
        sql.push(STANDING).push(" AS standing").push(TABLES).push_bind(OrderKind::Scan.as_str());
        sql.push(" AND g.digest = ").push_bind(digest.to_string());
        sql.push(" ORDER BY g.id DESC LIMIT 1");
        let row = sql.build().fetch_optional(&mut *self.read().await?).await.doing(DOING)?;
        row.map(|row| OrderTarget::from_row(&row)).transpose()
    }
}

fn push_conditions(sql: &mut QueryBuilder, query: &OrderTargetQuery) {
    sql.push_bind(query.kind.as_str());
    if let Some(order) = query.order {
        sql.push(" AND g.order_id = ").push_bind(order);
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
    if let Some(target) = &query.target {
        let hex = target.strip_prefix("sha256:").unwrap_or(target);
        sql.push(" AND (g.image_uuid = ").push_bind(dashed(target));
        sql.push(" OR g.digest = ").push_bind(format!("sha256:{hex}"));
        sql.push(" OR g.name = ").push_bind(target.clone()).push(")");
    }
    if !query.states.is_empty() {
        let words: Vec<String> = query.states.iter().map(|state| state.word().to_owned()).collect();
        sql.push(" AND ");
        push_in(sql, STANDING, &words);
    }
}

impl TargetState {
    fn word(self) -> &'static str {
        STATES.iter().find(|(_, state)| *state == self).map_or("open", |(word, _)| word)
    }
}

impl OrderTarget {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let uuid: Option<String> = column::get(row, "uuid")?;
        let image = match uuid {
            None => None,
            Some(uuid) => Some(TargetImage {
                uuid,
                repo_id: column::text(row, "repo_id")?,
                namespace: column::text(row, "namespace")?,
                repository: column::text(row, "repository")?,
                tag: column::text(row, "tag")?,
            }),
        };
        Ok(Self {
            id: column::number(row, "id")?,
            order: column::number(row, "order_id")?,
            kind: column::word(row, "kind", KINDS)?,
            source: column::text(row, "source")?,
            created: column::time(row, "created")?,
            state: column::word(row, "standing", STATES)?,
            finished: column::optional_time(row, "finished")?,
            error: column::get(row, "error")?,
            name: column::text(row, "name")?,
            digest: column::optional_parsed(row, "digest", "a digest")?,
            image,
            registry_type: column::get(row, "reported_type")?,
            region_id: column::get(row, "region_id")?,
        })
    }
}
