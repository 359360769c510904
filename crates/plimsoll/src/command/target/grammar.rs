//! How a target is said: `KIND:REST`, or without a kind.
//!
//! In: what was typed. Out: its kind, if one was said, and the rest. Source: the transports of containers-transports(5),
//! whose names people know. Odd: `registry` is also an image of Docker Hub, so that `registry:2` is that image with its tag,
//! while `registry:debian:12` is an image of a registry: a tag has neither a colon nor a slash in it.

use plimsoll_image::InputKind;

use crate::arguments::Input;

/// The kinds that can stand in front of a target.
pub(crate) const PREFIXES: [(&str, Input); 12] = [
    ("registry", Input::Registry),
    ("containers-storage", Input::Storage),
    ("docker-daemon", Input::Daemon),
    ("docker-archive", Input::Local(InputKind::DockerArchive)),
    ("oci", Input::Local(InputKind::OciLayout)),
    ("oci-archive", Input::Local(InputKind::OciLayout)),
    ("oci-layout", Input::Local(InputKind::OciLayout)),
    ("dir", Input::Local(InputKind::Rootfs)),
    ("rootfs", Input::Local(InputKind::Rootfs)),
    ("layer-tar", Input::Local(InputKind::LayerTar)),
    ("sbom", Input::Local(InputKind::Sbom)),
    ("docker", Input::Registry),
];

/// What other programs call these kinds, or what people may try.
const OTHERS: [(&str, &str); 9] = [
    ("podman", "containers-storage"),
    ("buildah", "containers-storage"),
    ("cri-o", "containers-storage"),
    ("docker-engine", "docker-daemon"),
    ("containerd", "docker-archive"),
    ("oci-dir", "oci"),
    ("oci-tar", "oci-archive"),
    ("file", "dir"),
    ("fs", "dir"),
];

/// The kind that stands in front of a target, and what is behind it; `None` when there is no kind.
pub(crate) fn split(target: &str) -> Option<(Input, &str)> {
    let (name, rest) = target.split_once(':')?;
    let (_, input) = PREFIXES.into_iter().find(|(prefix, ..)| *prefix == name)?;
    match name {
        "docker" => rest.strip_prefix("//").map(|rest| (input, rest)),
        "registry" if !rest.contains([':', '/', '@']) => None,
        _ => Some((input, rest)),
    }
}

/// What to say of a target that begins like a kind and is none, nor the name of an image.
pub(crate) fn advice(target: &str) -> String {
    let begin = target.split_once(':').map_or("", |(begin, _)| begin);
    let meant = OTHERS.into_iter().find(|(other, _)| *other == begin);
    match meant {
        Some((other, ours)) => format!("hint: `{other}:` is said as `{ours}:` here"),
        None => {
            let kinds: Vec<&str> =
                PREFIXES.iter().filter(|it| it.0 != "docker").map(|it| it.0).collect();
            format!("hint: `KIND:TARGET` says what it is: {}", kinds.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_from_names_of_images() {
        let rootfs = Input::Local(InputKind::Rootfs);
        for (target, wanted) in [
            ("registry:debian:12", Some((Input::Registry, "debian:12"))),
            ("registry:localhost:5000/a", Some((Input::Registry, "localhost:5000/a"))),
            ("registry:2", None),
            ("registry:2.8.3-alpine", None),
            ("docker:24", None),
            ("docker:dind", None),
            ("docker://debian:12", Some((Input::Registry, "debian:12"))),
            ("debian:12", None),
            ("debian", None),
            ("localhost:5000/app", None),
            ("dir:/", Some((rootfs, "/"))),
            ("rootfs:x", Some((rootfs, "x"))),
            ("containers-storage:a/b:c", Some((Input::Storage, "a/b:c"))),
            ("sbom:-", Some((Input::Local(InputKind::Sbom), "-"))),
            ("./oci:a", None),
        ] {
            assert_eq!(split(target), wanted, "{target}");
        }
    }

    #[test]
    fn every_kind_of_the_option_is_a_prefix_too() {
        for kind in InputKind::ALL {
            assert!(PREFIXES.iter().any(|it| it.0 == kind.name()), "{kind}");
        }
        for (_, ours) in OTHERS {
            assert!(PREFIXES.iter().any(|it| it.0 == ours), "{ours}");
        }
    }
}
