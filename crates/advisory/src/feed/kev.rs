//! CISA's catalogue of known exploited vulnerabilities, as JSON and as CSV.
//!
//! In: `known_exploited_vulnerabilities.json` or `.csv`. Out: per CVE the day it was added, whether ransomware uses it, its
//! weaknesses, a title. Source: CISA's schema of the catalogue. Odd: the CSV has no date of its own, the newest `dateAdded`
//! stands in; a JSON whose `count` differs from its rows is cut off.

use std::borrow::Cow;

use plimsoll_model::Timestamp;
use serde::Deserialize;

use super::{Document, Feed, Sink, is_cve, parse_cwe, parse_time, title_of};
use crate::collection::KnownExploited;

#[derive(Debug)]
pub(super) struct Kev;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue<'a> {
    #[serde(borrow)]
    date_released: Option<Cow<'a, str>>,
    count: Option<usize>,
    vulnerabilities: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(rename = "cveID", borrow)]
    cve: Cow<'a, str>,
    #[serde(default, borrow)]
    vulnerability_name: Cow<'a, str>,
    #[serde(borrow)]
    date_added: Cow<'a, str>,
    #[serde(default, borrow)]
    known_ransomware_campaign_use: Cow<'a, str>,
    #[serde(default)]
    cwes: Vec<String>,
}

impl Feed for Kev {
    fn id(&self) -> &'static str {
        "kev"
    }

    fn about(&self) -> &'static str {
        "CISA's catalogue of vulnerabilities that are known to be exploited"
    }

    fn home(&self) -> &'static str {
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        if document.bytes.starts_with(b"cveID,") {
            return true;
        }
        let head = document.bytes.get(..4096).unwrap_or(document.bytes);
        let head = String::from_utf8_lossy(head);
        // CISA's schema file holds the same words, but describes instead of listing.
        head.trim_start().starts_with('{')
            && !head.contains("\"$schema\"")
            && (head.contains("\"catalogVersion\"") || head.contains("\"cveID\""))
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let catalogue = if document.bytes.starts_with(b"cveID,") {
            read_csv(document.bytes)?
        } else {
            serde_json::from_slice(document.bytes).map_err(|error| error.to_string())?
        };
        let rows = catalogue.vulnerabilities.len();
        if catalogue.count.is_some_and(|count| count != rows) {
            return Err(format!(
                "it says that it has {} entries, but has {rows}",
                catalogue.count.unwrap_or_default()
            ));
        }
        if rows == 0 {
            return Err("it has no entry".to_owned());
        }
        let mut dates = Vec::with_capacity(rows);
        for row in &catalogue.vulnerabilities {
            let added = parse_time(&row.date_added)
                .ok_or_else(|| format!("`{}` has the date `{}`", row.cve, row.date_added))?;
            if !is_cve(&row.cve) {
                return Err(format!("`{}` is not a CVE", title_of(&row.cve)));
            }
            dates.push(added);
        }
        let released = catalogue.date_released.as_deref().and_then(parse_time);
        let date = released.or_else(|| dates.into_iter().max()).unwrap_or_default();
        for row in &catalogue.vulnerabilities {
            add(row, date, into);
        }
        let records = u64::try_from(rows).unwrap_or(u64::MAX);
        into.0.date_source(self.id(), date);
        Ok(records)
    }
}

fn add(row: &Row<'_>, catalogue: Timestamp, into: &mut Sink<'_>) {
    let added = row.date_added.chars().take(10).collect::<String>();
    let known = KnownExploited {
        catalogue,
        added: into.0.symbols.intern(&added),
        ransomware: row.known_ransomware_campaign_use == "Known",
    };
    let title = into.0.symbols.intern(&title_of(&row.vulnerability_name));
    let signal = into.0.signal(&row.cve);
    signal.cwe.extend(row.cwes.iter().filter_map(|text| parse_cwe(text)));
    let is_newer = signal.known_exploited.as_ref().is_none_or(|old| old.catalogue < catalogue);
    if is_newer {
        signal.known_exploited = Some(known);
        if !row.vulnerability_name.is_empty() {
            signal.title = Some(title);
        }
    }
}

fn read_csv(bytes: &[u8]) -> Result<Catalogue<'_>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut records = csv_records(text)?.into_iter();
    let header = records.next().unwrap_or_default();
    let column = |name: &str| header.iter().position(|column| column == name);
    let (Some(cve), Some(added)) = (column("cveID"), column("dateAdded")) else {
        return Err("it has no columns `cveID` and `dateAdded`".to_owned());
    };
    let optional =
        [column("vulnerabilityName"), column("knownRansomwareCampaignUse"), column("cwes")];
    let mut vulnerabilities = Vec::new();
    for (record, line) in records.zip(2..) {
        if record.len() != header.len() {
            return Err(format!(
                "record {line} has {} columns, its header {}",
                record.len(),
                header.len()
            ));
        }
        let field = |place: usize| Cow::Owned(record.get(place).cloned().unwrap_or_default());
        let [name, ransomware, cwes] = optional.map(|place| place.map(field).unwrap_or_default());
        vulnerabilities.push(Row {
            cve: field(cve),
            vulnerability_name: name,
            date_added: field(added),
            known_ransomware_campaign_use: ransomware,
            cwes: cwes.split([',', ' ', ';']).map(str::to_owned).collect(),
        });
    }
    Ok(Catalogue { date_released: None, count: None, vulnerabilities })
}

/// Splits CSV as RFC 4180 has it: fields in quotes may hold commas, line ends and doubled quotes.
fn csv_records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut characters = text.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            _ => field.push(character),
        }
    }
    if quoted {
        return Err("it ends within quotes: it is cut off".to_owned());
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    Ok(records)
}
