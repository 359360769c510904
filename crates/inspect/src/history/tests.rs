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
        created: None,
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
    assert!(parse_history(&config, 2, None).iter().all(|step| !step.inherited));
    // As many layers as the history does not tell of: nobody knows which is which.
    assert!(parse_history(&config, 3, None).iter().all(|step| step.layer.is_none()));
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
