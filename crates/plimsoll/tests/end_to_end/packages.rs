//! Package lists of images, to the last package, as the distributions' own tools see them in the unpacked image.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    fleet::build_layout,
    support::{has, plimsoll_ok, real_image, run, temporary},
};

/// Unpacks a layout with umoci; returns the root file system.
fn unpack(layout: &Path, folder: &Path) -> PathBuf {
    let bundle = folder.join("bundle");
    let image = format!("{}:latest", layout.display());
    run("umoci", ["unpack", "--rootless", "--image", &image, bundle.to_str().unwrap()]);
    bundle.join("rootfs")
}

/// `name version` of what one parser finds.
fn found(layout: &Path, data: &Path, parser: &str) -> BTreeSet<String> {
    let report = plimsoll_ok([
        "scan",
        "--format",
        "json",
        "--platform",
        "linux/amd64",
        "--data",
        data.to_str().unwrap(),
        layout.to_str().unwrap(),
    ]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = report["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| package["found_by"] == parser)
        .map(|package| format!("{} {}", text(&package["name"]), text(&package["version"])))
        .collect()
}

#[test]
fn debian_packages_are_those_of_dpkg_query() {
    if !has("umoci") || !has("dpkg-query") {
        return;
    }
    let folder = temporary();
    let layout = real_image("debian-slim").unwrap_or_else(|| build_layout(folder.path(), 7, 1000));
    let admindir = unpack(&layout, folder.path()).join("var/lib/dpkg");
    let admindir = format!("--admindir={}", admindir.display());
    let format = "${db:Status-Status} ${Package} ${Version}\n";
    let listed = run("dpkg-query", [admindir.as_str(), "-W", "-f", format]);
    let installed = listed.lines().filter_map(|line| line.strip_prefix("installed "));
    let wanted: BTreeSet<String> = installed.map(str::to_owned).collect();
    assert!(!wanted.is_empty());
    assert_eq!(found(&layout, folder.path(), "dpkg"), wanted);
}

#[test]
fn rpm_packages_are_those_of_rpm() {
    let Some(layout) = real_image("rpm-app") else { return };
    if !has("umoci") || !has("rpm") {
        return;
    }
    let folder = temporary();
    let database = unpack(&layout, folder.path()).join("var/lib/rpm");
    let format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n";
    let listed = run("rpm", ["--dbpath", database.to_str().unwrap(), "-qa", "--qf", format]);
    let keys = |line: &&str| !line.starts_with("gpg-pubkey ");
    let wanted: BTreeSet<String> = listed.lines().filter(keys).map(str::to_owned).collect();
    assert!(!wanted.is_empty());
    assert_eq!(found(&layout, folder.path(), "rpm"), wanted);
}
