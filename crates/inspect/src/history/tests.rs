use super::*;

fn step(line: &str) -> Instruction {
    parse_step(0, &HistoryEntry { created_by: line.to_owned(), ..HistoryEntry::default() })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_builder_s_form_is_read() {
    for (line, word, text) in [
        ("/bin/sh -c #(nop) ADD file:1234 in / ", Word::Add, "file:1234 in /"),
        ("/bin/sh -c #(nop)  ENV A=b", Word::Env, "A=b"),
        ("/bin/sh -c apt-get update", Word::Run, "apt-get update"),
        ("RUN /bin/sh -c apt-get update # buildkit", Word::Run, "apt-get update"),
        ("RUN |1 A=b /bin/sh -c make # buildkit", Word::Run, "make"),
        ("/bin/bash -o pipefail -c make", Word::Run, "make"),
        ("COPY id_rsa /root/ # buildkit", Word::Copy, "id_rsa /root/"),
        ("ENV PASSWORD=x", Word::Env, "PASSWORD=x"),
        ("RUN [\"make\"]", Word::Run, "[\"make\"]"),
        ("bazel build ...", Word::Other, "bazel build ..."),
        ("", Word::Other, ""),
    ] {
        let step = step(line);
        assert_eq!((step.word, step.text.as_str()), (word, text), "{line}");
    }
}

/// A history of entries, of which some made a layer.
fn history(entries: &[(&str, bool, &str)]) -> ImageConfig {
    let entry = |(created_by, empty_layer, comment): &(&str, bool, &str)| HistoryEntry {
        created_by: (*created_by).to_owned(),
        empty_layer: *empty_layer,
        comment: (*comment).to_owned(),
        ..HistoryEntry::default()
    };
    ImageConfig { history: entries.iter().map(entry).collect(), ..ImageConfig::default() }
}

#[test]
fn buildah_says_where_the_base_image_ends() {
    let config = history(&[
        ("/bin/sh -c #(nop) ADD file:c197 in / ", false, ""),
        ("/bin/sh -c #(nop) CMD [\"bash\"]", true, "FROM 8f194b3acbfb"),
        ("/bin/sh -c #(nop) LABEL maintainer=x", true, "FROM localhost/base:latest"),
        ("/bin/sh -c apt-get update", false, "FROM 7fa951881b9f"),
    ]);
    let steps = parse_history(&config, 2, Some("localhost/base:latest"));
    let inherited: Vec<bool> = steps.iter().map(|step| step.inherited).collect();
    assert_eq!(inherited, [true, true, false, false]);
    let layers: Vec<_> = steps.iter().map(|step| step.layer).collect();
    assert_eq!(layers, [Some(0), None, None, Some(1)]);
    assert!(steps[0].is_root_import() && !steps[3].is_root_import());
    // The name alone is enough: ids of images in between have neither `:` nor `/`.
    let steps = parse_history(&config, 2, None);
    assert_eq!(steps.iter().filter(|step| step.inherited).count(), 2);
    // As many layers as the history does not tell of: nobody knows which is which.
    assert!(parse_history(&config, 3, None).iter().all(|step| step.layer.is_none()));
}

#[test]
fn a_base_image_ends_in_its_command_where_nobody_says_it() {
    let inherited = |entries: &[(&str, bool)]| -> Vec<bool> {
        let entries: Vec<_> = entries.iter().map(|(line, empty)| (*line, *empty, "")).collect();
        let config = history(&entries);
        parse_history(&config, 9, None).iter().map(|step| step.inherited).collect()
    };
    let debian = [
        ("/bin/sh -c #(nop) ADD file:c197 in / ", false),
        ("/bin/sh -c #(nop)  CMD [\"bash\"]", true),
    ];
    let python = [("RUN /bin/sh -c make # buildkit", false), ("CMD [\"python3\"]", true)];
    let app = [
        ("ENV A=b", true),
        ("COPY . /app # buildkit", false),
        ("ENTRYPOINT [\"/app\"]", true),
        ("CMD [\"--help\"]", true),
    ];
    // An image by itself is nobody's base.
    assert_eq!(inherited(&debian), [false, false]);
    assert_eq!(inherited(&[&debian[..], &python].concat()), [true, true, false, false]);
    let all = [&debian[..], &python, &app].concat();
    assert_eq!(inherited(&all), [true, true, true, true, false, false, false, false]);
    assert_eq!(inherited(&[]), [false; 0]);
}

/// What a published image's configuration says of its steps: author, instruction, remark, whether it made no layer.
type Published = &'static [(&'static str, &'static str, &'static str, bool)];

/// Kaniko on apko, as `crane config` and Trivy showed it (a Tekton example, 2022).
const KANIKO: Published = &[
    ("apko", "apko", "This is an apko single-layer image", false),
    ("kaniko", "COPY manager .", "", false),
    ("kaniko", "RUN addgroup -S nonroot && adduser -S nonroot -G nonroot", "", false),
];

/// ko on apko (`ghcr.io/kyverno/kyverno`, 2023).
const KO: Published = &[
    ("apko", "apko", "This is an apko single-layer image", false),
    (
        "ko",
        "ko build ko://github.com/kyverno/kyverno/cmd/kyverno",
        "kodata contents, at $KO_DATA_PATH",
        false,
    ),
    (
        "ko",
        "ko build ko://github.com/kyverno/kyverno/cmd/kyverno",
        "go build output, at /ko-app/kyverno",
        false,
    ),
];

/// Jib, as its `BuildImageStep` writes it: base layers without a step of their own get one, unsigned.
const JIB: Published = &[
    ("Bazel", "bazel build ...", "", false),
    ("", "", "auto-generated by Jib", false),
    ("Jib", "jib-maven-plugin:3.4.0", "dependencies", false),
    ("Jib", "jib-maven-plugin:3.4.0", "resources", false),
    ("Jib", "jib-maven-plugin:3.4.0", "classes", false),
    ("Jib", "jib-maven-plugin:3.4.0", "jvm arg files", false),
];

/// Buildah on an image of BuildKit (Fedora's example, 2024).
const BUILDAH: Published = &[
    ("", "ENV DISTTAG=f41container FGC=f41 FBR=f41", "buildkit.dockerfile.v0", true),
    ("", "ADD fedora-20241031.tar / # buildkit", "buildkit.dockerfile.v0", false),
    ("", "CMD [\"/bin/bash\"]", "buildkit.dockerfile.v0", true),
    (
        "",
        "/bin/sh -c dnf install -y httpd && dnf clean all -y ",
        "FROM docker.io/library/fedora:latest",
        false,
    ),
    ("", "/bin/sh -c #(nop) COPY file:846c7ee0 in /var/www/html ", "FROM 97ad0fd6a1a3", false),
    (
        "",
        "/bin/sh -c #(nop) CMD [\"/usr/sbin/httpd\", \"-DFOREGROUND\"]",
        "FROM f737afe7b188",
        true,
    ),
];

#[test]
fn published_histories_are_read() {
    use Word::{Add, Copy, Env, Known, Other, Run};
    for (published, own, words) in [
        (KANIKO, 1, &[Other, Copy, Run][..]),
        (KO, 1, &[Other; 3]),
        (JIB, 2, &[Other; 6]),
        (BUILDAH, 3, &[Env, Add, Known, Run, Copy, Known]),
    ] {
        let entry =
            |(author, created_by, comment, empty_layer): &(&str, &str, &str, bool)| HistoryEntry {
                author: (*author).to_owned(),
                created_by: (*created_by).to_owned(),
                comment: (*comment).to_owned(),
                empty_layer: *empty_layer,
                created: None,
            };
        let history = published.iter().map(entry).collect();
        let config = ImageConfig { history, ..ImageConfig::default() };
        let layers = config.history.iter().filter(|step| !step.empty_layer).count();
        let steps = parse_history(&config, layers, None);
        let told: Vec<Word> = steps.iter().map(|step| step.word).collect();
        assert_eq!(told, words);
        assert_eq!(
            steps.iter().position(|step| !step.inherited),
            Some(own),
            "{:?}",
            published[own]
        );
        assert!(steps.iter().skip(own).all(|step| !step.inherited));
        let numbered: Vec<usize> = steps.iter().filter_map(|step| step.layer).collect();
        assert_eq!(numbered, (0..layers).collect::<Vec<_>>());
    }
}

#[test]
fn histories_without_instructions_are_remarks() {
    for (created_by, shown) in [
        ("jib-maven-plugin:3.4.0", "# jib-maven-plugin:3.4.0"),
        ("ko build ko://example.com/app", "# ko build ko://example.com/app"),
        ("bazel build ...", "# bazel build ..."),
        ("Layer: 'jre', Created by buildpack: x@1", "# Layer: 'jre', Created by buildpack: x@1"),
        ("apko", "# apko"),
        ("", ""),
    ] {
        let config = history(&[(created_by, false, "")]);
        let steps = parse_history(&config, 1, None);
        assert_eq!((steps[0].word, steps[0].whole.as_str()), (Word::Other, shown), "{created_by}");
        assert_eq!(steps[0].layer, Some(0));
    }
}

#[test]
fn the_build_file_has_lines_and_no_secrets() {
    let config = history(&[
        ("/bin/sh -c #(nop) ADD file:1 in / ", false, ""),
        ("RUN /bin/sh -c set -e\n  make\n  make install # buildkit", false, ""),
        ("ENV API_TOKEN=c4nary-of-length A=b # buildkit", true, ""),
        ("|1 DB_PASSWORD=c4nary-arg /bin/sh -c ./x --password c4nary-arg", false, ""),
        (
            "RUN curl -H 'Authorization: Bearer c4nary-bearer' https://me:c4nary-url@h/ --token=c4nary-flag",
            false,
            "",
        ),
        ("WORKDIR /app", false, ""),
    ]);
    let steps = parse_history(&config, 5, None);
    let lines: Vec<usize> = steps.iter().map(|step| step.line).collect();
    assert_eq!(lines, [2, 3, 6, 7, 8, 9]);
    let file = plimsoll_model::build::build_file(&build_steps(&steps, &[None; 5]));
    assert!(!file.contains("c4nary"), "{file}");
    assert!(file.contains("ENV API_TOKEN=*** A=b\nRUN ./x --password ***\n"), "{file}");
    for step in &steps {
        let first = step.whole.lines().next().unwrap();
        assert_eq!(file.lines().nth(step.line - 1), Some(first));
    }
}

#[test]
fn build_arguments_end_at_the_shell() {
    let step = step("|2 TOKEN=abc TITLE=two words /bin/sh -c make install");
    assert_eq!(step.arguments, pairs(&[("TOKEN", "abc"), ("TITLE", "two words")]));
    assert_eq!((step.word, step.text.as_str()), (Word::Run, "make install"));
    let broken = self::step("|x A=b /bin/sh -c make");
    assert_eq!((broken.word, broken.arguments), (Word::Other, vec![]));
}

#[test]
fn variables_of_all_spellings() {
    assert_eq!(step("ENV A=b C=\"d e\"").variables(), pairs(&[("A", "b"), ("C", "d e")]));
    assert_eq!(step("ENV A b c").variables(), pairs(&[("A", "b c")]));
    assert_eq!(step("/bin/sh -c #(nop)  ENV A=b c").variables(), pairs(&[("A", "b c")]));
    assert_eq!(step("ARG A").variables(), vec![]);
}

#[test]
fn commands_split_outside_quotes() {
    let commands = split_commands("a 'x && y' && b | c; d 2>&1 || e\\;f &> g & h");
    assert_eq!(commands, ["a 'x && y'", "b", "c", "d 2>&1", "e\\;f &> g", "h"]);
    assert_eq!(shell_words("echo \"a b\" c\\ d 'e\"f'"), ["echo", "a b", "c d", "e\"f"]);
    assert_eq!(shell_words("''"), [""]);
}

proptest::proptest! {
    #[test]
    fn any_line_is_read(line in ".{0,200}") {
        let step = step(&line);
        assert!(step.variables().len() + step.commands().len() <= line.len() + 1);
    }
}
