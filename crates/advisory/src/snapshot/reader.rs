//! Look-ups in the bytes of a snapshot.
//!
//! In: the bytes, which may be anything. Out: rows, or [`Damaged`]. Source: the head of `layout`. Odd: nothing is decoded at
//! open but the table of sections; every read checks its bounds, and every text that it is one.

use plimsoll_model::{FeedSource, Status, Timestamp};

use super::{
    layout::{Cursor, Damaged, SECTIONS, Section, TABLE_AT, i64_at, row_size, u32_at, u64_at},
    writer::{
        FLAG_DISPUTED, FLAG_MALICIOUS, FLAG_NO_VULNERABILITY, FLAG_PROOF_OF_CONCEPT,
        FLAG_RANSOMWARE, FLAG_TRACKER, FLAG_UNDATED, FLAG_VEX, FLAG_WEAPONISED, HAS_JUSTIFICATION,
        HAS_MODULE, HAS_TEXT, NOT_KNOWN, STATUS_MASK,
    },
};
use crate::{
    collection::{Authority, EventKind},
    priority::{Epss, Exploitation, VendorSeverity},
};

/// Where the sections stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sections([(usize, usize); SECTIONS]);

impl Sections {
    /// Reads the table and checks that each section lies within the file and holds whole rows.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut sections = [(0, 0); SECTIONS];
        let count = u32_at(bytes, TABLE_AT - 4).ok_or(Damaged("the header is cut off"))?;
        if usize::try_from(count) != Ok(SECTIONS) {
            return Err(Damaged("the number of sections"));
        }
        for (place, section) in sections.iter_mut().enumerate() {
            let at = TABLE_AT + place * 16;
            let number = |at| u64_at(bytes, at).and_then(|number| usize::try_from(number).ok());
            let (Some(offset), Some(length)) = (number(at), number(at + 8)) else {
                return Err(Damaged("the table of sections is cut off"));
            };
            if offset.checked_add(length).is_none_or(|end| end > bytes.len()) {
                return Err(Damaged("a section reaches beyond the file"));
            }
            *section = (offset, length);
        }
        Ok(Self(sections))
    }

    fn bytes<'a>(&self, bytes: &'a [u8], section: Section) -> &'a [u8] {
        let place = usize::from(section as u8);
        self.0
            .get(place)
            .and_then(|(offset, length)| bytes.get(*offset..offset.checked_add(*length)?))
            .unwrap_or_default()
    }
}

/// A snapshot's bytes with its sections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sections: &'a Sections,
}

/// One affected package of one advisory.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Entry<'a> {
    pub(crate) advisory: u32,
    pub(crate) release: Option<&'a str>,
    pub(crate) status: Option<Status>,
    pub(crate) severity: Option<VendorSeverity>,
    pub(crate) ranges: Vec<Vec<(EventKind, &'a str)>>,
    pub(crate) versions: Vec<&'a str>,
    pub(crate) cvss: Vec<&'a str>,
    pub(crate) justification: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
    /// Module stream, where the entry names one itself.
    pub(crate) module: Option<&'a str>,
}

/// One advisory.
#[derive(Debug, Clone, Hash)]
pub(crate) struct AdvisoryRecord<'a> {
    pub(crate) id: &'a str,
    pub(crate) source: &'a str,
    pub(crate) authority: Authority,
    /// When it was changed, if it says so.
    pub(crate) modified: Option<Timestamp>,
    pub(crate) is_malicious: bool,
    pub(crate) is_disputed: bool,
    pub(crate) is_no_vulnerability: bool,
    pub(crate) has_proof_of_concept: bool,
    pub(crate) is_weaponised: bool,
    pub(crate) published: Option<Timestamp>,
    pub(crate) title: &'a str,
    pub(crate) severity: Option<VendorSeverity>,
    pub(crate) module: Option<&'a str>,
    pub(crate) cves: Vec<&'a str>,
    pub(crate) aliases: Vec<&'a str>,
    pub(crate) cvss: Vec<&'a str>,
    pub(crate) cwe: Vec<u32>,
}

/// What is known of a CVE.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct SignalRecord<'a> {
    pub(crate) is_disputed: bool,
    pub(crate) has_proof_of_concept: bool,
    pub(crate) is_weaponised: bool,
    pub(crate) known_exploited: Option<&'a str>,
    pub(crate) ransomware: bool,
    pub(crate) title: Option<&'a str>,
    pub(crate) published: Option<Timestamp>,
    pub(crate) exploitation: Option<Exploitation>,
    pub(crate) automatable: Option<bool>,
    pub(crate) total_impact: Option<bool>,
    pub(crate) epss: Option<(Timestamp, Epss)>,
    pub(crate) cvss: Vec<(&'a str, &'a str)>,
    pub(crate) cwe: Vec<u32>,
    /// Why the CVE was rejected, if it was.
    pub(crate) rejected: Option<&'a str>,
    /// What is there, and its address.
    pub(crate) links: Vec<(&'a str, &'a str)>,
}

/// Ecosystem and name, and the numbers of the entries.
pub(crate) type PackageRow<'a> = ((&'a str, &'a str), std::ops::Range<u32>);

impl<'a> Reader<'a> {
    pub(super) fn section(&self, section: Section) -> &'a [u8] {
        self.sections.bytes(self.bytes, section)
    }

    /// Number of whole rows of a section.
    pub(crate) fn rows(&self, section: Section) -> usize {
        let rows = self.section(section).len() / row_size(section);
        if section == Section::TextOffsets { rows.saturating_sub(1) } else { rows }
    }

    pub(super) fn number(
        &self,
        section: Section,
        row: usize,
        field: usize,
    ) -> Result<u32, Damaged> {
        let at = row.checked_mul(row_size(section)).and_then(|at| at.checked_add(field * 4));
        at.and_then(|at| u32_at(self.section(section), at)).ok_or(Damaged("a row is missing"))
    }

    pub(super) fn time(&self, section: Section, row: usize, byte: usize) -> Result<i64, Damaged> {
        let at = row.checked_mul(row_size(section)).and_then(|at| at.checked_add(byte));
        at.and_then(|at| i64_at(self.section(section), at)).ok_or(Damaged("a row is missing"))
    }

    fn raw_text(&self, number: u32) -> Result<&'a [u8], Damaged> {
        let place = usize::try_from(number).map_err(|_no| Damaged("a text's number"))?;
        let start = self.number(Section::TextOffsets, place, 0)?;
        let end = self.number(Section::TextOffsets, place.saturating_add(1), 0)?;
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        range
            .and_then(|(start, end)| self.section(Section::TextBytes).get(start..end))
            .ok_or(Damaged("a text reaches beyond its section"))
    }

    pub(crate) fn text(&self, number: u32) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.raw_text(number)?).map_err(|_no| Damaged("a text is not UTF-8"))
    }

    /// The number of a text, if it is in the snapshot.
    fn find_text(&self, text: &str) -> Result<Option<u32>, Damaged> {
        let (mut low, mut high) = (0, self.rows(Section::TextOffsets));
        while low < high {
            let middle = low + (high - low) / 2;
            let number = u32::try_from(middle).map_err(|_no| Damaged("the number of texts"))?;
            match self.raw_text(number)?.cmp(text.as_bytes()) {
                std::cmp::Ordering::Equal => return Ok(Some(number)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// The row whose first two fields (or first field, if the second is `None`) have these values.
    fn find_row(
        &self,
        section: Section,
        first: u32,
        second: Option<u32>,
    ) -> Result<Option<usize>, Damaged> {
        let (mut low, mut high) = (0, self.rows(section));
        while low < high {
            let middle = low + (high - low) / 2;
            let second_here = match second {
                Some(_) => Some(self.number(section, middle, 1)?),
                None => None,
            };
            match (self.number(section, middle, 0)?, second_here).cmp(&(first, second)) {
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    pub(crate) fn sources(&self) -> Result<Vec<FeedSource>, Damaged> {
        (0..self.rows(Section::Sources))
            .map(|row| {
                let mut cursor = self.detail(self.number(Section::Sources, row, 0)?)?;
                let length = cursor.count()?;
                let name = cursor.0.get(..length).and_then(|name| std::str::from_utf8(name).ok());
                Ok(FeedSource {
                    name: name.ok_or(Damaged("a source's name"))?.to_owned(),
                    records: self.time(Section::Sources, row, 4)?.cast_unsigned(),
                    date: Timestamp(self.time(Section::Sources, row, 12)?),
                })
            })
            .collect()
    }

    /// Number of entries for an ecosystem, and for one release of it.
    pub(crate) fn coverage(&self, ecosystem: &str) -> Result<Vec<(Option<&'a str>, u32)>, Damaged> {
        let Some(ecosystem) = self.find_text(ecosystem)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in 0..self.rows(Section::Releases) {
            if self.number(Section::Releases, row, 0)? == ecosystem {
                let release = self.optional_text(self.number(Section::Releases, row, 1)?)?;
                found.push((release, self.number(Section::Releases, row, 2)?));
            }
        }
        Ok(found)
    }

    fn optional_text(&self, number: u32) -> Result<Option<&'a str>, Damaged> {
        number.checked_sub(1).map(|number| self.text(number)).transpose()
    }

    /// The entries for a package name of an ecosystem whose release is `wanted`, grouped by advisory.
    pub(crate) fn entries(
        &self,
        ecosystem: &str,
        name: &str,
        wanted: &dyn Fn(Option<&str>) -> bool,
    ) -> Result<Vec<Entry<'a>>, Damaged> {
        let (Some(ecosystem), Some(name)) = (self.find_text(ecosystem)?, self.find_text(name)?)
        else {
            return Ok(Vec::new());
        };
        let Some(row) = self.find_row(Section::Packages, ecosystem, Some(name))? else {
            return Ok(Vec::new());
        };
        let first = self.number(Section::Packages, row, 2)?;
        let count = self.number(Section::Packages, row, 3)?;
        let end = first.checked_add(count).ok_or(Damaged("the entries of a package"))?;
        let mut found = Vec::new();
        for number in first..end {
            let row = usize::try_from(number).map_err(|_no| Damaged("an entry's number"))?;
            // Most entries are of other releases: what they say is not even decoded.
            let release = self.optional_text(self.number(Section::Affected, row, 1)?)?;
            if wanted(release) {
                found.push(self.entry(row, release)?);
            }
        }
        Ok(found)
    }

    fn entry(&self, row: usize, release: Option<&'a str>) -> Result<Entry<'a>, Damaged> {
        let mut cursor = self.detail(self.number(Section::Affected, row, 2)?)?;
        let code = cursor.number()?;
        let mut words = |bit: u64| {
            if code & bit == 0 { Ok(None) } else { self.text(cursor.small()?).map(Some) }
        };
        let (justification, text) = (words(HAS_JUSTIFICATION)?, words(HAS_TEXT)?);
        let module = words(HAS_MODULE)?;
        Ok(Entry {
            advisory: self.number(Section::Affected, row, 0)?,
            release,
            status: status(code & STATUS_MASK)?,
            justification,
            text,
            module,
            severity: severity(cursor.number()?)?,
            ranges: cursor.list(|cursor| {
                cursor.list(|cursor| Ok((event(cursor.number()?)?, self.text(cursor.small()?)?)))
            })?,
            versions: self.texts(&mut cursor)?,
            cvss: self.texts(&mut cursor)?,
        })
    }

    /// The numbers of all advisories.
    pub(crate) fn advisory_numbers(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.rows(Section::Advisories)).unwrap_or(u32::MAX)
    }

    /// Tells of every entry its package's ecosystem and name, its release, and its advisory.
    pub(crate) fn each_affected(
        &self,
        tell: &mut dyn FnMut(&'a str, &'a str, Option<&'a str>, u32),
    ) -> Result<(), Damaged> {
        for row in 0..self.rows(Section::Packages) {
            let ecosystem = self.text(self.number(Section::Packages, row, 0)?)?;
            let name = self.text(self.number(Section::Packages, row, 1)?)?;
            let first = self.number(Section::Packages, row, 2)?;
            let count = self.number(Section::Packages, row, 3)?;
            let end = first.checked_add(count).ok_or(Damaged("the entries of a package"))?;
            for number in first..end {
                let row = usize::try_from(number).map_err(|_no| Damaged("an entry's number"))?;
                let release = self.optional_text(self.number(Section::Affected, row, 1)?)?;
                tell(ecosystem, name, release, self.number(Section::Affected, row, 0)?);
            }
        }
        Ok(())
    }

    pub(crate) fn advisory_id(&self, row: usize) -> Result<&'a str, Damaged> {
        self.text(self.number(Section::Advisories, row, 0)?)
    }

    /// Whose word an advisory is, without reading it.
    pub(crate) fn authority(&self, number: u32) -> Result<Authority, Damaged> {
        let row = usize::try_from(number).map_err(|_no| Damaged("an advisory's number"))?;
        Ok(authority(self.number(Section::Advisories, row, 1)?))
    }

    pub(crate) fn advisory(&self, number: u32) -> Result<AdvisoryRecord<'a>, Damaged> {
        let row = usize::try_from(number).map_err(|_no| Damaged("an advisory's number"))?;
        let flags = self.number(Section::Advisories, row, 1)?;
        let mut cursor = self.detail(self.number(Section::Advisories, row, 2)?)?;
        let is = |flag| flags & flag != 0;
        Ok(AdvisoryRecord {
            id: self.advisory_id(row)?,
            is_malicious: is(FLAG_MALICIOUS),
            is_disputed: is(FLAG_DISPUTED),
            is_no_vulnerability: is(FLAG_NO_VULNERABILITY),
            has_proof_of_concept: is(FLAG_PROOF_OF_CONCEPT),
            is_weaponised: is(FLAG_WEAPONISED),
            authority: authority(flags),
            source: self.text(self.number(Section::Advisories, row, 3)?)?,
            published: known_time(self.time(Section::Advisories, row, 16)?),
            modified: if is(FLAG_UNDATED) {
                None
            } else {
                Some(Timestamp(self.time(Section::Advisories, row, 24)?))
            },
            cves: self.texts(&mut cursor)?,
            title: self.text(cursor.small()?)?,
            severity: severity(cursor.number()?)?,
            module: self.optional_text(cursor.small()?)?,
            aliases: self.texts(&mut cursor)?,
            cvss: self.texts(&mut cursor)?,
            cwe: cursor.list(Cursor::small)?,
        })
    }

    /// Ecosystem and release of a row that counts entries.
    pub(crate) fn release(&self, row: usize) -> Result<(&'a str, Option<&'a str>), Damaged> {
        let ecosystem = self.text(self.number(Section::Releases, row, 0)?)?;
        Ok((ecosystem, self.optional_text(self.number(Section::Releases, row, 1)?)?))
    }

    /// Ecosystem and name of a package's row, and the numbers of its entries.
    pub(crate) fn package_row(&self, row: usize) -> Result<PackageRow<'a>, Damaged> {
        let number = |field| self.number(Section::Packages, row, field);
        let (first, count) = (number(2)?, number(3)?);
        let end = first.checked_add(count).ok_or(Damaged("the entries of a package"))?;
        Ok(((self.text(number(0)?)?, self.text(number(1)?)?), first..end))
    }

    /// An entry by its number.
    pub(crate) fn entry_row(&self, number: u32) -> Result<Entry<'a>, Damaged> {
        let row = usize::try_from(number).map_err(|_no| Damaged("an entry's number"))?;
        let release = self.optional_text(self.number(Section::Affected, row, 1)?)?;
        self.entry(row, release)
    }

    /// A CVE and what is known of it, by its row.
    pub(crate) fn signal_row(&self, row: usize) -> Result<(&'a str, SignalRecord<'a>), Damaged> {
        Ok((self.text(self.number(Section::Signals, row, 0)?)?, self.signal_at(row)?))
    }

    /// What is known of a CVE; empty if nothing is.
    pub(crate) fn signal(&self, cve: &str) -> Result<SignalRecord<'a>, Damaged> {
        let Some(number) = self.find_text(cve)? else { return Ok(SignalRecord::default()) };
        let Some(row) = self.find_row(Section::Signals, number, None)? else {
            return Ok(SignalRecord::default());
        };
        self.signal_at(row)
    }

    fn signal_at(&self, row: usize) -> Result<SignalRecord<'a>, Damaged> {
        let mut cursor = self.detail(self.number(Section::Signals, row, 1)?)?;
        let flags = cursor.small()?;
        let is = |flag| flags & flag != 0;
        let known_exploited = self.optional_text(cursor.small()?)?;
        let title = self.optional_text(cursor.small()?)?;
        let published = known_time(cursor.time()?);
        let ssvc = cursor.number()?;
        let answer = |code: u64| match code & 3 {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        };
        let epss = match cursor.number()? {
            0 => None,
            _ => {
                let date = Timestamp(cursor.time()?);
                let (probability, percentile) = (cursor.small()?, cursor.small()?);
                Some((date, Epss { probability, percentile: percentile.checked_sub(1) }))
            }
        };
        Ok(SignalRecord {
            is_disputed: is(FLAG_DISPUTED),
            has_proof_of_concept: is(FLAG_PROOF_OF_CONCEPT),
            is_weaponised: is(FLAG_WEAPONISED),
            known_exploited,
            ransomware: is(FLAG_RANSOMWARE),
            title,
            published,
            exploitation: match ssvc & 3 {
                1 => Some(Exploitation::None),
                2 => Some(Exploitation::ProofOfConcept),
                3 => Some(Exploitation::Active),
                _ => None,
            },
            automatable: answer(ssvc >> 2),
            total_impact: answer(ssvc >> 4),
            epss,
            cvss: self.pairs(&mut cursor)?,
            cwe: cursor.list(Cursor::small)?,
            rejected: self.optional_text(cursor.small()?)?,
            links: self.pairs(&mut cursor)?,
        })
    }

    fn detail(&self, offset: u32) -> Result<Cursor<'a>, Damaged> {
        let offset = usize::try_from(offset).map_err(|_no| Damaged("an offset"))?;
        let rest = self.section(Section::Details).get(offset..);
        rest.map(Cursor).ok_or(Damaged("an offset reaches beyond its section"))
    }

    fn pairs(&self, cursor: &mut Cursor<'a>) -> Result<Vec<(&'a str, &'a str)>, Damaged> {
        cursor.list(|cursor| Ok((self.text(cursor.small()?)?, self.text(cursor.small()?)?)))
    }

    fn texts(&self, cursor: &mut Cursor<'a>) -> Result<Vec<&'a str>, Damaged> {
        cursor.list(|cursor| self.text(cursor.small()?))
    }
}

const fn known_time(time: i64) -> Option<Timestamp> {
    if time == NOT_KNOWN { None } else { Some(Timestamp(time)) }
}

const fn authority(flags: u32) -> Authority {
    if flags & FLAG_VEX != 0 {
        Authority::Vex
    } else if flags & FLAG_TRACKER != 0 {
        Authority::Tracker
    } else {
        Authority::Advisory
    }
}

const fn severity(code: u64) -> Result<Option<VendorSeverity>, Damaged> {
    Ok(match code {
        0 => None,
        1 => Some(VendorSeverity::Unimportant),
        2 => Some(VendorSeverity::Negligible),
        3 => Some(VendorSeverity::Low),
        4 => Some(VendorSeverity::Medium),
        5 => Some(VendorSeverity::High),
        6 => Some(VendorSeverity::Critical),
        _ => return Err(Damaged("a severity")),
    })
}

const fn status(code: u64) -> Result<Option<Status>, Damaged> {
    Ok(match code {
        0 => None,
        1 => Some(Status::Affected),
        2 => Some(Status::WillNotFix),
        3 => Some(Status::EndOfLife),
        4 => Some(Status::UnderInvestigation),
        5 => Some(Status::Fixed),
        6 => Some(Status::NotAffected),
        _ => return Err(Damaged("a status")),
    })
}

const fn event(code: u64) -> Result<EventKind, Damaged> {
    Ok(match code {
        0 => EventKind::Introduced,
        1 => EventKind::Fixed,
        2 => EventKind::LastAffected,
        3 => EventKind::Limit,
        _ => return Err(Damaged("an event of a range")),
    })
}
