//! How much work the files of a layer may be, whatever stands in them.
//!
//! In: how long a text is, and what each word in it may cost. Out: whether that may still be done. Odd: a word costs what its
//! rules may have to walk through before they know, which is up to the next blank: a text of nothing but beginnings would
//! else be read a thousand times. What its length does not pay for, a file takes from what its layer has, so that small files
//! full of words are read and a layer full of such files ends.

use super::{
    look::{AFTER, as_u64},
    rule::{Matcher, secret_rules},
};
use crate::facts::Problem;

/// Bytes of a run that a rule is tried on for one unit of work.
const STRETCH: usize = 512;

/// Bytes that give a file one more.
const BYTES_PER_WORK: usize = 16;

/// What one file may take from its layer's.
const FILE: u64 = 200_000;

/// What one layer has: many times what a whole system takes.
const LAYER: u64 = 4_000_000;

/// What is left.
#[derive(Debug)]
pub(super) struct Work {
    /// Paid for by the length of the file.
    granted: u64,
    of_file: u64,
    of_layer: u64,
    /// It was said once that the layer's is used up.
    is_told: bool,
}

impl Work {
    pub(super) const fn of_layer() -> Self {
        Self { granted: 0, of_file: FILE, of_layer: LAYER, is_told: false }
    }

    pub(super) const fn begin_file(&mut self) {
        (self.granted, self.of_file) = (0, FILE);
    }

    /// So many bytes more are looked at.
    pub(super) fn grant(&mut self, bytes: usize) {
        self.granted = self.granted.saturating_add(as_u64(bytes / BYTES_PER_WORK));
    }

    /// Takes what something costs.
    ///
    /// # Errors
    /// It may not be done, nor anything else of the file; what is to be said of that, if it was not said of the layer.
    pub(super) fn spend(&mut self, cost: u64) -> Result<(), Option<Problem>> {
        let beyond = cost.saturating_sub(self.granted);
        self.granted = self.granted.saturating_sub(cost);
        if beyond > self.of_file {
            return Err(Some(Problem::budget(format!(
                "words that secrets begin with: the limit of {FILE} and one for every {BYTES_PER_WORK} bytes is reached; the rest of the file was not searched"
            ))));
        }
        if beyond > self.of_layer {
            let is_told = std::mem::replace(&mut self.is_told, true);
            return Err((!is_told).then(|| {
                Problem::budget(format!(
                    "words that secrets begin with: the limit of {LAYER} for one layer is reached; the rest of this file and whatever like it comes behind it in the layer was not searched"
                ))
            }));
        }
        self.of_layer -= beyond;
        self.of_file -= beyond;
        Ok(())
    }
}

/// What trying a rule costs where a run of so many bytes follows.
pub(super) fn cost_of(rule: usize, run: usize) -> u64 {
    let walked = match secret_rules().get(rule).map(|rule| rule.matcher) {
        Some(Matcher::Token { .. } | Matcher::Around { .. }) => run,
        Some(Matcher::Pem { .. }) => AFTER,
        // Looks at no more than its value may be long.
        Some(Matcher::Assigned { .. } | Matcher::File { .. }) | None => 0,
    };
    1 + as_u64(walked / STRETCH)
}

/// What finding a secret in a match of so many bytes costs, if it is a part of that.
pub(super) fn cost_of_groups(length: usize) -> u64 {
    as_u64(length / 8)
}

/// What holding so many bytes of a file against a pattern costs, which may begin and go on anywhere.
pub(super) fn cost_of_file(length: usize) -> u64 {
    as_u64(length / 2)
}

/// How far it is to the next blank, asked from places that come one behind the other.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Up to here is no blank.
    end: usize,
    /// A blank is there, or the text ends.
    is_end: bool,
}

impl Runs {
    /// Bytes up to the next blank, no more than a rule sees.
    pub(super) fn behind(&mut self, text: &[u8], at: usize) -> usize {
        if at >= self.end || (!self.is_end && self.end - at < AFTER) {
            let rest = text.get(at..text.len().min(at + 2 * AFTER)).unwrap_or_default();
            let blank = rest.iter().position(u8::is_ascii_whitespace);
            self.end = at + blank.unwrap_or(rest.len());
            self.is_end = blank.is_some() || self.end >= text.len();
        }
        (self.end - at).min(AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_at_blanks() {
        let long = "x".repeat(3 * AFTER);
        for (text, at, wanted) in
            [("ab cd", 0, 2), ("ab cd", 3, 2), ("ab\n", 1, 1), (" ", 0, 0), (&long, 5, AFTER)]
        {
            assert_eq!(Runs::default().behind(text.as_bytes(), at), wanted, "{text:.9} {at}");
        }
        let mut runs = Runs::default();
        let asked = [0, AFTER, 2 * AFTER, 2 * AFTER + 1, 3 * AFTER - 1];
        let said = asked.map(|at| runs.behind(long.as_bytes(), at));
        assert_eq!(said, [AFTER, AFTER, AFTER, AFTER - 1, 1]);
    }

    #[test]
    fn a_layer_full_of_words_ends_and_says_so_once() {
        let mut work = Work::of_layer();
        let mut told = Vec::new();
        for _ in 0..LAYER / FILE + 5 {
            work.begin_file();
            work.grant(BYTES_PER_WORK);
            while let Ok(()) = work.spend(1) {}
            told.extend(work.spend(1).err().flatten());
        }
        let of_files = told.iter().filter(|problem| problem.detail.contains("bytes is")).count();
        assert_eq!(as_u64(of_files), LAYER / FILE, "{told:?}");
    }

    #[test]
    fn length_pays_for_its_own() {
        let mut work = Work::of_layer();
        for _ in 0..10 * LAYER {
            work.grant(BYTES_PER_WORK);
            assert_eq!(work.spend(1), Ok(()));
        }
    }
}
