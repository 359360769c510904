//! Erlang's applications: `ebin/*.app`, in releases and beside Erlang itself.
//!
//! In: one term, `{application, Name, [{vsn, "1.0"}, …]}`. Out: one package. Source: Erlang/OTP, `app(4)`.
//!
//! Odd: the file does not say where an application comes from. Those of Erlang/OTP and of Elixir itself are known by name
//! and are of the ecosystem `OTP`; all others are taken for packages of Hex, whose names are mostly those of the
//! applications. A version that is no text (`git`) was not filled in, and tells nothing.

mod mix_lock;
mod rebar_lock;
mod term;

use plimsoll_image::EntryMeta;

pub(crate) use self::{mix_lock::MixLock, rebar_lock::RebarLock};
use super::lock::{LockFile, Locked};
use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};
use term::Term;

const HEX: &str = "Hex";

/// Longest description of an application.
const LIMIT: u64 = 1 << 20;

/// Applications that come with Erlang/OTP or with Elixir, of all their releases.
const OTP: &[&str] = &[
    "asn1",
    "common_test",
    "compiler",
    "cosEvent",
    "cosEventDomain",
    "cosFileTransfer",
    "cosNotification",
    "cosProperty",
    "cosTime",
    "cosTransactions",
    "crypto",
    "debugger",
    "dialyzer",
    "diameter",
    "edoc",
    "eex",
    "eldap",
    "elixir",
    "erl_docgen",
    "erl_interface",
    "erts",
    "et",
    "eunit",
    "ex_unit",
    "ftp",
    "hipe",
    "ic",
    "iex",
    "inets",
    "jinterface",
    "kernel",
    "logger",
    "megaco",
    "mix",
    "mnesia",
    "observer",
    "odbc",
    "orber",
    "os_mon",
    "otp_mibs",
    "parsetools",
    "percept",
    "public_key",
    "reltool",
    "runtime_tools",
    "sasl",
    "snmp",
    "ssh",
    "ssl",
    "stdlib",
    "syntax_tools",
    "test_server",
    "tftp",
    "tools",
    "typer",
    "webtool",
    "wx",
    "xmerl",
];

/// Reads the description of an application.
#[derive(Debug)]
pub(crate) struct ErlangApplication;

impl Parser for ErlangApplication {
    fn id(&self) -> &'static str {
        "erlang-app"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "ebin/*.app"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        let mut parts = path.rsplit(|&byte| byte == b'/');
        let is_application = parts.next()?.ends_with(b".app") && parts.next() == Some(b"ebin");
        is_application.then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = String::from_utf8_lossy(file.bytes);
        let terms = term::read(&text)?;
        let application = terms.iter().find_map(|term| match term.items() {
            [Term::Word("application"), name, fields, ..] => Some((name.text()?, fields)),
            _ => None,
        });
        let (name, fields) = application.ok_or(ParseError::Missing("application"))?;
        let version = fields.items().iter().find_map(|field| match field.items() {
            [Term::Word("vsn"), Term::Text(version)] => Some(*version),
            _ => None,
        });
        let Some(version) = version.filter(|version| !version.is_empty()) else {
            return Ok(FileFacts::default());
        };
        let ecosystem = if OTP.contains(&name) { "OTP" } else { HEX };
        let mut installed = LockFile::installed(ecosystem);
        installed.add(&Locked { name, version, ..Locked::default() });
        Ok(installed.finish())
    }
}
