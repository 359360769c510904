//! PHP's serialised values, as far as they are arrays of texts and numbers.
//!
//! In: `a:2:{s:4:"name";s:7:"Archive";…}`. Out: each text of the value with the keys that lead to it. Source: PHP manual,
//! `serialize`. Odd: lengths are of bytes, and are believed only as far as there are bytes; objects and references are
//! passed over or refused.

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 32;

/// What sees a text with its keys.
type See<'s, 'a> = dyn FnMut(&[&'a [u8]], &'a [u8]) + 's;

/// Reads a value and gives each text or number that it holds, with its keys from the outside in.
///
/// # Errors
/// The byte at which the text is no serialised value.
pub(super) fn walk<'a>(bytes: &'a [u8], see: &mut See<'_, 'a>) -> Result<(), usize> {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut keys = Vec::new();
    cursor.value(&mut keys, see).ok_or(cursor.at)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn value(&mut self, keys: &mut Vec<&'a [u8]>, see: &mut See<'_, 'a>) -> Option<()> {
        match self.next()? {
            b'a' => {
                self.expect(b':')?;
                let count = self.number(b':')?;
                self.expect(b'{')?;
                if keys.len() >= MAX_DEPTH {
                    return None;
                }
                // The count may say anything: each round needs bytes, or ends.
                for _ in 0..count {
                    let key = self.scalar()?;
                    keys.push(key);
                    self.value(keys, see)?;
                    keys.pop();
                }
                self.expect(b'}')
            }
            b'N' => self.expect(b';'),
            _ => {
                self.at -= 1;
                let text = self.scalar()?;
                see(keys, text);
                Some(())
            }
        }
    }

    /// `s:3:"abc";`, `i:1;`, `b:0;`, `d:0.5;`, `r:1;`, `R:1;`.
    fn scalar(&mut self) -> Option<&'a [u8]> {
        let kind = self.next()?;
        self.expect(b':')?;
        match kind {
            b's' => {
                let length = self.number(b':')?;
                self.expect(b'"')?;
                let text = self.bytes.get(self.at..self.at.checked_add(length)?)?;
                self.at += length;
                self.expect(b'"')?;
                self.expect(b';')?;
                Some(text)
            }
            b'i' | b'b' | b'd' | b'r' | b'R' => {
                let rest = self.bytes.get(self.at..)?;
                let length = rest.iter().take(64).position(|&byte| byte == b';')?;
                self.at += length + 1;
                rest.get(..length)
            }
            _ => None,
        }
    }

    fn number(&mut self, end: u8) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().take(12).position(|&byte| byte == end)?;
        self.at += length + 1;
        std::str::from_utf8(rest.get(..length)?).ok()?.parse().ok()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, usize> {
        let mut seen = Vec::new();
        walk(text.as_bytes(), &mut |keys, value| {
            let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
            seen.push((keys.join("."), String::from_utf8_lossy(value).into_owned()));
        })?;
        Ok(seen)
    }

    #[test]
    fn texts_are_found_by_their_keys() {
        let text =
            r#"a:3:{s:4:"name";s:2:"ab";s:7:"version";a:1:{s:7:"release";s:3:"1.0";}i:0;N;}"#;
        let wanted = [("name", "ab"), ("version.release", "1.0")];
        let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read(text), Ok(wanted.to_vec()));
    }

    #[test]
    fn what_is_cut_off_or_too_deep_is_refused() {
        assert!(read(r#"a:99999999999:{s:4:"name";s:9:"ab";}"#).is_err());
        assert!(read(r#"s:18446744073709551615:"x";"#).is_err());
        assert!(read(&"a:1:{i:0;".repeat(10_000)).is_err());
        assert!(read(r#"O:3:"Foo":0:{}"#).is_err());
    }
}
