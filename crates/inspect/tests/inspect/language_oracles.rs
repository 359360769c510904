//! Package tools of languages as oracles: Java's own reader of archives, pip and npm, over what they really installed. A
//! tool that is not here is named and skipped.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use plimsoll_inspect::Inspection;
use serde_json::Value;

use crate::{
    case,
    oracles::{inspect_files, run},
};

/// What `cargo xtask test` installs.
fn tools(name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools");
    let folder = tools.join(name);
    if !folder.is_dir() {
        println!("skipped: {}: was not installed", folder.display());
    }
    folder.is_dir().then_some(folder)
}

/// A folder's files in an image, in `place`.
fn inspect_folder(folder: &Path, place: &str) -> Inspection {
    let files: Vec<(String, Vec<u8>)> = case::files(folder)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            (format!("{place}/{name}"), fs::read(&path).unwrap())
        })
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    inspect_files(&files)
}

/// Prints `path!/inner|group:name:version` for the properties of each archive in archives, as Java itself reads both.
const JAVA: &str = r#"
import java.io.*; import java.nio.file.*; import java.util.*; import java.util.zip.*;
class Artifacts {
  public static void main(String[] paths) throws Exception {
    for (String path : paths) read(new File(path), new File(path).getName());
  }
  static void read(File file, String place) throws Exception {
    try (ZipFile zip = new ZipFile(file)) {
      for (ZipEntry entry : Collections.list(zip.entries())) {
        String name = entry.getName();
        if (name.matches("(.*/)?META-INF/maven/[^/]+/[^/]+/pom\\.properties")) {
          Properties properties = new Properties();
          properties.load(zip.getInputStream(entry));
          String group = properties.getProperty("groupId"), artifact = properties.getProperty("artifactId");
          if (group != null && artifact != null)
            System.out.println(place + "|" + group + ":" + artifact + ":" + properties.getProperty("version").trim());
        } else if (name.matches(".*\\.(jar|war|ear|hpi|rar)") && !entry.isDirectory()) {
          File inner = File.createTempFile("inner", ".jar", new File(System.getProperty("scratch")));
          Files.copy(zip.getInputStream(entry), inner.toPath(), StandardCopyOption.REPLACE_EXISTING);
          try { read(inner, place + "!/" + name); } catch (ZipException error) { }
        }
      }
    } catch (ZipException error) { if (!place.contains("!/")) System.err.println(error); }
  }
}
"#;

#[test]
fn java_reads_the_same_artifacts() {
    let mut archives: Vec<PathBuf> = ["archives", "described", "gradle"]
        .iter()
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/java").join(name))
        .flat_map(|case| case::files(&case.join("root")))
        .collect();
    archives.extend(tools("maven").into_iter().flat_map(|folder| case::files(&folder)));
    archives.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("jar" | "war" | "hpi")) && !path.ends_with("unknown.jar")
    });
    assert!(archives.len() >= 8);
    let scratch = tempfile::tempdir().unwrap();
    let program = scratch.path().join("Artifacts.java");
    fs::write(&program, JAVA).unwrap();
    let mut property = std::ffi::OsString::from("-Dscratch=");
    property.push(scratch.path());
    // A runtime without a compiler cannot run a source.
    if run(Command::new("javac").arg("-version")).is_none() {
        return;
    }
    let mut java = Command::new("java");
    let Some(wanted) = run(java.arg(property).arg(&program).args(&archives)) else { return };
    let wanted: BTreeSet<String> = wanted.lines().map(str::to_owned).collect();
    assert!(wanted.len() >= 5, "{wanted:?}");
    let mut found = BTreeSet::new();
    for path in &archives {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(path).unwrap();
        let inspection = inspect_files(&[(name, &bytes)]);
        for package in &inspection.packages {
            if package.extra["recognised_by"] == "pom.properties" {
                for location in &package.locations {
                    found.insert(format!("{}|{}:{}", location.path, package.name, package.version));
                }
            }
        }
    }
    assert_eq!(found, wanted);
}

#[test]
fn pip_lists_the_same_distributions() {
    let (Some(folder), Some(python)) = (tools("python-packages"), tools("python")) else { return };
    let mut pip = Command::new(python.join("bin/python"));
    let pip = pip.args(["-m", "pip", "list", "--format=json", "--disable-pip-version-check"]);
    let Some(wanted) = run(pip.arg("--path").arg(&folder)) else { return };
    let wanted: Value = serde_json::from_str(&wanted).unwrap();
    let wanted: BTreeSet<String> = wanted
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let name = item["name"].as_str().unwrap().to_lowercase();
            let name: Vec<&str> =
                name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
            format!("{} {}", name.join("-"), item["version"].as_str().unwrap())
        })
        .collect();
    assert!(wanted.len() >= 5, "{wanted:?}");
    let inspection = inspect_folder(&folder, "usr/local/lib/python3.11/site-packages");
    let found: BTreeSet<String> = inspection
        .packages
        .iter()
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(inspection.gaps, []);
}

#[test]
fn npm_lists_the_same_packages() {
    let Some(folder) = tools("node") else { return };
    let mut npm = Command::new("npm");
    let npm = npm.args(["ls", "--all", "--json", "--prefix"]).arg(&folder);
    let Some(wanted) = run(npm) else { return };
    let tree: Value = serde_json::from_str(&wanted).unwrap();
    let mut wanted = BTreeSet::new();
    let mut pending = vec![&tree];
    while let Some(node) = pending.pop() {
        for (name, dependency) in node["dependencies"].as_object().into_iter().flatten() {
            // An optional one that was not installed has no version.
            if let Some(version) = dependency["version"].as_str() {
                wanted.insert(format!("{name} {version}"));
            }
            pending.push(dependency);
        }
    }
    assert!(wanted.len() >= 5, "{wanted:?}");
    let inspection = inspect_folder(&folder, "srv/app");
    let found: BTreeSet<String> = inspection
        .packages
        .iter()
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    assert_eq!(found, wanted);
}
