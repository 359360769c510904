//! Names of vulnerability records: what counts as one in an image, and what the wire contract calls `Name`.
//!
//! In: where a vulnerability was found, and its id. Out: [`RecordName`], which prints as the name and is read from it again.
//! Source: `docs/api.md`, "Names of vulnerabilities"; `docs/semantics.md`, "Counters".
//!
//! Two forms, of which only the second begins with `imgsca:`:
//! * `debian:12:CVE-2024-5535`: distribution, release, id; once in an image, however many packages have it;
//! * `imgsca:java:org.springframework:spring-core:CVE-2022-22965`: language, package, id; once for each package.
//!
//! Odd: a package's name may hold colons and so may the id of a distribution's advisory, so that the first form is cut from
//! the left and the second at its last colon.

use std::{fmt, str::FromStr};

use crate::{counters::APPLICATION_RECORD, ecosystem::Origin};

/// The name of a vulnerability record, taken apart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum RecordName {
    /// In packages of a distribution.
    System {
        /// The distribution's word: `debian`.
        distribution: String,
        /// Its release without colons: `12`, `22.04`; `rolling` or `unknown` where there is none.
        release: String,
        /// CVE, or the advisory's id where there is no CVE.
        id: String,
    },
    /// In a package of a language.
    Application {
        /// The language's word: `java`.
        language: String,
        /// The package's name as its ecosystem writes it.
        package: String,
        /// CVE, or the advisory's id where there is no CVE.
        id: String,
    },
}

/// A text that is not the name of a vulnerability record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a vulnerability: expected a form like debian:12:CVE-2024-5535 or imgsca:java:spring-core:CVE-2022-22965"
)]
pub struct RecordNameError(pub String);

impl RecordName {
    /// The id: CVE or advisory.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::System { id, .. } | Self::Application { id, .. } => id,
        }
    }

    /// Whose packages it is in.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self {
            Self::System { .. } => Origin::System,
            Self::Application { .. } => Origin::Application,
        }
    }

    /// The same of a name as it is stored, without taking it apart.
    #[must_use]
    pub fn origin_of(name: &str) -> Origin {
        if name.starts_with(APPLICATION_RECORD) { Origin::Application } else { Origin::System }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { distribution, release, id } => {
                write!(f, "{distribution}:{release}:{id}")
            }
            Self::Application { language, package, id } => {
                write!(f, "{APPLICATION_RECORD}{language}:{package}:{id}")
            }
        }
    }
}

impl FromStr for RecordName {
    type Err = RecordNameError;

    fn from_str(name: &str) -> Result<Self, RecordNameError> {
        let parts = match name.strip_prefix(APPLICATION_RECORD) {
            Some(rest) => rest.split_once(':').and_then(|(language, rest)| {
                rest.rsplit_once(':').map(|(package, id)| (language, package, id))
            }),
            None => name.split_once(':').and_then(|(distribution, rest)| {
                rest.split_once(':').map(|(release, id)| (distribution, release, id))
            }),
        };
        match parts {
            Some((word, within, id)) if [word, within, id].iter().all(|part| !part.is_empty()) => {
                let (word, within, id) = (word.to_owned(), within.to_owned(), id.to_owned());
                Ok(match Self::origin_of(name) {
                    Origin::System => Self::System { distribution: word, release: within, id },
                    Origin::Application => {
                        Self::Application { language: word, package: within, id }
                    }
                })
            }
            _ => Err(RecordNameError(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, origin, within, id) in [
            ("debian:12:CVE-2024-5535", Origin::System, "12", "CVE-2024-5535"),
            ("redhat:9:RHSA-2017:2836", Origin::System, "9", "RHSA-2017:2836"),
            ("wolfi:rolling:CVE-2024-1", Origin::System, "rolling", "CVE-2024-1"),
            ("imgsca:nodejs:@babel/core:GHSA-x", Origin::Application, "@babel/core", "GHSA-x"),
            ("imgsca:java:org.a.b:c:CVE-2022-1", Origin::Application, "org.a.b:c", "CVE-2022-1"),
        ] {
            let parsed: RecordName = name.parse().unwrap();
            let found = match &parsed {
                RecordName::System { release, .. } => release,
                RecordName::Application { package, .. } => package,
            };
            assert_eq!((parsed.origin(), found.as_str(), parsed.id()), (origin, within, id));
            assert_eq!(parsed.to_string(), name);
            assert_eq!(RecordName::origin_of(name), origin);
        }
        for name in ["", "CVE-2024-1", "debian:12", "debian::CVE-2024-1", "imgsca:java:CVE-2024-1"]
        {
            assert_eq!(name.parse::<RecordName>(), Err(RecordNameError(name.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn every_name_reads_back(
            word in "[a-z][a-z-]{0,8}", release in "[a-z0-9. -]{1,8}", package in "[@a-zA-Z0-9:/._-]{1,20}",
            advisory in "[A-Z]{2,6}-[0-9:-]{1,12}", id in "[A-Z]{2,6}-[0-9-]{1,12}",
        ) {
            prop_assume!(word != "imgsca");
            let system = RecordName::System { distribution: word.clone(), release, id: advisory };
            prop_assert_eq!(system.to_string().parse(), Ok(system));
            let application = RecordName::Application { language: word, package, id };
            prop_assert_eq!(application.to_string().parse(), Ok(application));
        }

        #[test]
        fn what_is_read_prints_again(name: String) {
            if let Ok(parsed) = name.parse::<RecordName>() {
                prop_assert_eq!(parsed.to_string(), name);
            }
        }
    }
}
