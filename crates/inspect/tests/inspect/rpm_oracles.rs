//! `rpm` as an oracle: what it says of the databases that it, and Berkeley DB's `db_load`, wrote. A tool that is not here is
//! named and skipped.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use plimsoll_image::{Budget, TreePath};
use plimsoll_inspect::{ClaimedFile, parsers};

use crate::oracles::{inspect_files, run, sorted};

/// Packages: name, a line with the epoch, version, release and how many files.
const PACKAGES: [(&str, &str, &str, &str, usize); 3] = [
    ("alpha", "", "1.0", "1.el9", 3),
    ("beta-libs", "Epoch: 2\n", "4.4.19~rc1", "14.el9_2", 900),
    ("gamma", "Epoch: 0\n", "20240101^git", "0.1", 0),
];

/// Builds the packages and installs them into an SQLite database below `top`; `None` when a tool is not here.
fn build(top: &Path) -> Option<()> {
    let mut built = Vec::new();
    for (name, epoch, version, release, files) in PACKAGES {
        let list: String =
            (0..files).map(|index| format!("/usr/share/{name}/file-{index}\n")).collect();
        let make: String = match files {
            0 => String::new(),
            _ => format!(
                "mkdir -p %{{buildroot}}/usr/share/{name}\nfor i in $(seq 0 {}); do touch %{{buildroot}}/usr/share/{name}/file-$i; done\n",
                files - 1
            ),
        };
        let spec = format!(
            "Name: {name}\n{epoch}Version: {version}\nRelease: {release}\nSummary: x\nLicense: MIT\nVendor: Plimsoll\nBuildArch: noarch\n%description\nx\n%install\n{make}%files\n{list}"
        );
        let path = top.join(format!("{name}.spec"));
        fs::write(&path, spec).unwrap();
        let define = format!("_topdir {}", top.display());
        let mut command = Command::new("rpmbuild");
        run(command.args(["-bb", "--quiet", "--define"]).arg(&define).arg(&path))?;
        built.push(format!("{name}-{version}-{release}.noarch.rpm"));
    }
    let mut install = Command::new("rpm");
    install.arg("--dbpath").arg(top.join("db")).args([
        "-i",
        "--justdb",
        "--nodeps",
        "--nosignature",
        "--ignorearch",
    ]);
    run(install.args(built.iter().map(|name| top.join("RPMS/noarch").join(name))))?;
    Some(())
}

/// What rpm lists of the database in a folder.
fn listed(folder: &Path, backend: &str) -> Vec<String> {
    let format =
        "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM} %{VENDOR}\n";
    let mut command = Command::new("rpm");
    command.arg("--dbpath").arg(folder).args(["--define", &format!("_db_backend {backend}")]);
    let listed = run(command.args(["-qa", "--qf", format])).unwrap();
    // An epoch of 0 is none in every comparison; it is not written here.
    sorted(listed.replace(" 0:", " ").lines().map(str::to_owned).collect())
}

/// What we list of a database.
fn found(path: &str, bytes: &[u8]) -> Vec<String> {
    let inspection = inspect_files(&[(path, bytes)]);
    let packages = inspection.packages.iter().map(|package| {
        let extra = |key: &str| package.extra[key].as_str();
        let (architecture, source, vendor) =
            (extra("architecture"), extra("source_rpm"), extra("vendor"));
        format!("{} {} {architecture} {source} {vendor}", package.name, package.version)
    });
    sorted(packages.collect())
}

fn owned(path: &str, bytes: &[u8]) -> Vec<u64> {
    let parser = parsers().iter().find(|parser| parser.id() == "rpm").unwrap();
    let path = TreePath::from(path);
    let facts = parser.parse(&ClaimedFile::new(&path, bytes, &Budget::default())).unwrap();
    assert_eq!(facts.problems, []);
    facts.owned
}

/// The headers of an SQLite database, as `rpmdb --exportdb` writes them: each behind eight bytes of magic.
fn headers(folder: &Path) -> Option<Vec<Vec<u8>>> {
    let output = Command::new("rpmdb").arg("--dbpath").arg(folder).arg("--exportdb").output();
    let output = output.map_err(|error| println!("skipped: rpmdb: {error}")).ok()?;
    let mut headers = Vec::new();
    let mut rest = output.stdout.as_slice();
    while let Some((magic, header)) = rest.split_at_checked(8) {
        assert!(magic.starts_with(b"\x8e\xad\xe8\x01"));
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()) as usize;
        let length = 8 + 16 * word(0) + word(4);
        headers.push(header[..length].to_vec());
        rest = &header[length..];
    }
    assert_eq!(headers.len(), PACKAGES.len());
    Some(headers)
}

/// Has `db_load` write a hash database as rpm does: headers by number, a counter under number 0.
fn load(
    file: &Path,
    headers: &[Vec<u8>],
    page_size: u32,
    big_endian: bool,
    checksums: bool,
) -> Option<()> {
    let number = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::from(" "), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let order = if big_endian { 4321 } else { 1234 };
    let mut dump = format!(
        "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_size}\ndb_lorder={order}\n{}HEADER=END\n",
        if checksums { "chksum=1\n" } else { "" }
    );
    let counter = (number(0), number(u32::try_from(headers.len()).unwrap()).to_vec());
    let values = headers.iter().zip(1..).map(|(header, key)| (number(key), header.clone()));
    for (key, value) in std::iter::once(counter).chain(values) {
        writeln!(dump, "{}\n{}", hex(&key), hex(&value)).unwrap();
    }
    dump.push_str("DATA=END\n");
    let child = Command::new("db_load").arg(file).stdin(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| println!("skipped: db_load: {error}")).ok()?;
    child.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    Some(())
}

#[test]
fn rpm_lists_the_same_packages() {
    let folder = tempfile::tempdir().unwrap();
    let Some(()) = build(folder.path()) else { return };
    let database = folder.path().join("db");
    let wanted = listed(&database, "sqlite");
    assert_eq!(wanted.len(), PACKAGES.len());
    let path = "var/lib/rpm/rpmdb.sqlite";
    let sqlite = fs::read(database.join("rpmdb.sqlite")).unwrap();
    assert_eq!(found(path, &sqlite), wanted);
    // The 900 files of one package do not fit into a page: its header is read over overflow pages.
    let files = owned(path, &sqlite);
    assert!(files.len() >= 903, "{}", files.len());

    let Some(headers) = headers(&database) else { return };
    let older = folder.path().join("older");
    fs::create_dir(&older).unwrap();
    let (path, file) = ("var/lib/rpm/Packages", older.join("Packages"));
    for page_size in [512, 4_096, 65_536] {
        for (big_endian, checksums) in [(false, false), (true, false), (false, true), (true, true)]
        {
            let Some(()) = load(&file, &headers, page_size, big_endian, checksums) else { return };
            let bytes = fs::read(&file).unwrap();
            assert_eq!(found(path, &bytes), wanted, "{page_size} {big_endian} {checksums}");
            assert_eq!(owned(path, &bytes), files);
            if !checksums {
                assert_eq!(listed(&older, "bdb_ro"), wanted);
            }
            fs::remove_file(&file).unwrap();
        }
    }
}
