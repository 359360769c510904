//! What one snapshot says beyond another one.
//!
//! In: a base (or nothing) and a snapshot. Out: the unpacked payload; from base and payload the snapshot's content.
//! Source: `snapshot::content`. Odd: texts keep the numbers that they have in the base, new ones follow in byte order. A
//! record that differs in anything is written anew as a whole, so applying is leaving out and adding, nothing else.
//!
//! ```text
//! date:i64 starter:u8 sources texts removed-advisories removed-signals advisories signals
//! ```

use std::{borrow::Cow, collections::HashSet};

use plimsoll_model::Timestamp;

use super::columns::{Columns, put_bytes, take_bytes};
use crate::snapshot::{
    content::{AdvisoryRow, AffectedRow, Content, SignalRow, SourceRow, Span},
    layout::{Cursor, Damaged, put},
    shape::{self, ADVISORY_KEY, ADVISORY_RECORD, Leaf, SIGNAL_KEY, SIGNAL_RECORD, Shape, walk},
};

/// Most bytes of all texts together; real ones have a fiftieth.
const MOST_TEXT: usize = 1 << 30;

/// What tells a record from all others: the numbers of an advisory's id and source, or of a CVE and 0.
type Key = [u32; 2];

/// A payload and what it holds.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) payload: Vec<u8>,
    pub(super) advisories: u64,
    pub(super) removed: u64,
}

/// Writes down what `new` says that `base` does not.
pub(super) fn difference(
    base: Option<&Content<'_>>,
    new: &Content<'_>,
) -> Result<Difference, Damaged> {
    let nothing = nothing();
    let base = base.unwrap_or(&nothing);
    let union = Union::of(base, new)?;
    let mut payload = Vec::new();
    payload.extend_from_slice(&new.date.0.to_le_bytes());
    payload.push(u8::from(new.starter));
    put(&mut payload, u64::try_from(new.sources.len()).unwrap_or(u64::MAX));
    for source in &new.sources {
        put_bytes(&mut payload, source.name.as_bytes());
        put(&mut payload, source.records);
        payload.extend_from_slice(&source.date.to_le_bytes());
    }
    write_texts(&union.added, &mut payload);

    let mut removed = [Columns::new(ADVISORY_KEY), Columns::new(SIGNAL_KEY)];
    let mut changed = [Columns::new(ADVISORY_RECORD), Columns::new(SIGNAL_RECORD)];
    let before = Records::of(base, None)?;
    let now = Records::of(new, Some(&union.numbers))?;
    let [removed_advisories, removed_signals] = &mut removed;
    let [advisories, signals] = &mut changed;
    compare(&union, &before.advisories, &now.advisories, removed_advisories, advisories)?;
    compare(&union, &before.signals, &now.signals, removed_signals, signals)?;
    for columns in removed.iter().chain(&changed) {
        columns.write(&mut payload);
    }
    let [removed, _] = &removed;
    let [advisories, _] = &changed;
    Ok(Difference { payload, advisories: advisories.count(), removed: removed.count() })
}

/// What `base` becomes by a payload.
pub(super) fn apply<'a>(
    base: Option<&Content<'a>>,
    payload: &'a [u8],
) -> Result<Content<'a>, Damaged> {
    let nothing = nothing();
    let base = base.unwrap_or(&nothing);
    let mut cursor = Cursor(payload);
    let date = Timestamp(cursor.time()?);
    let (starter, rest) = cursor.0.split_first().ok_or(Damaged("the payload is cut off"))?;
    cursor.0 = rest;
    let sources = cursor.list(|cursor| {
        let name = std::str::from_utf8(take_bytes(cursor)?);
        let name = name.map_err(|_no| Damaged("a source's name"))?.to_owned();
        Ok(SourceRow { name, records: cursor.number()?, date: cursor.time()? })
    })?;
    let added = read_texts(&mut cursor)?;

    let mut details = base.details.to_vec();
    let mut gone = [HashSet::new(), HashSet::new()];
    for (shape, gone) in [ADVISORY_KEY, SIGNAL_KEY].into_iter().zip(&mut gone) {
        let mut keys = Vec::new();
        Columns::read(shape, &mut cursor, &mut keys, &mut |_| {})?;
        let mut keys = Cursor(&keys);
        while !keys.0.is_empty() {
            let first = keys.small()?;
            let second = if shape.len() > 1 { keys.small()? } else { 0 };
            gone.insert([first, second]);
        }
    }
    let mut places = [Vec::new(), Vec::new()];
    for (shape, places) in [ADVISORY_RECORD, SIGNAL_RECORD].into_iter().zip(&mut places) {
        Columns::read(shape, &mut cursor, &mut details, &mut |place| places.push(place.start))?;
    }
    if !cursor.0.is_empty() {
        return Err(Damaged("the payload is longer than it should be"));
    }
    let [mut gone_advisories, mut gone_signals] = gone;
    let [advisory_places, signal_places] = places;
    let mut content = Content {
        texts: base.texts.clone(),
        sources,
        advisories: Vec::new(),
        affected: Vec::new(),
        signals: Vec::new(),
        details: Cow::Borrowed(&[]),
        date,
        starter: *starter != 0,
    };
    content.texts.extend(added.into_iter().map(Cow::Owned));
    let parts = Parts { details: &details };
    let mut advisories = Vec::with_capacity(advisory_places.len());
    let mut affected = Vec::new();
    for (at, number) in advisory_places.into_iter().zip(0_u32..) {
        let row = parts.advisory(at, number, &mut affected)?;
        gone_advisories.insert([row.id, row.source]);
        advisories.push(row);
    }
    let mut signals = Vec::with_capacity(signal_places.len());
    for at in signal_places {
        let row = parts.signal(at)?;
        gone_signals.insert([row.cve, 0]);
        signals.push(row);
    }
    keep(base, &gone_advisories, &mut advisories, &mut affected);
    signals.extend(base.signals.iter().filter(|row| !gone_signals.contains(&[row.cve, 0])));
    (content.advisories, content.affected, content.signals) = (advisories, affected, signals);
    content.details = Cow::Owned(details);
    Ok(content)
}

/// Adds the advisories of the base that stay, with what they affect.
fn keep(
    base: &Content<'_>,
    gone: &HashSet<Key>,
    advisories: &mut Vec<AdvisoryRow>,
    affected: &mut Vec<AffectedRow>,
) {
    let mut places = Vec::with_capacity(base.advisories.len());
    for row in &base.advisories {
        let stays = !gone.contains(&[row.id, row.source]);
        places.push(u32::try_from(advisories.len()).ok().filter(|_| stays));
        if stays {
            advisories.push(*row);
        }
    }
    for row in &base.affected {
        let place = usize::try_from(row.advisory).ok().and_then(|at| places.get(at).copied());
        if let Some(advisory) = place.flatten() {
            affected.push(AffectedRow { advisory, ..*row });
        }
    }
}

fn nothing() -> Content<'static> {
    Content {
        texts: Vec::new(),
        sources: Vec::new(),
        advisories: Vec::new(),
        affected: Vec::new(),
        signals: Vec::new(),
        details: Cow::Borrowed(&[]),
        date: Timestamp(0),
        starter: false,
    }
}

/// The texts of both: those of the base with their numbers, behind them those that are new.
struct Union<'a> {
    base: &'a Content<'a>,
    added: Vec<&'a str>,
    /// The number of each text of the new one.
    numbers: Vec<u32>,
}

impl<'a> Union<'a> {
    fn of(base: &'a Content<'a>, new: &'a Content<'a>) -> Result<Self, Damaged> {
        let first = u32::try_from(base.texts.len()).map_err(|_no| Damaged("too many texts"))?;
        let mut numbers = Vec::with_capacity(new.texts.len());
        let mut added = Vec::new();
        let mut old = base.texts.iter().zip(0_u32..).peekable();
        for text in &new.texts {
            while old.next_if(|(other, _)| *other < text).is_some() {}
            match old.peek() {
                Some((other, number)) if *other == text => numbers.push(*number),
                _ => {
                    let place =
                        u32::try_from(added.len()).ok().and_then(|at| first.checked_add(at));
                    numbers.push(place.ok_or(Damaged("too many texts"))?);
                    added.push(&**text);
                }
            }
        }
        Ok(Self { base, added, numbers })
    }

    fn text(&self, number: u32) -> &str {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        match at.checked_sub(self.base.texts.len()) {
            None => self.base.texts.get(at).map_or("", |text| text),
            Some(at) => self.added.get(at).copied().unwrap_or_default(),
        }
    }
}

/// The records of a snapshot, each with its key, in the order of the keys' texts.
struct Records {
    advisories: Vec<(Key, Vec<u8>)>,
    signals: Vec<(Key, Vec<u8>)>,
}

impl Records {
    /// `numbers` says what number each text has; `None`: the one that it has.
    fn of(content: &Content<'_>, numbers: Option<&[u32]>) -> Result<Self, Damaged> {
        let new = |number: u32| match numbers {
            None => number,
            Some(numbers) => {
                let at = usize::try_from(number).ok();
                at.and_then(|at| numbers.get(at)).copied().unwrap_or(number)
            }
        };
        let renumbered = |shape: &[Shape], span: Span| -> Result<Vec<u8>, Damaged> {
            let detail = content.detail(span);
            let mut bytes = Vec::with_capacity(detail.len());
            walk(shape, 0, &mut Cursor(detail), &mut |_, leaf| {
                leaf.renumbered(new).put(&mut bytes);
            })?;
            Ok(bytes)
        };
        let mut by_advisory: Vec<&AffectedRow> = content.affected.iter().collect();
        by_advisory.sort_by_key(|row| row.advisory);
        let mut rest = by_advisory.into_iter().peekable();
        let mut advisories = Vec::with_capacity(content.advisories.len());
        for (row, number) in content.advisories.iter().zip(0_u32..) {
            let mut entries = Vec::new();
            while let Some(entry) = rest.next_if(|entry| entry.advisory == number) {
                let key = (new(entry.ecosystem), new(entry.name), entry.release.map(new));
                entries.push((key, renumbered(shape::AFFECTED, entry.detail)?));
            }
            // Numbers are the same on both sides, so their order is, too.
            entries.sort_unstable();
            let mut bytes = Vec::new();
            Leaf::Text(new(row.id)).put(&mut bytes);
            Leaf::Text(new(row.source)).put(&mut bytes);
            Leaf::Number(u64::from(row.flags)).put(&mut bytes);
            Leaf::Time(row.published).put(&mut bytes);
            Leaf::Time(row.modified).put(&mut bytes);
            bytes.extend_from_slice(&renumbered(shape::ADVISORY, row.detail)?);
            put(&mut bytes, u64::try_from(entries.len()).unwrap_or(u64::MAX));
            for ((ecosystem, name, release), detail) in entries {
                Leaf::Text(ecosystem).put(&mut bytes);
                Leaf::Text(name).put(&mut bytes);
                Leaf::Optional(release).put(&mut bytes);
                bytes.extend_from_slice(&detail);
            }
            advisories.push(([new(row.id), new(row.source)], bytes));
        }
        let mut signals = Vec::with_capacity(content.signals.len());
        for row in &content.signals {
            let mut bytes = Vec::new();
            Leaf::Text(new(row.cve)).put(&mut bytes);
            bytes.extend_from_slice(&renumbered(shape::SIGNAL, row.detail)?);
            signals.push(([new(row.cve), 0], bytes));
        }
        Ok(Self { advisories, signals })
    }
}

/// Walks two lists in the order of their keys.
fn compare(
    union: &Union<'_>,
    before: &[(Key, Vec<u8>)],
    now: &[(Key, Vec<u8>)],
    removed: &mut Columns,
    changed: &mut Columns,
) -> Result<(), Damaged> {
    let mut before = before.iter().peekable();
    let width = removed.width();
    let mut gone = |key: &Key| {
        let mut bytes = Vec::new();
        for number in key.iter().take(width) {
            Leaf::Text(*number).put(&mut bytes);
        }
        removed.push(&bytes)
    };
    let texts = |key: &Key| key.map(|number| union.text(number));
    for (key, record) in now {
        while let Some((old, _)) = before.next_if(|(old, _)| texts(old) < texts(key)) {
            gone(old)?;
        }
        let same = before.next_if(|(old, _)| old == key).map(|(_, old)| old == record);
        if same != Some(true) {
            changed.push(record)?;
        }
    }
    before.try_for_each(|(old, _)| gone(old))
}

/// Rows out of records.
struct Parts<'a> {
    details: &'a [u8],
}

impl Parts<'_> {
    fn advisory(
        &self,
        at: usize,
        number: u32,
        affected: &mut Vec<AffectedRow>,
    ) -> Result<AdvisoryRow, Damaged> {
        let mut cursor = Cursor(self.details.get(at..).unwrap_or_default());
        let row = AdvisoryRow {
            id: cursor.small()?,
            source: cursor.small()?,
            flags: cursor.small()?,
            published: cursor.time()?,
            modified: cursor.time()?,
            detail: self.skip(shape::ADVISORY, &mut cursor)?,
        };
        for _ in 0..cursor.count()? {
            affected.push(AffectedRow {
                advisory: number,
                ecosystem: cursor.small()?,
                name: cursor.small()?,
                release: cursor.small()?.checked_sub(1),
                detail: self.skip(shape::AFFECTED, &mut cursor)?,
            });
        }
        Ok(row)
    }

    fn signal(&self, at: usize) -> Result<SignalRow, Damaged> {
        let mut cursor = Cursor(self.details.get(at..).unwrap_or_default());
        Ok(SignalRow { cve: cursor.small()?, detail: self.skip(shape::SIGNAL, &mut cursor)? })
    }

    /// Where the detail stands that begins at the cursor.
    fn skip(&self, shape: &[Shape], cursor: &mut Cursor<'_>) -> Result<Span, Damaged> {
        let start = self.details.len() - cursor.0.len();
        let before = cursor.0.len();
        walk(shape, 0, cursor, &mut |_, _| {})?;
        let small = |number: usize| u32::try_from(number).map_err(|_no| Damaged("too much"));
        Ok(Span { start: small(start)?, length: small(before - cursor.0.len())? })
    }
}

/// Texts in byte order: how many bytes each shares with the one before, how many follow, and those.
fn write_texts(texts: &[&str], payload: &mut Vec<u8>) {
    let (mut shared, mut lengths, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut before: &[u8] = &[];
    for text in texts {
        let text = text.as_bytes();
        let same = before.iter().zip(text).take_while(|(a, b)| a == b).count();
        let own = text.get(same..).unwrap_or_default();
        put(&mut shared, u64::try_from(same).unwrap_or_default());
        put(&mut lengths, u64::try_from(own.len()).unwrap_or_default());
        rest.extend_from_slice(own);
        before = text;
    }
    put(payload, u64::try_from(texts.len()).unwrap_or(u64::MAX));
    for stream in [shared, lengths, rest] {
        put_bytes(payload, &stream);
    }
}

fn read_texts(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Damaged> {
    let count = cursor.count()?;
    let mut shared = Cursor(take_bytes(cursor)?);
    let mut lengths = Cursor(take_bytes(cursor)?);
    let mut rest = Cursor(take_bytes(cursor)?);
    let mut texts: Vec<String> = Vec::new();
    let mut total = 0_usize;
    for _ in 0..count {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (same, own) = (size(shared.number()?), size(lengths.number()?));
        let before = texts.last().map_or(&[][..], |text| text.as_bytes());
        let start = before.get(..same).ok_or(Damaged("a text shares more than there is"))?;
        let (own, left) = rest.0.split_at_checked(own).ok_or(Damaged("the texts are cut off"))?;
        rest.0 = left;
        total = total.saturating_add(same).saturating_add(own.len());
        if total > MOST_TEXT {
            return Err(Damaged("its texts have more than 1 GiB"));
        }
        let text = String::from_utf8([start, own].concat());
        texts.push(text.map_err(|_no| Damaged("a text is not UTF-8"))?);
    }
    if [shared, lengths, rest].iter().any(|stream| !stream.0.is_empty()) {
        return Err(Damaged("there are more texts than it says"));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Snapshot, starter_feed};

    fn starter_payload() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("snapshot");
        starter_feed(&target).unwrap();
        let snapshot = Snapshot::open(&target).unwrap();
        let state = snapshot.state();
        let content = Content::of(&snapshot.reader(), state.date, state.starter).unwrap();
        difference(None, &content).unwrap().payload
    }

    #[test]
    fn texts_read_back() {
        let texts = ["", "a", "aa", "ab", "b", "ä", "äö"];
        let mut bytes = Vec::new();
        write_texts(&texts, &mut bytes);
        let mut cursor = Cursor(&bytes);
        assert_eq!(read_texts(&mut cursor).unwrap(), texts);
        assert!(cursor.0.is_empty());
    }

    #[test]
    fn every_cut_is_refused() {
        let payload = starter_payload();
        for length in (0..payload.len()).step_by(211) {
            assert!(apply(None, &payload[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// A signature only says who made it: its maker may be wrong, too.
        #[test]
        fn any_payload_is_laid_out_or_refused(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            thread_local!(static STARTER: Vec<u8> = starter_payload());
            STARTER.with(|payload| {
                let mut changed = payload.clone();
                for (place, value) in &changes {
                    changed[place.index(payload.len())] = *value;
                }
                if let Ok(content) = apply(None, &changed) {
                    let _answer = content.assemble();
                }
            });
        }
    }
}
