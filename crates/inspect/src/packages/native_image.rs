//! Programs that `GraalVM` compiled from Java: the SBOM that its compiler writes into them.
//!
//! In: programs and libraries in ELF. Out: the packages that the SBOM lists. Source: `GraalVM`, "Software Bill of Materials in
//! Native Image": CycloneDX JSON, compressed by gzip, at the symbol `sbom`, its length in 64 bits at `sbom_length`. Odd: a
//! program of Native Image without the SBOM does not show its libraries in any other way, which is a gap.

use std::io::Read;

use flate2::read::GzDecoder;
use plimsoll_image::EntryMeta;
use plimsoll_model::GapReason;

use super::sbom;
use crate::{
    content::Content,
    executable::{self, Format},
    facts::{FileFacts, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Longest SBOM, packed and not.
const MAX_SBOM: u64 = 16 << 20;

/// The heap of objects that the compiler puts into every program.
const SIGN: &str = ".svm_heap";

/// Reads SBOMs in programs.
#[derive(Debug)]
pub(crate) struct NativeImage;

impl Parser for NativeImage {
    fn id(&self) -> &'static str {
        "native-image"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "programs and libraries built by GraalVM Native Image (ELF)"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        executable::claims(path, meta)
    }

    fn reads_programs(&self) -> bool {
        true
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let programs = executable::open_if_sound(file.content);
        let Some(program) = programs.first().filter(|program| program.format == Format::Elf) else {
            return Ok(FileFacts::default());
        };
        let symbols = program.exported(&["sbom", "sbom_length"])?;
        let [Some(start), Some(length)] = symbols.as_slice() else {
            let mut facts = FileFacts::default();
            if program.section(SIGN).is_some() {
                facts.note(Problem {
                    reason: GapReason::OpaqueProgram,
                    detail: "is a program of GraalVM Native Image without an SBOM: its libraries are not known"
                        .to_owned(),
                });
            }
            return Ok(facts);
        };
        let length = program.read(*length, 8)?;
        let length = length.first_chunk().map(|bytes| match program.is_big_endian {
            true => u64::from_be_bytes(*bytes),
            false => u64::from_le_bytes(*bytes),
        });
        let length = length.ok_or_else(|| damaged("its length does not stand in the file"))?;
        if length > MAX_SBOM {
            return Err(ParseError::TooLarge { size: length, limit: MAX_SBOM, name: "the SBOM" });
        }
        let packed = program.read(*start, length)?;
        let mut text = Vec::new();
        let unpacked = GzDecoder::new(&*packed).take(MAX_SBOM + 1).read_to_end(&mut text);
        unpacked.map_err(|error| damaged(&error.to_string()))?;
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if size > MAX_SBOM {
            return Err(ParseError::TooLarge { size, limit: MAX_SBOM, name: "the SBOM" });
        }
        sbom::read_embedded(Content::of_bytes(&text))
    }
}

fn damaged(problem: &str) -> ParseError {
    ParseError::Syntax { at: "symbol `sbom`".to_owned(), problem: problem.to_owned() }
}
