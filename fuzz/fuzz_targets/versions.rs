//! Version orders: comparing there and back must agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_advisory::compare;
use plimsoll_model::Scheme;

fuzz_target!(|input: (u8, &str, &str)| {
    let schemes = [Scheme::Dpkg, Scheme::Apk, Scheme::Rpm, Scheme::Pep440, Scheme::Semver, Scheme::Maven];
    let (choice, a, b) = input;
    let scheme = schemes[usize::from(choice) % schemes.len()];
    if let (Ok(there), Ok(back)) = (compare(scheme, a, b), compare(scheme, b, a)) {
        assert_eq!(there, back.reverse());
    }
});
