//! Lists that are asked for by the number of the page.
//!
//! In: pages, with how many entries there are in all, where the list tells that. Out: all entries, and when to stop. Odd: a total
//! is believed only as far as pages follow it, because entries vanish while they are listed. One that has no entry on its first
//! page is a fault and no empty list: whoever believed that would lose everything.

use super::{Api, Bounds};
use crate::error::RegistryError;

/// What has come of a list so far.
#[derive(Debug)]
pub(crate) struct Numbered<E> {
    /// Entries of a full page.
    size: usize,
    /// The page that was asked for last.
    number: u32,
    is_over: bool,
    entries: Vec<E>,
    bounds: Bounds,
}

impl<E> Numbered<E> {
    /// Nothing yet, of pages of `size` entries.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, number: 0, is_over: false, entries: Vec::new(), bounds: Bounds::default() }
    }

    /// The number of the page to ask for, from 1; `None`: there is no other.
    pub(crate) fn wanted(
        &mut self,
        api: &Api,
        what: &str,
    ) -> Result<Option<String>, RegistryError> {
        if self.is_over {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let number = self.number.to_string();
        self.bounds.step(api, &number, what)?;
        Ok(Some(number))
    }

    /// Takes the page that was wanted; `total`: how many entries the list says that it has.
    pub(crate) fn take(
        &mut self,
        api: &Api,
        page: Vec<E>,
        total: Option<usize>,
        what: &str,
    ) -> Result<(), RegistryError> {
        let received = page.len();
        self.bounds.entries(api, received, what)?;
        self.entries.extend(page);
        if self.entries.is_empty()
            && let Some(total @ 1..) = total
        {
            let problem = format!("the list says that it has {total} entries, and shows none");
            return Err(api.protocol(what, problem));
        }
        self.is_over = received == 0
            || match total {
                Some(total) => self.entries.len() >= total,
                None => received < self.size,
            };
        Ok(())
    }

    /// All that came.
    pub(crate) fn into_entries(self) -> Vec<E> {
        self.entries
    }
}
