//! Files with secrets that were copied into the image.
//!
//! In: COPY and ADD instructions of the history. Fails for names of private keys and credential files. Odd: deleting the
//! file in a later step does not take it out of its layer, so the instruction alone is the risk. The classic builder
//! shows a hash in place of the source; the target still names it.

use plimsoll_model::Level;

use super::{about, judge_steps};
use crate::{
    check::{About, Check, Outcome},
    history::{Word, shell_words},
    view::View,
};

const NAMES: &[&str] = &[
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".env",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".git-credentials",
    "kubeconfig",
    "credentials",
];
const ENDS: &[&str] = &[".pem", ".key"];

#[derive(Debug)]
pub(crate) struct SecretFileCopied;

impl Check for SecretFileCopied {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "Secret file copied into the image",
            why: "the layer keeps the file for everybody who may pull the image, even if a later step deletes it",
            remedy: "use the builder's secret mounts, exclude the file by .dockerignore, and change the secret",
            source: "Dockle CIS-DI-0010",
            ..about("secret_file_copied", "secret", Level::High)
        };
        &ABOUT
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        judge_steps(self.about(), view, |step| {
            if !matches!(step.word, Word::Copy | Word::Add) {
                return Vec::new();
            }
            let words = shell_words(&step.text);
            let paths = words.iter().filter(|word| !word.starts_with("--"));
            let secret = paths.filter(|word| is_secret_file(word)).map(|word| {
                let shown: String = word.chars().take(200).collect();
                format!("copies `{shown}`")
            });
            secret.take(1).collect()
        })
    }
}

fn is_secret_file(path: &str) -> bool {
    let path = path.trim_matches(['[', ']', ',', '"']);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    NAMES.contains(&name)
        || ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end))
        || (name == "config.json" && (folder == ".docker" || folder.ends_with("/.docker")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_decide() {
        for path in [
            "id_rsa",
            "/root/.ssh/id_rsa",
            "a/.env",
            "tls/server.key",
            "/root/.docker/config.json",
            "[\"id_rsa\",",
        ] {
            assert!(super::is_secret_file(path), "{path}");
        }
        for path in ["id_rsa.pub", ".env.example", "config.json", ".key", "keys", "credentials.go"]
        {
            assert!(!super::is_secret_file(path), "{path}");
        }
    }
}
