#[path = "tests/samples.rs"]
mod samples;

use std::collections::BTreeSet;

use plimsoll_image::Budget;
use plimsoll_model::{GapReason, Level, sensitive::SensitiveFileKey};
use proptest::prelude::*;

use super::{look::Looking, rule::Matcher, *};
use crate::{
    detector::{HEAD, Interest, PassingFile},
    facts::FileFacts,
};
use samples::{Sample, sample};

fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

/// What is found in a file that comes in pieces of a length.
fn seen_in_pieces(path: &str, bytes: &[u8], piece: usize) -> FileFacts {
    let (budget, key) = (Budget::default(), key());
    let mut look = Looking::new(Terms {
        budget: &budget,
        kinds: plimsoll_model::Kinds::ALL,
        malware: None,
        fingerprints: Some(&key),
    });
    let meta = look::meta(path, bytes.len());
    let head = &bytes[..bytes.len().min(HEAD)];
    let file = PassingFile { path: &meta.path, meta: &meta, head };
    if look.begin(&file) == Interest::Nothing {
        return FileFacts::default();
    }
    for piece in bytes.chunks(piece.max(1)) {
        look.piece(piece);
    }
    look.end(None)
}

fn seen(path: &str, bytes: &[u8]) -> FileFacts {
    seen_in_pieces(path, bytes, 1 << 16)
}

fn hits(facts: &FileFacts) -> Vec<&SecretHit> {
    facts.secrets.iter().flat_map(|secrets| &secrets.hits).collect()
}

fn rules(facts: &FileFacts) -> BTreeSet<&str> {
    hits(facts).iter().map(|hit| hit.rule.as_str()).collect()
}

#[test]
fn rows_are_whole_and_their_ids_unique() {
    let mut ids = BTreeSet::new();
    for rule in secret_rules() {
        assert!(ids.insert(rule.id), "{} stands twice", rule.id);
        let key = rule
            .secret_key()
            .unwrap_or_else(|| panic!("{}: there is no key `{}`", rule.id, rule.key));
        assert!(!rule.title.is_empty() && !remedy(key.class()).is_empty(), "{}", rule.id);
        assert!(
            !rule.found.is_empty() && !rule.passed.is_empty(),
            "{} has no examples of both kinds",
            rule.id
        );
        assert!(matches!(rule.level(), Level::Low | Level::Medium | Level::High), "{}", rule.id);
        let has_pattern = !matches!(
            rule.matcher,
            Matcher::Assigned { .. }
                | Matcher::Pem { .. }
                | Matcher::File { holds: rule::Holds::Start(_) | rule::Holds::Probe(_), .. }
        );
        assert_eq!(
            engine::compile(rule).is_some(),
            has_pattern,
            "{}: the pattern cannot be compiled",
            rule.id
        );
        for word in rule.words() {
            assert!(word.len() <= engine::MAX_WORD && word.len() > 1, "{}: `{word}`", rule.id);
        }
    }
    assert!(engine::Engine::get().words.is_some());
}

#[test]
fn every_key_of_the_contract_has_a_rule() {
    let known: BTreeSet<&str> = KEYS.iter().map(|key| key.id).collect();
    assert_eq!((known.len(), KEYS.len()), (112, 112));
    for key in KEYS {
        let named = SensitiveFileKey::find(key.id).unwrap();
        assert_eq!((named.key, named.class), (key.id, key.class()));
    }
    let used: BTreeSet<&str> = secret_rules().iter().map(|rule| rule.key).collect();
    let missing: Vec<_> = known.difference(&used).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_rule_finds_what_it_must_and_passes_what_it_must() {
    let mut faults = Vec::new();
    for (number, rule) in (0_u64..).zip(secret_rules()) {
        for round in 0..3 {
            for (place, example) in (0_u64..).zip(rule.found) {
                let Sample { path, bytes } = sample(example, number * 64 + place + round * 100_000);
                let facts = seen(&path, &bytes);
                if !rules(&facts).contains(rule.id) {
                    let text = String::from_utf8_lossy(&bytes);
                    faults.push(format!(
                        "{} does not find, but {:?}: {path}: {text}",
                        rule.id,
                        rules(&facts)
                    ));
                    break;
                }
            }
            for (place, example) in (0_u64..).zip(rule.passed) {
                let Sample { path, bytes } =
                    sample(example, number * 64 + 32 + place + round * 100_000);
                if rules(&seen(&path, &bytes)).contains(rule.id) {
                    faults.push(format!(
                        "{} finds: {path}: {}",
                        rule.id,
                        String::from_utf8_lossy(&bytes)
                    ));
                }
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The corpus of `docs/semantics.md`: what rules give as examples, whoever finds it.
#[test]
fn the_corpus_is_found_and_little_else() {
    let (mut found, mut missed, mut wrong) = (0, 0, 0);
    for (number, rule) in (0_u64..).zip(secret_rules()) {
        for (place, example) in (0_u64..).zip(rule.found) {
            let Sample { path, bytes } = sample(example, number * 1_000 + place);
            let facts = seen(&path, &bytes);
            let is_found = hits(&facts).iter().any(|hit| {
                secret_rules().iter().any(|known| known.id == hit.rule && known.key == rule.key)
            });
            if is_found { found += 1 } else { missed += 1 }
        }
        for (place, example) in (0_u64..).zip(rule.passed) {
            let Sample { path, bytes } = sample(example, number * 1_000 + 500 + place);
            wrong +=
                usize::from(hits(&seen(&path, &bytes)).iter().any(|hit| hit.level > Level::Low));
        }
    }
    assert!(found * 100 >= 95 * (found + missed), "{found} found, {missed} missed");
    assert!(found * 100 >= 90 * (found + wrong), "{found} found, {wrong} wrongly");
}

#[test]
fn nothing_of_a_secret_is_in_the_facts() {
    for (number, rule) in (0_u64..).zip(secret_rules()) {
        for example in rule.found {
            let Sample { path, bytes } = sample(example, number);
            let facts = seen(&path, &bytes);
            for hit in hits(&facts).iter().filter(|hit| hit.length > 0) {
                let start = usize::try_from(hit.offset).unwrap();
                let secret = &bytes[start..start + usize::try_from(hit.length).unwrap()];
                let kept = serde_json::to_string(&facts).unwrap();
                let secret = String::from_utf8_lossy(secret);
                let quarter: String = secret.chars().take(secret.chars().count() / 4 + 1).collect();
                assert!(!kept.contains(&*secret), "{}", rule.id);
                assert!(!hit.masked.contains(&quarter), "{}: {}", rule.id, hit.masked);
                assert_eq!(hit.fingerprint.len(), 32);
            }
        }
    }
}

#[test]
fn places_levels_and_counts() {
    let token = |number| String::from_utf8(sample("ghp_{crc:36}", number).bytes).unwrap();
    let text = format!("a\nb\nTOKEN={}\n", token(1));
    let facts = seen("app/x", text.as_bytes());
    let hit = hits(&facts)[0].clone();
    assert_eq!((hit.line, hit.offset, hit.length, hit.level), (3, 10, 40, Level::High));
    assert_eq!(facts.secrets.as_ref().unwrap().md5.as_deref().map(str::len), Some(32));
    // The same again is counted once; a place of samples lowers.
    let twice = format!("{text}{text}");
    assert_eq!(hits(&seen("app/x", twice.as_bytes())).len(), 1);
    let sampled = seen("usr/lib/node_modules/x/test/y.js", text.as_bytes());
    assert_eq!(hits(&sampled)[0].level, Level::Medium);
    let many: String = (0..50).map(|number| format!("{}\n", token(number + 9))).collect();
    let facts = seen("app/x", many.as_bytes());
    assert_eq!(
        (hits(&facts).len(), facts.secrets.unwrap().counts["github_personal_token"]),
        (20, 50)
    );
}

#[test]
fn texts_of_two_bytes_a_character_and_strings_in_programs_are_read() {
    let token = sample("key ghp_{crc:36} and more text here", 5).bytes;
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(token.iter().flat_map(|byte| [*byte, 0])).collect();
    assert!(rules(&seen("a.rdp", &wide)).contains("github-pat"));
    let program = [b"\x7fELF\0\0\0\0", token.as_slice(), b"\0\0"].concat();
    assert!(rules(&seen("a.out", &program)).contains("github-pat"));
    let chance = [b"\x7fELF\0\0\0\0\0akid\0AKIA\0\xff".as_slice(), &token[4..10]].concat();
    assert!(hits(&seen("a.out", &chance)).is_empty());
}

#[test]
fn hostile_texts_end_at_a_limit_and_say_so() {
    for text in [
        "ghp_",
        "password=",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "kind: secret\n",
        "eyJ",
        "postgres://",
    ] {
        let bytes = text.repeat((6 << 20) / text.len());
        let facts = seen("x.yaml", bytes.as_bytes());
        let is_limited =
            facts.problems.iter().any(|problem| problem.reason == GapReason::BudgetReached);
        // A key's text is looked for behind its head, so that heads alone are dear.
        let is_dear = text.len() < 16 || text.starts_with("-----BEGIN");
        assert_eq!(is_limited, is_dear, "{text}: {:?}", facts.problems);
    }
    // Each beginning is followed by a run that its pattern walks through.
    for text in ["-eyJ", "_authToken=", "aws_session_token=a", "/hooks.slack.com/services/"] {
        let bytes = text.repeat((2 << 20) / text.len());
        let facts = seen(".npmrc", bytes.as_bytes());
        let is_limited =
            facts.problems.iter().any(|problem| problem.reason == GapReason::BudgetReached);
        assert!(is_limited, "{text}: {:?}", facts.problems);
    }
    let line = format!("var a={};", "x".repeat(5 << 20));
    assert!(hits(&seen("a.js", line.as_bytes())).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn where_pieces_end_changes_nothing(
        number in 0_u64..1_000,
        before in 0_usize..3_000_000,
        piece in 1_000_usize..2_000_000,
    ) {
        let Sample { bytes, .. } = sample("\nTOKEN=ghp_{crc:36}\nx\n-----BEGIN RSA PRIVATE KEY-----\n{rsa}\n-----END RSA PRIVATE KEY-----\n", number);
        let mut text = vec![b'.'; before];
        text.extend(&bytes);
        text.extend(vec![b'\n'; 100]);
        let facts = seen_in_pieces("app/x", &text, piece);
        let lines: Vec<u64> = hits(&facts).iter().map(|hit| hit.line).collect();
        prop_assert_eq!(lines, vec![2, 4]);
        prop_assert_eq!(seen_in_pieces("app/x", &text, 1 << 16), facts);
    }

    #[test]
    fn any_bytes_under_any_name_are_survived(
        parts in proptest::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            (0_usize..300, 0_u64..100).prop_map(|(rule, number)| {
                let rule = secret_rules()[rule % secret_rules().len()];
                sample(rule.found[0], number).bytes
            }),
            Just(b"-----BEGIN PRIVATE KEY-----".to_vec()),
            Just(b"\0\xff\xfe".to_vec()),
        ], 0..12),
        name in 0_usize..300,
        cut in 0_usize..64,
    ) {
        let rule = secret_rules()[name % secret_rules().len()];
        let Sample { path, .. } = sample(rule.found[0], 1);
        let bytes = parts.concat();
        let bytes = &bytes[cut.min(bytes.len())..];
        let facts = seen_in_pieces(&path, bytes, 7);
        for hit in hits(&facts) {
            prop_assert!(hit.offset + hit.length <= bytes.len() as u64);
        }
    }
}
