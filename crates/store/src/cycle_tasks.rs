//! Cycle tasks: scans of the fleet that begin again and again, as the API arranges them.
//!
//! In: a first time, a period, and the hours of the day in which a scan may begin. Out: [`CycleTask`]s, and orders when they are
//! due. Odd: hours are those of UTC; a time outside the hours is put off to their beginning; what fell due while nobody looked
//! begins once.

use plimsoll_model::Timestamp;

use crate::{
    Page, Placed, ScanSelection, Store, StoreError, column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    master_key::{hex_encode, random_bytes},
    orders::{SCHEDULE, place_scans},
    statement::{self, QueryBuilder},
};

/// In what a period is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeriodUnit {
    /// Days.
    Day,
    /// Hours.
    Hour,
}

const UNITS: &[(&str, PeriodUnit)] = &[("day", PeriodUnit::Day), ("hour", PeriodUnit::Hour)];

/// What a person decides about a cycle task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CycleSettings {
    /// What it does, in the contract's words.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Whether it begins at all.
    pub enabled: bool,
    /// When its periods are counted from.
    pub first: Timestamp,
    /// How many units a period has; at least 1.
    pub every: u32,
    /// The unit.
    pub unit: PeriodUnit,
    /// Hour of the day from which on a scan may begin, 0 to 23.
    pub from_hour: u8,
    /// Hour of the day before which it must have begun, 0 to 24; the same as the other: any.
    pub until_hour: u8,
    /// What the client wants kept: JSON, or empty.
    pub parameter: String,
    /// Where it was made, in the contract's words.
    pub source: String,
}

/// One cycle task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CycleTask {
    /// Its id, 32 hex digits.
    pub id: String,
    /// What a person decided.
    pub settings: CycleSettings,
    /// When it begins next; `None`: never.
    pub due: Option<Timestamp>,
    /// The order that it placed last.
    pub last_order: Option<i64>,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const WRITING: &str = "writing a cycle task";
const READING: &str = "reading cycle tasks";
const BEGINNING: &str = "beginning a cycle task";

impl PeriodUnit {
    /// `day` or `hour`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Day => DAY,
            Self::Hour => HOUR,
        }
    }
}

impl std::str::FromStr for PeriodUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = UNITS.iter().find(|(word, _)| *word == text).map(|(_, unit)| *unit);
        known.ok_or_else(|| format!("`{text}` is not one of day, hour"))
    }
}

impl CycleSettings {
    /// The first time after `now` at which it begins; `None`: it does not.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.enabled {
            return None;
        }
        let period = self.unit.seconds().checked_mul(i64::from(self.every.max(1)))?;
        // The period before this moment may have been put off until behind it.
        let passed = now.0.saturating_sub(self.first.0).div_euclid(period).saturating_sub(1);
        let mut at = self.first.0.checked_add(passed.max(0).checked_mul(period)?)?;
        loop {
            let begins = self.within_hours(at)?;
            if begins > now.0 {
                return Some(Timestamp(begins));
            }
            at = at.checked_add(period)?;
        }
    }

    /// This time, or the first one after it that lies within the hours.
    fn within_hours(&self, at: i64) -> Option<i64> {
        let (from, until) = (i64::from(self.from_hour), i64::from(self.until_hour));
        let midnight = at.checked_sub(at.rem_euclid(DAY))?;
        let hour = at.rem_euclid(DAY) / HOUR;
        let is_within = match from.cmp(&until) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Less => (from..until).contains(&hour),
            // Over midnight.
            std::cmp::Ordering::Greater => hour >= from || hour < until,
        };
        if is_within {
            return Some(at);
        }
        let today = midnight.checked_add(from.checked_mul(HOUR)?)?;
        if today >= at { Some(today) } else { today.checked_add(DAY) }
    }
}

impl CycleTask {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::text(row, "id")?,
            settings: CycleSettings {
                kind: column::text(row, "kind")?,
                name: column::text(row, "name")?,
                enabled: column::flag(row, "enabled")?,
                first: column::time(row, "first")?,
                every: column::number(row, "every")?,
                unit: column::word(row, "unit", UNITS)?,
                from_hour: column::number(row, "from_hour")?,
                until_hour: column::number(row, "until_hour")?,
                parameter: column::text(row, "parameter")?,
                source: column::text(row, "source")?,
            },
            due: column::optional_time(row, "due")?,
            last_order: column::get(row, "last_order")?,
        })
    }
}

impl Store {
    /// Keeps a cycle task and returns its id. With a client's token that was seen before nothing is made again.
    ///
    /// # Errors
    /// The database fails.
    pub async fn add_cycle_task(
        &self,
        settings: &CycleSettings,
        client_token: Option<&str>,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let id = hex_encode(&random_bytes::<16>()?);
        let mut transaction = self.write().await?;
        if let Some(token) = client_token {
            let known = statement::query("SELECT id FROM cycle_tasks WHERE client_token = $1")
                .bind(token)
                .fetch_optional(&mut transaction)
                .await
                .doing(WRITING)?;
            if let Some(row) = known {
                return column::text(&row, "id");
            }
        }
        statement::query(
            "INSERT INTO cycle_tasks (id, kind, name, enabled, first, every, unit, from_hour, until_hour, parameter, source, \
             client_token, due, created) VALUES ($1, '', '', 0, 0, 1, 'day', 0, 0, '', '', $2, NULL, $3)",
        )
        .bind(&id)
        .bind(client_token)
        .bind(now.0)
        .execute(&mut transaction)
        .await
        .doing(WRITING)?;
        write(&mut transaction, &id, settings, now).await?;
        transaction.commit().await.doing(WRITING)?;
        Ok(id)
    }

    /// Changes a cycle task. Whether there is one of that id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn update_cycle_task(
        &self,
        id: &str,
        settings: &CycleSettings,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let known = write(&mut transaction, id, settings, now).await?;
        transaction.commit().await.doing(WRITING)?;
        Ok(known)
    }

    /// Removes a cycle task. Whether there was one of that id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove_cycle_task(&self, id: &str) -> Result<bool, StoreError> {
        const DOING: &str = "removing a cycle task";
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM cycle_tasks WHERE id = $1")
            .bind(id)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() > 0)
    }

    /// One cycle task.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cycle_task(&self, id: &str) -> Result<Option<CycleTask>, StoreError> {
        let row = statement::query("SELECT * FROM cycle_tasks WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(READING)?;
        row.map(|row| CycleTask::from_row(&row)).transpose()
    }

    /// One page of cycle tasks, newest first; of this name, of this kind, where they are given.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cycle_tasks(
        &self,
        (id, name, kind): (Option<&str>, Option<&str>, Option<&str>),
        page: u32,
        page_size: u32,
    ) -> Result<Page<CycleTask>, StoreError> {
        let conditions = |sql: &mut QueryBuilder| {
            for (column, value) in [("id", id), ("name", name), ("kind", kind)] {
                if let Some(value) = value {
                    sql.push(" AND ").push(column).push(" = ").push_bind(value);
                }
            }
        };
        let mut snapshot = self.snapshot().await?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number FROM cycle_tasks WHERE 1 = 1");
        conditions(&mut count);
        let row = count.build().fetch_one(&mut snapshot).await.doing(READING)?;
        let mut sql = QueryBuilder::new("SELECT * FROM cycle_tasks WHERE 1 = 1");
        conditions(&mut sql);
        let page = page.max(1);
        let before = i64::from(page - 1).saturating_mul(i64::from(page_size));
        sql.push(" ORDER BY created DESC, id LIMIT ").push_bind(i64::from(page_size));
        sql.push(" OFFSET ").push_bind(before);
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(READING)?;
        Ok(Page {
            items: rows.iter().map(CycleTask::from_row).collect::<Result<_, _>>()?,
            total: column::number(&row, "number")?,
            page,
            page_size,
        })
    }

    /// Places the orders of the cycle tasks that are due; `moved_since`: of images whose tag moved then or later. Returns how
    /// many began. One for which there is no place among the open orders stays due.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin_cycle_tasks(
        &self,
        moved_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let rows = statement::query(
            "SELECT * FROM cycle_tasks WHERE enabled = 1 AND due <= $1 ORDER BY due, id",
        )
        .bind(now.0)
        .fetch_all(&mut *self.read().await?)
        .await
        .doing(BEGINNING)?;
        let mut begun = 0;
        for row in &rows {
            let task = CycleTask::from_row(row)?;
            let mut transaction = self.write().await?;
            // Whoever moves the time on is the one that begins it: of several servers only one. Time and order are written
            // together, so that none is skipped, whenever the process dies.
            if !take(&mut transaction, &task, now).await? {
                continue;
            }
            let selection = ScanSelection { moved_since, ..ScanSelection::default() };
            let order = match place_scans(&mut transaction, &selection, SCHEDULE, now).await? {
                Placed::New(order) => {
                    begun += 1;
                    order.id
                }
                Placed::Same(order) => order.id,
                Placed::TooMany => continue,
            };
            statement::query("UPDATE cycle_tasks SET last_order = $2 WHERE id = $1")
                .bind(&task.id)
                .bind(order)
                .execute(&mut transaction)
                .await
                .doing(BEGINNING)?;
            transaction.commit().await.doing(BEGINNING)?;
        }
        if begun > 0 {
            self.hint_tasks();
        }
        Ok(begun)
    }
}

/// Moves a task's time on; whether it was still the time that it is due at.
async fn take(
    transaction: &mut Transaction,
    task: &CycleTask,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = statement::query("UPDATE cycle_tasks SET due = $3 WHERE id = $1 AND due = $2")
        .bind(&task.id)
        .bind(task.due.map(|due| due.0))
        .bind(task.settings.next_after(now).map(|next| next.0))
        .execute(transaction)
        .await
        .doing(BEGINNING)?;
    Ok(done.rows_affected() == 1)
}

/// Writes all that a person decides. Whether there is one of that id.
async fn write(
    transaction: &mut Transaction,
    id: &str,
    settings: &CycleSettings,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = statement::query(
        "UPDATE cycle_tasks SET kind = $2, name = $3, enabled = $4, first = $5, every = $6, unit = $7, from_hour = $8, \
         until_hour = $9, parameter = $10, source = $11, due = $12 WHERE id = $1",
    )
    .bind(id)
    .bind(&settings.kind)
    .bind(&settings.name)
    .bind(i64::from(settings.enabled))
    .bind(settings.first.0)
    .bind(i64::from(settings.every))
    .bind(settings.unit.as_str())
    .bind(i64::from(settings.from_hour))
    .bind(i64::from(settings.until_hour))
    .bind(&settings.parameter)
    .bind(&settings.source)
    .bind(settings.next_after(now).map(|next| next.0))
    .execute(transaction)
    .await
    .doing(WRITING)?;
    Ok(done.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_a_period_and_within_the_hours() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (first, (every, unit), (from, until), now, wanted) in [
            // Each day at two, whether it is before the first day, in it or long after.
            (
                "2026-11-01",
                (1, PeriodUnit::Day),
                (2, 6),
                "2026-10-20",
                Some("2026-11-01T02:00:00Z"),
            ),
            (
                "2026-11-01",
                (1, PeriodUnit::Day),
                (2, 6),
                "2026-11-01T02:00:00Z",
                Some("2026-11-02T02:00:00Z"),
            ),
            (
                "2026-11-01",
                (3, PeriodUnit::Day),
                (2, 6),
                "2026-11-05",
                Some("2026-11-07T02:00:00Z"),
            ),
            // Hours: five times within the hours, then put off to the next morning.
            (
                "2026-11-01",
                (2, PeriodUnit::Hour),
                (8, 18),
                "2026-11-01T08:00:00Z",
                Some("2026-11-01T10:00:00Z"),
            ),
            (
                "2026-11-01",
                (2, PeriodUnit::Hour),
                (8, 18),
                "2026-11-01T16:30:00Z",
                Some("2026-11-02T08:00:00Z"),
            ),
            // Over midnight.
            (
                "2026-11-01",
                (1, PeriodUnit::Day),
                (22, 4),
                "2026-11-01T12:00:00Z",
                Some("2026-11-02T00:00:00Z"),
            ),
            (
                "2026-11-01T12:00:00Z",
                (1, PeriodUnit::Day),
                (22, 4),
                "2026-11-01T12:30:00Z",
                Some("2026-11-01T22:00:00Z"),
            ),
            // Any hour.
            (
                "2026-11-01T12:15:00Z",
                (1, PeriodUnit::Day),
                (0, 0),
                "2026-12-01",
                Some("2026-12-01T12:15:00Z"),
            ),
            (
                "2026-11-01T12:15:00Z",
                (0, PeriodUnit::Hour),
                (0, 24),
                "2026-12-01",
                Some("2026-12-01T00:15:00Z"),
            ),
        ] {
            let settings = CycleSettings {
                kind: String::new(),
                name: String::new(),
                enabled: true,
                first: at(first),
                every,
                unit,
                from_hour: from,
                until_hour: until,
                parameter: String::new(),
                source: String::new(),
            };
            let next = settings.next_after(at(now)).map(|next| next.to_string());
            assert_eq!(next.as_deref(), wanted, "{first} {every} {unit:?} {from}-{until} {now}");
            let off = CycleSettings { enabled: false, ..settings };
            assert_eq!(off.next_after(at(now)), None);
        }
    }
}
