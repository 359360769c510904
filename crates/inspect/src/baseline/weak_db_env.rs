//! Databases that would start with a password that everybody knows.
//!
//! In: the image's environment. Fails for a database's password variable with a well-known or empty-by-choice value.
//! Source: the documentation of the official database images.

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Outcome},
    view::View,
};

const PASSWORDS: &[&str] = &[
    "COUCHDB_PASSWORD",
    "ELASTIC_PASSWORD",
    "GF_SECURITY_ADMIN_PASSWORD",
    "MARIADB_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MINIO_ROOT_PASSWORD",
    "MINIO_SECRET_KEY",
    "MONGO_INITDB_ROOT_PASSWORD",
    "MSSQL_SA_PASSWORD",
    "MYSQL_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "ORACLE_PWD",
    "POSTGRES_PASSWORD",
    "RABBITMQ_DEFAULT_PASS",
    "REDIS_PASSWORD",
    "SA_PASSWORD",
];
const EMPTY: &[&str] =
    &["ALLOW_EMPTY_PASSWORD", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD"];

/// Whether it is a database's password, and a weak one.
pub(super) fn is_weak_variable(name: &str, value: &str) -> bool {
    PASSWORDS.contains(&name) && dictionary::candidates("root").any(|candidate| candidate == value)
}

#[derive(Debug)]
pub(crate) struct WeakDbEnv;

impl Check for WeakDbEnv {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak database password in the image's environment",
            why: "a database that starts with it is open to everybody who reaches its port",
            remedy: "remove the variable; supply a random password when the container starts",
            source: "documentation of the official database images",
            ..about("weak_db_env", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for (name, value) in view.environment() {
            if PASSWORDS.contains(&name) {
                looking.applies();
            }
            if is_weak_variable(name, value) {
                looking.fail(format!("{name}=*** is a well-known password"));
            } else if EMPTY.contains(&name)
                && matches!(value.to_ascii_lowercase().as_str(), "yes" | "1" | "true")
            {
                looking.fail(format!("{name}={value}"));
            }
        }
        looking.outcome()
    }
}
