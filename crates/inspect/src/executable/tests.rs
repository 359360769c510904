use super::*;

#[test]
fn programs_are_told_by_their_first_bytes() {
    for head in [
        &b"\x7fELF"[..],
        b"MZ\x90\0",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe\0\0\0\x02",
        b"\xca\xfe\xba\xbf\0\0\0\x02",
    ] {
        assert!(is_program(head), "{head:?}");
    }
    // A script, a class of Java 8, nothing.
    for head in [&b"#!/bin/sh"[..], b"\xca\xfe\xba\xbe\0\0\0\x34", b"\x7fEL", b""] {
        assert!(!is_program(head), "{head:?}");
    }
}

#[test]
fn what_may_be_run_or_is_named_so_or_large_is_looked_at() {
    let claimed = |path: &str, mode, size| {
        let path = plimsoll_image::TreePath::from(path);
        let kind = plimsoll_image::EntryKind::File;
        let meta = EntryMeta {
            path,
            kind,
            mode,
            uid: 0,
            gid: 0,
            size,
            mtime: 0,
            link: None,
            capabilities: None,
        };
        claims(meta.path.as_bytes(), &meta).is_some()
    };
    for (path, mode, size, wanted) in [
        ("srv/tool", 0o755, 4_096, true),
        ("srv/tool", 0o644, 4_096, false),
        ("srv/tool.dat", 0o644, 1 << 20, true),
        ("usr/lib/libz.so.1.2.13", 0o644, 4_096, true),
        ("srv/App.DLL", 0o644, 4_096, true),
        ("srv/empty", 0o755, 0, false),
        ("srv/notes.sort", 0o644, 4_096, false),
    ] {
        assert_eq!(claimed(path, mode, size), wanted, "{path} {mode:o} {size}");
    }
}

/// This test's own program, which the linker of this machine made.
#[test]
fn a_real_program_s_sections_and_segments() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let programs = open(Content::of_bytes(&bytes)).unwrap();
    let [program] = programs.as_slice() else { panic!("{programs:?}") };
    assert_eq!((program.format, program.is_linked), (Format::Elf, true));
    assert_eq!(program.problems, [""; 0]);
    let text = program.section(".text").unwrap();
    let start = usize::try_from(text.offset).unwrap();
    let loaded = program.read(text.address, 64).unwrap();
    assert_eq!(&*loaded, &bytes[start..start + 64]);
    assert!(program.segments.iter().any(|segment| segment.is_data));
    assert!(program.read(u64::MAX - 3, 64).unwrap().is_empty());
}

#[test]
fn a_forged_table_is_damage_and_costs_nothing() {
    let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    bytes.truncate(4_096);
    // Sections lie behind the end now: the segments still count.
    let programs = open(Content::of_bytes(&bytes)).unwrap();
    assert_eq!((programs[0].sections.len(), programs[0].problems.len()), (0, 1));
    assert!(!programs[0].segments.is_empty());
    // As many segments as there can be, in a file that does not hold them.
    bytes[56..58].copy_from_slice(&[0xfe, 0xff]);
    let error = open(Content::of_bytes(&bytes)).unwrap_err();
    assert_eq!(error.to_string(), "a table lies beyond the end of the file");
    bytes[4] = 9;
    assert!(open(Content::of_bytes(&bytes)).is_err());
}
