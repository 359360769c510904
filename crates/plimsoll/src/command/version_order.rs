//! `plimsoll version-order`: the order of versions, so that anybody can check it.
//!
//! In: pairs on standard input, one a line. Out: `<`, `=`, `>` or `!`, one a line. Odd: answers are sent whenever the input
//! pauses, so that a program can ask one by one; a line of any length needs little memory; a line that is no pair is
//! answered, too, so that the answers stay in step with the questions.

use std::{
    cmp::Ordering,
    io::{self, BufRead, BufReader, Read as _, Write as _},
};

use plimsoll_advisory::{
    compare,
    version::{MAX_RANGE_CHARACTERS, Place, VersRange},
};

use crate::{
    arguments::{Compared, VersionOrder},
    terminal::Terminal,
};

/// Longest line that is read: a range, a version, what stands between them.
const MAX_LINE: usize = MAX_RANGE_CHARACTERS + 4096;

pub(crate) fn run(order: &VersionOrder, terminal: Terminal) -> anyhow::Result<()> {
    let mut input = BufReader::new(io::stdin());
    let mut output = terminal.output();
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let answer = std::str::from_utf8(&line)
            .map_err(|_not_text| "the line is not UTF-8".to_owned())
            .and_then(|line| answer(order.scheme, line));
        match answer {
            Ok(sign) => writeln!(output, "{sign}")?,
            Err(reason) if order.reasons => {
                writeln!(output, "! {}", plimsoll_scanner::format::printable(&reason))?;
            }
            Err(_) => writeln!(output, "!")?,
        }
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(())
}

/// Reads a line without its end; of one that is too long, one byte more than is allowed. Whether there was one.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > MAX_LINE {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

fn answer(compared: Compared, line: &str) -> Result<char, String> {
    if line.len() > MAX_LINE {
        return Err(format!("the line is longer than {MAX_LINE} bytes"));
    }
    let line = line.trim();
    let pair = line.split_once('\t').or_else(|| line.split_once(char::is_whitespace));
    let (a, b) = pair.ok_or("the line is no pair of versions with a blank or a tab between")?;
    let (a, b) = (a.trim(), b.trim());
    let order = match compared {
        Compared::Versions(scheme) => compare(scheme, a, b).map_err(|error| error.to_string())?,
        Compared::Ranges => {
            let range = VersRange::parse(a).map_err(|error| error.to_string())?;
            match range.place(b).map_err(|error| error.to_string())? {
                Place::Within => Ordering::Equal,
                Place::Before => Ordering::Greater,
                Place::After => Ordering::Less,
            }
        }
    };
    Ok(match order {
        Ordering::Less => '<',
        Ordering::Equal => '=',
        Ordering::Greater => '>',
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_model::Scheme;

    use super::*;

    #[test]
    fn lines_are_read_one_by_one_however_long() {
        let text = format!("a b\n\n{}\nc d", "x".repeat(3 * MAX_LINE));
        let (mut input, mut line) = (text.as_bytes(), Vec::new());
        let mut lengths = Vec::new();
        while read_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [3, 0, MAX_LINE + 1, 3]);
    }

    #[test]
    fn pairs_stand_with_a_blank_or_a_tab_between() {
        let dpkg = |line: &str| answer(Compared::Versions(Scheme::Dpkg), line).ok();
        assert_eq!(dpkg("1.0 1.1"), Some('<'));
        assert_eq!(dpkg("  1.1\t 1.1-0 \r"), Some('='));
        assert_eq!(dpkg("2 1"), Some('>'));
        for line in ["", "1.0", "1.0 1.1 1.2", "1.0 a_b"] {
            assert_eq!(dpkg(line), None, "{line}");
        }
    }
}
