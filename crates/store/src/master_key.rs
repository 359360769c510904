//! The master key: encrypts what the database must keep but not show.
//!
//! In: 64 hex digits: `master.key` in the data directory, made at first start, or whatever else [`MasterKeySource`] names. Out: sealed values, AES-256-GCM with the
//! place (`table|row|column`) as associated data, so that a value that is moved to another row does not open. Source: NIST
//! SP 800-38D; ring's `aead`. Odd: a check value in the database refuses a wrong key at start, and a database with a check
//! value never gets a new key, because everything in it would be lost.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use plimsoll_model::Secret;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use crate::StoreError;

/// Name of the file in the data directory.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";

/// First byte of every sealed value: the format that [`MasterKey::seal`] writes.
const FORMAT: u8 = 1;

/// Where the master key comes from.
#[derive(Clone, Debug, Default)]
pub enum MasterKeySource {
    /// `master.key` in the data directory, made where there is none and nothing was ever encrypted.
    #[default]
    DataDirectory,
    /// A file that somebody else made, such as a mounted secret; never written.
    File(PathBuf),
    /// The text of such a file.
    Given {
        /// Where it came from, for errors: the name of a variable.
        name: &'static str,
        /// The text.
        text: Secret<String>,
    },
}

impl MasterKeySource {
    /// The file that holds the key, or what stands for it.
    pub(crate) fn named(&self, data_dir: &Path) -> PathBuf {
        match self {
            Self::DataDirectory => data_dir.join(MASTER_KEY_FILE),
            Self::File(path) => path.clone(),
            Self::Given { name, .. } => PathBuf::from(name),
        }
    }
}

/// Why there is no usable master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("`{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The database holds secrets, but the key is gone.
    #[error(
        "`{0}` is missing, but the database holds secrets that it encrypts; put it back from where it was copied, or name the file that \
         holds it with `--master-key-file`"
    )]
    Missing(PathBuf),
    /// The file, or the variable, does not hold a key.
    #[error("`{0}` does not hold 64 hex digits")]
    Malformed(PathBuf),
    /// Others can read it.
    #[error("`{path}` has mode {mode:04o}, so that others can read it; make it 0600 with chmod")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The check value does not open.
    #[error("`{0}` is not the key that this database was written with")]
    Wrong(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// Where a sealed value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Table.
    pub(crate) table: &'static str,
    /// The row's key as text.
    pub(crate) row: &'a str,
    /// Column.
    pub(crate) column: &'static str,
}

impl Place<'_> {
    fn text(self) -> String {
        format!("{}|{}|{}", self.table, self.row, self.column)
    }
}

/// The key itself.
pub(crate) struct MasterKey {
    key: LessSafeKey,
}

impl MasterKey {
    /// Reads the key. In the data directory one is made if there is none and `may_create` says that nothing was ever encrypted.
    pub(crate) fn read(
        source: &MasterKeySource,
        data_dir: &Path,
        may_create: bool,
    ) -> Result<Self, MasterKeyError> {
        let path = source.named(data_dir);
        match source {
            MasterKeySource::DataDirectory => Self::load(data_dir, may_create),
            MasterKeySource::File(_) => {
                let text = fs::read_to_string(&path)
                    .map_err(|source| MasterKeyError::File { path: path.clone(), source })?;
                // Mounted secrets are read by way of a group; nobody else may.
                refuse_exposed(&path, OTHERS)?;
                Self::parse(&text, path)
            }
            MasterKeySource::Given { text, .. } => Self::parse(text.reveal(), path),
        }
    }

    fn load(data_dir: &Path, may_create: bool) -> Result<Self, MasterKeyError> {
        let path = data_dir.join(MASTER_KEY_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !may_create {
                    return Err(MasterKeyError::Missing(path));
                }
                create(&path)?;
                fs::read_to_string(&path)
            }
            other => other,
        };
        let text = text.map_err(|source| MasterKeyError::File { path: path.clone(), source })?;
        refuse_exposed(&path, GROUP | OTHERS)?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, MasterKeyError> {
        let bytes = hex_decode(text.trim()).ok_or(MasterKeyError::Malformed(path.clone()))?;
        match UnboundKey::new(&AES_256_GCM, &bytes) {
            Ok(key) => Ok(Self { key: LessSafeKey::new(key) }),
            Err(_) => Err(MasterKeyError::Malformed(path)),
        }
    }

    /// A key that nothing was encrypted with, for whoever only reads what needs none.
    pub(crate) fn of_nothing() -> Result<Self, MasterKeyError> {
        let bytes = random_bytes::<32>().map_err(|_error| MasterKeyError::Random)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_error| MasterKeyError::Random)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Encrypts `value` for `place`.
    pub(crate) fn seal(&self, place: Place<'_>, value: &str) -> Result<Vec<u8>, StoreError> {
        let nonce = random_bytes::<NONCE_LEN>()?;
        let mut sealed = value.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.text()),
                &mut sealed,
            )
            .map_err(|_error| StoreError::Secret { place: place.text() })?;
        Ok([&[FORMAT], nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`MasterKey::seal`] made for the same place.
    pub(crate) fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Secret<String>, StoreError> {
        self.try_open(place, sealed).ok_or_else(|| StoreError::Secret { place: place.text() })
    }

    fn try_open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Secret<String>> {
        let (format, rest) = sealed.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut buffer = rest.to_vec();
        let plain = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place.text()),
                &mut buffer,
            )
            .ok()?;
        String::from_utf8(plain.to_vec()).ok().map(Secret::new)
    }
}

/// Writes a new key. Of two processes that start at once, one wins and both read its key: the hard link is atomic, and it
/// appears only when the whole key is on disk.
fn create(path: &Path) -> Result<(), MasterKeyError> {
    let key = random_bytes::<32>().map_err(|_error| MasterKeyError::Random)?;
    let file = |source| MasterKeyError::File { path: path.to_owned(), source };
    let unique = random_bytes::<8>().map_err(|_error| MasterKeyError::Random)?;
    let draft = path.with_extension(format!("key.{}", hex_encode(&unique)));
    write_private(&draft, &format!("{}\n", hex_encode(&key))).map_err(file)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(file)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(file(error)),
        _ => Ok(()),
    }
}

/// Creates a file that only its owner may read, with `text` on disk when it returns.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Permission bits of the file's group, and of everybody else.
const GROUP: u32 = 0o070;
const OTHERS: u32 = 0o007;

fn refuse_exposed(path: &Path, to: u32) -> Result<(), MasterKeyError> {
    let mode = fs::metadata(path)
        .map_err(|source| MasterKeyError::File { path: path.to_owned(), source })?
        .mode()
        & 0o7777;
    if mode & to == 0 {
        Ok(())
    } else {
        Err(MasterKeyError::Exposed { path: path.to_owned(), mode })
    }
}

/// `N` bytes from the system's generator.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(StoreError::Random),
    }
}

/// `length` letters and digits, each drawn evenly.
pub(crate) fn random_text(length: usize) -> Result<String, StoreError> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 248 = 4 · 62: values above would prefer the first letters.
        for byte in random_bytes::<64>()?.into_iter().filter(|byte| *byte < 248) {
            if text.len() < length
                && let Some(letter) = LETTERS.get(usize::from(byte % 62))
            {
                text.push(char::from(*letter));
            }
        }
    }
    Ok(text)
}

/// Lower-case hex digits.
pub(crate) fn hex_encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex_decode(text: &str) -> Option<[u8; 32]> {
    // The digest's own parser knows how to read 64 hex digits.
    format!("sha256:{text}").parse::<plimsoll_model::Digest>().ok().map(|digest| *digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { table: "registries", row: "7", column: "password" };

    #[test]
    fn a_sealed_value_opens_only_at_its_place_and_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::load(folder.path(), true).unwrap();
        let sealed = key.seal(PLACE, "hunter2-hunter2").unwrap();
        assert_eq!(key.open(PLACE, &sealed).unwrap().reveal(), "hunter2-hunter2");
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_ne!(sealed, key.seal(PLACE, "hunter2-hunter2").unwrap());
        for place in [
            Place { row: "8", ..PLACE },
            Place { column: "username", ..PLACE },
            Place { table: "access_keys", ..PLACE },
        ] {
            let error = key.open(place, &sealed).unwrap_err().to_string();
            assert!(error.contains(&place.text()), "{error}");
        }
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(PLACE, &changed).is_err(), "byte {index}");
            assert!(key.open(PLACE, &sealed[..index]).is_err(), "cut at {index}");
        }
        let other = tempfile::tempdir().unwrap();
        assert!(MasterKey::load(other.path(), true).unwrap().open(PLACE, &sealed).is_err());
    }

    #[test]
    fn the_key_file_is_private_and_read_again() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MASTER_KEY_FILE);
        assert!(matches!(
            MasterKey::load(folder.path(), false),
            Err(MasterKeyError::Missing(missing)) if missing == path
        ));
        let sealed = MasterKey::load(folder.path(), true).unwrap().seal(PLACE, "x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
        let again = MasterKey::load(folder.path(), false).unwrap();
        assert_eq!(again.open(PLACE, &sealed).unwrap().reveal(), "x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let Err(error) = MasterKey::load(folder.path(), true) else { panic!("0640 was taken") };
        assert!(error.to_string().contains("0640"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "abc").unwrap();
        assert!(matches!(
            MasterKey::load(folder.path(), true),
            Err(MasterKeyError::Malformed(malformed)) if malformed == path
        ));
    }

    #[test]
    fn a_named_key_is_read_by_way_of_a_group_and_never_made() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let text = "0123456789abcdef".repeat(4);
        let path = folder.path().join("mounted");
        let source = MasterKeySource::File(path.clone());
        assert!(matches!(
            MasterKey::read(&source, folder.path(), true),
            Err(MasterKeyError::File { path: missing, .. }) if missing == path
        ));
        fs::write(&path, format!("{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let sealed =
            MasterKey::read(&source, folder.path(), true).unwrap().seal(PLACE, "x").unwrap();
        let name = "PLIMSOLL_MASTER_KEY";
        let given = MasterKeySource::Given { name, text: Secret::new(text) };
        let key = MasterKey::read(&given, folder.path(), false).unwrap();
        assert_eq!(key.open(PLACE, &sealed).unwrap().reveal(), "x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let exposed = MasterKey::read(&source, folder.path(), true);
        assert!(matches!(exposed, Err(MasterKeyError::Exposed { mode: 0o444, .. })));
        let wrong = MasterKeySource::Given { name, text: Secret::new("canary".to_owned()) };
        let Err(error) = MasterKey::read(&wrong, folder.path(), true) else { panic!("taken") };
        let said = format!("{error} {wrong:?}");
        assert!(said.contains(name) && !said.contains("canary"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made");
    }

    #[test]
    fn random_texts_are_letters_and_digits() {
        let text = random_text(200).unwrap();
        assert_eq!(text.len(), 200);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(text, random_text(200).unwrap());
    }
}
