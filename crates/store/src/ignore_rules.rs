//! Ignore rules as rows: made, changed, removed, run out.
//!
//! In: rules as people write them, always with the time. Out: [`IgnoreRule`] and how it is used. Source: `docs/ignore.md`.
//! Odd: whether a rule has run out is a fact that is written down, in the transaction that counts its images again, so that
//! every list, ranking and sum leaves it at the same moment; a time that passes changes nothing by itself.

use std::collections::BTreeSet;

use plimsoll_model::{IgnoreRule, Kind, NewIgnoreRule, RuleError, RuleSource, Timestamp};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    findings::KIND,
    images::{dashed, split_repository},
    own_counters::{self, Hits},
    statement::{self, QueryBuilder},
};

/// Why a rule was not written.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreError {
    /// It is no rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Another rule ignores exactly the same.
    #[error("rule {id} ignores `{vulnerability}` there already: change that one")]
    Duplicate {
        /// The other rule.
        id: i64,
        /// What it ignores.
        vulnerability: String,
    },
    /// There is none of this number.
    #[error("there is no ignore rule {0}")]
    Unknown(i64),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A rule, and what it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoreRuleUse {
    /// The rule.
    pub rule: IgnoreRule,
    /// Images in which it ignores something now.
    pub images: u64,
    /// Distinct vulnerabilities that it ignores now, by record.
    pub records: u64,
    /// When an image last came under it, or ceased to be; `None`: never.
    pub last_used: Option<Timestamp>,
}

const DOING: &str = "writing an ignore rule";
const COLUMNS: &str = "SELECT r.*, (SELECT COUNT(DISTINCT g.image_id) FROM ignored_records g WHERE g.rule_id = r.id) AS images, \
     (SELECT COUNT(DISTINCT g.record) FROM ignored_records g WHERE g.rule_id = r.id) AS records FROM ignore_rules r";

impl IgnoreRuleUse {
    /// Whether it ignores nothing, though it has not run out.
    #[must_use]
    pub const fn is_unused(&self) -> bool {
        self.images == 0 && !self.rule.expired
    }

    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            rule: rule_of(row)?,
            images: column::number(row, "images")?,
            records: column::number(row, "records")?,
            last_used: column::optional_time(row, "last_used")?,
        })
    }
}

/// Reads the columns of `ignore_rules`.
pub(crate) fn rule_of(row: &DatabaseRow) -> Result<IgnoreRule, StoreError> {
    Ok(IgnoreRule {
        id: column::number(row, "id")?,
        rule: NewIgnoreRule {
            kind: column::parsed(row, "kind", KIND)?,
            path: column::get(row, "path")?,
            md5: column::get(row, "md5")?,
            false_positive: column::flag(row, "false_positive")?,
            switched_off: column::flag(row, "switched_off")?,
            vulnerability: column::text(row, "vulnerability")?,
            alias: column::get(row, "alias")?,
            package: column::get(row, "package")?,
            of_type: column::optional_parsed(row, "of_type", "a type of vulnerability")?,
            image: column::get(row, "image")?,
            repositories: column::json(row, "repositories")?,
            source: column::parsed(row, "source", "a source of findings")?,
            reason: column::text(row, "reason")?,
            author: column::text(row, "author")?,
            expires: column::optional_time(row, "expires")?,
        },
        created: column::time(row, "created")?,
        modified: column::time(row, "modified")?,
        expired: column::flag(row, "expired")?,
    })
}

impl Store {
    /// All rules with their use, the newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ignore_rules(&self) -> Result<Vec<IgnoreRuleUse>, StoreError> {
        let rows = statement::query(sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY r.id DESC")))
            .fetch_all(&mut *self.read().await?)
            .await
            .doing("listing ignore rules")?;
        rows.iter().map(IgnoreRuleUse::from_row).collect()
    }

    /// One rule with its use.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ignore_rule(&self, id: i64) -> Result<Option<IgnoreRuleUse>, StoreError> {
        let row = statement::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE r.id = $1")))
            .bind(id)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing("reading an ignore rule")?;
        row.map(|row| IgnoreRuleUse::from_row(&row)).transpose()
    }

    /// Rules that hold, on one kind of findings; only those that name `id`, only those on the image of this id. Without what they do:
    /// that would have to be counted.
    ///
    /// # Errors
    /// The database fails.
    pub async fn rules_on(
        &self,
        kind: Kind,
        id: Option<&str>,
        image: Option<&str>,
    ) -> Result<Vec<IgnoreRule>, StoreError> {
        rules_on(&mut *self.read().await?, kind, id, image).await
    }

    /// Makes rules and counts the images that they touch again: all of them, or none.
    ///
    /// # Errors
    /// One is no rule or says what another one says, or the database fails.
    pub async fn add_ignore_rules(
        &self,
        rules: &[NewIgnoreRule],
        now: Timestamp,
    ) -> Result<Vec<IgnoreRule>, IgnoreError> {
        self.exchange_ignore_rules(&[], rules, now).await
    }

    /// Takes rules back and makes others in their place: all of it, or nothing. Images are counted once.
    ///
    /// # Errors
    /// One of the old is not there, one of the new is no rule or says what another one says, or the database fails.
    pub async fn exchange_ignore_rules(
        &self,
        removed: &[i64],
        added: &[NewIgnoreRule],
        now: Timestamp,
    ) -> Result<Vec<IgnoreRule>, IgnoreError> {
        let checked: Vec<NewIgnoreRule> =
            added.iter().map(|rule| rule.checked(now)).collect::<Result<_, _>>()?;
        let mut transaction = self.write().await?;
        let added = exchange(&mut transaction, removed, checked, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(added)
    }

    /// The ids of a kind that are not asked for, in the spelling that they were switched off with.
    ///
    /// # Errors
    /// The database fails.
    pub async fn switched_off(&self, kind: Kind) -> Result<BTreeSet<String>, StoreError> {
        let rules = rules_on(&mut *self.read().await?, kind, None, None).await?;
        let off = rules.into_iter().filter(|rule| rule.rule.switched_off);
        Ok(off.map(|rule| rule.rule.vulnerability).collect())
    }

    /// Makes exactly these ids of a kind those that are not asked for; whatever images have of them no longer counts, and what they
    /// have of others counts again. Writes only differences.
    ///
    /// # Errors
    /// An id or the author cannot be, or the database fails.
    pub async fn switch_off(
        &self,
        kind: Kind,
        ids: &BTreeSet<String>,
        author: &str,
        now: Timestamp,
    ) -> Result<(), IgnoreError> {
        let mut transaction = self.write().await?;
        let known = rules_on(&mut transaction, kind, None, None).await?;
        let known: Vec<IgnoreRule> =
            known.into_iter().filter(|rule| rule.rule.switched_off).collect();
        let is_known = |id: &String| known.iter().any(|rule| rule.rule.vulnerability == *id);
        let mut added = Vec::new();
        for id in ids.iter().filter(|id| !is_known(id)) {
            let rule = NewIgnoreRule {
                kind,
                vulnerability: id.clone(),
                switched_off: true,
                reason: format!("{id} is switched off"),
                author: author.to_owned(),
                ..NewIgnoreRule::default()
            };
            added.push(rule.checked(now)?);
        }
        let removed: Vec<i64> = known
            .iter()
            .filter(|rule| !ids.contains(&rule.rule.vulnerability))
            .map(|rule| rule.id)
            .collect();
        if !(added.is_empty() && removed.is_empty()) {
            exchange(&mut transaction, &removed, added, now).await?;
        }
        transaction.commit().await.doing(DOING)?;
        Ok(())
    }

    /// Makes one rule.
    ///
    /// # Errors
    /// As [`Store::add_ignore_rules`].
    pub async fn add_ignore_rule(
        &self,
        rule: &NewIgnoreRule,
        now: Timestamp,
    ) -> Result<IgnoreRule, IgnoreError> {
        let mut added = self.add_ignore_rules(std::slice::from_ref(rule), now).await?;
        added.pop().ok_or(IgnoreError::Unknown(0))
    }

    /// Makes a rule say something else; one that has run out holds again. Writes only a change.
    ///
    /// # Errors
    /// There is no such rule, what it is to say is no rule or what another one says, or the database fails.
    pub async fn change_ignore_rule(
        &self,
        id: i64,
        rule: &NewIgnoreRule,
        now: Timestamp,
    ) -> Result<IgnoreRule, IgnoreError> {
        let rule = rule.checked(now)?;
        let mut transaction = self.write().await?;
        let row = statement::query("SELECT * FROM ignore_rules WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut transaction)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Err(IgnoreError::Unknown(id)) };
        let before = rule_of(&row)?;
        if before.rule == rule && !before.expired {
            return Ok(before);
        }
        refuse_duplicate(&mut transaction, &rule, Some(id)).await?;
        let mut images = images_under(&mut transaction, id).await?;
        statement::query(
            "UPDATE ignore_rules SET vulnerability = $2, alias = $3, package = $4, of_type = $5, image = $6, \
             repositories = $7, source = $8, reason = $9, author = $10, expires = $11, expired = 0, modified = $12, \
             kind = $13, path = $14, md5 = $15, false_positive = $16, switched_off = $17 \
             WHERE id = $1",
        )
        .bind(id)
        .bind(&rule.vulnerability)
        .bind(&rule.alias)
        .bind(&rule.package)
        .bind(rule.of_type.map(|of_type| of_type.as_str()))
        .bind(&rule.image)
        .bind(list_text(&rule.repositories))
        .bind(rule.source.as_str())
        .bind(&rule.reason)
        .bind(&rule.author)
        .bind(rule.expires.map(|expires| expires.0))
        .bind(now.0)
        .bind(rule.kind.as_str())
        .bind(&rule.path)
        .bind(&rule.md5)
        .bind(i64::from(rule.false_positive))
        .bind(i64::from(rule.switched_off))
        .execute(&mut transaction)
        .await
        .doing(DOING)?;
        if !rule.has_scope_of(&before.rule) || before.expired {
            images.extend(reached(&mut transaction, &rule).await?);
            own_counters::recount(&mut transaction, &images, now).await?;
        }
        transaction.commit().await.doing(DOING)?;
        Ok(IgnoreRule { id, rule, created: before.created, modified: now, expired: false })
    }

    /// Takes rules back: what they ignored counts again. All of them, or none.
    ///
    /// # Errors
    /// One of them is not there, or the database fails.
    pub async fn remove_ignore_rules(
        &self,
        ids: &[i64],
        now: Timestamp,
    ) -> Result<(), IgnoreError> {
        self.exchange_ignore_rules(ids, &[], now).await?;
        Ok(())
    }

    /// Ends the rules that have run out: what they ignored counts again. Returns them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn expire_ignore_rules(&self, now: Timestamp) -> Result<Vec<IgnoreRule>, StoreError> {
        const DOING: &str = "ending ignore rules that ran out";
        const DUE: &str =
            "SELECT * FROM ignore_rules WHERE expired = 0 AND expires <= $1 ORDER BY id";
        let due = statement::query(DUE)
            .bind(now.0)
            .fetch_optional(&mut *self.read().await?)
            .await
            .doing(DOING)?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let rows =
            statement::query(DUE).bind(now.0).fetch_all(&mut transaction).await.doing(DOING)?;
        let (mut ended, mut images) = (Vec::with_capacity(rows.len()), BTreeSet::new());
        for row in &rows {
            let rule = rule_of(row)?;
            images.extend(images_under(&mut transaction, rule.id).await?);
            statement::query("UPDATE ignore_rules SET expired = 1 WHERE id = $1")
                .bind(rule.id)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
            ended.push(IgnoreRule { expired: true, ..rule });
        }
        own_counters::recount(&mut transaction, &images, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(ended)
    }
}

fn list_text(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}

/// The rules that hold.
pub(crate) async fn holding(
    connection: &mut DatabaseConnection,
) -> Result<Vec<IgnoreRule>, StoreError> {
    let rows = statement::query(
        "SELECT * FROM ignore_rules WHERE expired = 0 AND source = $1 ORDER BY id",
    )
    .bind(RuleSource::Image.as_str())
    .fetch_all(connection)
    .await
    .doing("reading ignore rules")?;
    rows.iter().map(rule_of).collect()
}

async fn rules_on(
    connection: &mut DatabaseConnection,
    kind: Kind,
    id: Option<&str>,
    image: Option<&str>,
) -> Result<Vec<IgnoreRule>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT * FROM ignore_rules WHERE expired = 0 AND kind = ");
    sql.push_bind(kind.as_str());
    if let Some(id) = id {
        sql.push(" AND UPPER(vulnerability) = ").push_bind(id.to_ascii_uppercase());
    }
    if let Some(image) = image {
        sql.push(" AND image = ").push_bind(dashed(image));
    }
    sql.push(" ORDER BY id");
    let rows = sql.build().fetch_all(connection).await.doing("reading ignore rules")?;
    rows.iter().map(rule_of).collect()
}

/// Removes rules and adds others, which are in one spelling.
async fn exchange(
    transaction: &mut Transaction,
    removed: &[i64],
    added: Vec<NewIgnoreRule>,
    now: Timestamp,
) -> Result<Vec<IgnoreRule>, IgnoreError> {
    let mut images = BTreeSet::new();
    for id in removed {
        images.extend(images_under(transaction, *id).await?);
        let done = statement::query("DELETE FROM ignore_rules WHERE id = $1")
            .bind(id)
            .execute(transaction)
            .await
            .doing(DOING)?;
        if done.rows_affected() == 0 {
            return Err(IgnoreError::Unknown(*id));
        }
    }
    let mut rules = Vec::with_capacity(added.len());
    for rule in added {
        refuse_duplicate(transaction, &rule, None).await?;
        let row = statement::query(
            "INSERT INTO ignore_rules (vulnerability, alias, package, of_type, image, repositories, source, reason, \
             author, expires, expired, created, modified, kind, path, md5, false_positive, switched_off) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $11, $12, $13, $14, $15, $16) RETURNING id",
        )
        .bind(&rule.vulnerability)
        .bind(&rule.alias)
        .bind(&rule.package)
        .bind(rule.of_type.map(|of_type| of_type.as_str()))
        .bind(&rule.image)
        .bind(list_text(&rule.repositories))
        .bind(rule.source.as_str())
        .bind(&rule.reason)
        .bind(&rule.author)
        .bind(rule.expires.map(|expires| expires.0))
        .bind(now.0)
        .bind(rule.kind.as_str())
        .bind(&rule.path)
        .bind(&rule.md5)
        .bind(i64::from(rule.false_positive))
        .bind(i64::from(rule.switched_off))
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
        images.extend(reached(transaction, &rule).await?);
        let id = column::number(&row, "id")?;
        rules.push(IgnoreRule { id, rule, created: now, modified: now, expired: false });
    }
    own_counters::recount(transaction, &images, now).await?;
    Ok(rules)
}

async fn refuse_duplicate(
    transaction: &mut Transaction,
    rule: &NewIgnoreRule,
    but: Option<i64>,
) -> Result<(), IgnoreError> {
    let rows = statement::query(
        "SELECT * FROM ignore_rules WHERE expired = 0 AND kind = $1 AND UPPER(vulnerability) = $2 \
         AND COALESCE(image, '') = $3 AND COALESCE(path, '') = $4 AND COALESCE(md5, '') = $5",
    )
    .bind(rule.kind.as_str())
    .bind(rule.vulnerability.to_ascii_uppercase())
    .bind(rule.image.clone().unwrap_or_default())
    .bind(rule.path.clone().unwrap_or_default())
    .bind(rule.md5.clone().unwrap_or_default())
    .fetch_all(transaction)
    .await
    .doing(DOING)?;
    for row in &rows {
        let other = rule_of(row)?;
        if Some(other.id) != but && other.rule.has_scope_of(rule) {
            let vulnerability = other.rule.vulnerability;
            return Err(IgnoreError::Duplicate { id: other.id, vulnerability });
        }
    }
    Ok(())
}

/// Images in which a rule ignores something.
async fn images_under(
    connection: &mut DatabaseConnection,
    rule: i64,
) -> Result<BTreeSet<i64>, StoreError> {
    let rows = statement::query("SELECT DISTINCT image_id FROM ignored_records WHERE rule_id = $1")
        .bind(rule)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(|row| column::number(row, "image_id")).collect()
}

/// Images in which a rule may ignore something: from the side that is narrower, what the rule names of images, or those that
/// have the vulnerability.
async fn reached(
    connection: &mut DatabaseConnection,
    rule: &NewIgnoreRule,
) -> Result<BTreeSet<i64>, StoreError> {
    let mut images = BTreeSet::new();
    let mut take = |rows: &[DatabaseRow]| {
        for row in rows {
            images.insert(column::number(row, "id")?);
        }
        Ok::<(), StoreError>(())
    };
    if rule.source != RuleSource::Image {
        return Ok(images);
    }
    if let Some(image) = &rule.image {
        let rows = statement::query(
            "SELECT id FROM images WHERE uuid = $1 UNION SELECT id FROM images WHERE digest = $1 \
             UNION SELECT id FROM images WHERE manifest_digest = $1 UNION SELECT id FROM images WHERE image_id = $1",
        )
        .bind(image)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
        take(&rows)?;
        return Ok(images);
    }
    let names_each = !rule.repositories.iter().any(|repository| repository.contains('*'));
    if names_each && !rule.repositories.is_empty() {
        for path in &rule.repositories {
            let (namespace, repository) = split_repository(path);
            let rows =
                statement::query("SELECT id FROM images WHERE namespace = $1 AND repository = $2")
                    .bind(namespace)
                    .bind(repository)
                    .fetch_all(&mut *connection)
                    .await
                    .doing(DOING)?;
            take(&rows)?;
        }
        return Ok(images);
    }
    let hits = Hits::read(connection, &[rule]).await?;
    hits.images(connection).await
}
