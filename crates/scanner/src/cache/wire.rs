//! Values as bytes, for cache files.
//!
//! In: values, or bytes that anyone may have changed. Out: bytes, or a value, or nothing. Odd: there is no type and no name in
//! the bytes, only fields one behind the other, so a changed type needs a new [`FORMAT`](super::FORMAT). What is read may
//! take no more memory than a limit, whatever the bytes claim.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use plimsoll_image::TreePath;
use plimsoll_model::Digest;

/// Bytes that are being read.
pub(crate) struct Reader<'b> {
    pub(crate) rest: &'b [u8],
    /// Bytes of memory that what is read may still take.
    memory: usize,
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(bytes: &'b [u8], memory: usize) -> Self {
        Self { rest: bytes, memory }
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// How many items of a size follow; each takes a byte at least.
    fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(u32::read(self)?).ok()?;
        self.memory = self.memory.checked_sub(count.checked_mul(size)?)?;
        (count <= self.rest.len()).then_some(count)
    }
}

/// Takes a value's bytes, a few at a time.
pub(crate) trait Sink {
    /// Appends some.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Writes what it takes, and counts it.
pub(crate) struct Counted<W> {
    to: W,
    /// What there is too little of to be written.
    piece: Vec<u8>,
    length: u64,
    failed: Option<io::Error>,
}

impl<W: Write> Counted<W> {
    const PIECE: usize = 64 << 10;

    pub(crate) fn new(to: W) -> Self {
        Self { to, piece: Vec::with_capacity(Self::PIECE), length: 0, failed: None }
    }

    /// How much it was.
    pub(crate) fn finish(mut self) -> io::Result<(u64, W)> {
        self.flush();
        self.failed.map_or(Ok((self.length, self.to)), Err)
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(&self.piece).err();
        }
        self.piece.clear();
    }
}

impl<W: Write> Sink for Counted<W> {
    fn put(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.piece.len() + bytes.len() > Self::PIECE {
            self.flush();
        }
        if bytes.len() < Self::PIECE {
            self.piece.extend_from_slice(bytes);
        } else if self.failed.is_none() {
            self.failed = self.to.write_all(bytes).err();
        }
    }
}

/// A value that can lie in a cache file.
pub(crate) trait Wire: Sized {
    /// Appends the value.
    fn write(&self, out: &mut dyn Sink);

    /// Reads a value; `None` when the bytes are not one.
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Wire for $type {
            fn write(&self, out: &mut dyn Sink) {
                out.put(&self.to_le_bytes());
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                from.array().map(Self::from_le_bytes)
            }
        }
    )+};
}

number!(u8, u16, u64, i64, f64);

/// Counts and small numbers: one byte below 255.
impl Wire for u32 {
    fn write(&self, out: &mut dyn Sink) {
        match u8::try_from(*self) {
            Ok(small) if small < u8::MAX => out.put(&[small]),
            _ => {
                out.put(&[u8::MAX]);
                out.put(&self.to_le_bytes());
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match u8::read(from)? {
            u8::MAX => from.array().map(Self::from_le_bytes),
            small => Some(small.into()),
        }
    }
}

impl Wire for bool {
    fn write(&self, out: &mut dyn Sink) {
        out.put(&[u8::from(*self)]);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match u8::read(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Wire for String {
    fn write(&self, out: &mut dyn Sink) {
        write_bytes(self.as_bytes(), out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        std::str::from_utf8(read_bytes(from)?).ok().map(str::to_owned)
    }
}

impl Wire for TreePath {
    fn write(&self, out: &mut dyn Sink) {
        write_bytes(self.as_bytes(), out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        read_bytes(from).map(Self::clean)
    }
}

impl Wire for Digest {
    fn write(&self, out: &mut dyn Sink) {
        out.put(self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.array().map(Self::from_bytes)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut dyn Sink) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        if bool::read(from)? { T::read(from).map(Some) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut dyn Sink) {
        write_count(self.len(), out);
        for item in self {
            item.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.count(size_of::<T>())?;
        let mut items = Self::with_capacity(count);
        for _ in 0..count {
            items.push(T::read(from)?);
        }
        Some(items)
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, out: &mut dyn Sink) {
        T::write(self, out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        T::read(from).map(Self::new)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, out: &mut dyn Sink) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, out: &mut dyn Sink) {
        write_count(self.len(), out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.count(size_of::<K>() + size_of::<V>())?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push((K::read(from)?, V::read(from)?));
        }
        Some(items.into_iter().collect())
    }
}

fn write_count(count: usize, out: &mut dyn Sink) {
    // Nothing that is kept has so many items; if it had, it would not be read back.
    u32::try_from(count).unwrap_or(u32::MAX).write(out);
}

fn write_bytes(bytes: &[u8], out: &mut dyn Sink) {
    write_count(bytes.len(), out);
    out.put(bytes);
}

fn read_bytes<'b>(from: &mut Reader<'b>) -> Option<&'b [u8]> {
    let length = from.count(1)?;
    from.take(length)
}

/// Says of a type that it is its fields, one behind the other. The compiler misses the one that is forgotten.
macro_rules! fields {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::cache::wire::Wire for $type {
            fn write(&self, out: &mut dyn $crate::cache::wire::Sink) {
                let Self { $($field),+ } = self;
                $($crate::cache::wire::Wire::write($field, out);)+
            }

            fn read(from: &mut $crate::cache::wire::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::cache::wire::Wire::read(from)?),+ })
            }
        }
    };
}

/// Says of an enum of words that it is the position of its word. The compiler misses the one that is forgotten.
macro_rules! words {
    ($type:ident { $($word:ident),+ $(,)? }) => {
        impl $crate::cache::wire::Wire for $type {
            fn write(&self, out: &mut dyn $crate::cache::wire::Sink) {
                match self { $(Self::$word)|+ => {} }
                let words = [$(Self::$word),+];
                let position = words.iter().position(|word| word == self);
                out.put(&[position.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX)]);
            }

            fn read(from: &mut $crate::cache::wire::Reader<'_>) -> Option<Self> {
                let words = [$(Self::$word),+];
                words.get(usize::from(u8::read(from)?)).copied()
            }
        }
    };
}

pub(crate) use {fields, words};
