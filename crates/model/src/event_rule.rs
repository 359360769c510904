//! Rules on what was found of files: which sensitive files are none, by content or path, and in which repositories.
//!
//! In: a rule as the wire contract has it. Out: [`NewEventRule::checked`], or an error that names the part. Source: the
//! vendor's pages of `AddImageEventOperation` and its neighbours; `docs/api.md`. Odd: conditions are combined with "and"; a rule without
//! any would take everything, and is refused.

use serde::{Deserialize, Serialize};

use crate::ignore::RuleSource;

/// What a condition looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventConditionKey {
    /// The file's content, by its MD5: the contract knows no other digest.
    Md5,
    /// The file's path.
    Path,
}

/// How a condition compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventComparison {
    /// To the letter.
    Equals,
}

/// One condition.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventCondition {
    /// What it looks at.
    pub condition: EventConditionKey,
    /// How it compares.
    #[serde(rename = "type")]
    pub comparison: EventComparison,
    /// With what.
    pub value: String,
}

/// Where a rule holds.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventScenario {
    /// What `value` names.
    #[serde(rename = "type")]
    pub of: EventScenarioType,
    /// `namespace/repository`; empty where the rule holds everywhere.
    #[serde(default)]
    pub value: String,
}

/// What a scenario names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventScenarioType {
    /// Everywhere.
    Default,
    /// One repository.
    Repo,
}

/// A rule as somebody writes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewEventRule {
    /// Which kind of sensitive file: `PEM`.
    pub event_key: String,
    /// What people call that kind.
    pub event_name: String,
    /// Which of them.
    pub conditions: Vec<EventCondition>,
    /// Where.
    pub scenario: EventScenario,
    /// Why.
    pub note: String,
    /// Of what.
    pub source: RuleSource,
}

/// A part of a rule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {problem}")]
pub struct EventRuleError {
    /// `EventKey`, `Conditions`, …, as the contract names it.
    pub part: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Conditions of one rule.
const MOST_CONDITIONS: usize = 100;
/// Bytes of a text.
const LONGEST: usize = 4_096;

impl NewEventRule {
    /// Whether it covers a sensitive file, wherever that is: of this kind, at this path, of this content. A path is the same with
    /// and without a leading slash.
    #[must_use]
    pub fn covers(&self, key: &str, path: &str, md5: Option<&str>) -> bool {
        self.source == RuleSource::Image
            && self.event_key.eq_ignore_ascii_case(key)
            && self.conditions.iter().all(|condition| match condition.condition {
                EventConditionKey::Md5 => md5 == Some(condition.value.as_str()),
                EventConditionKey::Path => {
                    condition.value.trim_start_matches('/') == path.trim_start_matches('/')
                }
            })
    }

    /// The rule with its texts trimmed and digests in lower case.
    ///
    /// # Errors
    /// A part of it cannot be.
    pub fn checked(&self) -> Result<Self, EventRuleError> {
        let wrong = |part, problem| Err(EventRuleError { part, problem });
        let text = |part, text: &str| {
            let text = text.trim();
            if text.len() > LONGEST || text.chars().any(|c| c.is_control() && c != '\n') {
                return Err(EventRuleError {
                    part,
                    problem: "too long, or with control characters",
                });
            }
            Ok(text.to_owned())
        };
        let event_key = text("EventKey", &self.event_key)?;
        if event_key.is_empty() {
            return wrong("EventKey", "the kind of sensitive file is missing");
        }
        if self.conditions.is_empty() || self.conditions.len() > MOST_CONDITIONS {
            return wrong("Conditions", "1 to 100 conditions are needed");
        }
        let mut conditions = Vec::with_capacity(self.conditions.len());
        for condition in &self.conditions {
            let mut value = text("Conditions", &condition.value)?;
            if condition.condition == EventConditionKey::Md5 {
                value = value.to_ascii_lowercase();
                if value.len() != 32 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return wrong("Conditions", "an MD5 has 32 hex digits");
                }
            }
            if value.is_empty() {
                return wrong("Conditions", "a path is missing");
            }
            conditions.push(EventCondition { value, ..condition.clone() });
        }
        let place = text("Scenarios", &self.scenario.value)?;
        if self.scenario.of == EventScenarioType::Repo
            && (place.is_empty() || place.chars().any(char::is_whitespace))
        {
            return wrong("Scenarios", "the type `repo` needs `namespace/repository` as its value");
        }
        if self.scenario.of == EventScenarioType::Default && !place.is_empty() {
            return wrong("Scenarios", "the type `default` means everywhere and has no value");
        }
        Ok(Self {
            event_key,
            event_name: text("EventName", &self.event_name)?,
            conditions,
            scenario: EventScenario { of: self.scenario.of, value: place },
            note: text("Note", &self.note)?,
            source: self.source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: EventConditionKey, value: &str, scenario: &str) -> NewEventRule {
        let comparison = EventComparison::Equals;
        NewEventRule {
            event_key: "PEM".to_owned(),
            event_name: "Private key".to_owned(),
            conditions: vec![EventCondition {
                condition: key,
                comparison,
                value: value.to_owned(),
            }],
            scenario: serde_json::from_str(scenario).unwrap(),
            note: String::new(),
            source: RuleSource::Image,
        }
    }

    #[test]
    fn a_rule_is_refused_by_its_part_or_has_one_spelling() {
        const HERE: &str = r#"{"type":"repo","value":"team/app"}"#;
        const EVERYWHERE: &str = r#"{"type":"default"}"#;
        let md5 = "D41D8CD98F00B204E9800998ECF8427E";
        let good = rule(EventConditionKey::Md5, md5, HERE).checked().unwrap();
        assert_eq!(good.conditions[0].value, md5.to_ascii_lowercase());
        assert_eq!(good.checked().unwrap(), good);
        assert!(rule(EventConditionKey::Path, " /a ", EVERYWHERE).checked().is_ok());
        let part = |rule: &NewEventRule| rule.checked().unwrap_err().part;
        assert_eq!(part(&rule(EventConditionKey::Md5, "12", HERE)), "Conditions");
        assert_eq!(part(&rule(EventConditionKey::Path, " ", HERE)), "Conditions");
        assert_eq!(part(&rule(EventConditionKey::Path, "/a", r#"{"type":"repo"}"#)), "Scenarios");
        let both = r#"{"type":"default","value":"team/app"}"#;
        assert_eq!(part(&rule(EventConditionKey::Path, "/a", both)), "Scenarios");
        let mut bad = rule(EventConditionKey::Path, "/a", HERE);
        bad.conditions.clear();
        assert_eq!(part(&bad), "Conditions");
        let bad = NewEventRule { event_key: " ".to_owned(), ..good.clone() };
        assert_eq!(part(&bad), "EventKey");
        let bad = NewEventRule { note: "\u{7}".to_owned(), ..good };
        assert_eq!(part(&bad), "Note");
        let text =
            serde_json::to_string(&rule(EventConditionKey::Md5, md5, HERE).conditions).unwrap();
        assert_eq!(text, format!(r#"[{{"condition":"MD5","type":"equals","value":"{md5}"}}]"#));
    }
}
