//! `RabbitMQ` with a password that everybody tries first.
//!
//! In: `default_pass` in `etc/rabbitmq/*.conf`, and the hashes of exported definitions. Source: `RabbitMQ` documentation,
//! "Configuration", "Passwords". Odd: a hash is four bytes of salt and then the SHA-256 of salt and password, in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::Level;
use serde_json::Value;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::{Grammar, read},
    view::View,
    wanted::{Wanted, text},
};

const CONFIGURATION: &[&str] = &["etc/rabbitmq/*.conf", "etc/rabbitmq/conf.d/*.conf"];
const DEFINITIONS: &[&str] = &["etc/rabbitmq/*.json", "**/rabbitmq/definitions.json"];
/// Users of definitions that are tried.
const MAX_USERS: usize = 200;

#[derive(Debug)]
pub(crate) struct WeakRabbitmq;

impl Check for WeakRabbitmq {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak RabbitMQ password",
            why: "whoever logs in reads and writes all queues",
            remedy: "take the password out of the image; supply a long random one when the container starts",
            source: "Alibaba Cloud baseline list; RabbitMQ documentation, passwords",
            ..about("weak_rabbitmq", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("etc/rabbitmq/*.conf"),
            text("etc/rabbitmq/conf.d/*.conf"),
            text("etc/rabbitmq/*.json"),
            text("**/rabbitmq/definitions.json"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: default_pass ***").files(&[(
                "etc/rabbitmq/rabbitmq.conf",
                "default_user = app\ndefault_pass = app123\n",
            )]),
            // Salt 0x00000000 and `admin`.
            Example::fails("`admin`").files(&[(
                "etc/rabbitmq/definitions.json",
                r#"{"users": [{"name": "admin", "password_hash": "AAAAAAAPWo0me6fWUhOWH0yjufP0s+lKYUOvsRpFvgIVyDUA", "hashing_algorithm": "rabbit_password_hashing_sha256"}]}"#,
            )]),
            Example::passes().files(&[
                ("etc/rabbitmq/rabbitmq.conf", "default_pass = c4nary-of-some-length\n"),
                (
                    "etc/rabbitmq/definitions.json",
                    r#"{"users": [{"name": "admin", "password_hash": "AAAAAAECAwQ="}]}"#,
                ),
            ]),
            Example::is_undecided("is not JSON")
                .files(&[("etc/rabbitmq/definitions.json", "{\"users\": [")]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        for file in
            CONFIGURATION.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>()
        {
            let settings = read(Grammar::Properties, file.text).list;
            let user = settings.iter().rev().find(|setting| setting.key == "default_user");
            let user = user.map_or("guest", |setting| setting.value.as_str());
            for setting in settings.iter().filter(|setting| setting.key == "default_pass") {
                // That guest is `guest` is another check's.
                if dictionary::is_weak(user, &setting.value) {
                    let detail = format!("line {}: default_pass ***", setting.line);
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        for file in DEFINITIONS.iter().flat_map(|pattern| looking.all(pattern)).collect::<Vec<_>>()
        {
            let definitions: Value = match serde_json::from_str(file.text) {
                Ok(definitions) => definitions,
                Err(error) => {
                    looking.unseen(&file.location.path, format!("is not JSON: {error}"));
                    continue;
                }
            };
            let users = definitions.get("users").and_then(Value::as_array);
            for user in users.into_iter().flatten().take(MAX_USERS) {
                let text = |key: &str| user.get(key).and_then(Value::as_str).unwrap_or_default();
                if is_weak(text("name"), text("password_hash"), text("hashing_algorithm")) {
                    let detail = format!("`{}` has a well-known password", clip(text("name")));
                    looking.fail_at(&file.location, detail);
                }
            }
        }
        looking.outcome()
    }
}

fn is_weak(name: &str, hash: &str, algorithm: &str) -> bool {
    let kind =
        if algorithm.ends_with("sha512") { &ring::digest::SHA512 } else { &ring::digest::SHA256 };
    let Ok(bytes) = STANDARD.decode(hash) else { return false };
    let Some((salt, known)) = bytes.split_at_checked(4) else { return false };
    !known.is_empty()
        && dictionary::candidates(name).any(|candidate| {
            let salted = [salt, candidate.as_bytes()].concat();
            ring::digest::digest(kind, &salted).as_ref() == known
        })
}
