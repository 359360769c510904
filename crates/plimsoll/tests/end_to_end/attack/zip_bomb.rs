//! Zip archives that no archiver writes.
//!
//! In: how many, how long. Out: archives. Source: PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16.

use plimsoll_image::{Compression, Layer};

use super::bombs::crc32;

/// One file's body: what it says of itself.
struct Body {
    method: u16,
    sum: u32,
    packed: u32,
    unpacked: u32,
}

impl Body {
    fn fields(&self) -> Vec<u8> {
        [self.sum, self.packed, self.unpacked].iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

fn local(name: &str, body: &Body, bytes: &[u8]) -> Vec<u8> {
    let mut archive = b"PK\x03\x04\x14\0\0\0".to_vec();
    archive.extend(body.method.to_le_bytes());
    archive.extend([0; 4]);
    archive.extend(body.fields());
    archive.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    archive.extend([0; 2]);
    archive.extend(name.as_bytes());
    archive.extend(bytes);
    archive
}

fn central(name: &str, body: &Body) -> Vec<u8> {
    let mut entry = b"PK\x01\x02\x14\0\x14\0\0\0".to_vec();
    entry.extend(body.method.to_le_bytes());
    entry.extend([0; 4]);
    entry.extend(body.fields());
    entry.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    entry.extend([0; 16]);
    entry.extend(name.as_bytes());
    entry
}

fn end(archive: &mut Vec<u8>, directory: &[Vec<u8>]) {
    let at = u32::try_from(archive.len()).unwrap();
    let count = u16::try_from(directory.len()).unwrap();
    let directory = directory.concat();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
}

/// Deflated zeros, a multiple of 1 MiB; the stream inside of gzip is what zip holds.
fn deflated_zeros(length: usize) -> (Body, Vec<u8>) {
    let layer = Layer::from_archive("", vec![0; length], Compression::Gzip).unwrap();
    let bytes = layer.bytes();
    // RFC 1952: ten bytes before the stream, eight behind it, of which the first four are its sum.
    let stream = bytes[10..bytes.len() - 8].to_vec();
    let sum = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    let packed = u32::try_from(stream.len()).unwrap();
    (Body { method: 8, sum, packed, unpacked: u32::try_from(length).unwrap() }, stream)
}

/// Many names for one body that unpacks to `length` bytes.
pub(super) fn overlapping(count: usize, length: usize) -> Vec<u8> {
    let (body, stream) = deflated_zeros(length);
    let name = |number: usize| format!("META-INF/maven/g/a{number:04}/pom.properties");
    let mut archive = local(&name(0), &body, &stream);
    let directory: Vec<Vec<u8>> = (0..count).map(|number| central(&name(number), &body)).collect();
    end(&mut archive, &directory);
    archive
}

/// One nested jar of `length` zeros.
pub(super) fn zeros(length: usize) -> Vec<u8> {
    let (body, stream) = deflated_zeros(length.min(1 << 30));
    let mut archive = local("lib/inner.jar", &body, &stream);
    end(&mut archive, &[central("lib/inner.jar", &body)]);
    archive
}

/// A jar in a jar in a jar.
pub(super) fn nested(depth: usize) -> Vec<u8> {
    let mut archive = Vec::new();
    end(&mut archive, &[]);
    for _ in 0..depth {
        let length = u32::try_from(archive.len()).unwrap();
        let body = Body { method: 0, sum: crc32(&archive), packed: length, unpacked: length };
        let mut outer = local("n.jar", &body, &archive);
        end(&mut outer, &[central("n.jar", &body)]);
        archive = outer;
    }
    archive
}
