//! What the place of a file says about the secrets in it.
//!
//! In: a path. Out: whether what is there was most likely made to be seen: tests, samples, documents, and the code of
//! libraries, whose test keys everybody has. Odd: such a place lowers a finding and does not hide it; a real key lies well in
//! a folder called `test`.

/// Folders of tests, samples and documents.
const SAMPLES: &[&[u8]] = &[
    b"test",
    b"tests",
    b"testing",
    b"testdata",
    b"test-data",
    b"test_data",
    b"__tests__",
    b"fixture",
    b"fixtures",
    b"example",
    b"examples",
    b"sample",
    b"samples",
    b"doc",
    b"docs",
    b"spec",
    b"specs",
    b"mock",
    b"mocks",
    b"demo",
    b"demos",
    b"man",
    b"locale",
];

/// Folders of libraries.
const LIBRARIES: &[&[u8]] = &[
    b"site-packages",
    b"dist-packages",
    b"node_modules",
    b"gems",
    b"bower_components",
    b"vendor",
    b"__pycache__",
    b"cpan",
];

/// Whether a file lies where samples, tests or libraries do.
pub(super) fn is_sample(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let name = parts.next().unwrap_or_default();
    let is_named_so = [
        &b".example"[..],
        b".sample",
        b".dist",
        b"_test.",
        b".test.",
        b".spec.",
        b".template",
        b".tmpl",
        b"README",
    ]
    .iter()
    .any(|part| memchr::memmem::find(name, part).is_some());
    is_named_so
        || memchr::memmem::find(path, b"pkg/mod/").is_some()
        || parts.any(|part| {
            let is = |known: &&[u8]| part.eq_ignore_ascii_case(known);
            SAMPLES.iter().any(is) || LIBRARIES.iter().any(is)
        })
}

/// Whether certificates that lie there are those of authorities, which everybody trusts and has.
pub(super) fn is_of_authorities(path: &[u8]) -> bool {
    const PLACES: &[&[u8]] = &[
        b"etc/ssl/certs/",
        b"usr/share/ca-certificates/",
        b"usr/local/share/ca-certificates/",
        b"etc/pki/",
        b"etc/ca-certificates/",
        b"usr/lib/ssl/",
        b"usr/share/pki/",
    ];
    const NAMES: &[&[u8]] = &[
        b"cacert.pem",
        b"cacerts.pem",
        b"ca-bundle.pem",
        b"ca-certificates.pem",
        b"roots.pem",
        b"cert.pem",
        b"ca.pem",
        b"tls-ca-bundle.pem",
    ];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    PLACES.iter().any(|place| path.starts_with(place)) || NAMES.contains(&name)
}

/// Whether a database there is a tool's own.
pub(super) fn is_of_system(path: &[u8]) -> bool {
    const PLACES: &[&[u8]] = &[
        b"var/lib/rpm/",
        b"usr/lib/sysimage/",
        b"usr/share/",
        b"var/lib/dnf/",
        b"var/cache/",
        b"var/lib/apt/",
        b"var/lib/plocate/",
        b"usr/lib/",
        b"var/lib/PackageKit/",
    ];
    PLACES.iter().any(|place| path.starts_with(place))
}
