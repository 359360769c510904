use super::*;

#[test]
fn toolchains_as_advisories_write_them() {
    let rules = [
        ("go1.22.3", Some("1.22.3")),
        ("go1.20", Some("1.20")),
        ("go1.21rc2", Some("1.21.0-rc.2")),
        ("go1.14beta1", Some("1.14.0-beta.1")),
        ("go1.22.3 X:boringcrypto,nocoverageredesign", Some("1.22.3")),
        ("go1.19.4b4", Some("1.19.4")),
        ("go1.22.7 (Red Hat 1.22.7-1.el9_4)", Some("1.22.7")),
        ("go1.24.1-X:nodwarf5", Some("1.24.1")),
        ("devel go1.23-7f3d4e Thu May 30 2024", Some("1.23.0-devel")),
        ("devel +abcdef Thu", None),
        ("go", None),
        ("go1..2", None),
        ("go1.2.3.4", None),
        ("", None),
    ];
    for (text, wanted) in rules {
        assert_eq!(toolchain(text).as_deref(), wanted, "{text}");
    }
}
