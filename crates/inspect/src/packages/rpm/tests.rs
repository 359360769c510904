use plimsoll_image::{Budget, TreePath};

use super::*;

fn read(bytes: &[u8]) -> Result<FileFacts, ParseError> {
    let path = TreePath::from("var/lib/rpm/rpmdb.sqlite");
    RpmSqlite.parse(&ClaimedFile::new(&path, bytes, &Budget::default()))
}

#[test]
fn source_file_names_split_from_behind() {
    let source = source("python3-a-b-1.2-3.el9.src.rpm").unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("python3-a-b", "1.2-3.el9"));
    assert_eq!(super::source("nonsense.rpm"), None);
    assert_eq!(super::source("a.src.rpm"), None);
}

#[test]
fn what_is_no_database_is_refused() {
    assert!(read(b"").unwrap_err().to_string().contains("is not an SQLite database"));
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
    let database = sqlite::Database::open(&file).unwrap();
    let rows: Vec<_> = database.rows(2).collect();
    assert_eq!(rows.len(), 4);
    let error = rows[3].as_ref().unwrap_err();
    assert_eq!(error.problem, "has rows that are longer together than the file");
}
