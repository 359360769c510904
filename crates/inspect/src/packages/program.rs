//! Programs as such: those whose headers are damaged, and those that are packed.
//!
//! In: every program and library. Out: no packages; what keeps them from being told. Source: UPX, `src/conf.h` and
//! `src/packer.h`. Odd: a packed program unpacks itself when it runs, so nothing of what it is made of stands in the file. A
//! program whose marks were blotted out still runs: it is then one that nobody knows, which `inspection/opaque.rs` says.

use plimsoll_image::EntryMeta;
use plimsoll_model::GapReason;

use crate::{
    executable::{self, Executable, Format, OpenError},
    facts::{FileFacts, Problem},
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Looks at programs' headers.
#[derive(Debug)]
pub(crate) struct Program;

/// UPX puts its mark behind the headers of the program, and again behind the packed bytes.
const MARK: &[u8] = b"UPX!";
/// As much of the start is looked at for it.
const START: u64 = 4 << 10;
/// As much of the end.
const END: u64 = 64;

impl Parser for Program {
    fn id(&self) -> &'static str {
        "program"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "programs and libraries (ELF, PE, Mach-O): files that may be run, are named like one, or have 256 KiB and more; whether they are packed or damaged"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        executable::claims(path, meta)
    }

    fn reads_programs(&self) -> bool {
        true
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let mut facts = FileFacts::default();
        match executable::open(file.content) {
            Ok(programs) => {
                for program in &programs {
                    if is_packed(program)? {
                        facts.problem(|| Problem {
                            reason: GapReason::OpaqueProgram,
                            detail: "is packed with UPX: what it is made of could not be read"
                                .to_owned(),
                        });
                        break;
                    }
                }
            }
            Err(OpenError::Damaged(what)) => facts.problem(|| {
                Problem::unreadable(format!("is a program, but cannot be read as one: {what}"))
            }),
            Err(OpenError::Content(error)) => return Err(error.into()),
        }
        Ok(facts)
    }
}

pub(crate) fn is_packed(program: &Executable<'_>) -> Result<bool, ParseError> {
    if program.sections.iter().any(|section| matches!(&*section.name, b"UPX0" | b"UPX1")) {
        return Ok(true);
    }
    if program.format != Format::Elf || !program.sections.is_empty() {
        return Ok(false);
    }
    let content = program.content();
    let size = content.size();
    let start = content.range(0, size.min(START))?;
    let end = content.range(size.saturating_sub(END), size.min(END))?;
    let is_marked = |bytes: &[u8]| bytes.windows(MARK.len()).any(|window| window == MARK);
    Ok(is_marked(&start) || is_marked(&end))
}
