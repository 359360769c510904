//! Images that are large in one way each, made here.
//!
//! In: which ones, and how large. Out: a table of time and memory against other scanners. Odd: made once and kept under
//! `target/bench-giants` until `--fresh`, since making takes longer than scanning; they need up to 20 GB.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

use super::{
    Common,
    layout::{Archive, Layout},
    measure::{median, peak, time},
    page::Section,
    workplace,
};
use crate::{
    peers::{Kind, Scanner, Source},
    process::{root, run_command, say},
};

/// Which way an image is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Giant {
    /// Many bytes in 70 layers
    Layers,
    /// Millions of small files in one layer
    Files,
    /// One layer of many bytes
    LargeLayer,
    /// An rpm database of many packages
    Rpm,
}

/// `cargo xtask bench giants`
#[derive(clap::Args, Debug)]
pub(crate) struct Giants {
    #[command(flatten)]
    common: Common,
    /// MiB that the 70 layers unpack to
    #[arg(long, default_value_t = 8 << 10)]
    layers_mib: u64,
    /// How many files
    #[arg(long, default_value_t = 3_000_000)]
    files: u64,
    /// MiB that the one layer unpacks to
    #[arg(long, default_value_t = 1 << 10)]
    large_layer_mib: u64,
    /// MiB of the rpm database
    #[arg(long, default_value_t = 500)]
    rpm_mib: u64,
    /// Make them anew
    #[arg(long)]
    fresh: bool,
    /// Only these [default: all]
    #[arg(value_enum)]
    giants: Vec<Giant>,
}

const ALL: [Giant; 4] = [Giant::Layers, Giant::Files, Giant::LargeLayer, Giant::Rpm];

pub(super) fn run(options: &Giants) -> anyhow::Result<()> {
    let scanners = options.common.programs.scanners()?;
    let shown: Vec<String> = scanners.iter().map(Scanner::shown).collect::<Result<_, _>>()?;
    let work = workplace("giants")?;
    let mut section = Section::new("Giants", &shown.join(", "));
    section.line("| image | scanner | s | on one core, s | peak MiB | packages |");
    section.line("|---|---|---|---|---|---|");
    for giant in ALL {
        if !options.giants.is_empty() && !options.giants.contains(&giant) {
            continue;
        }
        let (what, layout) = make(giant, options)?;
        for scanner in scanners.iter().filter(|scanner| scanner.kind != Kind::Syft) {
            let line = match cost(scanner, giant, &layout, options.common.runs, &work) {
                Ok(cells) => format!("| {what} | {} | {cells} |", scanner.kind.name()),
                Err(error) => format!("| {what} | {} | {error} |||", scanner.kind.name()),
            };
            say(&line);
            section.line(line);
            section.write(&options.common.page())?;
        }
    }
    fs::remove_dir_all(work)?;
    Ok(())
}

fn cost(
    scanner: &Scanner,
    giant: Giant,
    layout: &Path,
    runs: usize,
    work: &Path,
) -> anyhow::Result<String> {
    let (target, report) = (layout.display().to_string(), work.join("report.json"));
    let state = work.join("state");
    let fresh = || -> anyhow::Result<()> {
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        Ok(fs::create_dir_all(&state)?)
    };
    fresh()?;
    let most = peak(&mut scanner.scan(Source::Layout, &target, &state), &report)?;
    let packages = scanner.packages(&report)?.len();
    let (mut walls, mut on_one_core) = (Vec::new(), Vec::new());
    for _ in 0..if scanner.kind == Kind::Plimsoll { runs } else { 1 } {
        fresh()?;
        walls.push(time(&mut scanner.scan(Source::Layout, &target, &state), &report)?.wall);
        if scanner.kind == Kind::Plimsoll && giant == Giant::LargeLayer {
            fresh()?;
            let scan = scanner.scan(Source::Layout, &target, &state);
            let mut pinned = Command::new("taskset");
            pinned.args(["--cpu-list", "0"]).arg(scan.get_program()).args(scan.get_args());
            on_one_core.push(time(&mut pinned, &report)?.wall);
        }
    }
    let one = if on_one_core.is_empty() {
        "–".to_owned()
    } else {
        format!("{:.2}", median(on_one_core))
    };
    Ok(format!("{:.2} | {one} | {} | {packages}", median(walls), most >> 20))
}

/// What it is, in words, and where its layout is.
fn make(giant: Giant, options: &Giants) -> anyhow::Result<(String, PathBuf)> {
    let (what, name) = match giant {
        Giant::Layers => (
            format!("{} MiB in 70 layers", options.layers_mib),
            format!("layers-{}", options.layers_mib),
        ),
        Giant::Files => (format!("{} files", options.files), format!("files-{}", options.files)),
        Giant::LargeLayer => (
            format!("one layer of {} MiB", options.large_layer_mib),
            format!("large-layer-{}", options.large_layer_mib),
        ),
        Giant::Rpm => {
            (format!("rpm database of {} MiB", options.rpm_mib), format!("rpm-{}", options.rpm_mib))
        }
    };
    let folder = root().join("target/bench-giants").join(name);
    if options.fresh && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    if !folder.join("index.json").exists() {
        say(&format!("making {what}"));
        match giant {
            Giant::Layers => bytes(&folder, 70, options.layers_mib)?,
            Giant::Files => files(&folder, options.files)?,
            Giant::LargeLayer => bytes(&folder, 1, options.large_layer_mib)?,
            Giant::Rpm => rpm(&folder, options.rpm_mib)?,
        }
    }
    Ok((what, folder))
}

/// A layout whose layers unpack to so many MiB of files of 1 MiB, about a third of that packed.
pub(super) fn bytes(folder: &Path, layers: u64, mebibytes: u64) -> anyhow::Result<()> {
    let mut layout = Layout::create(folder)?;
    for layer in 0..layers {
        let (first, last) = (layer * mebibytes / layers, (layer + 1) * mebibytes / layers);
        layout.layer(|archive| {
            if layer == 0 {
                release(archive)?;
            }
            for file in first..last {
                archive.entry(
                    &format!("srv/data/{file:06}.bin"),
                    1 << 20,
                    &mut Words::new(file),
                )?;
            }
            Ok(())
        })?;
    }
    layout.finish()
}

/// A layout with so many files of a few bytes, 500 in a folder.
pub(super) fn files(folder: &Path, count: u64) -> anyhow::Result<()> {
    let mut layout = Layout::create(folder)?;
    layout.layer(|archive| {
        release(archive)?;
        for file in 0..count {
            let path =
                format!("srv/data/{:03}/{:03}/file-{file:07}", file / 250_000, file / 500 % 500);
            archive.file(&path, path.as_bytes().get(..20).unwrap_or_default())?;
        }
        Ok(())
    })?;
    layout.finish()
}

fn release<W: Write>(archive: &mut Archive<W>) -> io::Result<()> {
    archive.file(
        "etc/os-release",
        b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
    )?;
    archive.file(
        "var/lib/dpkg/status",
        b"Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4+deb12u5\n\n",
    )
}

/// Endless bytes that pack about as well as programs do: known words of 16 bytes and, in between, new ones.
struct Words {
    state: u64,
    word: [u8; 16],
    left: usize,
}

impl Words {
    fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995,
            word: [0; 16],
            left: 0,
        }
    }

    fn number(seed: u64) -> u64 {
        let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Read for Words {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *buffer {
            if self.left == 0 {
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let number = Self::number(self.state);
                let seed = if number.is_multiple_of(8) { number } else { number % 2_048 };
                let halves = [Self::number(seed), Self::number(seed ^ 1)].map(u64::to_le_bytes);
                for (to, from) in self.word.iter_mut().zip(halves.as_flattened()) {
                    *to = *from;
                }
                self.left = self.word.len();
            }
            *byte = self.word.get(self.word.len() - self.left).copied().unwrap_or_default();
            self.left -= 1;
        }
        Ok(buffer.len())
    }
}

/// A layout whose rpm database is so large: headers of 16 KiB, most of it a description, which packs as well as text does.
fn rpm(folder: &Path, mebibytes: u64) -> anyhow::Result<()> {
    const HEADER: u64 = 16 << 10;
    fs::create_dir_all(folder)?;
    let database = folder.join("rpmdb.sqlite");
    if database.exists() {
        fs::remove_file(&database)?;
    }
    let count = mebibytes * (1 << 20) / (HEADER + 400);
    let [before, between, after] = rpm_header(usize::try_from(HEADER)?)?;
    let script = format!(
        "pragma journal_mode=off; pragma synchronous=off; \
        create table Packages (hnum integer primary key autoincrement, blob blob not null); \
        with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) \
        insert into Packages select i, cast(x'{before}' || printf('%08d', i) || x'{between}' || hex(randomblob({})) || x'{after}' as blob) from n;",
        RANDOM / 2
    );
    let input = folder.join("script.sql");
    fs::write(&input, script)?;
    let mut command = Command::new("sqlite3");
    command.arg(&database).stdin(fs::File::open(&input)?).stdout(std::process::Stdio::null());
    run_command(&mut command)?;
    fs::remove_file(input)?;
    let size = fs::metadata(&database)?.len();
    let mut layout = Layout::create(folder)?;
    layout.layer(|archive| {
        archive.file(
            "etc/os-release",
            b"ID=\"rocky\"\nVERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\n",
        )?;
        archive.entry("var/lib/rpm/rpmdb.sqlite", size, &mut fs::File::open(&database)?)
    })?;
    fs::remove_file(database)?;
    layout.finish()
}

/// Characters of a description that are no others'.
const RANDOM: usize = 6_000;

/// A package header as the database holds it, in hexadecimal, cut where the eight digits of its number and the random part of
/// its description stand: index length, data length, index entries (tag, type, offset, count), data (rpm's file format, version 4).
fn rpm_header(length: usize) -> anyhow::Result<[String; 3]> {
    const STRING: u32 = 6;
    const LOCALISED: u32 = 9;
    const DIGITS: usize = 8;
    let description = "d".repeat(length.saturating_sub(300));
    let digits = "0".repeat(DIGITS);
    let texts: [(u32, u32, String); 7] = [
        (1000, STRING, format!("package-{digits}")),
        (1001, STRING, "1.2.3".to_owned()),
        (1002, STRING, "4.el9".to_owned()),
        (1005, LOCALISED, description),
        (1014, STRING, "MIT".to_owned()),
        (1022, STRING, "x86_64".to_owned()),
        (1044, STRING, "package-1.2.3-4.el9.src.rpm".to_owned()),
    ];
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, kind, text) in &texts {
        for number in [*tag, *kind, u32::try_from(data.len())?, 1] {
            index.extend(number.to_be_bytes());
        }
        data.extend(text.as_bytes());
        data.push(0);
    }
    let mut header = Vec::new();
    header.extend(u32::try_from(texts.len())?.to_be_bytes());
    header.extend(u32::try_from(data.len())?.to_be_bytes());
    header.extend(&index);
    let number = header.len() + "package-".len();
    let before_description = texts.iter().take(3).map(|(.., text)| text.len() + 1).sum::<usize>();
    let random = header.len() + before_description;
    header.extend(&data);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts =
        [header.get(..number), header.get(number + DIGITS..random), header.get(random + RANDOM..)];
    match parts {
        [Some(before), Some(between), Some(after)] => Ok([hex(before), hex(between), hex(after)]),
        _ => bail!("a header that is too short"),
    }
}
