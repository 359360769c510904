//! Compiles a resolved collection into the bytes of a snapshot.
//!
//! In: [`Resolved`]. Out: bytes that are equal for equal content, whatever the order of input. Source: the head of
//! `layout`. Odd: what is written here as a detail must follow its shape in `shape`.

use std::borrow::Cow;

use plimsoll_model::{Status, Timestamp};

use super::{
    content::{AdvisoryRow, AffectedRow, AssembleError, Content, SignalRow, SourceRow, Span},
    layout::{
        CRC_AT, CRC_FROM, DIGEST_AT, DIGEST_FROM, FLAG_STARTER, FORMAT, MAGIC, SECTIONS, TABLE_AT,
        put,
    },
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
pub(crate) const FLAG_UNDATED: u32 = 256;

/// Bits above an entry's status: what stands behind it.
pub(crate) const HAS_JUSTIFICATION: u64 = 8;
pub(crate) const HAS_TEXT: u64 = 16;
pub(crate) const HAS_MODULE: u64 = 32;
pub(crate) const STATUS_MASK: u64 = 7;

/// The bytes of the snapshot.
pub(crate) fn write(resolved: &Resolved, starter: bool) -> Result<Vec<u8>, AssembleError> {
    content(resolved, starter)?.assemble()
}

/// What the snapshot will say, its texts numbered as the symbols are.
fn content(resolved: &Resolved, starter: bool) -> Result<Content<'_>, TooLarge> {
    let mut writer = Writer { details: Vec::new() };
    let mut content = Content {
        texts: resolved.symbols.texts().map(Cow::Borrowed).collect(),
        sources: Vec::with_capacity(resolved.sources.len()),
        advisories: Vec::with_capacity(resolved.advisories.len()),
        affected: Vec::new(),
        signals: Vec::with_capacity(resolved.signals.len()),
        details: Cow::Borrowed(&[]),
        date: resolved.date,
        starter,
    };
    for (name, source) in &resolved.sources {
        let (name, records, date) = (name.clone(), source.records, source.date.0);
        content.sources.push(SourceRow { name, records, date });
    }
    for (advisory, number) in resolved.advisories.iter().zip(0_u32..) {
        content.advisories.push(writer.advisory(advisory)?);
        for affected in &advisory.affected {
            content.affected.push(writer.affected(affected, number)?);
        }
    }
    for (cve, signal) in &resolved.signals {
        let detail = writer.signal(signal)?;
        content.signals.push(SignalRow { cve: Symbols::number(*cve), detail });
    }
    content.details = Cow::Owned(writer.details);
    Ok(content)
}

/// Header and sections.
pub(super) fn assemble(
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

/// Appends a number of four bytes.
pub(super) fn put_u32(bytes: &mut Vec<u8>, number: usize) -> Result<(), TooLarge> {
    let number = u32::try_from(number).map_err(|_no| TooLarge)?;
    bytes.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

struct Writer {
    details: Vec<u8>,
}

impl Writer {
    /// Appends a detail; its shape stands in `shape`.
    fn detail(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<Span, TooLarge> {
        let start = self.details.len();
        write(&mut self.details);
        let length = u32::try_from(self.details.len() - start).map_err(|_no| TooLarge)?;
        Ok(Span { start: u32::try_from(start).map_err(|_no| TooLarge)?, length })
    }

    fn advisory(&mut self, advisory: &Advisory) -> Result<AdvisoryRow, TooLarge> {
        let detail = self.detail(|bytes| {
            // The CVEs first: they decide whether the rest is read.
            put_symbols(bytes, &advisory.cves);
            put_symbol(bytes, advisory.title);
            put(bytes, severity_code(advisory.severity));
            put_optional(bytes, advisory.module);
            put_symbols(bytes, &advisory.aliases);
            put_symbols(bytes, &advisory.cvss);
            put_numbers(bytes, &advisory.cwe);
        })?;
        let flags = sum(&[
            (advisory.is_malicious, FLAG_MALICIOUS),
            (advisory.is_disputed, FLAG_DISPUTED),
            (advisory.is_no_vulnerability, FLAG_NO_VULNERABILITY),
            (advisory.has_proof_of_concept, FLAG_PROOF_OF_CONCEPT),
            (advisory.is_weaponised, FLAG_WEAPONISED),
            (advisory.authority == Authority::Tracker, FLAG_TRACKER),
            (advisory.authority == Authority::Vex, FLAG_VEX),
            (!advisory.is_dated, FLAG_UNDATED),
        ]);
        Ok(AdvisoryRow {
            id: Symbols::number(advisory.id),
            source: Symbols::number(advisory.source),
            flags,
            published: published(advisory.published),
            modified: advisory.modified.0,
            detail,
        })
    }

    fn signal(&mut self, signal: &Signal) -> Result<Span, TooLarge> {
        let known = signal.known_exploited.as_ref();
        let flags = sum(&[
            (signal.is_disputed, FLAG_DISPUTED),
            (signal.has_proof_of_concept, FLAG_PROOF_OF_CONCEPT),
            (signal.is_weaponised, FLAG_WEAPONISED),
            (known.is_some_and(|row| row.ransomware), FLAG_RANSOMWARE),
        ]);
        self.detail(|bytes| {
            put(bytes, u64::from(flags));
            put_optional(bytes, known.map(|row| row.added));
            put_optional(bytes, signal.title);
            bytes.extend_from_slice(&published(signal.published).to_le_bytes());
            put(bytes, ssvc_code(signal));
            put(bytes, u64::from(signal.epss.is_some()));
            if let Some((date, epss)) = &signal.epss {
                bytes.extend_from_slice(&date.0.to_le_bytes());
                put(bytes, u64::from(epss.probability));
                put(bytes, epss.percentile.map_or(0, |known| u64::from(known) + 1));
            }
            put_count(bytes, signal.cvss.len());
            for (by, vector) in &signal.cvss {
                put_symbol(bytes, *by);
                put_symbol(bytes, *vector);
            }
            put_numbers(bytes, &signal.cwe);
            put_optional(bytes, signal.rejected.reason);
            put_count(bytes, signal.links.len());
            for link in &signal.links {
                put_symbol(bytes, link.tag);
                put_symbol(bytes, link.url);
            }
        })
    }

    fn affected(&mut self, affected: &Affected, advisory: u32) -> Result<AffectedRow, TooLarge> {
        let detail = self.detail(|bytes| {
            let has = |what: Option<Symbol>, bit: u64| if what.is_some() { bit } else { 0 };
            put(
                bytes,
                status_code(affected.status)
                    | has(affected.justification, HAS_JUSTIFICATION)
                    | has(affected.text, HAS_TEXT)
                    | has(affected.module, HAS_MODULE),
            );
            for words in
                [affected.justification, affected.text, affected.module].into_iter().flatten()
            {
                put_symbol(bytes, words);
            }
            put(bytes, severity_code(affected.severity));
            put_count(bytes, affected.ranges.len());
            for range in &affected.ranges {
                put_count(bytes, range.len());
                for (kind, version) in range {
                    put(bytes, event_code(*kind));
                    put_symbol(bytes, *version);
                }
            }
            put_symbols(bytes, &affected.versions);
            put_symbols(bytes, &affected.cvss);
        })?;
        Ok(AffectedRow {
            advisory,
            ecosystem: Symbols::number(affected.ecosystem),
            name: Symbols::number(affected.name),
            release: affected.release.map(Symbols::number),
            detail,
        })
    }
}

fn put_symbol(bytes: &mut Vec<u8>, symbol: Symbol) {
    put(bytes, u64::from(Symbols::number(symbol)));
}

fn put_optional(bytes: &mut Vec<u8>, symbol: Option<Symbol>) {
    put(bytes, symbol.map_or(0, |symbol| u64::from(Symbols::number(symbol)) + 1));
}

fn put_symbols(bytes: &mut Vec<u8>, symbols: &[Symbol]) {
    put_count(bytes, symbols.len());
    for symbol in symbols {
        put_symbol(bytes, *symbol);
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
