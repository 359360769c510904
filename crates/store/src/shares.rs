//! Whose task is next: origins one after another, tenants in turn, each one's registries in turn, and no registry faster than its
//! rate.
//!
//! In: the queue, and what is known of each tenant and registry: running scans, turn, credit. Out: the task to claim next, and
//! the shares after a claim. Source: start-time fair queueing (Goyal, Vin, Cheng 1996) for turns, hierarchical as theirs; a token
//! bucket for rates.
//!
//! Odd:
//! * A turn counts claims. Who had nothing to scan for a while does not save up turns: it begins where the others are, tenants
//!   among tenants, registries among those of their tenant.
//! * Running scans come before turns, so that a registry with slow images does not take all workers.
//! * While all registries are of one tenant, whose turn it is among tenants is not written down: a claim writes as little as
//!   before there were any.
//! * The bucket of a rate holds what the rate gives in a minute, or one scan: a registry is read evenly, not sixty scans at once
//!   and then nothing.

use std::collections::HashMap;

use plimsoll_model::Timestamp;

use crate::{
    RegistryError, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    statement,
};

const DOING: &str = "choosing a task";

/// One scan, in the unit of credits: so much of it is earned in a second at one scan an hour.
const SCAN: i64 = 3_600;
/// Seconds in which an empty bucket is full again, if one scan is less than that.
const BURST_SECONDS: i64 = 60;
/// The highest rate, which is none.
pub const MOST_SCANS_PER_HOUR: u32 = 1_000_000;
/// Tasks whose lease ended that one claim looks at.
const ENDED_LEASES: i64 = 64;

/// How fast a registry is scanned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanRate {
    /// The registry's name.
    pub registry: String,
    /// Scans an hour; `None`: as many as there are workers for.
    pub scans_per_hour: Option<u32>,
}

/// What is known of a registry's share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Share {
    turn: i64,
    scans_per_hour: Option<i64>,
    credit: i64,
    credited: Timestamp,
}

/// The best task of a registry and origin.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Candidate {
    task: i64,
    origin: i64,
    queued: i64,
    tenant: Tenant,
    /// Scans of its registry that run.
    running: i64,
    share: Share,
}

/// Whose a registry is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Tenant {
    name: String,
    /// Scans of its registries that run.
    running: i64,
    turn: i64,
}

/// The turns of the latest claims: nobody's is earlier.
#[derive(Debug)]
struct Floors {
    of_tenants: i64,
    /// By tenant, that of its registries.
    of_registries: HashMap<String, i64>,
}

/// What is read of a task `t` for a [`Candidate`], by statements whose `$1` is the time.
const COLUMNS: &str = "t.id, t.origin, t.queued, s.turn, s.scans_per_hour, s.credit, s.credited, COALESCE(r.tenant, '') AS tenant, \
     COALESCE(o.turn, 0) AS tenant_turn, COALESCE(busy.number, 0) AS running, COALESCE(theirs.number, 0) AS tenant_running";
/// From where, besides `t`. The registry of a task that runs may be gone.
const SHARES: &str = "LEFT JOIN registries r ON r.id = t.registry_id \
     LEFT JOIN registry_shares s ON s.registry_id = t.registry_id \
     LEFT JOIN tenant_shares o ON o.tenant = r.tenant \
     LEFT JOIN ( \
         SELECT registry_id, COUNT(*) AS number FROM tasks \
         WHERE state = 'running' AND lease_until > $1 GROUP BY registry_id \
     ) busy ON busy.registry_id = t.registry_id \
     LEFT JOIN ( \
         SELECT x.tenant, COUNT(*) AS number FROM tasks k JOIN registries x ON x.id = k.registry_id \
         WHERE k.state = 'running' AND k.lease_until > $1 GROUP BY x.tenant \
     ) theirs ON theirs.tenant = r.tenant";

impl Share {
    /// Of a registry that was never scanned.
    const NEW: Self = Self { turn: 0, scans_per_hour: None, credit: 0, credited: Timestamp(0) };

    fn full(rate: i64) -> i64 {
        rate.saturating_mul(BURST_SECONDS).max(SCAN)
    }

    /// Its credit now. A clock that was set back gives a full bucket, not a wait until it is where it was.
    fn credit_at(&self, rate: i64, now: Timestamp) -> i64 {
        let full = Self::full(rate);
        match now.0.saturating_sub(self.credited.0) {
            ..0 => full,
            seconds => self.credit.saturating_add(seconds.saturating_mul(rate)).min(full),
        }
    }

    fn may_begin(&self, now: Timestamp) -> bool {
        self.scans_per_hour.is_none_or(|rate| self.credit_at(rate, now) >= SCAN)
    }

    /// After a claim, where `floor` is the turn of the latest one.
    fn after_claim(self, floor: i64, now: Timestamp) -> Self {
        let credit = match self.scans_per_hour {
            Some(rate) => self.credit_at(rate, now).saturating_sub(SCAN),
            None => 0,
        };
        let turn = self.turn.max(floor).saturating_add(1);
        Self { turn, credit, credited: now, ..self }
    }
}

impl Store {
    /// Bounds how many scans an hour are begun of a registry's images; `None`: as many as there are workers for.
    ///
    /// # Errors
    /// There is no such registry, the rate is 0 or more than [`MOST_SCANS_PER_HOUR`], or the database fails.
    pub async fn set_scan_rate(
        &self,
        registry: &str,
        scans_per_hour: Option<u32>,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        const DOING: &str = "setting a registry's rate";
        if scans_per_hour.is_some_and(|rate| !(1..=MOST_SCANS_PER_HOUR).contains(&rate)) {
            return Err(RegistryError::Invalid {
                name: registry.to_owned(),
                what: format!("a rate is 1 to {MOST_SCANS_PER_HOUR} scans an hour"),
            });
        }
        let rate = scans_per_hour.map(i64::from);
        let mut transaction = self.write().await?;
        let row = statement::query("SELECT id FROM registries WHERE name = $1")
            .bind(registry)
            .fetch_optional(&mut transaction)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Err(RegistryError::Unknown(registry.to_owned())) };
        let id: i64 = column::number(&row, "id")?;
        let before = share(&mut transaction, id).await?;
        if before.scans_per_hour == rate {
            return Ok(());
        }
        // A bucket begins full; one that is there keeps what it has, so that setting a rate again gives nothing.
        let credit = match (before.scans_per_hour, rate) {
            (Some(old), Some(new)) => before.credit_at(old, now).min(Share::full(new)),
            (None, Some(new)) => Share::full(new),
            (_, None) => 0,
        };
        let after = Share { scans_per_hour: rate, credit, credited: now, ..before };
        write(&mut transaction, id, after).await?;
        transaction.commit().await.doing(DOING)?;
        self.hint_tasks();
        Ok(())
    }

    /// The rate of every registry, by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn scan_rates(&self) -> Result<Vec<ScanRate>, StoreError> {
        let rows = statement::query(
            "SELECT r.name, s.scans_per_hour FROM registries r \
             LEFT JOIN registry_shares s ON s.registry_id = r.id ORDER BY r.name",
        )
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("listing rates")?;
        rows.iter()
            .map(|row| {
                Ok(ScanRate {
                    registry: column::text(row, "name")?,
                    scans_per_hour: column::optional_number(row, "scans_per_hour")?,
                })
            })
            .collect()
    }
}

/// The task to claim next, if any may be begun.
pub(crate) async fn next_task(
    connection: &mut DatabaseConnection,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let mut candidates = queued(connection, now).await?;
    candidates.extend(ended_leases(connection, now).await?);
    candidates.retain(|candidate| candidate.share.may_begin(now));
    if candidates.len() < 2 {
        return Ok(candidates.first().map(|candidate| candidate.task));
    }
    let floors = Floors::read(connection).await?;
    let best = candidates.iter().min_by_key(|candidate| candidate.place(&floors));
    Ok(best.map(|candidate| candidate.task))
}

/// Whether a rate may keep a task that is due from being begun.
pub(crate) async fn has_rates(connection: &mut DatabaseConnection) -> Result<bool, StoreError> {
    let row =
        statement::query("SELECT 1 FROM registry_shares WHERE scans_per_hour IS NOT NULL LIMIT 1")
            .fetch_optional(connection)
            .await
            .doing(DOING)?;
    Ok(row.is_some())
}

/// Notes that a scan of a registry begins.
pub(crate) async fn charge(
    transaction: &mut Transaction,
    registry: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = statement::query("SELECT tenant FROM registries WHERE id = $1")
        .bind(registry)
        .fetch_optional(transaction)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(()) };
    let tenant = column::text(&row, "tenant")?;
    let floors = Floors::read(transaction).await?;
    charge_tenant(transaction, &tenant, floors.of_tenants).await?;
    let share = share(transaction, registry).await?;
    write(transaction, registry, share.after_claim(floors.of(&tenant), now)).await
}

/// Moves a tenant's turn on, if there is another one.
async fn charge_tenant(
    transaction: &mut Transaction,
    tenant: &str,
    floor: i64,
) -> Result<(), StoreError> {
    let row = statement::query(
        "SELECT COALESCE((SELECT turn FROM tenant_shares WHERE tenant = $1), 0) AS turn \
         WHERE EXISTS (SELECT 1 FROM registries WHERE tenant <> $1)",
    )
    .bind(tenant)
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(()) };
    let turn: i64 = column::number(&row, "turn")?;
    statement::query(
        "INSERT INTO tenant_shares (tenant, turn) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET turn = excluded.turn",
    )
    .bind(tenant)
    .bind(turn.max(floor).saturating_add(1))
    .execute(transaction)
    .await
    .doing("writing a tenant's share")?;
    Ok(())
}

/// Gives the tasks of a registry that goes to another one that has their images.
pub(crate) async fn hand_over(
    transaction: &mut Transaction,
    registry: i64,
) -> Result<(), StoreError> {
    statement::query(
        "UPDATE tasks SET registry_id = (SELECT MIN(i.registry_id) FROM images i WHERE i.artifact_id = tasks.artifact_id) \
         WHERE registry_id = $1 AND EXISTS (SELECT 1 FROM images i WHERE i.artifact_id = tasks.artifact_id)",
    )
    .bind(registry)
    .execute(transaction)
    .await
    .doing("handing tasks over to another registry")?;
    Ok(())
}

/// The oldest task that waits and is due, of each registry and origin.
async fn queued(
    connection: &mut DatabaseConnection,
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ( \
             SELECT ( \
                 SELECT q.id FROM tasks q WHERE q.state = 'queued' AND q.registry_id = g.id AND q.origin = w.origin \
                 AND q.due <= $1 ORDER BY q.queued, q.id LIMIT 1 \
             ) AS id FROM registries g CROSS JOIN (SELECT 0 AS origin UNION ALL SELECT 1 UNION ALL SELECT 2) w \
         ) oldest JOIN tasks t ON t.id = oldest.id {SHARES}"
    );
    let rows = statement::query(sqlx::AssertSqlSafe(sql))
        .bind(now.0)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(Candidate::of).collect()
}

/// Tasks whose worker did not end them in time: they are as good as queued.
async fn ended_leases(
    connection: &mut DatabaseConnection,
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM tasks t {SHARES} WHERE t.state = 'running' AND t.lease_until <= $1 \
         ORDER BY t.origin, t.queued, t.id LIMIT $2"
    );
    let rows = statement::query(sqlx::AssertSqlSafe(sql))
        .bind(now.0)
        .bind(ENDED_LEASES)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(Candidate::of).collect()
}

async fn share(connection: &mut DatabaseConnection, registry: i64) -> Result<Share, StoreError> {
    let row = statement::query(
        "SELECT turn, scans_per_hour, credit, credited FROM registry_shares WHERE registry_id = $1",
    )
    .bind(registry)
    .fetch_optional(connection)
    .await
    .doing(DOING)?;
    row.as_ref().map_or(Ok(Share::NEW), Share::of)
}

async fn write(
    transaction: &mut Transaction,
    registry: i64,
    share: Share,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO registry_shares (registry_id, scans_per_hour, turn, credit, credited) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (registry_id) DO UPDATE SET scans_per_hour = excluded.scans_per_hour, turn = excluded.turn, \
         credit = excluded.credit, credited = excluded.credited",
    )
    .bind(registry)
    .bind(share.scans_per_hour)
    .bind(share.turn)
    .bind(share.credit)
    .bind(share.credited.0)
    .execute(transaction)
    .await
    .doing("writing a registry's share")?;
    Ok(())
}

impl Share {
    fn of(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            turn: column::optional_number(row, "turn")?.unwrap_or(0),
            scans_per_hour: column::optional_number(row, "scans_per_hour")?,
            credit: column::optional_number(row, "credit")?.unwrap_or(0),
            credited: column::optional_time(row, "credited")?.unwrap_or(Timestamp(0)),
        })
    }
}

impl Floors {
    async fn read(connection: &mut DatabaseConnection) -> Result<Self, StoreError> {
        let row = statement::query("SELECT COALESCE(MAX(turn), 1) - 1 AS turn FROM tenant_shares")
            .fetch_one(connection)
            .await
            .doing(DOING)?;
        let rows = statement::query(
            "SELECT r.tenant, MAX(s.turn) - 1 AS turn FROM registry_shares s \
             JOIN registries r ON r.id = s.registry_id GROUP BY r.tenant",
        )
        .fetch_all(connection)
        .await
        .doing(DOING)?;
        let of = |row| Ok((column::text(row, "tenant")?, column::number(row, "turn")?));
        Ok(Self {
            of_tenants: column::number(&row, "turn")?,
            of_registries: rows.iter().map(of).collect::<Result<_, StoreError>>()?,
        })
    }

    fn of(&self, tenant: &str) -> i64 {
        self.of_registries.get(tenant).copied().unwrap_or(0)
    }
}

impl Candidate {
    /// What comes first in this order is claimed first.
    fn place(&self, floors: &Floors) -> (i64, [i64; 2], [i64; 2], [i64; 2]) {
        let tenant = [self.tenant.running, self.tenant.turn.max(floors.of_tenants)];
        let registry = [self.running, self.share.turn.max(floors.of(&self.tenant.name))];
        (self.origin, tenant, registry, [self.queued, self.task])
    }

    fn of(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            task: column::number(row, "id")?,
            origin: column::number(row, "origin")?,
            queued: column::number(row, "queued")?,
            tenant: Tenant {
                name: column::text(row, "tenant")?,
                running: column::number(row, "tenant_running")?,
                turn: column::number(row, "tenant_turn")?,
            },
            running: column::number(row, "running")?,
            share: Share::of(row)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(rate: i64) -> Share {
        Share { scans_per_hour: Some(rate), credit: Share::full(rate), ..Share::NEW }
    }

    /// How many scans may begin from `from` to `to`, when somebody asks each second.
    fn begun(mut share: Share, from: i64, to: i64) -> (i64, Share) {
        let mut scans = 0;
        for second in from..to {
            while share.may_begin(Timestamp(second)) {
                share = share.after_claim(0, Timestamp(second));
                scans += 1;
            }
        }
        (scans, share)
    }

    #[test]
    fn a_rate_is_kept_over_hours_whatever_it_is() {
        for rate in [1, 7, 60, 3_600, 100_000] {
            let (first, share) = begun(share(rate), 0, 3_600);
            let burst = (rate / 60).max(1);
            assert!((rate..=rate + burst).contains(&first), "{rate}: {first}");
            let (second, _) = begun(share, 3_600, 7_200);
            assert!((rate - 1..=rate + 1).contains(&second), "{rate}: {second}");
        }
    }

    #[test]
    fn credit_is_not_saved_up_and_a_clock_set_back_does_not_stop_a_registry() {
        let (_, empty) = begun(share(60), 0, 1);
        assert!(!empty.may_begin(Timestamp(1)));
        let (scans, _) = begun(empty, 86_400, 86_401);
        assert_eq!(scans, 1, "a day's rest is a minute's");
        let mut later = empty;
        later.credited = Timestamp(10_000);
        assert!(later.may_begin(Timestamp(5)));
    }

    #[test]
    fn a_registry_that_comes_back_begins_where_the_others_are() {
        let away = Share::NEW.after_claim(1_000, Timestamp(0));
        assert_eq!(away.turn, 1_001);
        assert_eq!(away.after_claim(1_000, Timestamp(0)).turn, 1_002);
    }
}
