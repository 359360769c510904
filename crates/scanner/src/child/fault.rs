//! Defects on demand, for tests of what the parent makes of them.
//!
//! In: arguments of the child such as `--fault abort:srv/app/package.json`. Out: a child that dies of that file. Odd: only
//! builds with debug assertions know it; in others no argument is allowed.

use std::ffi::OsString;

use plimsoll_image::TreePath;

/// How to die of which files.
#[derive(Debug)]
pub(super) struct Fault {
    kind: Kind,
    /// Files whose path begins so.
    prefix: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Abort,
    Memory,
    Hang,
    Panic,
    Overflow,
    Connect,
    Exit,
}

impl Fault {
    /// Reads the child's arguments.
    pub(super) fn parse(
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Result<Option<Self>, String> {
        let Some(first) = arguments.next() else { return Ok(None) };
        let value = arguments.next().and_then(|value| value.into_string().ok());
        let (true, true, Some(value)) = (cfg!(debug_assertions), first == "--fault", value) else {
            return Err(format!("`{}` is no argument of it", first.display()));
        };
        let (kind, prefix) = value.split_once(':').unwrap_or((&value, ""));
        let kind = match kind {
            "abort" => Kind::Abort,
            "memory" => Kind::Memory,
            "hang" => Kind::Hang,
            "panic" => Kind::Panic,
            "overflow" => Kind::Overflow,
            "connect" => Kind::Connect,
            "exit" => Kind::Exit,
            _ => return Err(format!("there is no fault `{kind}`")),
        };
        Ok(Some(Self { kind, prefix: prefix.to_owned() }))
    }

    /// Does to the process what a defect of a detector would, if the file is one of those.
    pub(super) fn strike(&self, path: &TreePath) {
        if !path.as_bytes().starts_with(self.prefix.as_bytes()) {
            return;
        }
        match self.kind {
            Kind::Abort => std::process::abort(),
            Kind::Memory => {
                let mut memory = Vec::new();
                loop {
                    memory.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&memory);
                }
            }
            Kind::Hang => loop {
                std::thread::park();
            },
            // Not within the detector, which would be caught.
            #[expect(clippy::panic, reason = "that is the defect")]
            Kind::Panic => panic!("a defect on demand"),
            Kind::Overflow => drop(deep([1; 64])),
            Kind::Connect => drop(std::net::TcpStream::connect(("127.0.0.1", 9))),
            Kind::Exit => std::process::exit(0),
        }
    }
}

#[expect(unconditional_recursion, reason = "that is the defect")]
fn deep(frame: [u64; 64]) -> u64 {
    let below = deep(std::hint::black_box(frame));
    std::hint::black_box(below) + 1
}
