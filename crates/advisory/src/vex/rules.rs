//! The ignore rules that say the same as a VEX document.
//!
//! In: a document, and where statements on an image hold that no rule can name. Out: [`Rules`]: a rule for what is not affected or has the
//! fix, and a sentence for what no rule can say. Source: `docs/ignore.md`, "From VEX documents". Odd: a rule covers exactly what its
//! statement covers or is not made, since one that covers more would hide what nobody looked at. Of several statements on one
//! thing the latest decides, so that "affected" takes an earlier "not affected" back.

use std::collections::{HashMap, HashSet};

use plimsoll_model::{Digest, NewIgnoreRule, RuleType, Status, purl::Purl};

use super::{
    Component, Document, Product, Statement,
    product::{ORIGIN, Versions},
};

/// What came of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Rules, in the order of the statements, the latest first.
    pub rules: Vec<NewIgnoreRule>,
    /// What no rule can say, as sentences.
    pub left_out: Vec<String>,
}

/// Where statements on an image hold, as the user says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePlace {
    /// In this image.
    Image(Digest),
    /// In these repositories, in which `*` stands for any text.
    Repositories(Vec<String>),
}

/// Rules that one document may give.
const MOST: usize = 10_000;
/// Sentences that are kept.
const MOST_LEFT_OUT: usize = 1_000;

/// Where a rule holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Scope {
    package: Option<String>,
    of_type: Option<RuleType>,
    image: Option<String>,
    repositories: Vec<String>,
}

impl Scope {
    /// Whether there may be a package in an image that both are about.
    fn may_overlap(&self, other: &Self) -> bool {
        let packages = match (&self.package, &other.package) {
            (Some(one), Some(two)) => {
                let ((one, own), (two, others)) = (split_version(one), split_version(two));
                one == two && (own.is_none() || others.is_none() || own == others)
            }
            _ => true,
        };
        // A repository holds images whose digests nobody knows yet.
        let images = match (&self.image, &other.image) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        packages && images
    }
}

fn split_version(purl: &str) -> (&str, Option<&str>) {
    purl.rsplit_once('@')
        .filter(|(name, _)| name.contains('/'))
        .map_or((purl, None), |(name, version)| (name, Some(version)))
}

impl Document {
    /// Its statements as ignore rules by `author`, or by whoever signed the document; `place` is what the document is called. Where
    /// `images` says where statements on an image hold, it is taken for those that name a registry, a tag, or no image at all.
    #[must_use]
    pub fn rules(&self, place: &str, author: Option<&str>, images: Option<&ImagePlace>) -> Rules {
        let mut made = Rules::default();
        let mut decided: HashSet<(String, Scope)> = HashSet::new();
        // Where something counts after all, by the names of the vulnerability.
        let mut counting: HashMap<String, Vec<Scope>> = HashMap::new();
        for statement in &self.statements {
            for product in &statement.products {
                let scopes = match scopes(product, images) {
                    Ok(scopes) => scopes,
                    // What counts somewhere may count anywhere.
                    Err(_) if statement.status.is_open() => vec![Scope::default()],
                    Err(why) => {
                        made.leave_out(statement, &why);
                        continue;
                    }
                };
                for scope in scopes {
                    let names: Vec<String> =
                        statement.ids.iter().map(|id| id.trim().to_ascii_uppercase()).collect();
                    // All are noted, whichever was new.
                    let mut is_new = false;
                    for name in &names {
                        is_new |= decided.insert((name.clone(), scope.clone()));
                    }
                    if !is_new {
                        continue;
                    }
                    if statement.status.is_open() {
                        for name in names {
                            counting.entry(name).or_default().push(scope.clone());
                        }
                    } else if names
                        .iter()
                        .flat_map(|name| counting.get(name).into_iter().flatten())
                        .any(|other| other.may_overlap(&scope))
                    {
                        made.leave_out(
                            statement,
                            "a later statement says that a part of it counts",
                        );
                    } else {
                        made.add(self.rule(statement, scope, place, author), statement);
                    }
                }
            }
        }
        made
    }

    fn rule(
        &self,
        statement: &Statement,
        scope: Scope,
        place: &str,
        author: Option<&str>,
    ) -> NewIgnoreRule {
        let mut reason = match statement.status {
            Status::Fixed => "fixed".to_owned(),
            _ => "not affected".to_owned(),
        };
        for more in [&statement.justification, &statement.text].into_iter().flatten() {
            reason.push_str(": ");
            reason.push_str(more);
        }
        let own = Some(self.author.as_str()).filter(|name| !name.is_empty());
        NewIgnoreRule {
            vulnerability: statement.ids.first().cloned().unwrap_or_default(),
            package: scope.package,
            of_type: scope.of_type,
            image: scope.image,
            repositories: scope.repositories,
            reason: format!("{reason} (VEX {place})"),
            author: author.or(own).unwrap_or("the author of a VEX document").to_owned(),
            ..NewIgnoreRule::default()
        }
    }
}

impl Rules {
    fn add(&mut self, rule: NewIgnoreRule, statement: &Statement) {
        if rule.vulnerability.trim().is_empty() {
            self.leave_out(statement, "it names no vulnerability");
        } else if self.rules.len() < MOST {
            self.rules.push(rule);
        } else {
            self.leave_out(statement, &format!("a document gives {MOST} rules at most"));
        }
    }

    fn leave_out(&mut self, statement: &Statement, why: &str) {
        // What counts anyway needs no rule.
        if statement.status.is_open() || self.left_out.len() >= MOST_LEFT_OUT {
            return;
        }
        let id = statement.ids.first().map_or("a statement", String::as_str);
        let sentence = format!("{}: {why}", crate::feed::title_of(id));
        if !self.left_out.contains(&sentence) {
            self.left_out.push(sentence);
        }
    }
}

/// Where rules on a product hold.
fn scopes(product: &Product, images: Option<&ImagePlace>) -> Result<Vec<Scope>, String> {
    if let Some((ecosystem, release)) = &product.platform {
        return Err(format!(
            "it speaks of {ecosystem} {release} alone, and a rule holds in all releases"
        ));
    }
    let place = match &product.component {
        Component::Package(_) if !product.parts.is_empty() => {
            return Err("it speaks of a package within another one".to_owned());
        }
        Component::Package(purl) => return packages(purl, product.versions.as_ref()),
        Component::Image(purl) => image(purl, images)?,
        Component::Sha256(hex) => {
            Scope { image: Some(format!("sha256:{hex}")), ..Scope::default() }
        }
        Component::Subject => said(images, "it speaks of the image that it is attached to")?,
        Component::Unknown(name) => {
            return Err(format!("`{}` is no package URL", crate::feed::title_of(name)));
        }
    };
    if product.parts.is_empty() {
        return Ok(vec![place]);
    }
    let mut scopes = Vec::new();
    for part in &product.parts {
        let Component::Package(purl) = part else {
            return Err("a part of the image is no package".to_owned());
        };
        for scope in packages(purl, None)? {
            scopes.push(Scope {
                image: place.image.clone(),
                repositories: place.repositories.clone(),
                ..scope
            });
        }
    }
    Ok(scopes)
}

/// A package, in each of the versions that are meant.
fn packages(purl: &Purl, versions: Option<&Versions>) -> Result<Vec<Scope>, String> {
    let asked = purl.qualifiers.keys().filter(|key| !ORIGIN.contains(&key.as_str()));
    if let Some(key) = asked.into_iter().find(|key| *key != "epoch") {
        return Err(format!("`{purl}` means packages with this `{key}` alone"));
    }
    let versions = match versions {
        Some(versions) if !versions.ranges.is_empty() => {
            return Err(format!("`{purl}` means a range of versions"));
        }
        Some(versions) => versions.exact.iter().map(|version| Some(version.as_str())).collect(),
        None => vec![purl.version.as_deref()],
    };
    versions
        .into_iter()
        .map(|version| {
            let package = purl.without_qualifiers(version);
            let package = package.ok_or_else(|| format!("`{purl}` cannot be written"))?;
            Ok(Scope { package: Some(package), ..Scope::default() })
        })
        .collect()
}

/// An image by its digest, or all of its repository.
fn image(purl: &Purl, images: Option<&ImagePlace>) -> Result<Scope, String> {
    let version = purl.version.as_deref().unwrap_or_default();
    if version.starts_with("sha256:") {
        return Ok(Scope { image: Some(version.to_ascii_lowercase()), ..Scope::default() });
    }
    if !version.is_empty() || purl.qualifiers.contains_key("tag") {
        return said(images, &format!("`{purl}` is a tag, which may move"));
    }
    let repositories = match (purl.qualifiers.get("repository_url"), &purl.namespace) {
        (Some(_), _) => {
            return said(
                images,
                &format!("`{purl}` is of one registry, and a rule holds in all of them"),
            );
        }
        (None, Some(namespace)) => vec![format!("{namespace}/{}", purl.name)],
        // The last part of a repository, whatever stands before it.
        (None, None) => vec![format!("*/{}", purl.name), purl.name.clone()],
    };
    Ok(Scope { repositories, ..Scope::default() })
}

/// The place that the user names.
fn said(images: Option<&ImagePlace>, why: &str) -> Result<Scope, String> {
    match images {
        Some(ImagePlace::Image(digest)) => {
            Ok(Scope { image: Some(digest.to_string()), ..Scope::default() })
        }
        Some(ImagePlace::Repositories(patterns)) => {
            Ok(Scope { repositories: patterns.clone(), ..Scope::default() })
        }
        None => Err(format!("{why}: say where it holds with `--image` or `--repository`")),
    }
}

#[cfg(test)]
mod tests;
