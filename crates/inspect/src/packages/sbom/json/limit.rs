//! How much of a stream one element may be.
//!
//! In: a stream. Out: the same, which ends with an error when an element is too long. Odd: an element is copied before it
//! is read, so that an element as long as the document would take the memory that streaming saves. What is passed over is
//! not copied and may be as long as it likes.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// Bytes of one element.
const MAX_ELEMENT: u64 = 32 << 20;

/// The bytes that the current element may still have; `None` between elements.
#[derive(Default, Clone)]
pub(super) struct Limit(Rc<Cell<Option<u64>>>);

impl Limit {
    /// A stream that keeps to the limit.
    pub(super) fn hold<R: Read>(&self, input: R) -> impl Read + use<R> {
        Held { input, limit: self.clone() }
    }

    /// Reads one element.
    pub(super) fn around<T>(&self, read: impl FnOnce() -> T) -> T {
        self.0.set(Some(MAX_ELEMENT));
        let value = read();
        self.0.set(None);
        value
    }
}

struct Held<R> {
    input: R,
    limit: Limit,
}

impl<R: Read> Read for Held<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(left) = self.limit.0.get() {
            let Some(left) = left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) else {
                return Err(io::Error::other(format!(
                    "an element is longer than {MAX_ELEMENT} bytes"
                )));
            };
            self.limit.0.set(Some(left));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_elements_are_limited() {
        let limit = Limit::default();
        let mut held = limit.hold(io::repeat(b' '));
        let most = MAX_ELEMENT;
        io::copy(&mut (&mut held).take(most + 1), &mut io::sink()).unwrap();
        let mut within = || limit.around(|| io::copy(&mut (&mut held).take(most), &mut io::sink()));
        assert_eq!(within().unwrap(), most);
        assert_eq!(within().unwrap(), most);
        let beyond = limit.around(|| io::copy(&mut (&mut held).take(most + 1), &mut io::sink()));
        assert_eq!(beyond.unwrap_err().to_string(), "an element is longer than 33554432 bytes");
    }
}
