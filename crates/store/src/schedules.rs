//! Schedules: what is done again and again by the clock, once in the whole fleet each time.
//!
//! In: names, what to do, and when it is due next. Out: [`Schedule`] rows, and leases on those that are due. Odd:
//! * The store does not read cron expressions: whoever adds or ends one says when it is due next.
//! * What came due several times while nobody was there is done once.
//! * A process that dies with a lease leaves it to the next one, as with scans; the work must bear to be done again.

use plimsoll_model::Timestamp;

use crate::{
    Store, StoreError, column, database::DatabaseRow, error::Doing, registries::is_name, statement,
    tasks::cut,
};

const ADD: &str = "adding a schedule";
const CLAIM: &str = "claiming a schedule";
const LIST: &str = "SELECT s.*, r.name AS registry_name FROM schedules s LEFT JOIN registries r ON r.id = s.registry_id";

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScheduleKind {
    /// Registries are looked at for new images.
    Sync,
    /// Every image is scanned again.
    Scan,
}

impl ScheduleKind {
    /// `sync`, `scan`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Scan => "scan",
        }
    }
}

const KINDS: &[(&str, ScheduleKind)] =
    &[("sync", ScheduleKind::Sync), ("scan", ScheduleKind::Scan)];

/// What a person decides about a schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleSettings {
    /// What people call it; unique. At most 128 characters, none of them a control character.
    pub name: String,
    /// What is done.
    pub kind: ScheduleKind,
    /// For which registry; `None`: all.
    pub registry: Option<String>,
    /// When, as a cron expression.
    pub cron: String,
}

/// One schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Number of the row; never used again after removal.
    pub id: i64,
    /// What a person decided.
    pub settings: ScheduleSettings,
    /// When it is due next.
    pub due: Timestamp,
    /// Until when somebody is doing it; `None`: nobody is.
    pub running_until: Option<Timestamp>,
    /// When it was last ended, well or not.
    pub finished: Option<Timestamp>,
    /// Why it did not end well the last time.
    pub problem: Option<String>,
    /// When it was added.
    pub created: Timestamp,
}

/// The right to do what is due, and to say how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleLease {
    /// What to do.
    pub schedule: Schedule,
    /// The fencing number.
    pub generation: i64,
}

/// Why a schedule was not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Another one has that name.
    #[error("schedule `{0}` exists already")]
    Taken(String),
    /// None has that name.
    #[error("there is no schedule `{0}`")]
    Unknown(String),
    /// No registry has that name.
    #[error("there is no registry `{0}`")]
    UnknownRegistry(String),
    /// A name that cannot be.
    #[error("a schedule's name has 1 to 128 characters, none of them a control character")]
    Name,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds a schedule that is due first at `due`.
    ///
    /// # Errors
    /// The name is taken or cannot be, the registry is not there, or the database fails.
    pub async fn add_schedule(
        &self,
        settings: &ScheduleSettings,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<Schedule, ScheduleError> {
        if !is_name(&settings.name) {
            return Err(ScheduleError::Name);
        }
        let mut transaction = self.write().await?;
        let registry_id: Option<i64> = match &settings.registry {
            None => None,
            Some(name) => {
                let row = statement::query("SELECT id FROM registries WHERE name = $1")
                    .bind(name)
                    .fetch_optional(&mut transaction)
                    .await
                    .doing(ADD)?;
                let row = row.ok_or_else(|| ScheduleError::UnknownRegistry(name.clone()))?;
                Some(column::number(&row, "id")?)
            }
        };
        let row = statement::query(
            "INSERT INTO schedules (name, kind, registry_id, cron, due, generation, created) \
             VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .bind(&settings.name)
        .bind(settings.kind.as_str())
        .bind(registry_id)
        .bind(&settings.cron)
        .bind(due.0)
        .bind(now.0)
        .fetch_optional(&mut transaction)
        .await
        .doing(ADD)?;
        let Some(row) = row else { return Err(ScheduleError::Taken(settings.name.clone())) };
        let id = column::number(&row, "id")?;
        transaction.commit().await.doing(ADD)?;
        let settings = settings.clone();
        Ok(Schedule {
            id,
            settings,
            due,
            running_until: None,
            finished: None,
            problem: None,
            created: now,
        })
    }

    /// All schedules by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, StoreError> {
        let rows = statement::query(sqlx::AssertSqlSafe(format!("{LIST} ORDER BY s.name")))
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing schedules")?;
        rows.iter().map(Schedule::of).collect()
    }

    /// Removes a schedule. What it has begun goes on.
    ///
    /// # Errors
    /// None has that name, or the database fails.
    pub async fn remove_schedule(&self, name: &str) -> Result<(), ScheduleError> {
        const DOING: &str = "removing a schedule";
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM schedules WHERE name = $1")
            .bind(name)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        if done.rows_affected() == 0 {
            return Err(ScheduleError::Unknown(name.to_owned()));
        }
        transaction.commit().await.doing(DOING)?;
        Ok(())
    }

    /// Takes a schedule that is due and that nobody is doing, for [`Store::lease`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim_schedule(
        &self,
        worker: &str,
        now: Timestamp,
    ) -> Result<Option<ScheduleLease>, StoreError> {
        let due = || {
            let sql = format!(
                "{LIST} WHERE s.due <= $1 AND (s.lease_until IS NULL OR s.lease_until <= $1) ORDER BY s.due, s.id LIMIT 1"
            );
            statement::query(sqlx::AssertSqlSafe(sql)).bind(now.0)
        };
        if due().fetch_optional(&mut *self.read().await?).await.doing(CLAIM)?.is_none() {
            return Ok(None);
        }
        let mut transaction = self.write().await?;
        let Some(row) = due().fetch_optional(&mut transaction).await.doing(CLAIM)? else {
            return Ok(None);
        };
        let mut schedule = Schedule::of(&row)?;
        let until = self.lease_from(now);
        let row = statement::query(
            "UPDATE schedules SET generation = generation + 1, worker = $2, lease_until = $3 WHERE id = $1 \
             RETURNING generation",
        )
        .bind(schedule.id)
        .bind(worker)
        .bind(until.0)
        .fetch_one(&mut transaction)
        .await
        .doing(CLAIM)?;
        let generation = column::number(&row, "generation")?;
        transaction.commit().await.doing(CLAIM)?;
        schedule.running_until = Some(until);
        Ok(Some(ScheduleLease { schedule, generation }))
    }

    /// Extends the lease; whether it still stands.
    ///
    /// # Errors
    /// The database fails.
    pub async fn extend_schedule(
        &self,
        lease: &ScheduleLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "extending a schedule's lease";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE schedules SET lease_until = $3 WHERE id = $1 AND generation = $2 AND lease_until IS NOT NULL",
        )
        .bind(lease.schedule.id)
        .bind(lease.generation)
        .bind(self.lease_from(now).0)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }

    /// Says how what was due ended, and when it is due next. Nothing is written if the lease was lost; returns whether it was
    /// not.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end_schedule(
        &self,
        lease: &ScheduleLease,
        problem: Option<&str>,
        next: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "ending what was scheduled";
        let mut transaction = self.write().await?;
        let done = statement::query(
            "UPDATE schedules SET due = $3, finished = $4, problem = $5, worker = NULL, lease_until = NULL \
             WHERE id = $1 AND generation = $2 AND lease_until IS NOT NULL",
        )
        .bind(lease.schedule.id)
        .bind(lease.generation)
        .bind(next.0)
        .bind(now.0)
        .bind(problem.map(cut))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a schedule back untouched, as at shutdown: it is still due.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release_schedule(&self, lease: &ScheduleLease) -> Result<(), StoreError> {
        const DOING: &str = "giving a schedule back";
        let mut transaction = self.write().await?;
        statement::query(
            "UPDATE schedules SET worker = NULL, lease_until = NULL WHERE id = $1 AND generation = $2",
        )
        .bind(lease.schedule.id)
        .bind(lease.generation)
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }
}

impl Schedule {
    fn of(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::number(row, "id")?,
            settings: ScheduleSettings {
                name: column::text(row, "name")?,
                kind: column::word(row, "kind", KINDS)?,
                registry: column::get(row, "registry_name")?,
                cron: column::text(row, "cron")?,
            },
            due: column::time(row, "due")?,
            running_until: column::optional_time(row, "lease_until")?,
            finished: column::optional_time(row, "finished")?,
            problem: column::get(row, "problem")?,
            created: column::time(row, "created")?,
        })
    }
}
