//! RPM's databases: SQLite, ndb and Berkeley DB, told apart by their first bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::read_claimed;

fuzz_target!(|bytes: &[u8]| {
    let _claims = read_claimed("var/lib/rpm/rpmdb.sqlite", bytes);
});
