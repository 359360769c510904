//! Where the database is: in the data directory, or on a PostgreSQL server.
//!
//! In: `postgres://user@host:port/database?…`, and a password from elsewhere. Out: [`StoreLocation`]. Source: PostgreSQL's
//! "Connection URIs". Odd: a password is not taken from the text, because texts of this kind stand in process lists, logs
//! and shell histories; `PGPASSWORD`, `~/.pgpass` (or the file that `PGPASSFILE` names) and a file of its own are.

use std::{fmt, fs, path::PathBuf, str::FromStr};

use plimsoll_model::Secret;
use sqlx::postgres::PgConnectOptions;

/// Where the database is.
#[derive(Clone, Debug, Default)]
pub enum StoreLocation {
    /// SQLite, in the data directory.
    #[default]
    Embedded,
    /// A PostgreSQL server.
    Postgres(PostgresLocation),
}

/// A database of a PostgreSQL server. Prints without password.
#[derive(Clone)]
pub struct PostgresLocation {
    text: String,
    options: Box<PgConnectOptions>,
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Neither `postgres://` nor `postgresql://`.
    #[error("`{0}` names no database: postgres://USER@HOST/DATABASE does")]
    Scheme(String),
    /// There is a password in it.
    #[error(
        "a password in the database's URL can be read by others; put it into PGPASSWORD, ~/.pgpass, or a file that \
         --store-password-file names"
    )]
    Password,
    /// It cannot be parsed.
    #[error("the database's URL cannot be read: {0}")]
    Malformed(String),
    /// A part of it that is not known.
    #[error("the database's URL has `{0}`, which is not known; known are: {KNOWN}")]
    Unknown(String),
    /// The file with the password.
    #[error("the file with the database's password, `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// What may stand behind the question mark. The library drops others in silence, `sslmod=require` among them.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
    "options",
];
const KNOWN: &str = "sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, application_name, options";

impl PostgresLocation {
    /// The same with the password that stands on the first line of a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn with_password_file(mut self, path: &std::path::Path) -> Result<Self, LocationError> {
        let text = fs::read_to_string(path)
            .map_err(|source| LocationError::File { path: path.to_owned(), source })?;
        let password = Secret::new(text.lines().next().unwrap_or_default().to_owned());
        *self.options = self.options.password(password.reveal());
        Ok(self)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        (*self.options).clone()
    }
}

impl FromStr for PostgresLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let Some(rest) = rest else {
            // Whatever it is, it may hold a password.
            let shown = text.split_once('@').map_or(text, |(_, behind)| behind);
            return Err(LocationError::Scheme(shown.chars().take(80).collect()));
        };
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Err(LocationError::Password);
        }
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            if name == "password" {
                return Err(LocationError::Password);
            }
            if !PARAMETERS.contains(&name) {
                return Err(LocationError::Unknown(name.to_owned()));
            }
        }
        // PostgreSQL's own programs take `user@/database?host=/run/…`, the library does not.
        let mut complete = text.to_owned();
        if let Some(at) = text.find("@/").filter(|_| authority.ends_with('@')) {
            complete.insert_str(at.saturating_add(1), "localhost");
        }
        let options = complete
            .parse::<PgConnectOptions>()
            .map_err(|error| LocationError::Malformed(error.to_string()))?;
        Ok(Self { text: text.to_owned(), options: Box::new(options) })
    }
}

impl FromStr for StoreLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        text.parse().map(Self::Postgres)
    }
}

impl fmt::Display for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_without_a_password() {
        for text in [
            "postgres://plimsoll@db.test/plimsoll",
            "postgresql://plimsoll@db.test:5433/plimsoll?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres:///plimsoll?host=/run/postgresql",
            "postgres://plimsoll@/plimsoll?host=/run/postgresql",
            "postgres://us%40er@[::1]/plimsoll",
        ] {
            let location: PostgresLocation = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
        }
        for text in ["postgres://u:secret@h/d", "postgres://h/d?password=secret", "postgres://u:@h"]
        {
            let error = text.parse::<StoreLocation>().unwrap_err();
            assert!(matches!(error, LocationError::Password), "{text}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
        for text in ["", "plimsoll.db", "mysql://u:secret@h/d", "sqlite:x"] {
            let error = text.parse::<StoreLocation>().unwrap_err();
            assert!(matches!(error, LocationError::Scheme(_)), "{text}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
        let error = "postgres://h/d?sslmod=require".parse::<StoreLocation>().unwrap_err();
        assert!(error.to_string().contains("`sslmod`"), "{error}");
        for text in ["postgres://h/d?sslmode=perhaps", "postgres://h:port/d"] {
            let error = text.parse::<StoreLocation>().unwrap_err();
            assert!(matches!(error, LocationError::Malformed(_)), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_comes_from_a_file_and_is_not_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let location: PostgresLocation = "postgres://u@h/d".parse().unwrap();
        let missing = location.clone().with_password_file(&file).unwrap_err();
        assert!(missing.to_string().contains("password"), "{missing}");
        fs::write(&file, "hunter2-hunter2\n").unwrap();
        let location = location.with_password_file(&file).unwrap();
        assert!(!format!("{location} {location:?}").contains("hunter2"));
    }
}
