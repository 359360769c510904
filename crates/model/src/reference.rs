//! Image references.
//!
//! In: what people type, `debian:12`, `localhost:5000/team/app@sha256:…`. Out: [`ImageReference`] with the registry's
//! host, the repository, and a tag or a digest. Source: OCI distribution-spec, "Pulling manifests"; Docker's reference
//! grammar. Odd: without a host Docker Hub is meant, and there a single-segment repository lives under `library/`; a
//! first segment is a host only with a dot, a colon, or when it is `localhost`.

use std::{fmt, str::FromStr};

use crate::digest::{Digest, DigestError};

/// Where Docker Hub's registry answers; `docker.io` and `index.docker.io` are other names for it.
pub const DOCKER_HUB: &str = "registry-1.docker.io";

/// One image in a registry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ImageReference {
    /// Host and, if given, port of the registry: `localhost:5000`.
    pub host: String,
    /// `team/app`, lower case.
    pub repository: String,
    /// `latest` when neither tag nor digest was given; `None` with a digest alone.
    pub tag: Option<String>,
    /// Decides, if given, which manifest is meant; the tag is then only a label.
    pub digest: Option<Digest>,
}

/// Why a text is not an [`ImageReference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing before the tag or the digest.
    #[error("image reference `{0}` names no repository")]
    Repository(String),
    /// A segment that the grammar refuses.
    #[error(
        "image reference `{text}`: `{segment}` is not a repository segment (lower-case letters, digits, `.`, `_`, `-` between them)"
    )]
    Segment {
        /// The text as given.
        text: String,
        /// The segment that does not fit.
        segment: String,
    },
    /// A tag that the grammar refuses.
    #[error(
        "image reference `{text}`: `{tag}` is not a tag (at most 128 letters, digits, `_`, `.`, `-`)"
    )]
    Tag {
        /// The text as given.
        text: String,
        /// What stands behind the colon.
        tag: String,
    },
    /// What stands behind the `@`.
    #[error("image reference `{text}`")]
    Digest {
        /// The text as given.
        text: String,
        /// What is wrong with the digest.
        #[source]
        source: DigestError,
    },
    /// An account in front of the host. The text is not repeated, since it holds a password.
    #[error("an image reference holds no account and no password: say them apart from it")]
    Account,
    /// Longer than 255 characters, host included.
    #[error("image reference is {0} characters long, at most 255 are allowed")]
    Length(usize),
}

impl ImageReference {
    /// What follows `/manifests/` in a request: the digest if there is one, else the tag.
    #[must_use]
    pub fn manifest_name(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// Whether `text` can be a tag (OCI distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
    #[must_use]
    pub fn is_tag(text: &str) -> bool {
        let mut characters = text.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
            && text.len() <= 128
    }

    /// Whether `text` can be a repository's name, each segment `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    #[must_use]
    pub fn is_repository(text: &str) -> bool {
        text.len() <= 255 && text.split('/').all(is_segment)
    }
}

fn is_segment(segment: &str) -> bool {
    let alphanumeric =
        |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let mut separator = String::new();
    for character in segment.chars() {
        if alphanumeric(Some(character)) {
            if !(matches!(separator.as_str(), "" | "." | "_" | "__")
                || separator.chars().all(|c| c == '-'))
            {
                return false;
            }
            separator.clear();
        } else {
            separator.push(character);
        }
    }
    alphanumeric(segment.chars().next()) && alphanumeric(segment.chars().next_back())
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > 255 + 1 + 128 + 1 + 71 {
            return Err(ReferenceError::Length(text.len()));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((account, rest))
                if account.contains(':') && !account.contains('/') && rest.contains('/') =>
            {
                return Err(ReferenceError::Account);
            }
            Some((rest, digest)) => match digest.parse() {
                Ok(digest) => (rest, Some(digest)),
                Err(source) => {
                    return Err(ReferenceError::Digest { text: text.to_owned(), source });
                }
            },
            None => (text, None),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
            _ => (rest, None),
        };
        if let Some(tag) = &tag
            && !Self::is_tag(tag)
        {
            return Err(ReferenceError::Tag { text: text.to_owned(), tag: tag.clone() });
        }
        let (host, repository) = match path.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first), rest)
            }
            _ => (None, path),
        };
        if repository.is_empty() {
            return Err(ReferenceError::Repository(text.to_owned()));
        }
        if let Some(segment) = repository.split('/').find(|segment| !is_segment(segment)) {
            return Err(ReferenceError::Segment {
                text: text.to_owned(),
                segment: segment.to_owned(),
            });
        }
        let host = match host {
            None | Some("docker.io" | "index.docker.io") => DOCKER_HUB,
            Some(host) => host,
        };
        let repository = if host == DOCKER_HUB && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        let length = host.len() + 1 + repository.len();
        if length > 255 {
            return Err(ReferenceError::Length(length));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { host: host.to_owned(), repository, tag, digest })
    }
}

impl ImageReference {
    /// Registry and repository, as people write them: `docker.io/library/debian`.
    #[must_use]
    pub fn place(&self) -> String {
        let host = if self.host == DOCKER_HUB { "docker.io" } else { &self.host };
        format!("{host}/{}", self.repository)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_as_people_type_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, wanted) in [
            ("debian", "docker.io/library/debian:latest"),
            ("debian:12", "docker.io/library/debian:12"),
            ("docker.io/grafana/loki:3", "docker.io/grafana/loki:3"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/team/app:1.0", "localhost:5000/team/app:1.0"),
            ("127.0.0.1:5000/a__b/c.d-e", "127.0.0.1:5000/a__b/c.d-e:latest"),
            ("team/app", "docker.io/team/app:latest"),
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), wanted, "{text}");
        }
        let pinned: ImageReference = format!("quay.io/a/b:v1@{digest}").parse().unwrap();
        assert_eq!(pinned.manifest_name(), digest);
        assert_eq!(pinned.tag.as_deref(), Some("v1"));
        let bare: ImageReference = format!("quay.io/a/b@{digest}").parse().unwrap();
        assert_eq!(bare.tag, None);
    }

    #[test]
    fn what_is_not_a_reference_says_why() {
        let error = |text: &str| text.parse::<ImageReference>().unwrap_err();
        assert!(
            matches!(error("Debian"), ReferenceError::Segment { segment, .. } if segment == "Debian")
        );
        assert!(
            matches!(error("a/../b"), ReferenceError::Segment { segment, .. } if segment == "..")
        );
        assert!(matches!(error("localhost:5000/"), ReferenceError::Repository(_)));
        assert!(matches!(error("a:-b"), ReferenceError::Tag { tag, .. } if tag == "-b"));
        assert!(matches!(error("a@sha256:1"), ReferenceError::Digest { .. }));
        assert!(!error("ci:hunter2@registry.test/team/app:1").to_string().contains("hunter2"));
        assert!(matches!(error("localhost:5000@sha256:1"), ReferenceError::Digest { .. }));
        assert!(matches!(error(&"a".repeat(600)), ReferenceError::Length(600)));
        assert!(matches!(
            error(&format!("localhost/{}", "a".repeat(255))),
            ReferenceError::Length(_)
        ));
    }
}
