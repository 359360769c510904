//! Pages of the risk list that were asked for lately, for as long as nothing changes.
//!
//! In: the same question again. Out: the same page, without reading an image. Odd: whether something changed is asked of the
//! database each time, so that no process tells what another one has overtaken; what a page says of scans under way is not
//! among what is noted as a change, so that it is only for those who do not tell it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{ImageRisk, ImageRiskQuery, Page};
use crate::{Store, StoreError, listing::current_change};

/// Pages that are kept.
const MOST: usize = 64;

/// Pages as of one change.
#[derive(Debug, Default)]
pub(crate) struct KnownPages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    change: i64,
    pages: HashMap<ImageRiskQuery, Arc<Page<ImageRisk>>>,
}

impl KnownPages {
    fn get(&self, change: i64, query: &ImageRiskQuery) -> Option<Arc<Page<ImageRisk>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.change == change).then(|| known.pages.get(query).map(Arc::clone)).flatten()
    }

    fn keep(&self, change: i64, query: &ImageRiskQuery, page: &Arc<Page<ImageRisk>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.change > change {
            return;
        }
        if known.change < change || known.pages.len() >= MOST {
            known.pages.clear();
        }
        known.change = change;
        known.pages.insert(query.clone(), Arc::clone(page));
    }
}

impl Store {
    /// One page of the risk list, of which how scans stand ([`ImageRisk::task`], [`ImageRisk::scanned`], [`ImageRisk::verdict`])
    /// may be what it was a while ago; all else is of now.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_image_numbers(
        &self,
        query: &ImageRiskQuery,
    ) -> Result<Arc<Page<ImageRisk>>, StoreError> {
        let before = current_change(&mut *self.read().await?).await?;
        if let Some(page) = self.known_pages().get(before, query) {
            return Ok(page);
        }
        let page = Arc::new(self.list_image_risk(query).await?);
        if current_change(&mut *self.read().await?).await? == before {
            self.known_pages().keep(before, query, &page);
        }
        Ok(page)
    }
}
