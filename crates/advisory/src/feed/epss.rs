//! FIRST's Exploit Prediction Scoring System.
//!
//! In: `epss_scores-YYYY-MM-DD.csv`, plain or gzipped: a comment line with model version and date, then
//! `cve,epss,percentile`. Out: probability and percentile per CVE. Source: FIRST, "EPSS data and statistics". Odd: copies
//! without the comment take their date from the file's name; copies without the percentile column are read, but a
//! probability alone ranks nothing, since models are calibrated differently.

use plimsoll_model::Timestamp;

use super::{Document, Feed, Sink, is_cve, parse_share, parse_time, title_of};
use crate::priority;

#[derive(Debug)]
pub(super) struct Epss;

impl Feed for Epss {
    fn id(&self) -> &'static str {
        "epss"
    }

    fn about(&self) -> &'static str {
        "FIRST's probability that a vulnerability is exploited within 30 days"
    }

    fn home(&self) -> &'static str {
        "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        document.bytes.starts_with(b"#model_version") || document.bytes.starts_with(b"cve,epss")
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let text = std::str::from_utf8(document.bytes).map_err(|error| error.to_string())?;
        if !text.ends_with('\n') {
            return Err("its last line has no end: it is cut off".to_owned());
        }
        let mut lines = text.lines().zip(1..).peekable();
        let comment = lines.next_if(|(line, _)| line.starts_with('#')).map(|(line, _)| line);
        let date = comment
            .and_then(score_date)
            .or_else(|| date_in_name(document))
            .ok_or("neither its first line nor its name says of which day it is")?;
        let has_percentile = match lines.next().map(|(line, _)| line.trim_end()) {
            Some("cve,epss,percentile") => true,
            Some("cve,epss") => false,
            other => {
                let header = title_of(other.unwrap_or_default());
                return Err(format!("its header is `{header}`, not `cve,epss,percentile`"));
            }
        };
        let mut records = 0;
        for (line, number) in lines {
            let wrong = || format!("line {number} is `{}`", title_of(line));
            let mut fields = line.trim_end().split(',');
            let (cve, share) = fields.next().zip(fields.next()).ok_or_else(wrong)?;
            let percentile = match (has_percentile, fields.next()) {
                (true, Some(text)) => Some(parse_share(text).ok_or_else(wrong)?),
                (false, None) => None,
                _ => return Err(wrong()),
            };
            let probability = parse_share(share).ok_or_else(wrong)?;
            if !is_cve(cve) || fields.next().is_some() {
                return Err(wrong());
            }
            let signal = into.0.signal(cve);
            let scored = (date, priority::Epss { probability, percentile });
            if signal.epss.is_none_or(|(known, _)| known <= date) {
                signal.epss = Some(scored);
            }
            records += 1;
        }
        if records == 0 {
            return Err("it has no row".to_owned());
        }
        into.0.date_source(self.id(), date);
        Ok(records)
    }
}

/// The date in `#model_version:v2025.03.14,score_date:2025-07-05T12:55:00Z`.
fn score_date(comment: &str) -> Option<Timestamp> {
    parse_time(comment.split(',').find_map(|part| part.strip_prefix("score_date:"))?)
}

/// The first `YYYY-MM-DD` in the file's name.
fn date_in_name(document: &Document<'_>) -> Option<Timestamp> {
    let name = document.path.file_name()?.to_str()?;
    (0..name.len()).find_map(|start| name.get(start..start + 10)?.parse().ok())
}
