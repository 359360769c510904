//! Parts of a list, as the contract pages them.
//!
//! In: `CurrentPage` and `PageSize`. Out: [`Paging`], and `PageInfo` of the answer. Odd: a page size outside 1 to 100, or a
//! page before the first, is refused and not silently changed.

use serde::Serialize;

use super::{narrow, standard::Pages};
use crate::gateway::{Parameters, Refusal};

/// Largest page.
const MAX_PAGE_SIZE: i32 = 100;
/// Page size where none is asked for.
const DEFAULT_PAGE_SIZE: i32 = 20;

/// Which part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Paging {
    /// From 1.
    pub(super) page: u32,
    pub(super) size: u32,
}

/// `PageInfo` of an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PageInfo {
    count: i32,
    current_page: i32,
    page_size: i32,
    total_count: i32,
}

impl Paging {
    /// What `CurrentPage` is.
    pub(super) const ABOUT_PAGE: &'static str = "Number of the page, from 1, which is the default.";
    /// What `PageSize` is.
    pub(super) const ABOUT_SIZE: &'static str = "Entries of a page, 1 to 100, 20 by default.";

    pub(super) fn of(sent: &Parameters) -> Result<Self, Refusal> {
        Self::with_default(sent, DEFAULT_PAGE_SIZE)
    }

    /// The same of a list whose pages have another size where none is asked for.
    pub(super) fn with_default(sent: &Parameters, size: i32) -> Result<Self, Refusal> {
        Ok(Self {
            page: within(sent, "CurrentPage", 1, i32::MAX)?,
            size: within(sent, "PageSize", size, MAX_PAGE_SIZE)?,
        })
    }

    /// The part of a list that is read whole.
    pub(super) fn part<T>(self, all: &[T]) -> &[T] {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let page = usize::try_from(self.page).unwrap_or(usize::MAX);
        let from = page.saturating_sub(1).saturating_mul(size).min(all.len());
        all.get(from..from.saturating_add(size).min(all.len())).unwrap_or_default()
    }

    /// The same without the number of entries on the page.
    pub(super) fn pages(self, total: impl TryInto<i32>) -> Pages {
        Pages {
            current_page: narrow(self.page),
            page_size: narrow(self.size),
            total_count: narrow(total),
        }
    }

    pub(super) fn info(self, count: usize, total: impl TryInto<i32>) -> PageInfo {
        PageInfo {
            count: narrow(count),
            current_page: narrow(self.page),
            page_size: narrow(self.size),
            total_count: narrow(total),
        }
    }
}

fn within(sent: &Parameters, name: &str, default: i32, most: i32) -> Result<u32, Refusal> {
    let value = sent.integer(name)?.unwrap_or(default);
    if !(1..=most).contains(&value) {
        return Err(Refusal::invalid(name, &value.to_string(), &format!("1 to {most}")));
    }
    Ok(value.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_out_of_the_whole() {
        let all: Vec<u32> = (0..45).collect();
        let part = |page, size| Paging { page, size }.part(&all).to_vec();
        assert_eq!(part(1, 20), (0..20).collect::<Vec<_>>());
        assert_eq!(part(3, 20), (40..45).collect::<Vec<_>>());
        assert_eq!((part(4, 20), part(u32::MAX, u32::MAX)), (vec![], vec![]));
    }
}
