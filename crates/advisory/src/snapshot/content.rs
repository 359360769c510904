//! What a snapshot says, apart from how it is laid out; and the one way to lay it out.
//!
//! In: rows whose texts have any numbers. Out: the bytes of the snapshot, equal for equal content. Source: the head of
//! `layout`. Odd: only texts that something uses are written, numbered in byte order; rows come in the order of their
//! texts; details stand once each, in the order of the rows that name them first. So a snapshot that is taken apart and
//! put together again, or made of another one and a difference, has the very same bytes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use plimsoll_model::Timestamp;

use super::{
    layout::{Cursor, Damaged, SECTIONS, Section, put},
    reader::Reader,
    shape::{self, Shape, walk},
    writer::{self, TooLarge},
};

/// Where a detail stands among the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

/// One advisory without what it affects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdvisoryRow {
    pub(crate) id: u32,
    pub(crate) source: u32,
    pub(crate) flags: u32,
    pub(crate) published: i64,
    pub(crate) modified: i64,
    pub(crate) detail: Span,
}

/// One affected package of one advisory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AffectedRow {
    /// Place among the advisories.
    pub(crate) advisory: u32,
    pub(crate) ecosystem: u32,
    pub(crate) name: u32,
    pub(crate) release: Option<u32>,
    pub(crate) detail: Span,
}

/// What is known of one CVE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignalRow {
    pub(crate) cve: u32,
    pub(crate) detail: Span,
}

/// One source: name, records, date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceRow {
    pub(crate) name: String,
    pub(crate) records: u64,
    pub(crate) date: i64,
}

/// All that a snapshot says.
#[derive(Debug, Clone)]
pub(crate) struct Content<'a> {
    pub(crate) texts: Vec<Cow<'a, str>>,
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) advisories: Vec<AdvisoryRow>,
    pub(crate) affected: Vec<AffectedRow>,
    pub(crate) signals: Vec<SignalRow>,
    pub(crate) details: Cow<'a, [u8]>,
    pub(crate) date: Timestamp,
    pub(crate) starter: bool,
}

impl<'a> Content<'a> {
    /// Takes a snapshot apart.
    pub(crate) fn of(reader: &Reader<'a>, date: Timestamp, starter: bool) -> Result<Self, Damaged> {
        let number = |row: usize| u32::try_from(row).map_err(|_no| Damaged("a row's number"));
        let details = reader.section(Section::Details);
        let mut texts = Vec::with_capacity(reader.rows(Section::TextOffsets));
        for row in 0..reader.rows(Section::TextOffsets) {
            texts.push(Cow::Borrowed(reader.text(number(row)?)?));
        }
        let sources = reader.sources()?.into_iter().map(|source| SourceRow {
            name: source.name,
            records: source.records,
            date: source.date.0,
        });
        let mut advisories = Vec::with_capacity(reader.rows(Section::Advisories));
        for row in 0..reader.rows(Section::Advisories) {
            let at = reader.number(Section::Advisories, row, 2)?;
            advisories.push(AdvisoryRow {
                id: reader.number(Section::Advisories, row, 0)?,
                source: reader.number(Section::Advisories, row, 3)?,
                flags: reader.number(Section::Advisories, row, 1)?,
                published: reader.time(Section::Advisories, row, 16)?,
                modified: reader.time(Section::Advisories, row, 24)?,
                detail: span(details, at, shape::ADVISORY)?,
            });
        }
        let mut affected = Vec::with_capacity(reader.rows(Section::Affected));
        for row in 0..reader.rows(Section::Packages) {
            let field = |field| reader.number(Section::Packages, row, field);
            let (ecosystem, name, first, count) = (field(0)?, field(1)?, field(2)?, field(3)?);
            for entry in first..first.checked_add(count).ok_or(Damaged("a package's entries"))? {
                let entry = usize::try_from(entry).map_err(|_no| Damaged("an entry's number"))?;
                let field = |field| reader.number(Section::Affected, entry, field);
                affected.push(AffectedRow {
                    advisory: field(0)?,
                    ecosystem,
                    name,
                    release: field(1)?.checked_sub(1),
                    detail: span(details, field(2)?, shape::AFFECTED)?,
                });
            }
        }
        let mut signals = Vec::with_capacity(reader.rows(Section::Signals));
        for row in 0..reader.rows(Section::Signals) {
            signals.push(SignalRow {
                cve: reader.number(Section::Signals, row, 0)?,
                detail: span(details, reader.number(Section::Signals, row, 1)?, shape::SIGNAL)?,
            });
        }
        Ok(Self {
            texts,
            sources: sources.collect(),
            advisories,
            affected,
            signals,
            details: Cow::Borrowed(details),
            date,
            starter,
        })
    }

    pub(crate) fn detail(&self, span: Span) -> &[u8] {
        slice(&self.details, span)
    }

    /// Lays everything out.
    pub(crate) fn assemble(&self) -> Result<Vec<u8>, AssembleError> {
        let numbering = Numbering::of(self)?;
        let mut layout = Layout { details: Vec::new(), known: HashMap::new() };
        let mut sections: [Vec<u8>; SECTIONS] = std::array::from_fn(|_| Vec::new());
        let [
            offsets,
            text_bytes,
            sources,
            releases,
            packages,
            affected,
            advisories,
            signals,
            details,
        ] = &mut sections;
        for number in &numbering.order {
            writer::put_u32(offsets, text_bytes.len())?;
            text_bytes.extend_from_slice(self.text(*number).as_bytes());
        }
        writer::put_u32(offsets, text_bytes.len())?;
        for source in &self.sources {
            // Names of sources are no texts of the snapshot, so they stand in the details.
            let mut name = Vec::new();
            put(&mut name, u64::try_from(source.name.len()).unwrap_or(u64::MAX));
            name.extend_from_slice(source.name.as_bytes());
            writer::put_u32(sources, layout.detail(&name))?;
            sources.extend_from_slice(&source.records.to_le_bytes());
            sources.extend_from_slice(&source.date.to_le_bytes());
        }
        let mut scratch = Vec::new();
        let order = sorted_by(&self.advisories, |row| {
            [numbering.place(row.id), numbering.place(row.source)]
        });
        for row in order.iter().filter_map(|number| self.advisories.get(*number)) {
            numbering.renumber(shape::ADVISORY, self.detail(row.detail), &mut scratch)?;
            advisories.extend_from_slice(&numbering.place(row.id).to_le_bytes());
            advisories.extend_from_slice(&row.flags.to_le_bytes());
            writer::put_u32(advisories, layout.detail(&scratch))?;
            advisories.extend_from_slice(&numbering.place(row.source).to_le_bytes());
            advisories.extend_from_slice(&row.published.to_le_bytes());
            advisories.extend_from_slice(&row.modified.to_le_bytes());
        }
        for row in sorted_by(&self.signals, |row| [numbering.place(row.cve), 0]) {
            let Some(row) = self.signals.get(row) else { continue };
            numbering.renumber(shape::SIGNAL, self.detail(row.detail), &mut scratch)?;
            signals.extend_from_slice(&numbering.place(row.cve).to_le_bytes());
            writer::put_u32(signals, layout.detail(&scratch))?;
        }
        let entries = self.entries(&numbering, &order)?;
        layout.affected(&entries, affected, packages, releases)?;
        *details = layout.details;
        drop((numbering, layout.known, entries));
        Ok(writer::assemble(&sections, self.date, self.starter)?)
    }

    fn text(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.texts.get(at)).map_or("", |text| text)
    }

    /// The affected entries in their order, with advisories and texts as they will be numbered.
    fn entries(&self, numbering: &Numbering, order: &[usize]) -> Result<Entries, AssembleError> {
        let mut places = vec![0; self.advisories.len()];
        for (place, number) in (0_u32..).zip(order) {
            if let Some(slot) = places.get_mut(*number) {
                *slot = place;
            }
        }
        let mut entries =
            Entries { rows: Vec::with_capacity(self.affected.len()), bytes: Vec::new() };
        let mut scratch = Vec::new();
        for row in &self.affected {
            numbering.renumber(shape::AFFECTED, self.detail(row.detail), &mut scratch)?;
            let advisory = usize::try_from(row.advisory).ok().and_then(|at| places.get(at));
            let key = [
                numbering.place(row.ecosystem),
                numbering.place(row.name),
                *advisory.ok_or(Damaged("an entry's advisory"))?,
                row.release.map_or(0, |release| numbering.place(release) + 1),
            ];
            let start = u32::try_from(entries.bytes.len()).map_err(|_no| TooLarge)?;
            let length = u32::try_from(scratch.len()).map_err(|_no| TooLarge)?;
            entries.bytes.extend_from_slice(&scratch);
            entries.rows.push((key, Span { start, length }));
        }
        let Entries { rows, bytes } = &mut entries;
        rows.sort_unstable_by(|(key, detail), (other_key, other_detail)| {
            key.cmp(other_key).then_with(|| slice(bytes, *detail).cmp(slice(bytes, *other_detail)))
        });
        rows.dedup_by(|(key, detail), (other_key, other_detail)| {
            key == other_key && slice(bytes, *detail) == slice(bytes, *other_detail)
        });
        Ok(entries)
    }
}

/// Why content cannot be laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssembleError {
    TooLarge,
    Damaged(Damaged),
}

impl From<TooLarge> for AssembleError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl From<Damaged> for AssembleError {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

/// Ecosystem, name, advisory, release + 1 or 0 of each entry, and where its detail stands.
struct Entries {
    rows: Vec<([u32; 4], Span)>,
    bytes: Vec<u8>,
}

fn slice(bytes: &[u8], span: Span) -> &[u8] {
    let start = usize::try_from(span.start).unwrap_or(usize::MAX);
    let length = usize::try_from(span.length).unwrap_or(usize::MAX);
    start.checked_add(length).and_then(|end| bytes.get(start..end)).unwrap_or_default()
}

/// Where the detail of this shape that starts at `at` ends.
fn span(details: &[u8], at: u32, shape: &[Shape]) -> Result<Span, Damaged> {
    let start = usize::try_from(at).map_err(|_no| Damaged("an offset"))?;
    let rest = details.get(start..).ok_or(Damaged("an offset reaches beyond its section"))?;
    let mut cursor = Cursor(rest);
    walk(shape, 0, &mut cursor, &mut |_, _| {})?;
    let length = u32::try_from(rest.len() - cursor.0.len());
    Ok(Span { start: at, length: length.map_err(|_no| Damaged("a detail's length"))? })
}

fn sorted_by<T>(rows: &[T], key: impl Fn(&T) -> [u32; 2]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|number| rows.get(*number).map_or([0; 2], &key));
    order
}

/// The texts that are used, in byte order, and the place of each.
struct Numbering {
    order: Vec<u32>,
    places: Vec<u32>,
}

const UNUSED: u32 = u32::MAX;

impl Numbering {
    fn of(content: &Content<'_>) -> Result<Self, Damaged> {
        let mut places = vec![UNUSED; content.texts.len()];
        let mut unknown = false;
        let mut mark =
            |number: u32| match usize::try_from(number).ok().and_then(|at| places.get_mut(at)) {
                Some(place) => *place = 0,
                None => unknown = true,
            };
        let detail = |shape: &[Shape], span: Span, mark: &mut dyn FnMut(u32)| {
            walk(shape, 0, &mut Cursor(content.detail(span)), &mut |_, leaf| {
                if let Some(number) = leaf.text() {
                    mark(number);
                }
            })
        };
        for row in &content.advisories {
            mark(row.id);
            mark(row.source);
            detail(shape::ADVISORY, row.detail, &mut mark)?;
        }
        for row in &content.affected {
            mark(row.ecosystem);
            mark(row.name);
            row.release.map(&mut mark);
            detail(shape::AFFECTED, row.detail, &mut mark)?;
        }
        for row in &content.signals {
            mark(row.cve);
            detail(shape::SIGNAL, row.detail, &mut mark)?;
        }
        if unknown {
            return Err(Damaged("a text's number"));
        }
        let mut order: Vec<u32> = (0_u32..)
            .zip(&places)
            .filter(|(_, place)| **place != UNUSED)
            .map(|(number, _)| number)
            .collect();
        order.sort_unstable_by(|a, b| content.text(*a).cmp(content.text(*b)));
        for (place, number) in (0_u32..).zip(&order) {
            if let Some(slot) = usize::try_from(*number).ok().and_then(|at| places.get_mut(at)) {
                *slot = place;
            }
        }
        Ok(Self { order, places })
    }

    fn place(&self, number: u32) -> u32 {
        usize::try_from(number).ok().and_then(|at| self.places.get(at)).copied().unwrap_or(UNUSED)
    }

    /// The same detail with its texts numbered anew.
    fn renumber(&self, shape: &[Shape], detail: &[u8], into: &mut Vec<u8>) -> Result<(), Damaged> {
        into.clear();
        walk(shape, 0, &mut Cursor(detail), &mut |_, leaf| {
            leaf.renumbered(|number| self.place(number)).put(into);
        })
    }
}

/// The growing details, each of which stands once.
struct Layout {
    details: Vec<u8>,
    known: HashMap<Box<[u8]>, usize>,
}

impl Layout {
    fn detail(&mut self, bytes: &[u8]) -> usize {
        if let Some(at) = self.known.get(bytes) {
            return *at;
        }
        let at = self.details.len();
        self.details.extend_from_slice(bytes);
        self.known.insert(bytes.into(), at);
        at
    }

    /// Writes the entries and the two tables over them.
    fn affected(
        &mut self,
        entries: &Entries,
        rows: &mut Vec<u8>,
        packages: &mut Vec<u8>,
        releases: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        let mut counts: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut open: Option<[u32; 4]> = None;
        for (([ecosystem, name, advisory, release], detail), place) in
            entries.rows.iter().zip(0_u32..)
        {
            rows.extend_from_slice(&advisory.to_le_bytes());
            rows.extend_from_slice(&release.to_le_bytes());
            writer::put_u32(rows, self.detail(slice(&entries.bytes, *detail)))?;
            *counts.entry((*ecosystem, *release)).or_default() += 1;
            match &mut open {
                Some([e, n, _, count]) if (*e, *n) == (*ecosystem, *name) => *count += 1,
                _ => {
                    put_rows(packages, open.as_slice());
                    open = Some([*ecosystem, *name, place, 1]);
                }
            }
        }
        put_rows(packages, open.as_slice());
        for ((ecosystem, release), count) in counts {
            put_rows(releases, &[[ecosystem, release, count]]);
        }
        Ok(())
    }
}

fn put_rows<const FIELDS: usize>(section: &mut Vec<u8>, rows: &[[u32; FIELDS]]) {
    for number in rows.iter().flatten() {
        section.extend_from_slice(&number.to_le_bytes());
    }
}
