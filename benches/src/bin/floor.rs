//! The floor of a cold scan: every blob of an OCI layout read, hashed once and unpacked as a stream, with all cores.
//!
//! In: a layout's folder. Out: one line, `blobs N, compressed N, unpacked N, seconds N`. Odd: nothing is looked at. What a scan
//! of the same layout needs beyond this is what it costs to look; the inflater is zlib-ng, whatever the scan uses.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Instant,
};

use ring::digest::{Context, SHA256};

/// Bytes that are read, and unpacked, at a time.
const BUFFER: usize = 128 << 10;

fn main() -> ExitCode {
    let Some(layout) = std::env::args_os().nth(1) else {
        eprintln!("usage: floor LAYOUT");
        return ExitCode::FAILURE;
    };
    match run(Path::new(&layout)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", layout.display());
            ExitCode::FAILURE
        }
    }
}

fn run(layout: &Path) -> io::Result<String> {
    let mut blobs: Vec<(u64, PathBuf)> = std::fs::read_dir(layout.join("blobs/sha256"))?
        .map(|entry| entry.and_then(|entry| Ok((entry.metadata()?.len(), entry.path()))))
        .collect::<io::Result<_>>()?;
    blobs.sort();
    blobs.reverse();
    let (next, unpacked) = (AtomicUsize::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let work = || -> io::Result<()> {
            while let Some((_, path)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                unpacked.fetch_add(blob(path)?, Ordering::Relaxed);
            }
            Ok(())
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let compressed: u64 = blobs.iter().map(|(size, _)| size).sum();
    let (blobs, unpacked) = (blobs.len(), unpacked.into_inner());
    Ok(format!("blobs {blobs}, compressed {compressed}, unpacked {unpacked}, seconds {seconds:.3}"))
}

/// Reads one blob; how many bytes it unpacks to.
fn blob(path: &Path) -> io::Result<u64> {
    let hashed = Hashed { inner: File::open(path)?, hash: Context::new(&SHA256) };
    let mut reader = BufReader::with_capacity(BUFFER, hashed);
    let start = reader.fill_buf()?.get(..4).unwrap_or_default().to_vec();
    let unpacked = match start.as_slice() {
        [0x1f, 0x8b, ..] => count(flate2::bufread::MultiGzDecoder::new(&mut reader))?,
        [0x28, 0xb5, 0x2f, 0xfd] => count(zstd::stream::read::Decoder::with_buffer(&mut reader)?)?,
        _ => 0,
    };
    let rest = count(&mut reader)?;
    std::hint::black_box(reader.into_inner().hash.finish());
    Ok(unpacked + rest)
}

fn count(mut reader: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(total),
            length => total += length as u64,
        }
    }
}

/// Hashes what is read through it.
struct Hashed {
    inner: File,
    hash: Context,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
