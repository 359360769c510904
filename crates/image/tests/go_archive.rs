//! Our tar reader against Go's `archive/tar`, on archives that nobody would write.
//!
//! In: archives made of random headers of all dialects, with extended headers, sparse maps and damage. Out: the same
//! entries with the same content as Go's, or an error on both sides. Needs the `go` tool; the seeds are fixed.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::indexing_slicing, reason = "positions in blocks are constants")]

use std::{fmt::Write as _, io::Read, path::Path, process::Command};

use plimsoll_image::{
    Budget, EntryKind, EntryMeta, TreePath,
    tar::{Reader, TarError},
};
use ring::digest::{SHA256, digest};
use serde_json::Value;

const ARCHIVES: u64 = 1_500;
/// Larger files are listed without their content by both sides.
const CONTENT_LIMIT: u64 = 1 << 24;

/// A small generator of numbers: the same for the same seed everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn of<'t, T: ?Sized>(&mut self, choices: &[&'t T]) -> &'t T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

const NAMES: [&[u8]; 12] = [
    b"a",
    b"etc/passwd",
    b"./b/../c",
    b"/abs",
    b"dir/",
    b"d//e",
    b"..",
    b".wh.x",
    b"\xff\xfe",
    b"long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long",
    b"",
    b"b c\n9 path=x\n",
];
const NUMBERS: [&[u8]; 12] = [
    b"0000000",
    b"0000644",
    b"     12",
    b"12 \0\0\0\0",
    b"7777777",
    b"\x80\0\0\0\0\0\x05",
    b"9",
    b"\xff\xff\xff\xff\xff\xff\xff",
    b"-1",
    b"\0",
    b"1\0 5",
    b"\x80\x01\0\0\0\0\0",
];

fn field(block: &mut [u8; 512], start: usize, bytes: &[u8]) {
    block[start..start + bytes.len()].copy_from_slice(bytes);
}

fn seal(block: &mut [u8; 512], dice: &mut Dice) {
    let sum: u32 =
        (0..512).map(|at| if (148..156).contains(&at) { 32 } else { u32::from(block[at]) }).sum();
    let signed: i32 = (0..512)
        .map(|at| if (148..156).contains(&at) { 32 } else { i32::from(block[at].cast_signed()) })
        .sum();
    let text = match dice.below(40) {
        0 => format!("{:06o}\0 ", sum + 1),
        1 if signed >= 0 => format!("{signed:06o}\0 "),
        _ => format!("{sum:06o}\0 "),
    };
    field(block, 148, text.as_bytes());
}

fn header(dice: &mut Dice, typeflag: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    let name = dice.of(&NAMES);
    field(&mut block, 0, name);
    field(&mut block, 100, b"0000644\0");
    if typeflag == b'1' || typeflag == b'2' || dice.one_in(8) {
        let link = dice.of(&NAMES);
        field(&mut block, 157, link);
    }
    field(&mut block, 124, format!("{size:011o}\0").as_bytes());
    if dice.one_in(20) {
        let mut wide = [0; 12];
        wide[0] = 0x80;
        wide[4..].copy_from_slice(&size.to_be_bytes());
        field(&mut block, 124, &wide);
    }
    for start in [100, 108, 116, 124, 136, 329, 337] {
        if dice.one_in(if start == 124 { 30 } else { 12 }) {
            let number = dice.of(&NUMBERS);
            field(&mut block, start, number);
        }
    }
    block[156] = typeflag;
    let magic: &[u8] = dice.of(&[b"ustar\x0000", b"ustar\x0000", b"ustar  \0", b"", b"ustar\0xx"]);
    field(&mut block, 257, magic);
    if dice.one_in(4) {
        let prefix = dice.of(&NAMES);
        field(&mut block, 345, &prefix[..prefix.len().min(100)]);
    }
    if dice.one_in(10) {
        field(&mut block, 508, b"tar\0");
    }
    seal(&mut block, dice);
    block
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = body.len() + 1;
    while body.len() + length.to_string().len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), &body].concat()
}

fn records(dice: &mut Dice, size: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..=dice.below(3) {
        let name = dice.of(&NAMES);
        let number = dice.of(&[
            &b"0"[..],
            b"5",
            b"512",
            b"-1",
            b"1.5",
            b"x",
            b"",
            b"+7",
            b"99999999999999999999",
        ]);
        let more = match dice.below(9) {
            0 => record("path", name),
            1 => record("linkpath", name),
            2 => record("size", size.to_string().as_bytes()),
            3 => record("size", number),
            4 => record("mtime", number),
            5 => record("uid", number),
            6 => record("SCHILY.xattr.user.a", name),
            7 => record("GNU.sparse.realsize", number),
            _ => record("comment", b"a\n9 path=x\n"),
        };
        text.extend(more);
    }
    if dice.one_in(25) && !text.is_empty() {
        let at = usize::try_from(dice.below(text.len() as u64)).unwrap();
        text[at] ^= 1 << dice.below(8);
    }
    text
}

fn push_padded(archive: &mut Vec<u8>, data: &[u8]) {
    archive.extend_from_slice(data);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

fn data(dice: &mut Dice, size: u64) -> Vec<u8> {
    (0..size).map(|_| dice.next().to_le_bytes()[0]).collect()
}

/// A sparse file in PAX form, mostly with a map that is right.
fn sparse(dice: &mut Dice, archive: &mut Vec<u8>) {
    let (first, second) = (dice.below(600), 1 + dice.below(600));
    let (offset, end) = (first + dice.below(2000), first + 4000);
    let regions = [(0, first), (offset, second)];
    let real = if dice.one_in(10) { dice.below(5000) } else { end };
    let mut content = data(dice, first + second);
    let mut text = record("GNU.sparse.realsize", real.to_string().as_bytes());
    let numbers =
        regions.iter().flat_map(|(offset, length)| [offset.to_string(), length.to_string()]);
    let numbers: Vec<String> = numbers.collect();
    let count = if dice.one_in(15) { "3" } else { "2" };
    match dice.below(3) {
        0 => {
            for pair in numbers.chunks(2) {
                text.extend(record("GNU.sparse.offset", pair[0].as_bytes()));
                text.extend(record("GNU.sparse.numbytes", pair[1].as_bytes()));
            }
            text.extend(record("GNU.sparse.numblocks", count.as_bytes()));
        }
        1 => {
            text.extend(record("GNU.sparse.major", b"0"));
            text.extend(record("GNU.sparse.minor", b"1"));
            text.extend(record("GNU.sparse.numblocks", count.as_bytes()));
            text.extend(record("GNU.sparse.map", numbers.join(",").as_bytes()));
        }
        _ => {
            text.extend(record("GNU.sparse.major", b"1"));
            text.extend(record("GNU.sparse.minor", b"0"));
            text.extend(record("GNU.sparse.name", b"sparse/name"));
            let mut map = format!("{count}\n{}\n", numbers.join("\n")).into_bytes();
            map.resize(map.len().next_multiple_of(512), 0);
            content = [map, content].concat();
        }
    }
    archive.extend(header(dice, b'x', text.len() as u64));
    push_padded(archive, &text);
    let typeflag = if dice.one_in(15) { b'2' } else { b'0' };
    archive.extend(header(dice, typeflag, content.len() as u64));
    push_padded(archive, &content);
}

/// A sparse file in the old GNU form.
fn old_sparse(dice: &mut Dice, archive: &mut Vec<u8>) {
    let count = dice.below(30);
    let mut block = [0; 512];
    field(&mut block, 0, b"old/sparse");
    field(&mut block, 124, format!("{:011o}\0", count * 10).as_bytes());
    block[156] = b'S';
    field(&mut block, 257, if dice.one_in(10) { b"ustar\x0000" } else { b"ustar  \0" });
    field(&mut block, 483, format!("{:011o}\0", count * 100).as_bytes());
    let region = |index: u64| format!("{:011o}\0{:011o}\0", index * 100, 10).into_bytes();
    for index in 0..count.min(4) {
        let at = 386 + 24 * usize::try_from(index).unwrap();
        field(&mut block, at, &region(index));
    }
    block[482] = u8::from(count > 4);
    seal(&mut block, dice);
    archive.extend(block);
    let mut left = (4..count).peekable();
    while left.peek().is_some() {
        let mut more = [0; 512];
        for slot in 0..21 {
            if let Some(index) = left.next() {
                field(&mut more, 24 * slot, &region(index));
            }
        }
        more[504] = u8::from(left.peek().is_some());
        archive.extend(more);
    }
    let content = data(dice, count * 10);
    push_padded(archive, &content);
}

fn archive(seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        dice.next();
    }
    let dice = &mut dice;
    let mut archive = Vec::new();
    for _ in 0..=dice.below(6) {
        let size = dice.of(&[&0_u64, &1, &511, &512, &513, &1400]);
        match dice.below(14) {
            0 | 1 => sparse(dice, &mut archive),
            2 => old_sparse(dice, &mut archive),
            3 => archive.extend([0; 512]),
            kind => {
                if kind < 9 {
                    let typeflag = *dice.of(&[&b'x', &b'x', &b'x', &b'g', &b'L', &b'K']);
                    let text = match typeflag {
                        b'x' | b'g' => records(dice, *size),
                        _ => [dice.of(&NAMES), &b"\0"[..]].concat(),
                    };
                    archive.extend(header(dice, typeflag, text.len() as u64));
                    push_padded(&mut archive, &text);
                }
                let typeflag = *dice.of(&[
                    &b'0', &b'0', &b'0', &0, &b'1', &b'2', &b'3', &b'5', &b'6', &b'7', &b'Z',
                ]);
                archive.extend(header(dice, typeflag, *size));
                if !matches!(typeflag, b'1'..=b'6') || dice.one_in(2) {
                    let content = data(dice, *size);
                    push_padded(&mut archive, &content);
                }
            }
        }
    }
    match dice.below(6) {
        0 => {}
        1 => archive.truncate(usize::try_from(dice.below(archive.len() as u64 + 1)).unwrap()),
        2 => archive.extend([0; 512]),
        _ => archive.extend([0; 1024]),
    }
    archive
}

/// What both sides say of an archive: one line per entry, and whether it ended well.
fn ours(bytes: &[u8]) -> (Vec<String>, bool) {
    let budget = Budget::default();
    let mut reader = Reader::new(bytes, &budget);
    let mut lines = Vec::new();
    loop {
        let meta = match reader.next_entry() {
            Ok(Some(meta)) => meta,
            Ok(None) => return (lines, true),
            Err(TarError::Io(error)) => unreachable!("bytes in memory cannot fail: {error}"),
            Err(_) => return (lines, false),
        };
        let mut content = Vec::new();
        if meta.size < CONTENT_LIMIT
            && meta.kind == EntryKind::File
            && reader.content().read_to_end(&mut content).is_err()
        {
            return (lines, false);
        }
        lines.push(line(&meta, &content));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn line(meta: &EntryMeta, content: &[u8]) -> String {
    let content = if meta.size < CONTENT_LIMIT {
        hex(digest(&SHA256, content).as_ref())
    } else {
        String::new()
    };
    format!(
        "{} {:?} {:o} {} {} {} {} {} {content}",
        meta.path.display(),
        meta.kind,
        meta.mode,
        meta.uid,
        meta.gid,
        meta.size,
        meta.mtime,
        hex(meta.link.as_deref().unwrap_or_default()),
    )
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn theirs(listing: &Value) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    for entry in listing["Entries"].as_array().unwrap() {
        let number = |name: &str| entry[name].as_i64().unwrap();
        let kind = match entry["Type"].as_str().unwrap() {
            "0" | "7" | "S" => EntryKind::File,
            "1" => EntryKind::Hardlink,
            "2" => EntryKind::Symlink,
            "3" => EntryKind::CharDevice,
            "4" => EntryKind::BlockDevice,
            "5" => EntryKind::Directory,
            "6" => EntryKind::Fifo,
            // Global headers, and what runtimes refuse.
            _ => continue,
        };
        let is_link = matches!(kind, EntryKind::Hardlink | EntryKind::Symlink);
        let size = if kind == EntryKind::File { number("Size") } else { 0 };
        let meta = EntryMeta {
            path: TreePath::clean(&unhex(entry["Name"].as_str().unwrap())),
            kind,
            mode: u32::try_from(number("Mode") & 0o7777).unwrap(),
            uid: u64::try_from(number("Uid")).unwrap_or(0),
            gid: u64::try_from(number("Gid")).unwrap_or(0),
            size: u64::try_from(size).unwrap(),
            mtime: number("Mtime"),
            link: is_link.then(|| unhex(entry["Link"].as_str().unwrap())),
            capabilities: None,
        };
        let mut text = line(&meta, b"");
        if kind == EntryKind::File && meta.size < CONTENT_LIMIT {
            text = text
                .replace(&hex(digest(&SHA256, b"").as_ref()), entry["Content"].as_str().unwrap());
        }
        lines.push(text);
    }
    (lines, listing["Error"] == "")
}

#[test]
fn we_read_what_go_reads() {
    let folder = tempfile::tempdir().unwrap();
    let lister = folder.path().join("list_tar");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/list_tar.go");
    let built = Command::new("go").arg("build").arg("-o").arg(&lister).arg(&source).status();
    match built {
        Ok(status) => assert!(status.success(), "the oracle does not build"),
        Err(error) => return println!("skipped: go is not here: {error}"),
    }
    let mut files = Vec::new();
    for seed in 0..ARCHIVES {
        let file = folder.path().join(format!("{seed}.tar"));
        std::fs::write(&file, archive(seed)).unwrap();
        files.push(file);
    }
    let output = Command::new(&lister).args(&files).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let listings: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listings.len(), files.len());
    let mut wrong = Vec::new();
    let mut read_to_the_end = 0;
    for (seed, listing) in listings.iter().enumerate() {
        let (ours, theirs) = (ours(&archive(seed as u64)), theirs(listing));
        read_to_the_end += usize::from(theirs.1);
        if ours != theirs {
            wrong.push(format!(
                "seed {seed}: {}\n ours   {ours:?}\n theirs {theirs:?}",
                listing["Error"]
            ));
        }
    }
    assert!(read_to_the_end > files.len() / 5, "only {read_to_the_end} archives are whole");
    assert!(
        wrong.is_empty(),
        "{} differ, the first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(6)].join("\n")
    );
}
