//! Times that come again and again, as cron says them.
//!
//! In: five fields (`30 3 * * mon-fri`), or a word (`@daily`). Out: [`Cron`], which tells the next time. Source: `crontab(5)` of
//! Vixie cron; POSIX `crontab`.
//!
//! Odd:
//! * All times are UTC, so that no hour comes twice or never.
//! * Day of month and day of week: where both are restricted, either will do; where one begins with `*`, both must hold. That is
//!   what cron does.
//! * What can never come, such as 31 February, is refused.

use std::{fmt, str::FromStr};

use crate::Timestamp;

/// A time that comes again and again. Prints as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day of either kind will do.
    either_day: bool,
}

/// A text that is no cron expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CronError {
    /// Not five fields, and none of the words.
    #[error(
        "`{0}` is not five fields such as `30 3 * * mon-fri` (minute, hour, day, month, weekday), nor one of @hourly, @daily, \
         @weekly, @monthly, @yearly"
    )]
    Fields(String),
    /// A field that cannot be.
    #[error("{field} `{text}`: {why}")]
    Field {
        /// `minute`, `hour`, …
        field: &'static str,
        /// As it was written.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No day is like that.
    #[error("`{0}` never comes")]
    Never(String),
}

/// What a field may hold.
struct Field {
    name: &'static str,
    from: u32,
    to: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const MINUTE: Field = Field { name: "minute", from: 0, to: 59, names: &[] };
const HOUR: Field = Field { name: "hour", from: 0, to: 23, names: &[] };
const DAY: Field = Field { name: "day of month", from: 1, to: 31, names: &[] };
const MONTH: Field = Field { name: "month", from: 1, to: 12, names: MONTHS };
/// 7 is Sunday, too.
const WEEKDAY: Field = Field { name: "day of week", from: 0, to: 7, names: WEEKDAYS };

const WORDS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The longest text that is looked at.
const LONGEST: usize = 256;
const DAY_SECONDS: i64 = 86_400;
/// A 29 February that is a Sunday is at most forty years away.
const MOST_DAYS: i64 = 41 * 366;

impl Cron {
    /// The first time after `after`; `None` only beyond the years that can be counted.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let from = after.0.div_euclid(60).checked_add(1)?.checked_mul(60)?;
        let (first_day, first_minute) =
            (from.div_euclid(DAY_SECONDS), from.rem_euclid(DAY_SECONDS) / 60);
        for day in first_day..first_day.checked_add(MOST_DAYS)? {
            if !self.has_day(day) {
                continue;
            }
            let earliest = if day == first_day { first_minute } else { 0 };
            if let Some(minute) = (earliest..1_440).find(|minute| self.has_minute(*minute)) {
                return Some(Timestamp(day.checked_mul(DAY_SECONDS)?.checked_add(minute * 60)?));
            }
        }
        None
    }

    fn has_minute(&self, minute: i64) -> bool {
        has(self.hours, minute / 60) && has(self.minutes, minute % 60)
    }

    fn has_day(&self, day: i64) -> bool {
        let (month, day_of_month) = month_and_day(day);
        // Day 0 was a Thursday.
        let weekday = day.saturating_add(4).rem_euclid(7);
        let (by_day, by_weekday) = (has(self.days, day_of_month), has(self.weekdays, weekday));
        let fits = if self.either_day { by_day || by_weekday } else { by_day && by_weekday };
        fits && has(self.months, month)
    }
}

const fn has(set: u64, member: i64) -> bool {
    (set >> member) & 1 == 1
}

/// Month and day of month of a day since 1970-01-01. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
const fn month_and_day(day: i64) -> (i64, i64) {
    let shifted = day.saturating_add(719_468);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (month, day_of_month)
}

impl Field {
    /// The set of what a field's text names.
    fn parse(&self, text: &str) -> Result<u64, CronError> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part).map_err(|why| CronError::Field {
                field: self.name,
                text: text.to_owned(),
                why,
            })?;
        }
        Ok(set)
    }

    fn part(&self, part: &str) -> Result<u64, &'static str> {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(number(step).ok_or("a step is a number")?)),
        };
        if step == Some(0) {
            return Err("a step is 1 or more");
        }
        let (from, to) = if range == "*" {
            (self.from, self.to)
        } else if let Some((from, to)) = range.split_once('-') {
            (self.value(from)?, self.value(to)?)
        } else {
            let value = self.value(range)?;
            (value, if step.is_some() { self.to } else { value })
        };
        if from > to {
            return Err("a range begins with the smaller one");
        }
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
        Ok((from..=to).step_by(step).fold(0, |set, member| set | (1 << member)))
    }

    fn value(&self, text: &str) -> Result<u32, &'static str> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named.and_then(|place| u32::try_from(place).ok()) {
            Some(place) => self.from.saturating_add(place),
            None => number(text).ok_or("not a number, range, list, step or name")?,
        };
        if (self.from..=self.to).contains(&value) { Ok(value) } else { Err("out of its range") }
    }
}

/// Digits alone: no sign, no blanks.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
        let text = text.trim();
        let word = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let fields: Vec<&str> =
            word.map_or(text, |(_, fields)| *fields).split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(CronError::Fields(cut(text)));
        };
        if text.len() > LONGEST {
            return Err(CronError::Fields(cut(text)));
        }
        let weekdays = WEEKDAY.parse(weekday)?;
        let cron = Self {
            text: text.to_owned(),
            minutes: MINUTE.parse(minute)?,
            hours: HOUR.parse(hour)?,
            days: DAY.parse(day)?,
            months: MONTH.parse(month)?,
            weekdays: weekdays | (weekdays >> 7),
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        match cron.next(Timestamp(0)) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never(text.to_owned())),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, after: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        cron.parse::<Cron>().unwrap().next(after).unwrap().to_string()
    }

    #[test]
    fn the_next_time_is_the_next_one() {
        // 2026-12-01 is a Tuesday.
        for (cron, after, wanted) in [
            ("* * * * *", "2026-12-01T10:00:00Z", "2026-12-01T10:01:00Z"),
            ("* * * * *", "2026-12-01T10:00:59Z", "2026-12-01T10:01:00Z"),
            ("0 3 * * *", "2026-12-01T02:59:59Z", "2026-12-01T03:00:00Z"),
            ("0 3 * * *", "2026-12-01T03:00:00Z", "2026-12-02T03:00:00Z"),
            ("*/15 * * * *", "2026-12-01T10:46:00Z", "2026-12-01T11:00:00Z"),
            ("7/20 8-9 * * *", "2026-12-01T08:28:00Z", "2026-12-01T08:47:00Z"),
            ("7/20 8-9 * * *", "2026-12-01T09:47:00Z", "2026-12-02T08:07:00Z"),
            ("0 0 1 jan *", "2026-12-01", "2027-01-01T00:00:00Z"),
            ("0 12 * * Mon-Fri", "2026-12-04T12:00:00Z", "2026-12-07T12:00:00Z"),
            ("0 12 * * 7", "2026-12-01", "2026-12-06T12:00:00Z"),
            ("0 12 * * 0", "2026-12-01", "2026-12-06T12:00:00Z"),
            ("0 12 * * 5-7", "2026-12-05T13:00:00Z", "2026-12-06T12:00:00Z"),
            // Either day: the 13th, or a Friday.
            ("0 0 13 * 5", "2026-12-01", "2026-12-04T00:00:00Z"),
            ("0 0 13 * 5", "2026-12-12", "2026-12-13T00:00:00Z"),
            // Both days: every other day of the month that is a Friday.
            ("0 0 */2 * 5", "2026-12-01", "2026-12-11T00:00:00Z"),
            ("0 0 31 * *", "2026-11-01", "2026-12-31T00:00:00Z"),
            ("30 5 29 2 *", "2026-12-01", "2028-02-29T05:30:00Z"),
            ("0 0 29 2 *", "2096-03-01", "2104-02-29T00:00:00Z"),
            ("@hourly", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
            ("@Weekly", "2026-12-01", "2026-12-06T00:00:00Z"),
            ("@monthly", "2026-12-01", "2027-01-01T00:00:00Z"),
            ("0 0 * * *", "1969-12-30T12:00:00Z", "1969-12-31T00:00:00Z"),
        ] {
            assert_eq!(next(cron, after), wanted, "{cron} after {after}");
        }
    }

    #[test]
    fn what_is_no_cron_is_refused_by_field() {
        for (cron, said) in [
            ("", "five fields"),
            ("* * * *", "five fields"),
            ("* * * * * *", "five fields"),
            ("@reboot", "five fields"),
            ("60 * * * *", "minute `60`: out of its range"),
            ("* 24 * * *", "hour `24`"),
            ("* * 0 * *", "day of month `0`"),
            ("* * * 13 *", "month `13`"),
            ("* * * * 8", "day of week `8`"),
            ("*/0 * * * *", "a step is 1 or more"),
            ("5-1 * * * *", "begins with the smaller one"),
            ("1,,2 * * * *", "minute `1,,2`"),
            ("+1 * * * *", "minute `+1`"),
            ("* * * monday *", "month `monday`"),
            ("99999999999 * * * *", "minute"),
            ("0 0 31 2,4 *", "never comes"),
        ] {
            let error = cron.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(said), "{cron}: {error}");
        }
        assert!(" ".repeat(9).parse::<Cron>().is_err());
        let long = format!("{} * * * *", vec!["1"; 1_000].join(","));
        assert!(long.parse::<Cron>().is_err());
    }

    #[test]
    fn it_prints_as_it_was_written() {
        assert_eq!(" @daily ".parse::<Cron>().unwrap().to_string(), "@daily");
        assert_eq!("0 3 * * MON".parse::<Cron>().unwrap().to_string(), "0 3 * * MON");
    }

    #[test]
    fn no_time_is_left_out_and_none_comes_twice() {
        // Every quarter of an hour for some years, leap day included.
        let cron: Cron = "*/15 * * * *".parse().unwrap();
        let start: Timestamp = "2027-12-31T23:45:00Z".parse().unwrap();
        let mut at = start;
        for number in 1..=40_000 {
            at = cron.next(at).unwrap();
            assert_eq!(at.0, start.0 + number * 900);
        }
    }
}
