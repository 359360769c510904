//! Sensitive files: private keys, credentials, configuration with passwords, in every layer.
//!
//! In: the bytes of all files, once ([`Secrets`]). Out: facts of each file that holds something, and of those findings. Source:
//! `docs/semantics.md`, "Sensitive files". Odd: most files are passed by one automaton over some 500 words; what a word
//! begins is then held against its rules: a pattern or a shape, entropy, what the place looks like, and what can be told of a
//! secret without asking anybody. Nothing of a secret leaves this module but how it begins and ends and a keyed hash.

mod assigned;
mod check;
mod engine;
mod facts;
mod findings;
mod form;
mod key;
mod look;
mod mask;
mod pem;
mod place;
mod probe;
mod rule;
mod rules;
mod value;
mod work;

pub use facts::{SecretFacts, SecretHit};
pub(crate) use findings::{Seen, findings};
pub use key::{KEYS, SecretKey, remedy, secret_key};
pub use mask::FingerprintKey;
pub use rule::{SecretRule, secret_rules};

use crate::detector::{Detector, Look, Terms};

/// Raised when something besides the rows changes in what is found.
const VERSION: u32 = 2;

/// Finds secrets.
#[derive(Debug)]
pub(crate) struct Secrets;

impl Detector for Secrets {
    fn id(&self) -> &'static str {
        "secrets"
    }

    fn kind(&self) -> plimsoll_model::Kind {
        plimsoll_model::Kind::Secret
    }

    fn version(&self) -> String {
        format!("{VERSION}-{}", engine::Engine::digest())
    }

    fn looks_for(&self) -> &'static str {
        "private keys, tokens, passwords and files that hold such, in every layer"
    }

    fn begin_layer<'b>(&self, terms: Terms<'b>) -> Box<dyn Look + Send + 'b> {
        Box::new(look::Looking::new(terms))
    }
}

#[cfg(test)]
#[path = "sensitive/tests.rs"]
mod tests;
