//! A blob's way from the parent to the child: a pipe of its own, so that several flow side by side.
//!
//! In: the parent's reader. Out: the child's reader, which ends or fails as the parent's did. Source: `pipe(7)`. Odd: a pipe's
//! end looks the same after the last byte and after a failure, so pieces carry their lengths: 0 is the end, all ones
//! announce the text of an error.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    sync::Arc,
};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

const PIECE: usize = 256 << 10;
const FAILED: u32 = u32::MAX;
/// Bytes of an error's text.
const MAX_TEXT: u32 = 4 << 10;

/// Starts a thread that pumps `blob` into a pipe; the thread ends, and lets go of `held`, when the blob does or nobody reads
/// any more.
pub(super) fn pump(blob: Box<dyn Read + Send>, held: Arc<()>) -> io::Result<OwnedFd> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // A user has a quota of pipe space; the usual size is only slower.
    let _size = fcntl_setpipe_size(&writer, 1 << 20);
    let thread = std::thread::Builder::new().name("blob".into());
    thread.spawn(move || {
        // Who reads is dead, or will see the pipe's early end.
        let _ended = pump_into(blob, &mut File::from(writer));
        drop(held);
    })?;
    Ok(reader)
}

fn pump_into(mut blob: Box<dyn Read + Send>, pipe: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match blob.read(&mut piece) {
            Ok(0) => return pipe.write_all(&0_u32.to_le_bytes()),
            Ok(length) => {
                let number = u32::try_from(length).unwrap_or(0);
                pipe.write_all(&number.to_le_bytes())?;
                pipe.write_all(piece.get(..length).unwrap_or_default())?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let mut text = error.to_string();
                text.truncate(text.floor_char_boundary(MAX_TEXT as usize));
                let length = u32::try_from(text.len()).unwrap_or(0);
                pipe.write_all(&FAILED.to_le_bytes())?;
                pipe.write_all(&length.to_le_bytes())?;
                return pipe.write_all(text.as_bytes());
            }
        }
    }
}

/// Reads what [`pump`] wrote.
#[derive(Debug)]
pub(super) struct Pumped<R> {
    pipe: R,
    /// Bytes that are left of the piece.
    left: u32,
    is_done: bool,
}

impl<R: Read> Pumped<R> {
    pub(super) const fn new(pipe: R) -> Self {
        Self { pipe, left: 0, is_done: false }
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.pipe.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn failure(&mut self) -> io::Result<usize> {
        let length = self.number()?.min(MAX_TEXT);
        let mut text = String::new();
        self.pipe.by_ref().take(u64::from(length)).read_to_string(&mut text)?;
        Err(io::Error::other(text))
    }
}

impl<R: Read> Read for Pumped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_done || buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            match self.number()? {
                0 => {
                    self.is_done = true;
                    return Ok(0);
                }
                FAILED => return self.failure(),
                length => self.left = length,
            }
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.pipe.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Cut(usize);

    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.0);
            self.0 -= length;
            buffer[..length].fill(7);
            if length == 0 { Err(io::Error::other("the line was cut")) } else { Ok(length) }
        }
    }

    #[test]
    fn a_blob_arrives_as_it_was_sent() {
        let blob: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        let pipe = pump(Box::new(io::Cursor::new(blob.clone())), Arc::default()).unwrap();
        let mut read = Vec::new();
        Pumped::new(File::from(pipe)).read_to_end(&mut read).unwrap();
        assert!(read == blob);
    }

    #[test]
    fn a_failure_is_one_and_not_an_end() {
        let pipe = pump(Box::new(Cut(600_000)), Arc::default()).unwrap();
        let mut read = Vec::new();
        let error = Pumped::new(File::from(pipe)).read_to_end(&mut read).unwrap_err();
        assert_eq!((read.len(), error.to_string().as_str()), (600_000, "the line was cut"));
    }

    #[test]
    fn a_pump_that_stops_half_way_is_an_error() {
        let mut pipe = Vec::new();
        pump_into(Box::new(io::Cursor::new(vec![1; 100])), &mut pipe).unwrap();
        for length in 0..pipe.len() {
            let read = io::copy(&mut Pumped::new(&pipe[..length]), &mut io::sink());
            assert!(read.is_err(), "{length} bytes of {}", pipe.len());
        }
    }
}
