//! Decisions on malicious and sensitive files of images: they count, somebody lives with them, or they are none.
//!
//! In: files as images have them, and what was decided. Out: ignore rules on exactly these files in exactly these images, made and
//! taken back in one transaction. Source: `docs/ignore.md`. Odd:
//! * A rule holds for a file's path and content together: the same path with other content counts again.
//! * A file that a wider rule covers cannot be made to count in one image; that is refused, and not answered as done.

mod list;

use std::collections::BTreeMap;

use plimsoll_model::{IgnoreRule, Kind, NewIgnoreRule, Timestamp, ignore::ANY};
use plimsoll_store::{FileInImage, FileKind, IgnoreError, Store, StoreError};

pub use self::list::{FileList, FileView, FileWord, ListFiles, list_files};

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decided {
    /// It counts.
    Counts,
    /// It is one, and somebody lives with it.
    Ignored,
    /// It is none.
    FalsePositive,
}

/// Whose decision it is, and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What was decided.
    pub decided: Decided,
    /// Why.
    pub reason: &'a str,
    /// By whom.
    pub author: &'a str,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// What takes it out of what counts takes more than this file of this image.
    #[error(
        "{what} of {image} does not count because of {rule}, which covers more than this file of this image: take that rule back, or narrow it"
    )]
    Wider {
        /// The file.
        what: String,
        /// The image.
        image: String,
        /// `ignore rule 12`, or a rule on sensitive files.
        rule: String,
    },
    /// A rule cannot be made.
    #[error(transparent)]
    Rule(#[from] IgnoreError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides about files. Returns the number of a rule that says so; 0: none does, for they count.
///
/// # Errors
/// A wider rule covers one of them, a rule cannot be made, or the database fails; then nothing was decided.
pub async fn decide(
    store: &Store,
    kind: FileKind,
    files: &[FileInImage],
    decision: Decision<'_>,
    now: Timestamp,
) -> Result<i64, DecideError> {
    let mut known: BTreeMap<&str, Vec<IgnoreRule>> = BTreeMap::new();
    for file in files {
        let uuid = file.image.uuid.as_str();
        if !known.contains_key(uuid) {
            known.insert(uuid, store.rules_on(kind_of(kind), None, Some(uuid)).await?);
        }
    }
    let (mut removed, mut added, mut number) = (Vec::new(), Vec::<NewIgnoreRule>::new(), 0);
    for file in files {
        let wanted = rule(kind, file, decision).checked(now).map_err(IgnoreError::from)?;
        let of_image = known.get(file.image.uuid.as_str()).into_iter().flatten();
        let same = of_image.clone().find(|known| known.rule.has_scope_of(&wanted));
        match (decision.decided, same) {
            (Decided::Counts, Some(same)) => removed.push(same.id),
            (Decided::Counts, None) if file.state.is_open() => {}
            (Decided::Counts, None) => return Err(wider(store, kind, file).await?),
            (_, Some(same)) if same.rule.false_positive == wanted.false_positive => {
                number = same.id;
            }
            (_, same) => {
                removed.extend(same.map(|same| same.id));
                // The same file in two layers is one decision.
                if !added.iter().any(|other| other.has_scope_of(&wanted)) {
                    added.push(wanted);
                }
            }
        }
    }
    removed.sort_unstable();
    removed.dedup();
    if removed.is_empty() && added.is_empty() {
        return Ok(number);
    }
    let made = store.exchange_ignore_rules(&removed, &added, now).await?;
    Ok(made.first().map_or(number, |rule| rule.id))
}

const fn kind_of(kind: FileKind) -> Kind {
    match kind {
        FileKind::Malicious => Kind::Malware,
        FileKind::Sensitive => Kind::Secret,
    }
}

/// The rule that says it of this file of this image.
fn rule(kind: FileKind, file: &FileInImage, decision: Decision<'_>) -> NewIgnoreRule {
    let md5 = file.md5().map(ToOwned::to_owned);
    let is_package = file.path().starts_with("pkg:");
    // What rules say of a malicious content may have another id tomorrow; what the content is, not.
    let is_content = kind == FileKind::Malicious && md5.is_some();
    NewIgnoreRule {
        kind: kind_of(kind),
        vulnerability: if is_content { ANY.to_owned() } else { file.finding.id.clone() },
        // Rules write any text for what cannot stand in one.
        path: (!is_package).then(|| file.path().replace(char::is_control, "*")),
        md5,
        image: Some(file.image.uuid.clone()),
        false_positive: decision.decided == Decided::FalsePositive,
        reason: decision.reason.to_owned(),
        author: decision.author.to_owned(),
        ..NewIgnoreRule::default()
    }
}

async fn wider(
    store: &Store,
    kind: FileKind,
    file: &FileInImage,
) -> Result<DecideError, StoreError> {
    let ignored = store.ignored_records(&file.image.uuid).await?;
    let rule = ignored
        .iter()
        .find(|one| one.rule.rule.kind == kind_of(kind) && one.rule.rule.covers(&file.finding));
    Ok(DecideError::Wider {
        what: file.path().to_owned(),
        image: format!("{}:{}", file.image.path(), file.image.tag),
        rule: rule.map_or_else(
            || "a rule on sensitive files".to_owned(),
            |one| format!("ignore rule {}", one.rule.id),
        ),
    })
}
