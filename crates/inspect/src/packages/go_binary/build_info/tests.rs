//! `go version -m` is the oracle, on programs that `go build` makes here and on those that the machine has.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::*;
use crate::{content::Content, executable};

/// As `go version -m` prints it.
fn print(info: &BuildInfo) -> String {
    let mut out = String::new();
    if !info.path.is_empty() {
        writeln!(out, "path\t{}", info.path).unwrap();
    }
    let main = info.main.iter().map(|main| ("mod", main));
    for (word, module) in main.chain(info.modules.iter().map(|module| ("dep", module))) {
        write!(out, "{word}\t{}\t{}", module.path, module.version).unwrap();
        match &module.replaced_by {
            None => writeln!(out, "\t{}", module.sum).unwrap(),
            Some(new) => {
                writeln!(out, "\n=>\t{}\t{}\t{}", new.path, new.version, new.sum).unwrap();
            }
        }
    }
    for (key, value) in &info.settings {
        let is_quoted = value.contains([' ', '\t', '\r', '\n', '"', '`']);
        let value = if is_quoted { format!("{value:?}") } else { value.clone() };
        writeln!(out, "build\t{key}={value}").unwrap();
    }
    out
}

fn found(path: &Path) -> Option<(String, String)> {
    let bytes = fs::read(path).unwrap();
    let programs = executable::open(Content::of_bytes(&bytes)).ok()?;
    let info = read(programs.first()?).unwrap()?;
    Some((info.go.clone(), print(&info)))
}

/// What Go says of a program: its version, then the lines; `None` for what is not Go's.
fn wanted(path: &Path) -> Option<(String, String)> {
    let output = Command::new("go").arg("version").arg("-m").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (first, rest) = text.split_once('\n')?;
    let (_, go) = first.rsplit_once(": ")?;
    let lines = rest.lines().filter_map(|line| line.strip_prefix('\t'));
    // It puts a blank line behind replacements.
    let lines = lines.filter(|line| !line.is_empty());
    Some((go.to_owned(), lines.fold(String::new(), |all, line| all + line + "\n")))
}

fn has_go() -> bool {
    let is_here = Command::new("go").arg("version").output().is_ok();
    if !is_here {
        println!("skipped: go is not here");
    }
    is_here
}

/// A folder that Go takes for a module proxy, with `example.org/dep` and `example.org/fork`.
fn proxy(folder: &Path) {
    for (path, version, package) in
        [("example.org/dep", "v1.2.3", "dep"), ("example.org/fork", "v0.9.1-pre", "old")]
    {
        let place = folder.join(path).join("@v");
        fs::create_dir_all(&place).unwrap();
        let module = format!("module {path}\n\ngo 1.18\n");
        fs::write(place.join(format!("{version}.info")), format!("{{\"Version\":\"{version}\"}}"))
            .unwrap();
        fs::write(place.join(format!("{version}.mod")), &module).unwrap();
        let zip = fs::File::create(place.join(format!("{version}.zip"))).unwrap();
        let mut zip = zip::ZipWriter::new(zip);
        let options = zip::write::SimpleFileOptions::default();
        let source = format!("package {package}\n\nfunc Say() {{ println(\"{package}\") }}\n");
        for (name, text) in [("go.mod", &module), ("a.go", &source)] {
            zip.start_file(format!("{path}@{version}/{name}"), options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }
}

/// Programs for several systems: orders and sizes of words, and all three formats.
fn build(folder: &Path) -> Vec<PathBuf> {
    proxy(&folder.join("proxy"));
    let source = folder.join("tool");
    fs::create_dir_all(source.join("beside")).unwrap();
    fs::write(
        source.join("go.mod"),
        "module example.org/Tool\n\ngo 1.18\n\nrequire (\n\texample.org/dep v1.2.3\n\texample.org/old v1.0.0\n\texample.org/beside v0.0.0\n)\n\nreplace example.org/old => example.org/fork v0.9.1-pre\n\nreplace example.org/beside => ./beside\n",
    )
    .unwrap();
    fs::write(source.join("beside/go.mod"), "module example.org/beside\n\ngo 1.18\n").unwrap();
    fs::write(source.join("beside/a.go"), "package beside\n\nfunc Say() {}\n").unwrap();
    fs::write(
        source.join("main.go"),
        "package main\n\nimport (\n\t\"example.org/beside\"\n\t\"example.org/dep\"\n\told \"example.org/old\"\n)\n\nvar version string\n\nfunc main() { dep.Say(); old.Say(); beside.Say(); println(version) }\n",
    )
    .unwrap();
    let systems = [
        ("linux", "amd64", "-s -w -X \"main.version=1.4.2\""),
        ("linux", "mips", ""),
        ("windows", "386", "-s -w"),
        ("darwin", "arm64", ""),
    ];
    let built = systems.map(|(system, processor, flags)| {
        let path = folder.join(format!("{system}-{processor}"));
        let output = Command::new("go")
            .args(["build", "-mod=mod", "-buildvcs=false", "-ldflags", flags, "-o"])
            .args([&path, Path::new(".")])
            .current_dir(&source)
            .env("GOPROXY", format!("file://{}", folder.join("proxy").display()))
            .envs([("GOOS", system), ("GOARCH", processor), ("CGO_ENABLED", "0")])
            .envs([("GOSUMDB", "off"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-modcacherw")])
            .env("GOMODCACHE", folder.join("modules"))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{system} {processor}: {error}");
        path
    });
    built.to_vec()
}

#[test]
fn go_says_the_same_of_programs_that_it_builds() {
    if !has_go() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for path in build(folder.path()) {
        let found = found(&path);
        assert_eq!(found, wanted(&path), "{}", path.display());
        let (_, lines) = found.unwrap();
        for line in [
            "mod\texample.org/Tool\t",
            "dep\texample.org/dep\tv1.2.3\th1:",
            "=>\texample.org/fork\tv0.9.1-pre\th1:",
            "=>\t./beside\t(devel)\t",
        ] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }
}

/// Programs of this machine, other versions of Go and none among them.
#[test]
fn go_says_the_same_of_programs_that_are_here() {
    if !has_go() {
        return;
    }
    let mut agreed = 0;
    for folder in [
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/local/go/bin",
        "/usr/lib/go/bin",
        "/usr/local/go/pkg/tool/linux_amd64",
    ] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            // Links and what is small is left out, as is what would take long: the tool reads each file in a process.
            let is_candidate = fs::symlink_metadata(&path)
                .is_ok_and(|meta| meta.is_file() && meta.len() > 1 << 20);
            if is_candidate && found(&path).is_some() {
                assert_eq!(found(&path), wanted(&path), "{}", path.display());
                agreed += 1;
            }
        }
    }
    println!("{agreed} programs of this machine are told as Go tells them");
}

#[test]
fn ten_thousand_modules_are_read() {
    let lines: String = (0..10_000)
        .map(|index| format!("dep\texample.org/m{index}\tv1.0.{index}\th1:x=\n"))
        .collect();
    let info = parse(&lines).unwrap();
    assert_eq!((info.modules.len(), info.modules[9_999].version.as_str()), (10_000, "v1.0.9999"));
}
