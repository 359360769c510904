//! Compiles a resolved collection into the bytes of a snapshot.
//!
//! In: [`Resolved`]. Out: bytes that are equal for equal content, whatever the order of input. Source: the head of
//! `layout`. Odd: ranges that many packages share are written once.

use std::collections::HashMap;

use plimsoll_model::{Status, Timestamp};

use super::layout::{
    CRC_AT, CRC_FROM, DIGEST_AT, DIGEST_FROM, FLAG_STARTER, FORMAT, MAGIC, SECTIONS, TABLE_AT, put,
};
use crate::{
    collection::{Advisory, Affected, Authority, EventKind, Resolved, Signal, Symbol, Symbols},
    priority::{Exploitation, VendorSeverity},
};

/// A snapshot that would not fit its own offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

pub(crate) const FLAG_MALICIOUS: u32 = 1;
pub(crate) const FLAG_DISPUTED: u32 = 2;
pub(crate) const FLAG_NO_VULNERABILITY: u32 = 4;
pub(crate) const FLAG_PROOF_OF_CONCEPT: u32 = 8;
pub(crate) const FLAG_WEAPONISED: u32 = 16;
/// Signals only.
pub(crate) const FLAG_RANSOMWARE: u32 = 32;
/// Advisories only: whose word it is.
pub(crate) const FLAG_TRACKER: u32 = 64;
pub(crate) const FLAG_VEX: u32 = 128;

/// Bits above an entry's status: what stands behind it.
pub(crate) const HAS_JUSTIFICATION: u64 = 8;
pub(crate) const HAS_TEXT: u64 = 16;
pub(crate) const STATUS_MASK: u64 = 7;

/// The bytes of the snapshot.
pub(crate) fn write(resolved: &Resolved, starter: bool) -> Result<Vec<u8>, TooLarge> {
    let (texts, places) = resolved.symbols.sorted();
    let mut writer = Writer { places, details: Vec::new(), known: HashMap::new() };
    let mut sections: [Vec<u8>; SECTIONS] = std::array::from_fn(|_| Vec::new());
    let [offsets, text_bytes, sources, releases, packages, affected, advisories, signals, details] =
        &mut sections;
    for text in &texts {
        put_u32(offsets, text_bytes.len())?;
        text_bytes.extend_from_slice(text.as_bytes());
    }
    put_u32(offsets, text_bytes.len())?;
    for (name, source) in &resolved.sources {
        // Names of sources are no symbols of the collection, so they stand in the details.
        let at = writer.text(name);
        put_u32(sources, at)?;
        sources.extend_from_slice(&source.records.to_le_bytes());
        sources.extend_from_slice(&source.date.0.to_le_bytes());
    }
    for advisory in &resolved.advisories {
        writer.advisory(advisory, advisories)?;
    }
    for (cve, signal) in &resolved.signals {
        let at = writer.signal(signal);
        signals.extend_from_slice(&writer.place(*cve).to_le_bytes());
        put_u32(signals, at)?;
    }
    writer.affected(resolved, affected, packages, releases)?;
    *details = writer.details;
    assemble(&sections, resolved.date, starter)
}

fn assemble(
    sections: &[Vec<u8>; SECTIONS],
    date: Timestamp,
    starter: bool,
) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = Vec::with_capacity(1024 + sections.iter().map(Vec::len).sum::<usize>());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0; DIGEST_FROM - CRC_AT]);
    bytes.extend_from_slice(&date.0.to_le_bytes());
    bytes.extend_from_slice(&(if starter { FLAG_STARTER } else { 0 }).to_le_bytes());
    put_u32(&mut bytes, SECTIONS)?;
    let mut offset = TABLE_AT + SECTIONS * 16;
    for section in sections {
        for number in [offset, section.len()] {
            bytes.extend_from_slice(&u64::try_from(number).map_err(|_no| TooLarge)?.to_le_bytes());
        }
        offset += section.len();
    }
    for section in sections {
        bytes.extend_from_slice(section);
    }
    seal(&mut bytes);
    Ok(bytes)
}

/// Writes digest and CRC of what stands behind them.
pub(crate) fn seal(bytes: &mut [u8]) {
    let digest =
        bytes.get(DIGEST_FROM..).map(|rest| ring::digest::digest(&ring::digest::SHA256, rest));
    if let (Some(digest), Some(place)) = (digest, bytes.get_mut(DIGEST_AT..DIGEST_FROM)) {
        place.copy_from_slice(digest.as_ref());
    }
    let crc = bytes.get(CRC_FROM..).map(crc32fast::hash);
    if let (Some(crc), Some(place)) = (crc, bytes.get_mut(CRC_AT..CRC_FROM)) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
}

fn put_u32(bytes: &mut Vec<u8>, number: usize) -> Result<(), TooLarge> {
    let number = u32::try_from(number).map_err(|_no| TooLarge)?;
    bytes.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

struct Writer {
    /// Symbol number to place in byte order.
    places: Vec<u32>,
    details: Vec<u8>,
    /// Details that stand already, by their bytes.
    known: HashMap<Vec<u8>, usize>,
}

impl Writer {
    fn place(&self, symbol: Symbol) -> u32 {
        let number = usize::try_from(Symbols::number(symbol)).unwrap_or(usize::MAX);
        self.places.get(number).copied().unwrap_or_default()
    }

    fn symbol(&self, bytes: &mut Vec<u8>, symbol: Symbol) {
        put(bytes, u64::from(self.place(symbol)));
    }

    fn optional(&self, bytes: &mut Vec<u8>, symbol: Option<Symbol>) {
        put(bytes, symbol.map_or(0, |symbol| u64::from(self.place(symbol)) + 1));
    }

    fn symbols(&self, bytes: &mut Vec<u8>, symbols: &[Symbol]) {
        put_count(bytes, symbols.len());
        for symbol in symbols {
            self.symbol(bytes, *symbol);
        }
    }

    /// Puts bytes into the details, once.
    fn detail(&mut self, bytes: Vec<u8>) -> usize {
        let Self { details, known, .. } = self;
        *known.entry(bytes).or_insert_with_key(|bytes| {
            let at = details.len();
            details.extend_from_slice(bytes);
            at
        })
    }

    fn text(&mut self, text: &str) -> usize {
        let mut bytes = Vec::new();
        put_count(&mut bytes, text.len());
        bytes.extend_from_slice(text.as_bytes());
        self.detail(bytes)
    }

    fn advisory(&mut self, advisory: &Advisory, rows: &mut Vec<u8>) -> Result<(), TooLarge> {
        let mut bytes = Vec::new();
        // The CVEs first: they decide whether the rest is read.
        self.symbols(&mut bytes, &advisory.cves);
        self.symbol(&mut bytes, advisory.title);
        put(&mut bytes, severity_code(advisory.severity));
        self.optional(&mut bytes, advisory.module);
        self.symbols(&mut bytes, &advisory.aliases);
        self.symbols(&mut bytes, &advisory.cvss);
        put_numbers(&mut bytes, &advisory.cwe);
        let at = self.detail(bytes);
        let flags = [
            (advisory.is_malicious, FLAG_MALICIOUS),
            (advisory.is_disputed, FLAG_DISPUTED),
            (advisory.is_no_vulnerability, FLAG_NO_VULNERABILITY),
            (advisory.has_proof_of_concept, FLAG_PROOF_OF_CONCEPT),
            (advisory.is_weaponised, FLAG_WEAPONISED),
            (advisory.authority == Authority::Tracker, FLAG_TRACKER),
            (advisory.authority == Authority::Vex, FLAG_VEX),
        ];
        rows.extend_from_slice(&self.place(advisory.id).to_le_bytes());
        rows.extend_from_slice(&sum(&flags).to_le_bytes());
        put_u32(rows, at)?;
        rows.extend_from_slice(&self.place(advisory.source).to_le_bytes());
        rows.extend_from_slice(&published(advisory.published).to_le_bytes());
        rows.extend_from_slice(&advisory.modified.0.to_le_bytes());
        Ok(())
    }

    fn signal(&mut self, signal: &Signal) -> usize {
        let mut bytes = Vec::new();
        let known = signal.known_exploited.as_ref();
        let flags = [
            (signal.is_disputed, FLAG_DISPUTED),
            (signal.has_proof_of_concept, FLAG_PROOF_OF_CONCEPT),
            (signal.is_weaponised, FLAG_WEAPONISED),
            (known.is_some_and(|row| row.ransomware), FLAG_RANSOMWARE),
        ];
        put(&mut bytes, u64::from(sum(&flags)));
        self.optional(&mut bytes, known.map(|row| row.added));
        self.optional(&mut bytes, signal.title);
        bytes.extend_from_slice(&published(signal.published).to_le_bytes());
        put(&mut bytes, ssvc_code(signal));
        match &signal.epss {
            None => put(&mut bytes, 0),
            Some((date, epss)) => {
                put(&mut bytes, 1);
                bytes.extend_from_slice(&date.0.to_le_bytes());
                put(&mut bytes, u64::from(epss.probability));
                put(&mut bytes, epss.percentile.map_or(0, |known| u64::from(known) + 1));
            }
        }
        put_count(&mut bytes, signal.cvss.len());
        for (by, vector) in &signal.cvss {
            self.symbol(&mut bytes, *by);
            self.symbol(&mut bytes, *vector);
        }
        put_numbers(&mut bytes, &signal.cwe);
        self.detail(bytes)
    }

    /// Writes the entries grouped by ecosystem and name, and the two tables over them.
    fn affected(
        &mut self,
        resolved: &Resolved,
        rows: &mut Vec<u8>,
        packages: &mut Vec<u8>,
        releases: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        let mut entries: Vec<(u32, u32, u32, u32, usize)> = Vec::new();
        for (advisory, number) in resolved.advisories.iter().zip(0_u32..) {
            for affected in &advisory.affected {
                let detail = self.affected_detail(affected);
                let release = affected.release.map_or(0, |release| self.place(release) + 1);
                let (ecosystem, name) = (self.place(affected.ecosystem), self.place(affected.name));
                entries.push((ecosystem, name, number, release, detail));
            }
        }
        entries.sort_unstable();
        entries.dedup();
        let mut counts: std::collections::BTreeMap<(u32, u32), u32> =
            std::collections::BTreeMap::new();
        let mut open: Option<(u32, u32, u32, u32)> = None;
        for ((ecosystem, name, advisory, release, detail), place) in
            entries.into_iter().zip(0_u32..)
        {
            rows.extend_from_slice(&advisory.to_le_bytes());
            rows.extend_from_slice(&release.to_le_bytes());
            put_u32(rows, detail)?;
            *counts.entry((ecosystem, release)).or_default() += 1;
            match &mut open {
                Some((e, n, _, count)) if (*e, *n) == (ecosystem, name) => *count += 1,
                _ => {
                    put_row(packages, open);
                    open = Some((ecosystem, name, place, 1));
                }
            }
        }
        put_row(packages, open);
        for ((ecosystem, release), count) in counts {
            for number in [ecosystem, release, count] {
                releases.extend_from_slice(&number.to_le_bytes());
            }
        }
        Ok(())
    }

    fn affected_detail(&mut self, affected: &Affected) -> usize {
        let mut bytes = Vec::new();
        let has = |what: Option<Symbol>, bit: u64| if what.is_some() { bit } else { 0 };
        put(
            &mut bytes,
            status_code(affected.status)
                | has(affected.justification, HAS_JUSTIFICATION)
                | has(affected.text, HAS_TEXT),
        );
        for words in [affected.justification, affected.text].into_iter().flatten() {
            self.symbol(&mut bytes, words);
        }
        put(&mut bytes, severity_code(affected.severity));
        put_count(&mut bytes, affected.ranges.len());
        for range in &affected.ranges {
            put_count(&mut bytes, range.len());
            for (kind, version) in range {
                put(&mut bytes, event_code(*kind));
                self.symbol(&mut bytes, *version);
            }
        }
        self.symbols(&mut bytes, &affected.versions);
        self.symbols(&mut bytes, &affected.cvss);
        self.detail(bytes)
    }
}

fn put_row(packages: &mut Vec<u8>, row: Option<(u32, u32, u32, u32)>) {
    if let Some((ecosystem, name, first, count)) = row {
        for number in [ecosystem, name, first, count] {
            packages.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    put(bytes, u64::try_from(count).unwrap_or(u64::MAX));
}

fn put_numbers(bytes: &mut Vec<u8>, numbers: &[u32]) {
    put_count(bytes, numbers.len());
    for number in numbers {
        put(bytes, u64::from(*number));
    }
}

fn sum(flags: &[(bool, u32)]) -> u32 {
    flags.iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag).sum()
}

/// The time that stands for "not known".
pub(crate) const NOT_KNOWN: i64 = i64::MIN;

fn published(time: Option<Timestamp>) -> i64 {
    time.map_or(NOT_KNOWN, |time| time.0)
}

fn severity_code(severity: Option<VendorSeverity>) -> u64 {
    match severity {
        None => 0,
        Some(VendorSeverity::Unimportant) => 1,
        Some(VendorSeverity::Negligible) => 2,
        Some(VendorSeverity::Low) => 3,
        Some(VendorSeverity::Medium) => 4,
        Some(VendorSeverity::High) => 5,
        Some(VendorSeverity::Critical) => 6,
    }
}

fn status_code(status: Option<Status>) -> u64 {
    match status {
        None => 0,
        Some(Status::Affected) => 1,
        Some(Status::WillNotFix) => 2,
        Some(Status::EndOfLife) => 3,
        Some(Status::UnderInvestigation) => 4,
        Some(Status::Fixed) => 5,
        Some(Status::NotAffected) => 6,
    }
}

const fn event_code(kind: EventKind) -> u64 {
    match kind {
        EventKind::Introduced => 0,
        EventKind::Fixed => 1,
        EventKind::LastAffected => 2,
        EventKind::Limit => 3,
    }
}

/// Exploitation in the ones, automatable in the fours, total impact in the sixteens; 0 is unknown, 1 no.
fn ssvc_code(signal: &Signal) -> u64 {
    let exploitation = match signal.exploitation {
        None => 0,
        Some(Exploitation::None) => 1,
        Some(Exploitation::ProofOfConcept) => 2,
        Some(Exploitation::Active) => 3,
    };
    let answer = |known: Option<bool>| known.map_or(0, |yes| 1 + u64::from(yes));
    exploitation + 4 * answer(signal.automatable) + 16 * answer(signal.total_impact)
}
