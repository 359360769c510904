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

#[test]
fn a_program_of_a_file_lies_in_the_module_without_a_version() {
    let module = |path: &str, version: &str| Module {
        path: path.to_owned(),
        version: version.to_owned(),
        ..Module::default()
    };
    let (tool, other) = (module("example.org/tool", DEVELOPMENT), module("b", "v1.0.0"));
    let flags = "-s -X=example.org/tool/version.Version=8.30.1".to_owned();
    let info = |main: Option<&Module>, modules: &[&Module]| BuildInfo {
        main: main.cloned(),
        modules: modules.iter().map(|module| (*module).clone()).collect(),
        settings: vec![("-ldflags".to_owned(), flags.clone())],
        ..BuildInfo::default()
    };
    let of_file = info(None, &[&other, &tool]);
    let main = main_of(&of_file).unwrap();
    assert_eq!(main.path, "example.org/tool");
    assert_eq!(main_module(&of_file, main).version, "v8.30.1");
    assert_eq!(main_of(&info(Some(&other), &[&tool])).unwrap().path, "b");
    // Of two nobody says which it is.
    assert!(main_of(&info(None, &[&tool, &tool])).is_none());
    assert!(main_of(&info(None, &[&other])).is_none());
}
