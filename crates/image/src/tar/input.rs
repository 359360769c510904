//! What archives are read from.
//!
//! In: a buffered stream or a file. Out: reading, and skipping as cheaply as the input allows: a stream must be consumed,
//! a file is sought in.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek},
};

/// A stream that can be read and skipped.
pub trait Input: io::Read {
    /// Skips up to `bytes` and says how many there were; fewer only at the end.
    ///
    /// # Errors
    /// Those of the stream.
    fn skip(&mut self, bytes: u64) -> io::Result<u64>;
}

impl<T: Input + ?Sized> Input for &mut T {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        (**self).skip(bytes)
    }
}

impl Input for &[u8] {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        skip_buffered(self, bytes)
    }
}

/// Seeks: the file's length is what tells that it ends.
impl Input for BufReader<File> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        if bytes <= self.buffer().len() as u64 {
            return skip_buffered(self, bytes);
        }
        let here = self.stream_position()?;
        let left = self.get_ref().metadata()?.len().saturating_sub(here);
        let skipped = bytes.min(left);
        self.seek_relative(i64::try_from(skipped).map_err(io::Error::other)?)?;
        Ok(skipped)
    }
}

/// Skips by consuming.
pub(crate) fn skip_buffered(reader: &mut impl BufRead, bytes: u64) -> io::Result<u64> {
    let mut left = bytes;
    while left > 0 {
        let available = match reader.fill_buf() {
            Ok(available) => available.len(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available == 0 {
            break;
        }
        let step = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        reader.consume(step);
        left -= step as u64;
    }
    Ok(bytes - left)
}
