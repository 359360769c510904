//! Redis and its kin with a password that everybody tries first.
//!
//! In: `requirepass`, `masterauth` and the passwords of `user` lines in the configuration, its ACL file and the command.
//! Source: `redis.conf`'s own text; Redis documentation, "ACL". Odd: `#` in front of a user's password is its SHA-256.

use plimsoll_model::Level;

use super::{Looking, about, dictionary};
use crate::{
    check::{About, Check, Example, Outcome},
    facts::clip,
    settings::{Grammar, Settings, add_options, read},
    view::{FileText, View},
    wanted::{Wanted, text},
};

const PROGRAMS: &[&str] = &["redis-server", "valkey-server", "keydb-server", "redis-sentinel"];
const PATTERNS: &[&str] = &[
    "**/redis.conf",
    "**/valkey.conf",
    "**/sentinel.conf",
    "etc/redis/**/*.conf",
    "etc/valkey/**/*.conf",
    "usr/local/etc/redis/*.conf",
    "usr/local/etc/valkey/*.conf",
    "etc/redis/*.acl",
    "**/users.acl",
];

#[derive(Debug)]
pub(crate) struct WeakRedis;

impl Check for WeakRedis {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Weak Redis password",
            why: "it is among the first that password guessers try, and Redis answers tens of thousands of tries a second",
            remedy: "take the password out of the image; supply a long random one when the container starts",
            source: "Alibaba Cloud baseline list; veinmind-tools",
            ..about("weak_redis", "weak_password", "weak_password", Level::High)
        };
        &ABOUT
    }

    fn files(&self) -> &'static [Wanted] {
        const FILES: &[Wanted] = &[
            text("**/redis.conf"),
            text("**/valkey.conf"),
            text("**/sentinel.conf"),
            text("etc/redis/**/*.conf"),
            text("etc/valkey/**/*.conf"),
            text("usr/local/etc/redis/*.conf"),
            text("usr/local/etc/valkey/*.conf"),
            text("etc/redis/*.acl"),
            text("**/users.acl"),
        ];
        FILES
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("line 2: requirepass ***")
                .files(&[("etc/redis/redis.conf", "port 6379\nrequirepass admin123\n")]),
            Example::fails("user app >***")
                .files(&[("etc/redis/users.acl", "user app on >app123 ~* +@all\n")]),
            // SHA-256 of `password`.
            Example::fails("user app #***").files(&[(
                "etc/redis/users.acl",
                "user app on #5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8 ~*\n",
            )]),
            Example::fails("command: --requirepass ***")
                .command(&["redis-server", "--requirepass", "123456"]),
            Example::passes().files(&[(
                "etc/redis/redis.conf",
                "# requirepass foobared\nrequirepass c4nary-of-some-length\n",
            )]),
            Example::is_silent().command(&["/app"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let mut files: Vec<FileText<'_>> =
            PATTERNS.iter().flat_map(|pattern| looking.all(pattern)).collect();
        files.sort_by(|a, b| a.location.cmp(&b.location));
        files.dedup_by(|a, b| a.location == b.location);
        for file in files {
            let Settings { list, problem } = read(Grammar::Words, file.text);
            if let Some(problem) = problem {
                looking.unseen(&file.location.path, problem);
            }
            for setting in list {
                let line = setting.line;
                match setting.key.to_ascii_lowercase().as_str() {
                    key @ ("requirepass" | "masterauth" | "primaryauth")
                        if dictionary::is_weak("redis", &setting.value)
                            && !setting.value.is_empty() =>
                    {
                        looking.fail_at(&file.location, format!("line {line}: {key} ***"));
                    }
                    "user" => {
                        if let Some(what) = weak_user(&setting.value) {
                            looking.fail_at(&file.location, format!("line {line}: {what}"));
                        }
                    }
                    _ => {}
                }
            }
        }
        if view.runs(PROGRAMS) {
            looking.applies();
            let mut options = Settings::default();
            add_options(&mut options, view.command_words(), 1);
            for option in options.list {
                if matches!(option.key.as_str(), "--requirepass" | "--masterauth")
                    && !option.value.is_empty()
                    && dictionary::is_weak("redis", &option.value)
                {
                    looking.fail(format!("command: {} ***", option.key));
                }
            }
        }
        looking.outcome()
    }
}

/// `app on >password ~* +@all`
fn weak_user(rules: &str) -> Option<String> {
    let mut words = rules.split_whitespace();
    let name = words.next()?;
    words.find_map(|word| {
        let sign = if let Some(password) = word.strip_prefix('>') {
            dictionary::is_weak(name, password).then_some('>')
        } else if let Some(hash) = word.strip_prefix('#') {
            is_hash_of_weak(name, hash).then_some('#')
        } else {
            None
        }?;
        Some(format!("user {} {sign}***", clip(name)))
    })
}

fn is_hash_of_weak(name: &str, hash: &str) -> bool {
    let mut all = dictionary::candidates(name);
    hash.len() == 64
        && all.any(|candidate| {
            let digest = ring::digest::digest(&ring::digest::SHA256, candidate.as_bytes());
            let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            hex.eq_ignore_ascii_case(hash)
        })
}
