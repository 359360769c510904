//! The content of an entry that is being read.
//!
//! In: reads of any size. Out: the entry's bytes, with zeros where a sparse file has holes. Odd: an archive that ends too
//! early is an error of the read, so that whoever reads must pass it on.

use std::io::{self, Read};

use super::{Input, Reader};

/// The content of the current entry.
pub struct Content<'r, 'b, R> {
    reader: &'r mut Reader<'b, R>,
}

impl<'r, 'b, R> Content<'r, 'b, R> {
    pub(super) const fn new(reader: &'r mut Reader<'b, R>) -> Self {
        Self { reader }
    }
}

impl<R: Input> Read for Content<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = &mut *self.reader;
        let Some(sparse) = &mut reader.sparse else { return read_data(reader, buffer) };
        let (is_data, length) = sparse.next_piece(buffer.len());
        let Some(piece) = buffer.get_mut(..length) else { return Ok(0) };
        let count = if is_data {
            read_data(reader, piece)?
        } else {
            piece.fill(0);
            length
        };
        if let Some(sparse) = &mut reader.sparse {
            sparse.advance(count as u64);
        }
        Ok(count)
    }
}

fn read_data<R: Input>(reader: &mut Reader<'_, R>, buffer: &mut [u8]) -> io::Result<usize> {
    let length = usize::try_from(reader.remaining).unwrap_or(usize::MAX).min(buffer.len());
    let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else {
        return Ok(0);
    };
    let count = retry(|| reader.input.read(buffer))?;
    if count == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the archive ends inside the entry's data",
        ));
    }
    reader.remaining -= count as u64;
    reader.position += count as u64;
    Ok(count)
}

pub(super) fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
