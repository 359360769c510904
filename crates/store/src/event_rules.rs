//! Rules on sensitive files, as rows.
//!
//! In: rules as the wire contract has them. Out: the same, numbered. Odd: what they cover is looked up where files are listed
//! (`file_findings/state.rs`): no number of an image depends on sensitive files, so nothing is counted again.

use plimsoll_model::{NewEventRule, RuleSource, Timestamp, event_rule::EventRuleError};

use crate::{
    Page, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    statement::{self, QueryBuilder},
};

/// A rule that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventRule {
    /// Its number.
    pub id: i64,
    /// What it says.
    pub rule: NewEventRule,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// Which rules to list; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventRuleQuery {
    /// This one.
    pub id: Option<i64>,
    /// Of this kind of file.
    pub event_key: Option<String>,
    /// Whose kind is called so.
    pub event_name: Option<String>,
    /// Of this source.
    pub source: Option<RuleSource>,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// Why a rule was not written.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A part of it cannot be.
    #[error(transparent)]
    Rule(#[from] EventRuleError),
    /// There is none of this number.
    #[error("there is no rule {0} on sensitive files")]
    Unknown(i64),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const DOING: &str = "writing a rule on sensitive files";

impl EventRule {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::number(row, "id")?,
            rule: NewEventRule {
                event_key: column::text(row, "event_key")?,
                event_name: column::text(row, "event_name")?,
                conditions: column::json(row, "conditions")?,
                scenario: column::json(row, "scenario")?,
                note: column::text(row, "note")?,
                source: column::parsed(row, "source", "a source of findings")?,
            },
            created: column::time(row, "created")?,
            modified: column::time(row, "modified")?,
        })
    }
}

impl Store {
    /// Makes a rule.
    ///
    /// # Errors
    /// It is none, or the database fails.
    pub async fn add_event_rule(
        &self,
        rule: &NewEventRule,
        now: Timestamp,
    ) -> Result<EventRule, EventError> {
        let rule = rule.checked()?;
        let mut transaction = self.write().await?;
        let row = statement::query(
            "INSERT INTO event_rules (event_key, event_name, conditions, scenario, note, source, created, modified) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
        )
        .bind(&rule.event_key)
        .bind(&rule.event_name)
        .bind(json(&rule.conditions)?)
        .bind(json(&rule.scenario)?)
        .bind(&rule.note)
        .bind(rule.source.as_str())
        .bind(now.0)
        .fetch_one(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(EventRule { id: column::number(&row, "id")?, rule, created: now, modified: now })
    }

    /// Makes a rule say something else. Writes only a change.
    ///
    /// # Errors
    /// There is none of this number, it is to say what cannot be, or the database fails.
    pub async fn change_event_rule(
        &self,
        id: i64,
        rule: &NewEventRule,
        now: Timestamp,
    ) -> Result<EventRule, EventError> {
        let rule = rule.checked()?;
        let before = self.event_rule(id).await?.ok_or(EventError::Unknown(id))?;
        if before.rule == rule {
            return Ok(before);
        }
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE event_rules SET event_key = $2, event_name = $3, conditions = $4, scenario = $5, note = $6, \
             source = $7, modified = $8 WHERE id = $1",
        )
        .bind(id)
        .bind(&rule.event_key)
        .bind(&rule.event_name)
        .bind(json(&rule.conditions)?)
        .bind(json(&rule.scenario)?)
        .bind(&rule.note)
        .bind(rule.source.as_str())
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        if done.rows_affected() == 0 {
            return Err(EventError::Unknown(id));
        }
        transaction.commit().await.doing(DOING)?;
        Ok(EventRule { id, rule, created: before.created, modified: now })
    }

    /// Takes a rule back.
    ///
    /// # Errors
    /// There is none of this number, or the database fails.
    pub async fn remove_event_rule(&self, id: i64) -> Result<(), EventError> {
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM event_rules WHERE id = $1")
            .bind(id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        if done.rows_affected() == 0 {
            return Err(EventError::Unknown(id));
        }
        transaction.commit().await.doing(DOING)?;
        Ok(())
    }

    /// One rule.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_rule(&self, id: i64) -> Result<Option<EventRule>, StoreError> {
        let query =
            EventRuleQuery { id: Some(id), page: 1, page_size: 1, ..EventRuleQuery::default() };
        Ok(self.event_rules(&query).await?.items.pop())
    }

    /// One page of the rules, the newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn event_rules(&self, query: &EventRuleQuery) -> Result<Page<EventRule>, StoreError> {
        const DOING: &str = "listing rules on sensitive files";
        let mut snapshot = self.snapshot().await?;
        let mut sql = QueryBuilder::new("SELECT COUNT(*) AS total FROM event_rules WHERE 1 = 1");
        query.push(&mut sql);
        let row = sql.build().fetch_one(&mut snapshot).await.doing(DOING)?;
        let total = column::number(&row, "total")?;
        let mut sql = QueryBuilder::new("SELECT * FROM event_rules WHERE 1 = 1");
        query.push(&mut sql);
        let (page, size) = (query.page.max(1), query.page_size);
        sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(size));
        sql.push(" OFFSET ").push_bind(i64::from(page - 1).saturating_mul(i64::from(size)));
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(DOING)?;
        let items = rows.iter().map(EventRule::from_row).collect::<Result<_, _>>()?;
        Ok(Page { items, total, page, page_size: size })
    }
}

/// The rules that hold.
pub(crate) async fn holding(
    connection: &mut DatabaseConnection,
) -> Result<Vec<NewEventRule>, StoreError> {
    let rows = statement::query("SELECT * FROM event_rules WHERE source = $1 ORDER BY id")
        .bind(RuleSource::Image.as_str())
        .fetch_all(connection)
        .await
        .doing("reading rules on sensitive files")?;
    rows.iter().map(|row| EventRule::from_row(row).map(|rule| rule.rule)).collect()
}

impl EventRuleQuery {
    fn push(&self, sql: &mut QueryBuilder) {
        if let Some(id) = self.id {
            sql.push(" AND id = ").push_bind(id);
        }
        if let Some(key) = &self.event_key {
            sql.push(" AND event_key = ").push_bind(key.as_str());
        }
        if let Some(name) = &self.event_name {
            sql.push(" AND event_name = ").push_bind(name.as_str());
        }
        if let Some(source) = self.source {
            sql.push(" AND source = ").push_bind(source.as_str());
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| crate::parts::failed(DOING, error))
}
