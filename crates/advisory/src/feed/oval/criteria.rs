//! Criteria, and which packages they speak of.
//!
//! In: the tree of `criteria` and `criterion`, tests by id. Out: one [`Row`] per package, version, module and set of releases.
//! Source: "oval-definitions-schema", `CriteriaType`; comments as publishers write them. Odd: what stands beside a package's
//! test under AND narrows it (a release, a module); under OR each stands for itself. Tests of signatures, architectures and
//! negated ones narrow nothing here: a scan believes what the package database says.

use std::collections::HashMap;

use crate::feed::xml::Element;

/// How deep criteria are followed. XML is not read deeper either.
const MAX_DEPTH: usize = 128;

/// A node of the tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Criteria {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// A test and what its comment says.
    One {
        test: String,
        comment: String,
    },
}

impl Default for Criteria {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// The tree of a `criteria` element.
pub(super) fn of(element: &Element) -> Criteria {
    let children = element.children.iter().filter_map(|child| {
        if child.attribute("negate") == "true" {
            return None;
        }
        match child.name.as_str() {
            "criteria" => Some(of(child)),
            "criterion" => Some(Criteria::One {
                test: child.attribute("test_ref").to_owned(),
                comment: child.attribute("comment").to_owned(),
            }),
            _ => None,
        }
    });
    let children = children.collect();
    match element.attribute("operator") {
        "OR" => Criteria::Any(children),
        _ => Criteria::All(children),
    }
}

/// What a test asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test<'a> {
    /// Whether a package is older.
    Below(&'a str, &'a str),
    /// Whether a package is there.
    Any(&'a str),
    /// It never holds: the publisher's way to say that a package is not affected.
    Never(&'a str),
    /// Nothing about a package's version.
    Other,
}

/// What is said of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says<'a> {
    FixedIn(&'a str),
    Affected,
    NotAffected,
}

/// A package under all conditions that stand around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) verdict: Says<'a>,
    /// Products of which one must be installed; `None` if the criteria name none.
    pub(super) platforms: Option<Vec<&'a str>>,
    pub(super) module: Option<&'a str>,
}

/// The packages that the criteria speak of.
pub(super) fn rows<'a>(
    criteria: &'a Criteria,
    tests: &HashMap<&'a str, Test<'a>>,
    is_unaffected: bool,
) -> Vec<Row<'a>> {
    let mut walk = Walk { tests, is_unaffected, rows: Vec::new() };
    walk.follow(criteria, &Conditions::default(), 0);
    walk.rows
}

/// What must hold besides.
#[derive(Debug, Clone, Default)]
struct Conditions<'a> {
    platforms: Option<Vec<&'a str>>,
    module: Option<&'a str>,
}

struct Walk<'a, 't> {
    tests: &'t HashMap<&'a str, Test<'a>>,
    is_unaffected: bool,
    rows: Vec<Row<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn follow(&mut self, criteria: &'a Criteria, conditions: &Conditions<'a>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match criteria {
            Criteria::Any(children) => {
                for child in children {
                    self.follow(child, conditions, depth + 1);
                }
            }
            Criteria::All(children) => {
                let mut narrowed = conditions.clone();
                let (speaking, narrowing): (Vec<_>, Vec<_>) =
                    children.iter().partition(|child| self.has_package(child, depth));
                for child in narrowing {
                    self.narrow(child, &mut narrowed, depth);
                }
                for child in speaking {
                    self.follow(child, &narrowed, depth + 1);
                }
            }
            Criteria::One { test, .. } => {
                let Some((name, verdict)) = self.package(test) else { return };
                self.rows.push(Row {
                    name,
                    verdict,
                    platforms: conditions.platforms.clone(),
                    module: conditions.module,
                });
            }
        }
    }

    /// Adds what a part without packages asks for.
    fn narrow(&self, criteria: &'a Criteria, conditions: &mut Conditions<'a>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match criteria {
            Criteria::One { comment, .. } => {
                if let Some(module) = module(comment) {
                    conditions.module = Some(module);
                } else if let Some(platform) = installed(comment) {
                    conditions.platforms = Some(vec![platform]);
                }
            }
            Criteria::All(children) => {
                for child in children {
                    self.narrow(child, conditions, depth + 1);
                }
            }
            Criteria::Any(children) => {
                let mut platforms = Vec::new();
                for child in children {
                    let mut one = Conditions::default();
                    self.narrow(child, &mut one, depth + 1);
                    platforms.extend(one.platforms.into_iter().flatten());
                    conditions.module = conditions.module.or(one.module);
                }
                if !platforms.is_empty() {
                    conditions.platforms = Some(platforms);
                }
            }
        }
    }

    fn has_package(&self, criteria: &'a Criteria, depth: usize) -> bool {
        match criteria {
            _ if depth > MAX_DEPTH => false,
            Criteria::All(children) | Criteria::Any(children) => {
                children.iter().any(|child| self.has_package(child, depth + 1))
            }
            Criteria::One { test, .. } => self.package(test).is_some(),
        }
    }

    fn package(&self, test: &str) -> Option<(&'a str, Says<'a>)> {
        let (name, says) = match self.tests.get(test)? {
            Test::Below(name, version) => (*name, Says::FixedIn(version)),
            Test::Any(name) => (*name, Says::Affected),
            Test::Never(name) => (*name, Says::NotAffected),
            Test::Other => return None,
        };
        // A package that is named for the distribution itself is how its release is told.
        if name.is_empty() || name.ends_with("-release") && matches!(says, Says::Affected) {
            return None;
        }
        Some((name, if self.is_unaffected { Says::NotAffected } else { says }))
    }
}

/// The module of `Module nodejs:18 is enabled`.
fn module(comment: &str) -> Option<&str> {
    let module = comment.trim().strip_prefix("Module ")?.strip_suffix(" is enabled")?;
    module.contains(':').then_some(module)
}

/// The product of `Oracle Linux 8 is installed`.
fn installed(comment: &str) -> Option<&str> {
    comment.trim().strip_suffix(" is installed")
}
