//! Rules for malicious files: the YARA engine, the embedded rules, and packs that an operator mounts.
//!
//! In: folders of rule packs, lists of digests and allow-lists. Out: [`Rules`], which names them by a digest, and of it
//! [`Malware`](plimsoll_inspect::Malware), what a scan looks for. Source: `docs/malware.md`. Odd: the process that keeps layers'
//! facts needs only the digest; the rules are compiled by the process that reads files, and only when it reads one that
//! they are about.

mod embedded;
mod engine;
mod loading;
mod meta;
mod pack;
mod rules;

pub use embedded::{EMBEDDED, EmbeddedRules};
pub use engine::Engine;
pub use pack::{PACK_FILE, PackAbout};
pub use rules::{BY_IMAGE, PackSummary, Rules, RulesError, Summary};
