//! The same tests on PostgreSQL: this program runs itself once more, with a server of its own.
//!
//! A single test: `PLIMSOLL_TEST_POSTGRES=postgres://user@host/db cargo test -p plimsoll-store --test store NAME`; each makes
//! a schema of its own there.

use std::process::Command;

use crate::{outside::URL, server::Server};

#[test]
fn all_other_tests_pass_on_postgresql() {
    if std::env::var_os(URL).is_some() {
        return;
    }
    let Some(server) = Server::start() else {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_TOOLS").is_none(), "no PostgreSQL here");
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    let done =
        Command::new(std::env::current_exe().unwrap()).env(URL, server.url()).output().unwrap();
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{output}{}", String::from_utf8_lossy(&done.stderr));
    assert!(output.contains("test queue::"), "the tests ran: {output}");
}
