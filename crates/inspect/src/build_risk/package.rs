//! How packages are installed by the build: a row each.
//!
//! In: RUN instructions. Out: what is done against the package manager's own protection, or what is left behind. Source: CIS
//! Docker 4.7, 4.11; Dockle's DKL-DI rules.

use plimsoll_model::Level;

use super::{
    StepRisk, about,
    commands::{Tool, tools},
};
use crate::{
    check::{About, Example},
    history::Instruction,
};

pub(crate) static UPDATE_ALONE: StepRisk = StepRisk {
    about: &About {
        title: "Package lists are fetched in a step of their own",
        why: "a cached layer keeps the lists of the day on which it was made, and what is installed later is as old",
        remedy: "fetch and install in one RUN",
        source: "CIS Docker 4.7; Dockle DKL-DI-0005",
        ..about("update_alone", "package", Level::Low)
    },
    finds: |step| {
        let tools = tools(step);
        let updates = tools.iter().find(|tool| tool.is_update());
        let installs = tools.iter().any(|tool| tool.is_install() || tool.is_upgrade());
        updates.filter(|_| !installs).map(|tool| tool.shown()).into_iter().collect()
    },
    examples: &[
        Example::fails("apt-get update").history(&["RUN /bin/sh -c apt-get update # buildkit"]),
        Example::fails("apk update").history(&["/bin/sh -c apk update"]),
        Example::passes().history(&[
            "RUN /bin/sh -c apt-get -qq update && apt-get install -y curl # buildkit",
            "RUN dnf -y update",
            "RUN echo apt-get update",
        ]),
    ],
};

fn leaves_lists(step: &Instruction) -> Vec<String> {
    // A mount of the builder's keeps them out of the layer.
    if step.text.contains("--mount=type=cache") {
        return Vec::new();
    }
    let tools = tools(step);
    let removes = |folder: &str| {
        step.commands().iter().any(|command| {
            matches!(command.first().map(String::as_str), Some("rm" | "find" | "sudo"))
                && command.iter().any(|word| word.trim_start_matches('/').starts_with(folder))
        })
    };
    let cleans = |name: &str| {
        tools.iter().any(|tool| {
            tool.is(name) && tool.words.iter().any(|word| word == "clean" || word == "--all")
        })
    };
    let mut left = Vec::new();
    for tool in tools.iter().filter(|tool| tool.is_install()) {
        let is_clean = match tool.name.as_str() {
            "apt" | "apt-get" | "aptitude" => {
                removes("var/lib/apt")
                    || removes("var/lib/apt/lists")
                    || step.text.contains("dist-clean")
            }
            "apk" => tool.words.iter().any(|word| word == "--no-cache") || removes("var/cache/apk"),
            "yum" | "dnf" | "microdnf" | "tdnf" => {
                cleans("yum")
                    || cleans("dnf")
                    || cleans("microdnf")
                    || cleans("tdnf")
                    || removes("var/cache/dnf")
                    || removes("var/cache/yum")
            }
            "zypper" => cleans("zypper") || removes("var/cache/zypp"),
            _ => true,
        };
        if !is_clean {
            left.push(tool.shown());
        }
    }
    left.truncate(1);
    left
}

pub(crate) static PKG_CACHE: StepRisk = StepRisk {
    about: &About {
        title: "The package manager's files stay in the layer",
        why: "the image is larger, and holds lists that are soon out of date",
        remedy: "remove them in the same RUN (`rm -rf /var/lib/apt/lists/*`, `dnf clean all`), or `apk add --no-cache`",
        source: "Dockle DKL-DI-0004, DKL-DI-0005",
        ..about("pkg_cache", "package", Level::Low)
    },
    finds: leaves_lists,
    examples: &[
        Example::fails("apt-get install")
            .history(&["RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit"]),
        Example::fails("apk add").history(&["/bin/sh -c apk add curl"]),
        Example::fails("dnf install").history(&["RUN dnf -y install httpd"]),
        Example::passes().history(&[
            "RUN /bin/sh -c apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/* # buildkit",
            "/bin/sh -c apk add --no-cache curl",
            "/bin/sh -c apk update && apk add curl && rm -rf /var/cache/apk/*",
            "RUN yum install -y x && yum clean all",
        ]),
    ],
};

pub(crate) static DIST_UPGRADE: StepRisk = StepRisk {
    about: &About {
        title: "The whole distribution is upgraded in the build",
        why: "what the image holds depends on the day of the build, and the base image's maker tested none of it",
        remedy: "start from a newer base image",
        source: "Dockle DKL-DI-0003",
        ..about("dist_upgrade", "package", Level::Low)
    },
    finds: |step| {
        let words = ["dist-upgrade", "full-upgrade", "dup", "distro-sync", "dist-sync"];
        let tools = tools(step);
        let found = tools.iter().find(|tool| words.contains(&tool.verb()));
        found.map(Tool::shown).into_iter().collect()
    },
    examples: &[
        Example::fails("apt-get dist-upgrade").history(&[
            "RUN apt-get update && apt-get -y dist-upgrade && rm -rf /var/lib/apt/lists/*",
        ]),
        Example::fails("zypper dup").history(&["/bin/sh -c zypper --non-interactive dup"]),
        Example::passes().history(&["RUN apt-get update && apt-get upgrade -y"]),
    ],
};

/// Words by which a package manager is told not to check.
const UNVERIFIED: &[&str] = &[
    "--allow-unauthenticated",
    "--force-yes",
    "--nogpgcheck",
    "--no-gpg-check",
    "--no-gpg-checks",
    "--allow-untrusted",
    "--trusted-host",
    "--no-verify",
    "--allow-insecure-repositories",
];
const MANAGERS: &[&str] = &[
    "apt", "apt-get", "aptitude", "yum", "dnf", "microdnf", "tdnf", "zypper", "apk", "pip", "pip3",
    "python", "python3", "rpm",
];

fn unverified(step: &Instruction) -> Vec<String> {
    let mut found = Vec::new();
    for tool in tools(step) {
        let is_off = |key: &str, off: &[&str]| {
            let mut words = tool.words.iter().zip(tool.words.iter().skip(1));
            words.any(|(name, value)| name == key && off.contains(&value.as_str()))
                || tool.words.iter().any(|word| {
                    word.trim_start_matches('-')
                        .split_once('=')
                        .is_some_and(|(name, value)| name == key && off.contains(&value))
                })
        };
        let is_told = match tool.name.as_str() {
            name if MANAGERS.contains(&name) => tool
                .words
                .iter()
                .find(|word| {
                    let word = word.split('=').next().unwrap_or_default();
                    UNVERIFIED.contains(&word)
                        && (word != "--trusted-host"
                            || name.starts_with("pi")
                            || name.starts_with("py"))
                })
                .cloned()
                .or_else(|| is_off("gpgcheck", &["0", "no"]).then(|| "gpgcheck=0".to_owned()))
                .or_else(|| {
                    is_off("APT::Get::AllowUnauthenticated", &["true", "1", "yes"])
                        .then(|| "AllowUnauthenticated".to_owned())
                }),
            "npm" | "yarn" | "pnpm" => {
                is_off("strict-ssl", &["false"]).then(|| "strict-ssl false".to_owned())
            }
            "git" => {
                is_off("http.sslVerify", &["false", "0"]).then(|| "http.sslVerify false".to_owned())
            }
            _ => None,
        };
        found.extend(is_told.map(|word| format!("{} {word}", tool.name)));
    }
    found
}

pub(crate) static UNVERIFIED_PKG: StepRisk = StepRisk {
    about: &About {
        title: "Packages are installed unverified",
        why: "whoever sits between the build and the source puts any package into the image",
        remedy: "remove the option and import the source's key or certificate",
        source: "CIS Docker 4.11",
        ..about("unverified_pkg", "package", Level::Medium)
    },
    finds: unverified,
    examples: &[
        Example::fails("apt-get --allow-unauthenticated").history(&[
            "RUN apt-get install -y --allow-unauthenticated x && rm -rf /var/lib/apt/lists/*",
        ]),
        Example::fails("yum --nogpgcheck").history(&["/bin/sh -c yum install -y --nogpgcheck x"]),
        Example::fails("apk --allow-untrusted")
            .history(&["RUN apk add --no-cache --allow-untrusted ./x.apk"]),
        Example::fails("pip --trusted-host")
            .history(&["RUN pip install --trusted-host pypi.example x"]),
        Example::fails("npm strict-ssl false").history(&["RUN npm config set strict-ssl false"]),
        Example::fails("git http.sslVerify false")
            .history(&["RUN git config --global http.sslVerify false"]),
        Example::passes().history(&[
            "RUN apt-get install -y x && npm config set strict-ssl true",
            "RUN echo --force-yes",
        ]),
    ],
};
