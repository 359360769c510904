//! Which images have it.
//!
//! In: a CVE, advisory or rule id, or a package. Out: the images with that finding, most urgent first, or with that package.
//! Odd: an id that nobody has is an
//! empty list: there is no register of all ids to tell a typing error from good news.

use plimsoll_model::{Kind, Level, Priority};
use plimsoll_store::{Affected, AffectedQuery, Holding, PackageName, Store};
use serde::{Deserialize, Serialize};

use super::{ListMeta, OperationError};

/// One image that has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AffectedView {
    /// Stable id of the image.
    pub uuid: String,
    /// The registry's name.
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    /// Kind of finding.
    pub kind: Kind,
    /// The finding's own id.
    pub id: String,
    /// Package URL, path, or part of the image.
    pub subject: String,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Vulnerabilities only: 0.0 to 15.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// First version without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_version: Option<String>,
    /// One line for people.
    pub title: String,
}

/// All images that have it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AffectedList {
    /// As it was asked for.
    pub id: String,
    /// Most urgent first.
    pub images: Vec<AffectedView>,
    /// How many images there are; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<ListMeta>,
}

/// Which part of the list. Filters are combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListAffected {
    /// Only images that run in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// Only images of the registry of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Number of the page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Images of a page, 1 to 1,000; 1,000 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// One image that has a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HoldingView {
    /// Stable id of the image.
    pub uuid: String,
    /// The registry's name.
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    /// The package's URL.
    pub package: String,
}

/// All images that have a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HoldingList {
    /// As it was asked for.
    pub package: String,
    /// By registry and name.
    pub images: Vec<HoldingView>,
    /// How many images there are.
    pub meta: ListMeta,
}

/// Images given at most.
const MOST: u32 = 1000;
/// Longer than any id or package URL that somebody would type.
const LONGEST: usize = 1_000;

/// The images that have a finding with this id, alias or advisory.
///
/// # Errors
/// A parameter cannot be, or the database fails.
pub async fn affected(
    store: &Store,
    id: &str,
    request: &ListAffected,
) -> Result<AffectedList, OperationError> {
    if id.trim().is_empty() || id.len() > 200 {
        return Err(OperationError::invalid("id", "expected an id such as CVE-2021-44228"));
    }
    let found = store.affected(id.trim(), &request.query()?).await?;
    let meta = meta(found.images, found.page, found.page_size);
    Ok(AffectedList {
        id: id.trim().to_owned(),
        images: found.items.into_iter().map(AffectedView::of).collect(),
        meta: (found.images > 0).then_some(meta),
    })
}

/// The images that have a package, by its name or its package URL.
///
/// # Errors
/// A parameter cannot be, or the database fails.
pub async fn holders(
    store: &Store,
    package: &str,
    request: &ListAffected,
) -> Result<HoldingList, OperationError> {
    let package = package.trim();
    if package.is_empty() || package.len() > LONGEST {
        return Err(OperationError::invalid(
            "package",
            "expected a package's name, or a package URL such as pkg:deb/debian/openssl",
        ));
    }
    let name = if package.starts_with("pkg:") {
        PackageName::Purl(package.to_owned())
    } else {
        PackageName::Name(package.to_owned())
    };
    let found = store.holders(&name, &request.query()?).await?;
    let meta = meta(found.images, found.page, found.page_size);
    Ok(HoldingList {
        package: package.to_owned(),
        images: found.items.into_iter().map(HoldingView::of).collect(),
        meta,
    })
}

fn meta(total: u64, page: u32, page_size: u32) -> ListMeta {
    let more = u64::from(page) * u64::from(page_size) < total;
    ListMeta { total, next: more.then(|| page.saturating_add(1)) }
}

impl ListAffected {
    fn query(&self) -> Result<AffectedQuery, OperationError> {
        let page_size = self.page_size.unwrap_or(MOST);
        if !(1..=MOST).contains(&page_size) {
            return Err(OperationError::invalid(
                "page_size",
                format!("{page_size} is not 1 to {MOST}"),
            ));
        }
        let page = self.page.unwrap_or(1);
        if page == 0 {
            return Err(OperationError::invalid("page", "pages are counted from 1"));
        }
        let registry = self.registry.clone();
        Ok(AffectedQuery { running: self.running.unwrap_or_default(), registry, page, page_size })
    }
}

impl HoldingView {
    fn of(holding: Holding) -> Self {
        let image = &holding.image;
        Self {
            uuid: image.uuid.clone(),
            image: format!("{}:{}", image.path(), image.tag),
            registry: holding.registry,
            package: holding.purl,
        }
    }
}

impl AffectedView {
    fn of(affected: Affected) -> Self {
        let image = &affected.image;
        Self {
            uuid: image.uuid.clone(),
            registry: affected.registry,
            image: format!("{}:{}", image.path(), image.tag),
            kind: affected.kind,
            id: affected.id,
            subject: affected.subject,
            level: affected.level,
            priority: affected.priority,
            score: affected.tenths.map(|tenths| f64::from(tenths) / 10.0),
            fix_version: affected.fix_version,
            title: affected.title,
        }
    }
}
