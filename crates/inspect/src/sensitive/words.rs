//! Where words stand in a text, whatever their case.
//!
//! In: words of two bytes and more, once; then texts. Out: every place of every word, in the order in which they begin. Odd:
//! an automaton asks its table at every byte, and each answer waits for the one before. Here three bytes at a time are turned
//! into a number that does not depend on what came before, and a table says whether any word begins like that: few places of
//! a text go on from there.

/// Bytes that a word begins with and that it is told by.
const HEAD: usize = 3;
/// A word of two stands under all third bytes: of a third byte, so many bits count.
const THIRDS: std::ops::Range<u8> = 0..32;
/// Of the numbers that heads are turned into.
const BITS: u32 = 14;
const NUMBERS: usize = 1 << BITS;

/// Words, made ready.
pub(super) struct Words {
    words: Vec<Box<[u8]>>,
    /// By the number of their heads, whether there are such words: small, so that it stays near the processor.
    is_head: Box<[bool; NUMBERS]>,
    /// By the number of their heads, the words: `0` for none, else one more than where they are in `with_head`.
    heads: Box<[u16; NUMBERS]>,
    with_head: Vec<Vec<usize>>,
}

/// A word's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Its number among the words.
    pub(super) word: usize,
    /// Where it begins and ends in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The number of the first three of four bytes. A letter's case lies in none of the bits that count.
const fn number(four: u32) -> usize {
    ((four & 0x001f_1f1f).wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS)) as usize
}

/// Of a text that begins so. One of two bytes is taken for one with a third of no bits.
fn number_of(head: &[u8]) -> Option<usize> {
    let [first, second] = *head.first_chunk()?;
    let third = head.get(2).copied().unwrap_or_default();
    Some(number(u32::from_le_bytes([first, second, third, 0])))
}

impl Words {
    /// Of words in small letters; `None` if one is shorter than two bytes.
    pub(super) fn new(words: &[String]) -> Option<Self> {
        let mut all = Self {
            words: Vec::new(),
            is_head: Box::new([false; NUMBERS]),
            heads: Box::new([0; NUMBERS]),
            with_head: Vec::new(),
        };
        for (place, word) in words.iter().enumerate() {
            match *word.as_bytes() {
                [first, second] => {
                    for third in THIRDS {
                        all.add(place, &[first, second, third])?;
                    }
                }
                ref bytes => all.add(place, bytes)?,
            }
            all.words.push(word.as_bytes().into());
        }
        Some(all)
    }

    fn add(&mut self, word: usize, bytes: &[u8]) -> Option<()> {
        let number = number_of(bytes)?;
        let head = self.heads.get_mut(number)?;
        if *head == 0 {
            self.with_head.push(Vec::new());
            *head = u16::try_from(self.with_head.len()).ok()?;
        }
        let with_head = self.with_head.get_mut(usize::from(*head) - 1)?;
        // Two thirds may have one number.
        if with_head.last() != Some(&word) {
            with_head.push(word);
        }
        *self.is_head.get_mut(number)? = true;
        Some(())
    }

    /// All places in a text.
    pub(super) const fn places<'w>(&'w self, text: &'w [u8]) -> Places<'w> {
        Places { words: self, text, next: 0, start: 0, open: &[] }
    }

    fn with_head(&self, text: &[u8]) -> &[usize] {
        let head = number_of(text).and_then(|number| self.heads.get(number)).copied();
        let place = head.and_then(|head| usize::from(head).checked_sub(1));
        place.and_then(|place| self.with_head.get(place)).map_or(&[], Vec::as_slice)
    }
}

/// What [`Words::places`] gives.
pub(super) struct Places<'w> {
    words: &'w Words,
    text: &'w [u8],
    /// Where nobody has looked yet.
    next: usize,
    /// Where `open` would begin.
    start: usize,
    /// Words that may stand there.
    open: &'w [usize],
}

impl Iterator for Places<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        loop {
            while let Some((&word, rest)) = self.open.split_first() {
                self.open = rest;
                let bytes = self.words.words.get(word)?;
                let (start, end) = (self.start, self.start + bytes.len());
                let here = self.text.get(start..end);
                if here.is_some_and(|here| here.eq_ignore_ascii_case(bytes)) {
                    return Some(Place { word, start, end });
                }
            }
            let rest = self.text.get(self.next..)?;
            let is_head = &self.words.is_head;
            let found = rest.windows(HEAD + 1).position(|window| match *window {
                [first, second, third, fourth] => {
                    let number = number(u32::from_le_bytes([first, second, third, fourth]));
                    is_head.get(number).copied().unwrap_or_default()
                }
                _ => false,
            });
            // The last three bytes have no fourth, and the last two no third.
            let at = found.or_else(|| rest.len().checked_sub(rest.len().clamp(2, HEAD)))?;
            self.start = self.next + at;
            self.next = self.start + 1;
            self.open = self.words.with_head(self.text.get(self.start..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(words: &[&str], text: &[u8]) -> Vec<Place> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let words = Words::new(&words).unwrap();
        let mut places: Vec<Place> = words.places(text).collect();
        assert!(places.is_sorted_by_key(|place| place.start), "{places:?}");
        places.sort_by_key(|place| (place.start, place.word));
        places
    }

    #[test]
    fn places_overlap_and_reach_the_end() {
        let place = |word, start, end| Place { word, start, end };
        assert_eq!(
            all(&["token", "tok", "kensei"], b"a ToKenSei tok"),
            [place(0, 2, 7), place(1, 2, 5), place(2, 4, 10), place(1, 11, 14)]
        );
        assert_eq!(all(&["tok"], b"tok"), [place(0, 0, 3)]);
        assert_eq!(all(&["tok"], b"to"), []);
        assert_eq!(all(&["q~"], b"xQ~1q~"), [place(0, 1, 3), place(0, 4, 6)]);
        assert!(Words::new(&["t".to_owned()]).is_none());
    }

    proptest! {
        #[test]
        fn places_are_those_of_an_automaton(
            words in prop::collection::vec("[abA_-]{2,6}", 1..12),
            text in "[abAB_ -]{0,80}",
        ) {
            let mut words: Vec<String> =
                words.into_iter().map(|word| word.to_ascii_lowercase()).collect();
            words.sort();
            words.dedup();
            let automaton = aho_corasick::AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(&words)
                .unwrap();
            let mut expected: Vec<Place> = automaton
                .find_overlapping_iter(text.as_bytes())
                .map(|found| Place {
                    word: found.pattern().as_usize(),
                    start: found.start(),
                    end: found.end(),
                })
                .collect();
            expected.sort_by_key(|place| (place.start, place.word));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(all(&words, text.as_bytes()), expected);
        }
    }
}
