//! A real API server of Kubernetes, for the test that watches one.
//!
//! In: Debian's etcd, Go and its module proxy. Out: `target/test-tools/kube-apiserver`. Source: Kubernetes publishes its parts
//! as modules whose versions begin with 0, and replaces them by folders of its own in `go.mod`. Odd: it is compiled from those
//! modules, because no package registry has the program; that takes a quarter of an hour, once.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, bail};

use crate::{
    process::{is_installed, output, root, run_command, say},
    setup,
};

/// A version that still works with Debian's etcd 3.4.
const VERSION: &str = "1.31.14";
const DEBIAN: &[(&str, &str)] =
    &[("etcd-server", "etcd"), ("curl", "curl"), ("openssl", "openssl")];

fn tools() -> PathBuf {
    root().join("target/test-tools")
}

/// Installs etcd and builds the API server; what is there already is left alone.
pub(crate) fn set_up() -> anyhow::Result<()> {
    setup::install(DEBIAN)?;
    let ready = tools().join("kube-apiserver.ready");
    if fs::read_to_string(&ready).is_ok_and(|text| text == VERSION) {
        return Ok(());
    }
    if !is_installed("go") {
        bail!("the API server is built with Go, which is not installed (`apt-get install golang`)");
    }
    say(&format!(
        "building kube-apiserver {VERSION} into target/test-tools; it takes a quarter of an hour"
    ));
    let folder = tools().join("kube-apiserver-build");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("go.mod"), module()?)?;
    run_command(
        Command::new("go")
            .arg("-C")
            .arg(&folder)
            .args(["build", "-mod=mod", "-trimpath", "-buildvcs=false"])
            .arg(format!("-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v{VERSION}"))
            .arg("-o")
            .arg(tools().join("kube-apiserver"))
            .arg("k8s.io/kubernetes/cmd/kube-apiserver"),
    )?;
    fs::write(ready, VERSION)?;
    Ok(())
}

/// A module that needs Kubernetes alone, with the published versions of its parts.
fn module() -> anyhow::Result<String> {
    let module = format!("k8s.io/kubernetes@v{VERSION}");
    let downloaded = output("go", &["mod", "download", "-json", &module])?;
    let downloaded: serde_json::Value = serde_json::from_str(&downloaded)?;
    let path = downloaded
        .get("GoMod")
        .and_then(serde_json::Value::as_str)
        .context("`go mod download` names no go.mod")?;
    let own = fs::read_to_string(path)?;
    let Some(part_version) = VERSION.strip_prefix("1.").map(|rest| format!("v0.{rest}")) else {
        bail!("Kubernetes {VERSION} is not of a version that is known here");
    };
    let mut replaced = String::new();
    for line in own.lines() {
        if let Some((part, folder)) = line.trim().split_once(" => ")
            && folder.starts_with("./staging/src/")
        {
            replaced.push_str(&format!("\t{part} => {part} {part_version}\n"));
        }
    }
    if replaced.is_empty() {
        bail!("`{path}` replaces no module by a folder of its own");
    }
    Ok(format!(
        "module plimsoll.test/kube-apiserver\n\ngo 1.22.0\n\nrequire k8s.io/kubernetes v{VERSION}\n\nreplace (\n{replaced})\n"
    ))
}
