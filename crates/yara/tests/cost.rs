//! What the embedded rules cost: each of their strings is found by a few bytes of its own.
//!
//! Oracle: the engine's own account of how it looks for a string. One with `^` or `$`, or without three bytes that must be
//! there, is tried as a whole at every byte of every file, which costs more than all other strings together.

#![allow(clippy::unwrap_used, reason = "tests")]

use boreal::{Compiler, compiler::CompilerParams};
use plimsoll_yara::EMBEDDED;

/// Quality, as YARA reckons it, of three different letters in a row.
const THREE_LETTERS: u32 = 60;

#[test]
fn each_string_of_the_embedded_rules_has_bytes_by_which_it_is_found() {
    let mut dear = Vec::new();
    let mut strings = 0;
    for file in EMBEDDED {
        let mut compiler = Compiler::new();
        compiler.set_params(CompilerParams::default().compute_statistics(true));
        for symbol in ["filename", "filepath", "extension"] {
            compiler.define_symbol(symbol, "");
        }
        let status = compiler.add_rules_str(file.text).unwrap();
        for rule in status.statistics() {
            for string in &rule.strings {
                strings += 1;
                // A short text is found as it is, without an expression to try behind it.
                let is_text = string.matching_algo == "Literals";
                let is_raw = string.matching_algo == "Raw";
                if is_raw || (string.atoms_quality < THREE_LETTERS && !is_text) {
                    let atoms: Vec<_> =
                        string.atoms.iter().map(|atom| String::from_utf8_lossy(atom)).collect();
                    dear.push(format!(
                        "{}: ${}: {} {} {atoms:?}",
                        rule.name, string.name, string.matching_algo, string.atoms_quality
                    ));
                }
            }
        }
    }
    assert!(strings > 100, "{strings} strings");
    assert!(dear.is_empty(), "tried at every byte:\n{}", dear.join("\n"));
}
