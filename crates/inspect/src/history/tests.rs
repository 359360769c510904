use super::*;

fn step(line: &str) -> Instruction {
    parse_step(0, line)
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
