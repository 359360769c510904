//! An RPM package database in SQLite, as rpm 4.16 and later keep it.
//!
//! In: packages. Out: the bytes of an `rpmdb.sqlite` that rpm itself reads, without the index tables that only speed rpm up. Source: SQLite file format (sqlite.org/fileformat2),
//! "The Database Header" and "B-tree Pages"; rpm's `tagtbl` and header format. Odd: with pages of 65,536 bytes the demo's
//! packages fit into one leaf page, so that the file has two pages and no interior nodes.

/// One package of the demo.
#[derive(Debug, Clone, Copy)]
pub(super) struct RpmPackage {
    pub(super) name: &'static str,
    pub(super) epoch: Option<u32>,
    pub(super) version: &'static str,
    pub(super) release: &'static str,
    /// Name and version of the source package: `openssl-1.1.1k-5.el8_5.src.rpm`.
    pub(super) source: &'static str,
}

const PAGE: usize = 65_536;
const SCHEMA: &str = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)";

/// The database file.
pub(super) fn database(packages: &[RpmPackage], vendor: &str) -> Vec<u8> {
    let schema = record(&[
        Value::Text("table"),
        Value::Text("Packages"),
        Value::Text("Packages"),
        Value::Number(2),
        Value::Text(SCHEMA),
    ]);
    let mut first = file_header();
    first.extend(leaf(&[schema], 100));
    let rows: Vec<Vec<u8>> = packages
        .iter()
        .map(|package| record(&[Value::Null, Value::Blob(&header(package, vendor))]))
        .collect();
    first.extend(leaf(&rows, 0));
    first
}

/// The first 100 bytes.
fn file_header() -> Vec<u8> {
    let mut header = b"SQLite format 3\0".to_vec();
    header.extend([0, 1]); // page size 65,536
    header.extend([1, 1, 0, 64, 32, 32]); // rollback journal, no reserved space, fixed payload fractions
    for word in [1_u32, 2, 0, 0, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3_046_000] {
        header.extend(word.to_be_bytes());
    }
    header
}

/// A table's leaf page; `offset` bytes of it are already written. Rows are numbered from 1.
fn leaf(rows: &[Vec<u8>], offset: usize) -> Vec<u8> {
    let mut cells = Vec::new();
    let mut pointers = Vec::new();
    let mut end = PAGE;
    for (row, number) in rows.iter().zip(1_u64..) {
        let mut cell = varint(row.len() as u64);
        cell.extend(varint(number));
        cell.extend(row);
        end = end.saturating_sub(cell.len());
        pointers.push(end);
        cells.push(cell);
    }
    let word = |number: usize| u16::try_from(number).unwrap_or(0).to_be_bytes();
    let mut page = vec![13, 0, 0];
    page.extend(word(rows.len()));
    page.extend(word(end));
    page.push(0);
    pointers.iter().for_each(|pointer| page.extend(word(*pointer)));
    page.resize(end.saturating_sub(offset), 0);
    cells.iter().rev().for_each(|cell| page.extend(cell));
    page
}

enum Value<'a> {
    Null,
    Number(u8),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A record: the lengths and types of its values, then the values.
fn record(values: &[Value<'_>]) -> Vec<u8> {
    let (mut types, mut body) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Null => types.extend(varint(0)),
            Value::Number(number) => {
                types.extend(varint(1));
                body.push(*number);
            }
            Value::Text(text) => {
                types.extend(varint(text.len() as u64 * 2 + 13));
                body.extend(text.as_bytes());
            }
            Value::Blob(bytes) => {
                types.extend(varint(bytes.len() as u64 * 2 + 12));
                body.extend(*bytes);
            }
        }
    }
    let mut record = varint(types.len() as u64 + 1);
    record.extend(types);
    record.extend(body);
    record
}

/// Seven bits a byte, most significant first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    number >>= 7;
    while number > 0 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.reverse();
    bytes
}

/// rpm's tags, in the order in which they are written.
mod tag {
    pub(super) const IMMUTABLE: u32 = 63;
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const SUMMARY: u32 = 1004;
    pub(super) const BUILD_TIME: u32 = 1006;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const OS: u32 = 1021;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const SOURCERPM: u32 = 1044;
}

/// 2024-01-01T00:00:00Z.
const BUILD_TIME: u32 = 1_704_067_200;

const INT32: u32 = 4;
const STRING: u32 = 6;
const BIN: u32 = 7;
const I18NSTRING: u32 = 9;

/// A package header: counts, an index of 16 bytes a tag, the data. The first entry spans the whole ("immutable region").
fn header(package: &RpmPackage, vendor: &str) -> Vec<u8> {
    let mut data = Vec::new();
    let mut index: Vec<[u32; 4]> = Vec::new();
    let length = |data: &Vec<u8>| u32::try_from(data.len()).unwrap_or(0);
    let text = |tag: u32, kind: u32, value: &str, index: &mut Vec<[u32; 4]>, data: &mut Vec<u8>| {
        index.push([tag, kind, length(data), 1]);
        data.extend(value.as_bytes());
        data.push(0);
    };
    text(tag::NAME, STRING, package.name, &mut index, &mut data);
    text(tag::VERSION, STRING, package.version, &mut index, &mut data);
    text(tag::RELEASE, STRING, package.release, &mut index, &mut data);
    let numbers = [(tag::EPOCH, package.epoch), (tag::BUILD_TIME, Some(BUILD_TIME))];
    for (tag, number) in numbers.into_iter().filter_map(|(tag, number)| Some((tag, number?))) {
        data.resize(data.len().next_multiple_of(4), 0);
        index.push([tag, INT32, length(&data), 1]);
        data.extend(number.to_be_bytes());
    }
    text(tag::SUMMARY, I18NSTRING, package.name, &mut index, &mut data);
    text(tag::VENDOR, STRING, vendor, &mut index, &mut data);
    text(tag::OS, STRING, "linux", &mut index, &mut data);
    text(tag::ARCH, STRING, "x86_64", &mut index, &mut data);
    text(tag::SOURCERPM, STRING, package.source, &mut index, &mut data);
    let trailer_at = length(&data);
    let entries = u32::try_from(index.len() + 1).unwrap_or(0);
    for word in [tag::IMMUTABLE, BIN, (entries * 16).wrapping_neg(), 16] {
        data.extend(word.to_be_bytes());
    }
    let mut header = Vec::new();
    header.extend(entries.to_be_bytes());
    header.extend(length(&data).to_be_bytes());
    for entry in std::iter::once([tag::IMMUTABLE, BIN, trailer_at, 16]).chain(index) {
        entry.iter().for_each(|word| header.extend(word.to_be_bytes()));
    }
    header.extend(data);
    header
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn rpm_reads_the_database() {
        let Ok(version) = Command::new("rpm").arg("--version").output() else {
            println!("skipped: rpm is not installed (`cargo xtask test` installs it)");
            return;
        };
        assert!(version.status.success());
        let folder = tempfile::tempdir().unwrap();
        let package = |name, epoch| RpmPackage {
            name,
            epoch,
            version: "1.1.1k",
            release: "5.el8_5",
            source: "openssl-1.1.1k-5.el8_5.src.rpm",
        };
        let packages = [package("openssl-libs", Some(1)), package("bash", None)];
        std::fs::write(folder.path().join("rpmdb.sqlite"), database(&packages, "AlmaLinux"))
            .unwrap();
        // rpm wants index tables beside the packages; it makes them itself.
        let rebuilt = Command::new("rpmdb")
            .args(["--rebuilddb", "--dbpath"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(rebuilt.success());
        let output = Command::new("rpm")
            .args(["-qa", "--qf", "%{NAME} %{EPOCH} %{VERSION}-%{RELEASE} %{VENDOR}\n", "--dbpath"])
            .arg(folder.path())
            .output()
            .unwrap();
        let mut lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
        lines.sort_unstable();
        let wanted =
            ["bash (none) 1.1.1k-5.el8_5 AlmaLinux", "openssl-libs 1 1.1.1k-5.el8_5 AlmaLinux"];
        assert_eq!(lines, wanted, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
