//! Where podman, buildah and CRI-O keep images on this machine.
//!
//! In: `containers-storage:IMAGE`, or `containers-storage:[DRIVER@FOLDER]IMAGE`. Out: the store's folder, then those of
//! additional stores. Source: containers-storage.conf(5), containers-transports(5). Odd: an ordinary user has a store of
//! their own; the administrator's is asked for by its folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plimsoll_image::{Budget, OpenError, StorePlace, StoredImage, open_stored};
use serde::Deserialize;

/// Most bytes of the configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Finds an image.
pub(crate) fn open(said: &str, budget: &Budget) -> anyhow::Result<StoredImage> {
    let (places, name) = match said.strip_prefix('[') {
        Some(rest) => {
            let Some((store, name)) = rest.split_once(']') else {
                bail!("`{said}`: the `[` of a store has no `]`")
            };
            (vec![said_place(store)], name)
        }
        None => (configured()?, said),
    };
    if name.is_empty() {
        bail!("`containers-storage:` names no image\nhint: `podman images` lists them");
    }
    let image = open_stored(&places, name, budget).map_err(|error| {
        let hint = hint(&error);
        let error = anyhow::Error::new(error);
        match hint {
            Some(hint) => error.context(format!("`{name}` cannot be read\n{hint}")),
            None => error,
        }
    })?;
    Ok(image.named(format!("containers-storage:{said}")))
}

fn hint(error: &OpenError) -> Option<&'static str> {
    Some(match error {
        OpenError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            "hint: an administrator's images are read as root, a user's own by `podman unshare plimsoll scan …`"
        }
        OpenError::Missing { .. } => {
            "hint: `podman images` and `podman --root FOLDER images` list what there is; `[FOLDER]` before the name \
             says another store"
        }
        OpenError::NotThisKind { .. } => {
            "hint: `podman info` shows the store (graphRoot), which `[FOLDER]` before the name says; \
             `podman save IMAGE > image.tar` does without it, and can be scanned"
        }
        _ => return None,
    })
}

/// `DRIVER@FOLDER+RUNROOT:OPTIONS`, of which all but the folder may be left out.
fn said_place(text: &str) -> StorePlace {
    let (driver, rest) = match text.split_once('@') {
        Some((driver, rest)) if !driver.contains('/') => (Some(driver.to_owned()), rest),
        _ => (None, text),
    };
    let folder = rest.split(['+', ':']).next().unwrap_or(rest);
    StorePlace { folder: folder.into(), driver: driver.filter(|driver| !driver.is_empty()) }
}

/// The stores that the configuration names.
fn configured() -> anyhow::Result<Vec<StorePlace>> {
    let user = User::current();
    let config = match user.configuration().into_iter().find(|path| path.is_file()) {
        Some(path) => read(&path)?,
        None => Configuration::default(),
    };
    Ok(places(&config.storage, &user))
}

fn places(storage: &Storage, user: &User) -> Vec<StorePlace> {
    let driver = user.driver.clone().or_else(|| storage.driver.clone());
    let driver = driver.filter(|driver| !driver.is_empty());
    let said = match user.is_root {
        true => storage.graphroot.as_deref(),
        false => storage.rootless_storage_path.as_deref(),
    };
    let folder = match said.filter(|said| !said.is_empty()) {
        Some(said) => user.expanded(said),
        None if user.is_root => PathBuf::from("/var/lib/containers/storage"),
        None => user.data.join("containers/storage"),
    };
    // An additional store may have been made by another driver.
    let options = &storage.options;
    let overlay = options.overlay.iter().flat_map(|it| &it.additional_stores);
    let more = options.additional_stores.iter().chain(overlay).filter(|it| !it.is_empty());
    let more = more.map(|folder| StorePlace { folder: user.expanded(folder), driver: None });
    std::iter::once(StorePlace { folder, driver }).chain(more).collect()
}

fn read(path: &Path) -> anyhow::Result<Configuration> {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > MAX_BYTES {
        bail!("`{}` has more than {MAX_BYTES} bytes", path.display());
    }
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("`{}` cannot be read", path.display()))?;
    toml::from_str(&text).with_context(|| format!("`{}` is no storage.conf", path.display()))
}

#[derive(Debug, Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    storage: Storage,
}

#[derive(Debug, Default, Deserialize)]
struct Storage {
    driver: Option<String>,
    graphroot: Option<String>,
    rootless_storage_path: Option<String>,
    #[serde(default)]
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    #[serde(default, rename = "additionalimagestores")]
    additional_stores: Vec<String>,
    overlay: Option<DriverOptions>,
}

#[derive(Debug, Deserialize)]
struct DriverOptions {
    #[serde(default, rename = "additionalimagestores")]
    additional_stores: Vec<String>,
}

/// Who asks, as far as it matters for where images lie.
struct User {
    is_root: bool,
    id: String,
    home: PathBuf,
    /// `XDG_DATA_HOME`
    data: PathBuf,
    /// `XDG_CONFIG_HOME`
    config: PathBuf,
    /// `CONTAINERS_STORAGE_CONF`
    named: Option<PathBuf>,
    /// `STORAGE_DRIVER`
    driver: Option<String>,
}

impl User {
    fn current() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name| variable(name).map(PathBuf::from);
        let home = path("HOME").unwrap_or_default();
        // Within `podman unshare` everybody is root, but of their own store.
        let is_unshared = variable("_CONTAINERS_USERNS_CONFIGURED").is_some();
        let own = std::fs::metadata("/proc/self").ok();
        let id = own.map_or(0, |it| std::os::unix::fs::MetadataExt::uid(&it));
        let rootless = variable("_CONTAINERS_ROOTLESS_UID").filter(|_| is_unshared);
        let id = match rootless.and_then(|id| id.into_string().ok()) {
            Some(id) => id,
            None => id.to_string(),
        };
        Self {
            is_root: id == "0",
            data: path("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")),
            config: path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            home,
            id,
            named: path("CONTAINERS_STORAGE_CONF"),
            driver: variable("STORAGE_DRIVER").and_then(|name| name.into_string().ok()),
        }
    }

    /// Where the configuration may be; the first that is there counts.
    fn configuration(&self) -> Vec<PathBuf> {
        let own = (!self.is_root).then(|| self.config.join("containers/storage.conf"));
        let of_machine = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"]
            .map(PathBuf::from);
        self.named.clone().into_iter().chain(own).chain(of_machine).collect()
    }

    /// With the variables that may stand in paths of the configuration.
    fn expanded(&self, text: &str) -> PathBuf {
        let home = self.home.to_string_lossy();
        PathBuf::from(text.replace("$HOME", &home).replace("$UID", &self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> User {
        User {
            is_root: id == "0",
            id: id.into(),
            home: "/home/a".into(),
            data: "/home/a/.local/share".into(),
            config: "/home/a/.config".into(),
            named: None,
            driver: None,
        }
    }

    fn folders(text: &str, user: &User) -> Vec<(String, Option<String>)> {
        let config: Configuration = toml::from_str(text).unwrap();
        let places = places(&config.storage, user).into_iter();
        places.map(|place| (place.folder.display().to_string(), place.driver)).collect()
    }

    #[test]
    fn the_configuration_says_where_images_lie() {
        let root = user("0");
        assert_eq!(folders("", &root), [("/var/lib/containers/storage".into(), None)]);
        let own = "/home/a/.local/share/containers/storage";
        assert_eq!(folders("", &user("1000")), [(own.into(), None)]);
        let text = "[storage]\ndriver = 'overlay'\ngraphroot = '/srv/images'\n\
                    rootless_storage_path = '$HOME/images-$UID'\n\
                    [storage.options]\nadditionalimagestores = ['/usr/lib/images', '']\n\
                    [storage.options.overlay]\nmountopt = 'nodev'\n";
        let more = ("/usr/lib/images".to_owned(), None);
        let overlay = Some("overlay".to_owned());
        assert_eq!(folders(text, &root), [("/srv/images".into(), overlay.clone()), more.clone()]);
        assert_eq!(folders(text, &user("7")), [("/home/a/images-7".into(), overlay), more]);
    }

    #[test]
    fn a_store_can_be_said() {
        for (text, folder, driver) in [
            ("/srv/a", "/srv/a", None),
            ("overlay@/srv/a", "/srv/a", Some("overlay")),
            ("vfs@/srv/a+/run/a", "/srv/a", Some("vfs")),
            ("overlay@/srv/a+/run/a:x=y", "/srv/a", Some("overlay")),
        ] {
            let place = said_place(text);
            assert_eq!((place.folder.to_str(), place.driver.as_deref()), (Some(folder), driver));
        }
    }
}
