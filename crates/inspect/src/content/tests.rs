use std::io::Write as _;

use super::*;

fn spooled(bytes: &[u8]) -> File {
    let mut file = Spool::create_file().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn memory_and_file_answer_alike() {
    let bytes: Vec<u8> = (0..=255).collect();
    let file = spooled(&bytes);
    for content in [Content::of_bytes(&bytes), Content::of_file(&file, 256)] {
        assert_eq!(content.size(), 256);
        let mut buffer = [0; 10];
        assert_eq!(content.read_at(3, &mut buffer).unwrap(), 10);
        assert_eq!(buffer, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(content.read_at(250, &mut buffer).unwrap(), 6);
        assert_eq!(content.read_at(256, &mut buffer).unwrap(), 0);
        assert_eq!(content.read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(*content.range(254, 2).unwrap(), [254, 255]);
        assert!(content.range(256, 0).unwrap().is_empty());
        for (offset, length) in [(254, 3), (257, 0), (0, u64::MAX), (u64::MAX, 1)] {
            let error = content.range(offset, length).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{offset} {length}");
        }
        let part = content.part(10, 20).and_then(|part| part.part(5, 10)).unwrap();
        assert_eq!(part.size(), 10);
        assert_eq!(*part.range(8, 2).unwrap(), [23, 24]);
        assert_eq!(part.read_at(9, &mut buffer).unwrap(), 1);
        assert!(part.range(8, 3).is_err() && part.part(5, 6).is_none());
        assert!(content.part(u64::MAX, 1).is_none());
        let mut cursor = content.cursor();
        assert_eq!(cursor.seek(SeekFrom::End(-2)).unwrap(), 254);
        let mut rest = Vec::new();
        cursor.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [254, 255]);
        assert!(cursor.seek(SeekFrom::Current(-257)).is_err());
    }
}

#[test]
fn a_file_that_shrank_is_refused() {
    let file = spooled(b"abc");
    let content = Content::of_file(&file, 10);
    assert_eq!(content.read_at(0, &mut [0; 10]).unwrap(), 3);
    assert!(content.range(0, 10).is_err());
}

#[test]
fn a_spool_is_used_again() {
    let mut spool = Spool::new();
    let long = vec![7; 600_000];
    let content = spool.keep(&long[..100], &mut &long[100..], 500_000).unwrap();
    assert_eq!(content.size(), 500_000);
    assert!(content.bytes().is_none());
    assert_eq!(*content.range(499_999, 1).unwrap(), [7]);
    spool.empty();
    let content = spool.keep(b"ab", &mut &b"cd"[..], 100).unwrap();
    assert_eq!(*content.range(0, 4).unwrap(), *b"abcd");
    assert!(content.range(0, 5).is_err());
}

#[test]
fn a_spool_that_cannot_be_written_is_told_from_a_source_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-only");
    std::fs::write(&path, b"").unwrap();
    let mut spool = Spool::on(File::open(&path).unwrap());
    assert!(matches!(spool.keep(b"a", &mut io::empty(), 9), Err(SpoolError::Spool(_))));

    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("is cut off"))
        }
    }
    let mut spool = Spool::new();
    let result = spool.keep(b"a", &mut Fails, 9);
    assert!(matches!(result, Err(SpoolError::Source(_))));
}
