//! The base image is whatever its name means today.
//!
//! In: the name of the base image, which builders write into a label or the manifest's annotations. Fails where it has no
//! tag or `latest`, and no digest. Source: OCI image-spec, "Annotations".

use plimsoll_model::Level;

use super::about;
use crate::{
    baseline::Looking,
    check::{About, Check, Example, Outcome},
    facts::clip,
    view::View,
};

#[derive(Debug)]
pub(crate) struct LatestBase;

impl Check for LatestBase {
    fn about(&self) -> &'static About {
        const ABOUT: About = About {
            title: "The base image has no fixed tag",
            why: "the same build file makes another image tomorrow, and nobody can say from what",
            remedy: "name a tag and a digest in `FROM`",
            source: "Dockle DKL-DI-0006",
            ..about("latest_base", "other", Level::Low)
        };
        &ABOUT
    }

    fn examples(&self) -> &'static [Example] {
        const EXAMPLES: &[Example] = &[
            Example::fails("docker.io/library/node:latest").config(
                r#""Labels": {"org.opencontainers.image.base.name": "docker.io/library/node:latest"}"#,
            ),
            Example::fails("registry.example:5000/base")
                .config(r#""Labels": {"org.opencontainers.image.base.name": "registry.example:5000/base"}"#),
            Example::passes().config(
                r#""Labels": {"org.opencontainers.image.base.name": "docker.io/library/node:20-slim"}"#,
            ),
            Example::passes().config(
                r#""Labels": {"org.opencontainers.image.base.name": "node@sha256:0000000000000000000000000000000000000000000000000000000000000000"}"#,
            ),
            Example::is_silent().command(&["/app"]),
        ];
        EXAMPLES
    }

    fn judge(&self, view: &View<'_>) -> Outcome {
        let mut looking = Looking::new(self.about(), view);
        let name = view.annotation("org.opencontainers.image.base.name");
        if let Some(name) = name.filter(|name| !name.is_empty() && name != "scratch") {
            looking.applies();
            let last = name.rsplit('/').next().unwrap_or_default();
            let tag = last.split_once(':').map(|(_, tag)| tag);
            if !name.contains('@') && matches!(tag, None | Some("latest" | "")) {
                looking.fail(format!("base image {}", clip(&name)));
            }
        }
        looking.outcome()
    }
}
