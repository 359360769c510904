use plimsoll_image::{Budget, TreePath};

use super::{header::tag, *};
use crate::content::Content;

fn read(bytes: &[u8]) -> Result<FileFacts, ParseError> {
    let path = TreePath::from("var/lib/rpm/rpmdb.sqlite");
    RpmDatabase.parse(&ClaimedFile::new(&path, bytes, &Budget::default()))
}

#[test]
fn source_file_names_split_from_behind() {
    let source = package::source("python3-a-b-1.2-3.el9.src.rpm").unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("python3-a-b", "1.2-3.el9"));
    assert_eq!(package::source("nonsense.rpm"), None);
    assert_eq!(package::source("a.src.rpm"), None);
}

#[test]
fn what_is_no_database_is_refused() {
    assert_eq!(read(b""), Ok(FileFacts::default()));
    assert!(read(b"SQLite").unwrap_err().to_string().contains("is neither an SQLite nor"));
    assert!(read(b"SQLite format 3\0").unwrap_err().to_string().contains("is cut off"));
    let mut header = b"SQLite format 3\0".to_vec();
    header.resize(100, 0);
    assert!(read(&header).unwrap_err().to_string().contains("impossible page size"));
    header[16] = 0x10;
    assert!(read(&header).unwrap_err().to_string().contains("page 1"));
}

#[test]
fn header_offsets_are_checked() {
    assert_eq!(Header::parse(&[0, 0, 0, 1]).unwrap_err(), HeaderError::Short);
    assert_eq!(Header::parse(&[0, 1, 0, 0, 0, 0, 0, 0]).unwrap_err(), HeaderError::Entries(65_536));
    let mut bytes = vec![0, 0, 0, 1, 0, 0, 0, 3];
    for word in [tag::NAME, 6, 1, 9_999_999] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(b"ab\0");
    let header = Header::parse(&bytes).unwrap();
    assert_eq!(header.text(tag::NAME).as_deref(), Some("b"));
    bytes[8 + 11] = 200;
    assert_eq!(Header::parse(&bytes).unwrap().text(tag::NAME), None);
    bytes.pop();
    assert_eq!(Header::parse(&bytes).unwrap_err(), HeaderError::Short);
}

#[test]
fn a_page_that_points_at_itself_ends() {
    let mut file = b"SQLite format 3\0".to_vec();
    file.resize(1024, 0);
    file[16..18].copy_from_slice(&512_u16.to_be_bytes());
    file[100] = 0x05;
    file[100 + 8..100 + 12].copy_from_slice(&1_u32.to_be_bytes());
    let error = read(&file).unwrap_err().to_string();
    assert_eq!(error, "page 1: is used twice");
}

#[test]
fn cells_that_share_their_bytes_are_not_copied_without_end() {
    let mut file = b"SQLite format 3\0".to_vec();
    file.resize(1024, 0);
    file[16..18].copy_from_slice(&512_u16.to_be_bytes());
    // Page 2 is a leaf of 50 cells, all of them the same one: a row of 300 bytes.
    file[512] = 0x0d;
    file[512 + 3..512 + 5].copy_from_slice(&50_u16.to_be_bytes());
    for cell in 0..50 {
        let at = 512 + 8 + 2 * cell;
        file[at..at + 2].copy_from_slice(&200_u16.to_be_bytes());
    }
    file[512 + 200..512 + 203].copy_from_slice(&[0x82, 0x2c, 1]);
    let database = sqlite::Database::open(Content::of_bytes(&file)).unwrap();
    let rows: Vec<_> = database.rows(2).collect();
    assert_eq!(rows.len(), 4);
    let error = rows[3].as_ref().unwrap_err();
    assert_eq!(error.problem, "has rows that are longer together than the file");
}

/// A hash database with one page of a bucket, in which key 1 has a value in overflow pages, and two of those.
fn hash_database() -> Vec<u8> {
    let mut file = vec![0; 4 * 512];
    let mut set = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    set(12, &0x0006_1561_u32.to_le_bytes());
    set(20, &512_u32.to_le_bytes());
    set(25, &[8]);
    set(32, &3_u32.to_le_bytes());
    // The bucket: a key of 5 bytes at the page's end, before it the place of the value.
    set(512 + 20, &2_u16.to_le_bytes());
    set(512 + 25, &[13]);
    set(512 + 26, &507_u16.to_le_bytes());
    set(512 + 28, &495_u16.to_le_bytes());
    set(512 + 495, &[3, 0, 0, 0, 2, 0, 0, 0, 0x20, 3, 0, 0]);
    set(512 + 507, &[1, 1, 0, 0, 0]);
    for (page, next, length) in [(2_usize, 3_u32, 486_u16), (3, 0, 314)] {
        set(512 * page + 16, &next.to_le_bytes());
        set(512 * page + 22, &length.to_le_bytes());
        set(512 * page + 25, &[7]);
        set(512 * page + 26, &vec![b'x'; usize::from(length)]);
    }
    file
}

fn walk(file: &[u8]) -> Vec<Result<usize, String>> {
    let database = bdb::Database::open(Content::of_bytes(file)).unwrap();
    let records = database.records().map(|record| match record {
        Ok(record) => Ok(record.header.len()),
        Err(damage) => Err(format!("{}: {}", damage.place, damage.problem)),
    });
    records.collect()
}

#[test]
fn a_value_is_put_together_from_its_pages() {
    assert_eq!(walk(&hash_database()), [Ok(800)]);
}

#[test]
fn a_chain_of_pages_ends_whatever_it_says() {
    let with = |at: usize, bytes: &[u8]| {
        let mut file = hash_database();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        walk(&file)
    };
    let damage = |text: &str| vec![Err(text.to_owned())];
    // Longer than what is there: what is there counts, as for libdb.
    assert_eq!(with(512 + 503, &[0x40, 6]), [Ok(800)]);
    assert_eq!(with(512 + 503, &[0x10]), [Ok(784)]);
    assert_eq!(
        with(512 + 503, &[0, 0, 0, 0x7f]),
        damage("page 1: has a value that is longer than 64 MiB")
    );
    assert_eq!(with(1024 + 16, &[2]), damage("page 2: is used twice"));
    assert_eq!(with(1024 + 16, &[9]), damage("page 9: is beyond the file's end"));
    assert_eq!(
        with(1024 + 16, &[1]),
        damage("page 1: is not the part of a value that it should be")
    );
    assert_eq!(with(1024 + 22, &[0, 2]), damage("page 2: says that it holds more than fits"));
    assert_eq!(with(512 + 28, &[5, 0]), damage("page 1: has an item outside of its page"));
    assert_eq!(with(512 + 20, &[0xff]), damage("page 1: has more items than fit"));
    assert_eq!(
        with(512 + 495, &[2]),
        damage("page 1: has a value of a kind that rpm does not write")
    );
    assert_eq!(with(32, &[9]), [Ok(800), Err("page 9: is beyond the file's end".to_owned())]);
}

#[test]
fn slots_that_share_a_blob_do_not_multiply_it() {
    let mut file = vec![0; 4_096 + 1_024];
    file[..4].copy_from_slice(b"RpmP");
    file[12] = 1;
    for slot in 2..256 {
        file[16 * slot..16 * slot + 4].copy_from_slice(b"Slot");
        file[16 * slot + 4] = 1;
        file[16 * slot + 9] = 1;
        file[16 * slot + 12] = 64;
    }
    file[4_096..4_100].copy_from_slice(b"BlbS");
    file[4_100] = 1;
    let database = ndb::Database::open(Content::of_bytes(&file)).unwrap();
    let wrong = database.records().filter_map(Result::err).map(|damage| damage.problem);
    let wrong: Vec<&str> = wrong.collect();
    // Five times its 1,024 bytes is the file's length.
    assert_eq!(wrong.len(), 6);
    assert_eq!(wrong[0], "has a package whose checksum is wrong: rpm does not list it");
    assert_eq!(wrong[5], "and those before it have more bytes together than the file");
}
