//! Harbor's CloudEvents.
//!
//! In: a CloudEvent of type `harbor.artifact.…`, whose `data` is what the format Default calls `event_data`. Out: as there.
//! Source: goharbor/harbor, `src/pkg/notifier/formats/cloudevents.go`; CloudEvents 1.0, "JSON Format". Odd: in the binary form
//! of the HTTP binding the type is a header and the body is the data alone.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{
    HookFormat,
    harbor::{Change, of_event},
    text,
};

pub(super) struct HarborCloudEvents;

impl HookFormat for HarborCloudEvents {
    fn id(&self) -> &'static str {
        "harbor-cloudevents"
    }

    fn about(&self) -> &'static str {
        "Harbor, payload format CloudEvents."
    }

    fn read(&self, headers: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        let header = headers.get("ce-type").and_then(|value| value.to_str().ok());
        let (kind, data) = match header {
            Some(kind) => (kind, body),
            None => {
                text(body, &["specversion"])?;
                (text(body, &["type"])?, body.get("data")?)
            }
        };
        let what = kind.strip_prefix("harbor.")?;
        Some(match what {
            "artifact.pushed" => of_event(data, Change::Pushed),
            "artifact.deleted" => of_event(data, Change::Deleted),
            _ => Vec::new(),
        })
    }
}
