//! A registry on this machine.
//!
//! In: layouts to hold. Out: references to them. Odd: Debian's `docker-registry`, without TLS or accounts, on a free port of the
//! loopback interface; it ends with the value.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::process::is_installed;

pub(crate) struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    /// Starts one that keeps its data in `folder`.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        for program in ["docker-registry", "skopeo"] {
            if !is_installed(program) {
                bail!("`{program}` is missing: `cargo xtask test` installs it");
            }
        }
        fs::create_dir_all(folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let configuration = folder.join("configuration.yml");
        let data = folder.join("data");
        fs::write(
            &configuration,
            format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {address}}}\n",
                data.display()
            ),
        )?;
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("docker-registry")?;
        let registry = Self { process, address };
        for _ in 0..200 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Ok(registry);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("docker-registry does not answer at {}", registry.address)
    }

    /// Uploads a layout and returns its reference.
    pub(crate) fn push(&self, layout: &Path, name: &str) -> anyhow::Result<String> {
        let reference = format!("{}/bench/{name}:latest", self.address);
        let status = Command::new("skopeo")
            .args(["copy", "--quiet", "--all", "--dest-tls-verify=false"])
            .arg(format!("oci:{}:latest", layout.display()))
            .arg(format!("docker://{reference}"))
            .status()?;
        if !status.success() {
            bail!("skopeo cannot push {}", layout.display());
        }
        Ok(reference)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _is_dead = self.process.kill();
        let _ended = self.process.wait();
    }
}
