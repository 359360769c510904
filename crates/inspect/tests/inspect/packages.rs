//! Package formats and distributions: every folder of `tests/cases/<format>/` is an image whose packages, distribution and
//! gaps must be those of its `expect.json`.

use plimsoll_inspect::{Distribution, parsers};
use serde_json::{Value, json};

use crate::case;

/// Where the cases of each parser are.
const GROUPS: &[(&str, &str)] = &[
    ("dpkg", "dpkg"),
    ("dpkg-files", "dpkg"),
    ("dpkg-copyright", "dpkg"),
    ("apk", "apk"),
    ("rpm", "rpm"),
    ("distribution-traces", "distribution"),
    ("chisel", "chisel"),
    ("pacman", "pacman"),
    ("portage", "portage"),
    ("opkg", "opkg"),
    ("nix", "nix"),
    ("homebrew", "homebrew"),
    ("snap", "snap"),
    ("flatpak", "flatpak"),
    ("python", "python"),
    ("python-record", "python"),
    ("python-archive", "python"),
    ("conda", "conda"),
    ("python-files", "python"),
    ("requirements", "python"),
    ("pipfile-lock", "python"),
    ("poetry-lock", "python"),
    ("uv-lock", "python"),
    ("pdm-lock", "python"),
    ("pylock", "python"),
    ("npm", "npm"),
    ("npm-unpacked", "npm"),
    ("package-lock", "npm"),
    ("yarn-lock", "npm"),
    ("pnpm-lock", "npm"),
    ("bun-lock", "npm"),
    ("deno-lock", "npm"),
    ("js-banner", "npm"),
    ("js-map", "npm"),
    ("java", "java"),
    ("java-release", "java"),
    ("gradle-lock", "java"),
    ("dotnet-deps", "dotnet"),
    ("dotnet-runtime", "dotnet"),
    ("nuget-lock", "dotnet"),
    ("nuget-config", "dotnet"),
    ("nuget-assets", "dotnet"),
    ("program", "program"),
    ("go-binary", "go"),
    ("rust-binary", "rust"),
    ("native-image", "native-image"),
    ("dotnet-assembly", "dotnet"),
    ("go-mod", "go"),
    ("go-sum", "go"),
    ("cargo-lock", "cargo"),
    ("gem", "ruby"),
    ("gemfile-lock", "ruby"),
    ("composer-installed", "php"),
    ("composer-lock", "php"),
    ("pear", "php"),
    ("sbom", "sbom"),
    ("erlang-app", "erlang"),
    ("mix-lock", "erlang"),
    ("rebar-lock", "erlang"),
    ("pubspec-lock", "dart"),
    ("swift-resolved", "swift"),
    ("podfile-lock", "swift"),
    ("conan-lock", "conan"),
    ("conan-info", "conan"),
    ("vcpkg", "vcpkg"),
    ("ghc-package", "haskell"),
    ("stack-lock", "haskell"),
    ("cabal-freeze", "haskell"),
    ("opam-switch", "opam"),
    ("opam", "opam"),
    ("r", "r"),
    ("renv-lock", "r"),
    ("julia", "julia"),
    ("julia-manifest", "julia"),
    ("rockspec", "lua"),
    ("rocks-manifest", "lua"),
    ("cpan", "perl"),
    ("perllocal", "perl"),
    ("cpanfile-snapshot", "perl"),
    ("wordpress", "wordpress"),
    ("classifier", "classifier"),
    ("os-release", "distribution"),
];

/// The folders of cases.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = GROUPS.iter().map(|(_, group)| *group).collect();
    groups.dedup();
    groups
}

#[test]
fn every_case_gives_what_it_expects() {
    let mut wrong = Vec::new();
    for case in groups().into_iter().flat_map(case::cases) {
        assert!(case.join("NOTE").is_file(), "{} has no NOTE", case.display());
        let inspection = case::inspect(&case);
        let value = json!({
            "distribution": inspection.distribution.as_ref().map(distribution),
            "gaps": inspection.gaps,
            "packages": inspection.packages,
        });
        wrong.extend(case::expect(&case, &value).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn distribution(distribution: &Distribution) -> Value {
    json!({
        "pretty_name": distribution.pretty_name,
        "ecosystem": distribution.ecosystem,
        "release": distribution.release,
        "end_of_life": distribution.end_of_life.map(|end| end.date()),
    })
}

#[test]
fn every_parser_has_cases() {
    for parser in parsers().iter().filter(|parser| parser.id() != "checked-text") {
        let group = GROUPS.iter().find(|(id, _)| *id == parser.id());
        let (_, group) = group.unwrap_or_else(|| panic!("`{}` has no cases", parser.id()));
        assert!(!case::cases(group).is_empty());
    }
}

#[test]
fn facts_survive_being_kept() {
    use plimsoll_image::{Budget, LayerDescriptor, read_blob};
    use plimsoll_inspect::{LayerFacts, LayerInspector};

    let budget = Budget::default();
    for case in ["dpkg", "java", "rpm"].into_iter().flat_map(case::cases) {
        for layer in case::layers(&case) {
            let mut inspector = LayerInspector::new(&budget);
            let size = layer.bytes().len() as u64;
            let expected = LayerDescriptor {
                digest: Some(layer.digest()),
                size,
                ..LayerDescriptor::default()
            };
            let entries =
                read_blob(&mut layer.bytes(), &expected, &budget, &mut inspector).unwrap();
            let facts = inspector.finish(entries);
            let text = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<LayerFacts>(&text).unwrap(), facts);
        }
    }
}
