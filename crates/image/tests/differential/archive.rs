//! Writes tar entries, as plain or as odd as they are asked for.
//!
//! In: what an entry says in its header, its extended headers and its data. Out: bytes. Source: POSIX.1-2001 pax, GNU tar's
//! manual ("Basic Tar Format"). Odd: nothing is checked; headers may lie.

/// One entry as it is to be written.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) typeflag: u8,
    pub(crate) mode: u32,
    pub(crate) data: Vec<u8>,
    /// PAX records before the entry.
    pub(crate) records: Vec<(&'static str, Vec<u8>)>,
    /// The size field, when it is not the data's length.
    pub(crate) stated_size: Option<u64>,
    /// Long names by GNU's `L` and `K` entries instead of cutting them.
    pub(crate) gnu_long: bool,
    /// The magic of old GNU archives, with the prefix field used all the same.
    pub(crate) old_magic: bool,
    /// Whether a name with a slash is split into prefix and name.
    pub(crate) split_prefix: bool,
    /// Numbers in base 256 instead of octal.
    pub(crate) base_256: bool,
}

impl Entry {
    pub(crate) fn write(&self, archive: &mut Vec<u8>) {
        if !self.records.is_empty() {
            let mut body = Vec::new();
            for (key, value) in &self.records {
                body.extend(record(key, value));
            }
            let header = Self {
                name: b"PaxHeaders.0/x".to_vec(),
                typeflag: b'x',
                mode: 0o644,
                data: body,
                ..Self::default()
            };
            header.write(archive);
        }
        if self.gnu_long {
            for (typeflag, text) in [(b'L', &self.name), (b'K', &self.link)] {
                if text.len() > 100 {
                    let mut data = text.clone();
                    data.push(0);
                    let header =
                        Self { name: b"././@LongLink".to_vec(), typeflag, data, ..Self::default() };
                    header.write(archive);
                }
            }
        }
        self.header(archive);
        archive.extend_from_slice(&self.data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }

    fn header(&self, archive: &mut Vec<u8>) {
        let mut block = [0_u8; 512];
        let (prefix, name) = match self.name.iter().rposition(|byte| *byte == b'/') {
            Some(at) if self.split_prefix && at <= 155 && at + 1 < self.name.len() => {
                (&self.name[..at], &self.name[at + 1..])
            }
            _ => (&[][..], &self.name[..]),
        };
        put(&mut block[..100], name);
        number(&mut block[100..108], u64::from(self.mode), self.base_256);
        number(&mut block[108..116], 0, false);
        number(&mut block[116..124], 0, false);
        number(
            &mut block[124..136],
            self.stated_size.unwrap_or(self.data.len() as u64),
            self.base_256,
        );
        number(&mut block[136..148], 1_600_000_000, false);
        block[156] = self.typeflag;
        put(&mut block[157..257], &self.link);
        let magic: &[u8] = if self.old_magic { b"ustar  \0" } else { b"ustar\x0000" };
        block[257..265].copy_from_slice(magic);
        put(&mut block[345..500], prefix);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&block);
    }
}

/// The two blocks of zeros.
pub(crate) fn end(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 1024, 0);
}

/// `LENGTH KEY=VALUE\n`, with its own length in it.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length += 1;
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

fn put(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

fn number(field: &mut [u8], value: u64, base_256: bool) {
    if base_256 {
        let bytes = value.to_be_bytes();
        let from = field.len().saturating_sub(8);
        let take = field.len().min(8);
        field[from..].copy_from_slice(&bytes[8 - take..]);
        field[0] |= 0x80;
        return;
    }
    let digits = format!("{value:0width$o}", width = field.len() - 1);
    put(field, digits.as_bytes());
}
