//! An image that a Docker daemon keeps.
//!
//! In: `docker-daemon:IMAGE`. Out: the image as a file of this machine, gone with its last reader. Source: `DOCKER_HOST`, as
//! docker(1) has it. Odd: an archive's list of layers stands at its end, so that it is put down as a whole before it is read.

use std::{io::BufWriter, path::Path};

use anyhow::bail;
use plimsoll_image::Budget;
use plimsoll_registry::{Daemon, DaemonAddress, DaemonError, HttpClient, HttpOptions};

/// What [`ImageIdentity::source`](plimsoll_model::ImageIdentity::source) says of such an image.
const SOURCE: &str = "docker-daemon";

/// An image that was put down in a file.
pub(crate) struct Spooled {
    file: tempfile::TempPath,
    /// As it was asked for.
    pub(crate) name: String,
}

impl Spooled {
    /// The archive.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// What a text about the file means to whoever asked for the image.
    pub(crate) fn explained(&self, text: &str) -> String {
        text.replace(&*self.file.to_string_lossy(), &self.name)
    }

    /// Says in a report where the image came from.
    pub(crate) fn identify(name: &str, image: &mut plimsoll_model::ImageIdentity) {
        name.clone_into(&mut image.name);
        SOURCE.clone_into(&mut image.source);
    }
}

/// Has the daemon save an image.
pub(crate) async fn fetch(name: &str, budget: &Budget) -> anyhow::Result<Spooled> {
    if name.is_empty() {
        bail!("`docker-daemon:` names no image\nhint: `docker images` lists them");
    }
    save(name, budget).await.map_err(|error| match error.hint() {
        Some(hint) => {
            let context = format!("`{name}` cannot be read\nhint: {hint}");
            anyhow::Error::new(error).context(context)
        }
        None => error.into(),
    })
}

async fn save(name: &str, budget: &Budget) -> Result<Spooled, DaemonError> {
    let daemon = Daemon::new(address()?, &HttpClient::new(HttpOptions::default())?)?;
    let image = daemon.image(name).await?;
    let (file, path) = tempfile::NamedTempFile::new().map_err(DaemonError::Write)?.into_parts();
    let mut output = BufWriter::with_capacity(1 << 20, file);
    daemon.save(&image, budget.max_unpacked_bytes, &mut output).await?;
    Ok(Spooled { file: path, name: format!("docker-daemon:{name}") })
}

/// `DOCKER_HOST`, else the machine's socket, else the user's own.
fn address() -> Result<DaemonAddress, DaemonError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(host) = variable("DOCKER_HOST") {
        return host.to_string_lossy().parse();
    }
    let machine = Path::new("/var/run/docker.sock");
    let own = variable("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("docker.sock"));
    match own {
        Some(own) if !machine.exists() && own.exists() => Ok(DaemonAddress::Socket(own)),
        _ => Ok(DaemonAddress::Socket(machine.to_owned())),
    }
}
