//! An event in words, for people.
//!
//! In: an event. Out: a headline, and one line a vulnerability and a new image. Odd: titles come from advisories and names from
//! images, so that each line is made one line of printable characters here; what is markup to a channel is escaped there.

use plimsoll_model::Priority;

use super::event::{Event, EventKind, ImageNews, VulnerabilityNews};

/// Longest title that is told.
const LONGEST_TITLE: usize = 160;

/// One thing that is told.
pub(super) struct Line {
    /// What is linked.
    pub name: String,
    /// What is said of it.
    pub says: String,
    /// Its page.
    pub link: Option<String>,
    /// Images that are named with it.
    pub named: Vec<String>,
}

/// A text as one line of printable characters.
pub(super) fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}'))
        .collect();
    line.trim().to_owned()
}

fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

const fn word(priority: Priority) -> &'static str {
    match priority {
        Priority::Asap => "as soon as possible",
        Priority::Later => "later",
        Priority::Nntf => "no need to fix now",
    }
}

/// What an event is about, in one line.
pub(super) fn headline(event: &Event) -> String {
    let news = &event.news;
    let listed = |length: usize, more: u64| more.saturating_add(u64::try_from(length).unwrap_or(0));
    let vulnerabilities = listed(news.vulnerabilities.len(), news.more_vulnerabilities);
    let new_images = listed(news.new_images.len(), news.more_new_images);
    let mut parts = Vec::new();
    if let (1, [only]) = (vulnerabilities, news.vulnerabilities.as_slice()) {
        parts.push(only.sentence());
    } else if vulnerabilities > 0 {
        let urgent = news
            .vulnerabilities
            .iter()
            .filter(|one| one.priority == Some(Priority::Asap) && one.images > 0)
            .count();
        let urgent = if urgent == 0 { String::new() } else { format!(", {urgent} of them urgent") };
        parts.push(format!(
            "{} changed{urgent}",
            count(vulnerabilities, "vulnerability", "vulnerabilities")
        ));
    }
    if new_images > 0 {
        let images = count(new_images, "new image", "new images");
        let have = if new_images == 1 { "has" } else { "have" };
        parts.push(format!("{images} {have} what must be fixed as soon as possible"));
    }
    let text = one_line(&parts.join("; "));
    match event.kind {
        EventKind::Test => format!("Test message: {text}"),
        EventKind::Digest => format!("Daily digest: {text}"),
        EventKind::Changed | EventKind::Scanned => text,
    }
}

/// All that an event tells, most urgent first.
pub(super) fn lines(event: &Event) -> Vec<Line> {
    let vulnerabilities = event.news.vulnerabilities.iter().map(VulnerabilityNews::line);
    let images = event.news.new_images.iter().map(ImageNews::line);
    vulnerabilities.chain(images).collect()
}

/// What is not among the lines although it happened; `told` of the lines are told.
pub(super) fn rest(event: &Event, told: usize) -> Option<String> {
    let news = &event.news;
    let all = news.vulnerabilities.len() + news.new_images.len();
    let untold = u64::try_from(all.saturating_sub(told)).unwrap_or_default();
    let more =
        untold.saturating_add(news.more_vulnerabilities).saturating_add(news.more_new_images);
    (more > 0).then(|| format!("and {more} more"))
}

impl VulnerabilityNews {
    /// `CVE-X now hits 212 images, 17 newly, 3 cleared`
    fn sentence(&self) -> String {
        format!("{} {}", one_line(&self.id), self.says())
    }

    fn says(&self) -> String {
        if self.images == 0 {
            return format!("no longer hits any image: {} cleared", self.cleared);
        }
        let mut text = format!("now hits {}", count(self.images, "image", "images"));
        if self.newly > 0 {
            text.push_str(&format!(", {} newly", self.newly));
        }
        if self.cleared > 0 {
            text.push_str(&format!(", {} cleared", self.cleared));
        }
        text
    }

    fn line(&self) -> Line {
        let mut says = self.says();
        match (self.priority, self.priority_before) {
            (Some(now), Some(before)) if now != before => {
                says.push_str(&format!(" ({}; was: {})", word(now), word(before)));
            }
            (Some(now), _) => says.push_str(&format!(" ({})", word(now))),
            (None, _) => {}
        }
        if let Some(version) = &self.fix_version {
            says.push_str(&format!(". Fixed in {}", one_line(version)));
        }
        if let Some(title) = &self.title {
            let title: String = one_line(title).chars().take(LONGEST_TITLE).collect();
            says.push_str(&format!(". {title}"));
        }
        let named = self.named.iter().map(|name| one_line(&name.image)).collect();
        Line { name: one_line(&self.id), says, link: self.link.clone(), named }
    }
}

impl ImageNews {
    fn line(&self) -> Line {
        Line {
            name: one_line(&self.name.image),
            says: format!(
                "is new: {} to fix as soon as possible, {} later",
                self.counters.asap, self.counters.later
            ),
            link: self.link.clone(),
            named: Vec::new(),
        }
    }
}
