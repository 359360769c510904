//! Page numbers below a list.
//!
//! In: where the reader is and how much there is. Out: real links whose URL keeps every filter. Odd: the first and the
//! last page are always there, so that both ends of a list are one step away.

use maud::{Markup, html};

/// A list's address without the page.
pub(super) struct Address<'a> {
    /// The path.
    pub path: &'a str,
    /// The filters that are set, in the order of the form.
    pub query: Vec<(&'static str, &'a str)>,
}

impl Address<'_> {
    /// The address of a page.
    pub(super) fn page(&self, page: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.query.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() { self.path.to_owned() } else { format!("{}?{query}", self.path) }
    }
}

/// How many pages there are; an empty list has one.
pub(super) const fn pages(total: u64, page_size: u64) -> u64 {
    let pages = total.div_ceil(page_size);
    if pages == 0 { 1 } else { pages }
}

/// A page number from a URL, from 1.
pub(super) fn number(text: &str) -> u32 {
    text.parse().unwrap_or(1).max(1)
}

/// Says which part is shown, and links to the others.
pub(super) fn links(address: &Address<'_>, page: u64, page_size: u64, total: u64) -> Markup {
    let last = pages(total, page_size);
    let first_shown = (page - 1) * page_size + 1;
    let last_shown = (page * page_size).min(total);
    html! {
        nav class="paging" aria-label="Pages" {
            p { (first_shown) "–" (last_shown) " of " (total) }
            @if last > 1 {
                ul {
                    @if page > 1 { li { a href=(address.page(page - 1)) rel="prev" { "Previous" } } }
                    @for number in shown(page, last) {
                        li { @match number {
                            None => span class="gap" aria-hidden="true" { "…" },
                            Some(number) if number == page => span aria-current="page" { (number) },
                            Some(number) => a href=(address.page(number)) aria-label={ "Page " (number) } { (number) },
                        } }
                    }
                    @if page < last { li { a href=(address.page(page + 1)) rel="next" { "Next" } } }
                }
            }
        }
    }
}

/// The first, the last and the neighbours; `None` where numbers are left out.
fn shown(page: u64, last: u64) -> Vec<Option<u64>> {
    let mut numbers: Vec<Option<u64>> = Vec::new();
    let mut before = 0;
    for number in [1, page.saturating_sub(1), page, page + 1, last] {
        if number <= before || number > last {
            continue;
        }
        if number == before + 2 {
            numbers.push(Some(before + 1));
        } else if number > before + 1 {
            numbers.push(None);
        }
        numbers.push(Some(number));
        before = number;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_and_the_neighbours_are_shown() {
        let numbers = |page, last| {
            let text =
                |number: Option<u64>| number.map_or("…".to_owned(), |number| number.to_string());
            shown(page, last).into_iter().map(text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(numbers(1, 1), "1");
        assert_eq!(numbers(1, 2), "1 2");
        assert_eq!(numbers(1, 9), "1 2 … 9");
        assert_eq!(numbers(4, 9), "1 2 3 4 5 … 9");
        assert_eq!(numbers(5, 9), "1 … 4 5 6 … 9");
        assert_eq!(numbers(9, 9), "1 … 8 9");
    }

    #[test]
    fn filters_stay_in_the_address_and_are_encoded() {
        let address =
            Address { path: "/console/images", query: vec![("text", "a&b"), ("app", "")] };
        assert_eq!(address.page(1), "/console/images?text=a%26b");
        assert_eq!(address.page(3), "/console/images?text=a%26b&page=3");
        assert_eq!(pages(0, 25), 1);
        assert_eq!(pages(25, 25), 1);
        assert_eq!(pages(26, 25), 2);
    }
}
