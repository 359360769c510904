//! What a rule says of itself, and what is made of it where it says little.
//!
//! In: a rule's `meta` and name, its pack's defaults. Out: level, type, title. Source: `docs/semantics.md`, "Levels of YARA rules".
//! Odd: few published rules say how grave they are, so the beginnings of names that their publishers agreed on decide; a
//! rule whose score says that it is a guess is left out.

use plimsoll_inspect::{Kinds, MaliciousLevel, VirusType};

/// A rule's meta values that count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Said {
    pub(crate) level: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) kinds: Option<String>,
    pub(crate) score: Option<i64>,
    /// `author`, `reference`, `license`.
    pub(crate) credit: Vec<(String, String)>,
}

/// What is known of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RuleMeta {
    /// `None`: the rule is a guess and does not count.
    pub(crate) level: Option<MaliciousLevel>,
    pub(crate) virus_type: VirusType,
    pub(crate) title: String,
    pub(crate) kinds: Kinds,
    pub(crate) credit: Vec<(String, String)>,
}

/// What a pack says of rules that say nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Defaults {
    pub(crate) level: Option<MaliciousLevel>,
    pub(crate) virus_type: Option<VirusType>,
    pub(crate) kinds: Kinds,
}

/// Longest text of a rule that is shown.
const MAX_TEXT: usize = 200;

impl RuleMeta {
    pub(crate) fn of(name: &str, said: Said, defaults: &Defaults) -> Self {
        let level = said.level.as_deref().and_then(|level| level.parse().ok());
        let stated = said.kind.as_deref().and_then(|kind| kind.parse().ok());
        let by_name = by_name(name);
        let virus_type = stated.or(by_name.1).or(defaults.virus_type);
        let level = match (level, said.score) {
            (Some(level), _) => Some(level),
            (None, Some(..40)) => None,
            (None, Some(40..60)) => Some(MaliciousLevel::Remind),
            (None, _) => by_name.0.or(defaults.level).or(Some(MaliciousLevel::Suspicious)),
        };
        let title = match said.description.filter(|text| !text.trim().is_empty()) {
            Some(text) => clip(&text),
            None => format!("fits the rule {}", clip(name)),
        };
        let kinds = said.kinds.as_deref().and_then(|kinds| kinds.parse().ok());
        Self {
            level,
            virus_type: virus_type.unwrap_or_default(),
            title,
            kinds: kinds.unwrap_or(defaults.kinds),
            credit: said.credit.into_iter().map(|(key, value)| (key, clip(&value))).collect(),
        }
    }
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

const SERIOUS: Option<MaliciousLevel> = Some(MaliciousLevel::Serious);
const SUSPICIOUS: Option<MaliciousLevel> = Some(MaliciousLevel::Suspicious);
const REMIND: Option<MaliciousLevel> = Some(MaliciousLevel::Remind);

/// Words of rules' names, in the order in which they decide: level and type.
const WORDS: &[(&str, Option<MaliciousLevel>, Option<VirusType>)] = &[
    ("eicar", REMIND, Some(VirusType::Engtest)),
    ("webshell", SERIOUS, Some(VirusType::WebShell)),
    ("linux_cryptominer", SERIOUS, Some(VirusType::Miner)),
    ("linux_trojan", SERIOUS, Some(VirusType::Trojan)),
    ("linux_ransomware", SERIOUS, Some(VirusType::RansomWare)),
    ("linux_rootkit", SERIOUS, Some(VirusType::Rootkit)),
    ("linux_backdoor", SERIOUS, Some(VirusType::Backdoor)),
    ("linux_worm", SERIOUS, Some(VirusType::Worm)),
    ("linux_hacktool", SUSPICIOUS, Some(VirusType::Hacktool)),
    ("linux_exploit", SUSPICIOUS, Some(VirusType::Exploit)),
    ("linux_virus", SUSPICIOUS, Some(VirusType::Virus)),
    ("pua_crypto", SERIOUS, Some(VirusType::Miner)),
    ("coinminer", SERIOUS, Some(VirusType::Miner)),
    ("coin_miner", SERIOUS, Some(VirusType::Miner)),
    ("cryptominer", SERIOUS, Some(VirusType::Miner)),
    ("xmrig", SERIOUS, Some(VirusType::Miner)),
];

/// Beginnings of rules' names, in lower case.
const PREFIXES: &[(&str, Option<MaliciousLevel>, Option<VirusType>)] = &[
    ("apt_", SERIOUS, Some(VirusType::Trojan)),
    ("mal_", SERIOUS, None),
    ("crime_", SERIOUS, None),
    ("bkdr_", SERIOUS, Some(VirusType::Backdoor)),
    ("spy_", SERIOUS, Some(VirusType::Stealer)),
    ("rootkit_", SERIOUS, Some(VirusType::Rootkit)),
    ("ransom", SERIOUS, Some(VirusType::RansomWare)),
    ("hktl_", SUSPICIOUS, Some(VirusType::Hacktool)),
    ("hacktool", SUSPICIOUS, Some(VirusType::Hacktool)),
    ("pua_", SUSPICIOUS, Some(VirusType::RiskWare)),
    ("expl_", SUSPICIOUS, Some(VirusType::Exploit)),
    ("exploit_", SUSPICIOUS, Some(VirusType::Exploit)),
    ("vul_", SUSPICIOUS, Some(VirusType::Exploit)),
    ("gen_", SUSPICIOUS, None),
    ("generic_", SUSPICIOUS, None),
    ("susp_", REMIND, Some(VirusType::Suspicious)),
    ("suspicious_", REMIND, Some(VirusType::Suspicious)),
];

fn by_name(name: &str) -> (Option<MaliciousLevel>, Option<VirusType>) {
    let name = name.to_ascii_lowercase();
    let word = WORDS.iter().find(|(word, ..)| name.contains(word));
    let prefix = || PREFIXES.iter().find(|(prefix, ..)| name.starts_with(prefix));
    word.or_else(prefix).map_or((None, None), |(_, level, virus_type)| (*level, *virus_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults = Defaults { level: None, virus_type: None, kinds: Kinds::ALL };

    #[test]
    fn levels_come_from_the_rule_then_its_score_then_its_name_then_its_pack() {
        let level = |name: &str, said: Said| RuleMeta::of(name, said, &DEFAULTS).level;
        let said = |level: Option<&str>, score| Said {
            level: level.map(str::to_owned),
            score,
            ..Said::default()
        };
        for (name, stated, score, wanted) in [
            ("APT_X", Some("remind"), None, REMIND),
            ("APT_X", None, None, SERIOUS),
            ("APT_X", None, Some(50), REMIND),
            ("APT_X", None, Some(30), None),
            ("APT_X", None, Some(75), SERIOUS),
            ("SUSP_X", None, None, REMIND),
            ("HKTL_Scan", None, None, SUSPICIOUS),
            ("PUA_Crypto_Mining", None, None, SERIOUS),
            ("Linux_Cryptominer_Xmrig_1", None, None, SERIOUS),
            ("Linux_Hacktool_X", None, None, SUSPICIOUS),
            ("webshell_php_x", None, None, SERIOUS),
            ("WEBSHELL_x", None, None, SERIOUS),
            ("SUSP_Just_EICAR", None, None, REMIND),
            ("unheard_of", None, None, SUSPICIOUS),
            ("unheard_of", Some("loud"), None, SUSPICIOUS),
        ] {
            assert_eq!(level(name, said(stated, score)), wanted, "{name} {stated:?} {score:?}");
        }
        let defaults = Defaults { level: REMIND, ..DEFAULTS };
        assert_eq!(RuleMeta::of("unheard_of", Said::default(), &defaults).level, REMIND);
    }

    #[test]
    fn types_and_titles_have_defaults() {
        let meta = RuleMeta::of("bkdr_x", Said::default(), &DEFAULTS);
        assert_eq!((meta.virus_type, &*meta.title), (VirusType::Backdoor, "fits the rule bkdr_x"));
        let said = Said {
            kind: Some("miner".into()),
            description: Some("one\nline".into()),
            kinds: Some("elf".into()),
            ..Said::default()
        };
        let meta = RuleMeta::of("x", said, &DEFAULTS);
        assert_eq!(
            (meta.virus_type, &*meta.title, meta.kinds),
            (VirusType::Miner, "oneline", Kinds::ELF)
        );
    }
}
