//! The rules that come with the program.
//!
//! In: the files in `rules/`. Out: their texts. Source: written for this project; what they are about stands in each rule. Odd:
//! each rule has examples beside it, one file or more that it must find and one or more that it must not
//! (`rules/*.toml`), put together from pieces, so that nothing takes this folder for what it describes.

use plimsoll_inspect::Kinds;

/// One file of rules.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedRules {
    /// The file's name.
    pub name: &'static str,
    /// The rules.
    pub text: &'static str,
    /// The rules' examples.
    pub examples: &'static str,
    /// The kinds of files that any of them is about.
    pub kinds: Kinds,
}

macro_rules! file {
    ($name:literal, $kinds:expr) => {
        EmbeddedRules {
            name: concat!($name, ".yar"),
            text: include_str!(concat!("../rules/", $name, ".yar")),
            examples: include_str!(concat!("../rules/", $name, ".toml")),
            kinds: $kinds,
        }
    };
}

const SCRIPTS: Kinds = Kinds::SCRIPT
    .and(Kinds::STARTUP)
    .and(Kinds::CONFIG)
    .and(Kinds::TEMPORARY)
    .and(Kinds::WEB)
    .and(Kinds::PAGES);

/// What web servers run, by what it is and by where it lies. Scripts elsewhere are most of an image's texts, and no page.
const PAGES: Kinds = Kinds::PAGES.and(Kinds::WEB);

/// THE list: all of them. Those of the same kinds are tried in one pass over a file.
pub const EMBEDDED: &[EmbeddedRules] = &[
    file!("webshell", PAGES),
    file!("webshell_script", SCRIPTS),
    file!("shell", SCRIPTS),
    file!("miner", SCRIPTS),
    file!("persistence", SCRIPTS),
    file!("miner_program", Kinds::ELF),
    file!("rootkit", Kinds::ELF),
];
