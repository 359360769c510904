//! The place that machines share, as `serve`, `worker` and `feed share` are told.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use plimsoll_model::Secret;
use plimsoll_registry::{Bucket, BucketKey, BucketPlace, HttpClient, HttpOptions};
use plimsoll_server::SharedPlace;

use crate::arguments::SharedAt;

/// What was said, ready for use; nothing is asked there yet.
pub(crate) fn open(at: &SharedAt) -> anyhow::Result<Option<SharedPlace>> {
    let Some(place) = &at.shared else { return Ok(None) };
    let Some(place) = place.strip_prefix("s3://") else {
        if place.contains("://") {
            bail!("`{place}` is no folder and no address such as s3://BUCKET/PREFIX");
        }
        return Ok(Some(SharedPlace::Folder(PathBuf::from(place))));
    };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let place = BucketPlace {
        endpoint: at
            .s3_endpoint
            .clone()
            .unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", at.s3_region)),
        region: at.s3_region.clone(),
        bucket: bucket.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        plain_http: at.s3_plain_http,
    };
    let key = BucketKey {
        id: variable("AWS_ACCESS_KEY_ID")?.context(KEY)?,
        secret: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?.context(KEY)?),
        token: variable("AWS_SESSION_TOKEN")?.map(Secret::new),
    };
    let http = HttpClient::new(HttpOptions::default())?;
    Ok(Some(SharedPlace::Bucket(Arc::new(Bucket::new(place, key, &http)?))))
}

const KEY: &str = "a shared bucket without an access key\nhint: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the \
    environment";

fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var_os(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => match value.into_string() {
            Ok(value) => Ok(Some(value)),
            Err(_) => bail!("{name} is not UTF-8"),
        },
    }
}
