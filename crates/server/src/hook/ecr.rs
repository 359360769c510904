//! Amazon ECR's events, as `EventBridge` passes them on.
//!
//! In: `{"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {…}}`, alone or in an SNS notification. Out: the
//! tag; the whole repository where an image went. Source: AWS, "Amazon ECR events and `EventBridge`", "Amazon SNS message
//! formats". Odd: SNS first asks to have an address called (`SubscribeURL`), which never is; an operator confirms by hand.

use axum::http::HeaderMap;
use plimsoll_store::Hint;
use serde_json::Value;

use super::{HookFormat, hint, text};

pub(super) struct Ecr;

impl HookFormat for Ecr {
    fn id(&self) -> &'static str {
        "ecr"
    }

    fn about(&self) -> &'static str {
        "Amazon ECR, EventBridge's event ECR Image Action, also by way of SNS."
    }

    fn read(&self, headers: &HeaderMap, body: &Value) -> Option<Vec<Hint>> {
        if headers.contains_key("x-amz-sns-message-type") {
            let message = text(body, &["Message"]).unwrap_or_default();
            let inside = serde_json::from_str::<Value>(message).ok();
            return Some(inside.as_ref().and_then(of_event).unwrap_or_default());
        }
        of_event(body)
    }
}

fn of_event(event: &Value) -> Option<Vec<Hint>> {
    if text(event, &["source"])? != "aws.ecr" {
        return None;
    }
    let detail = event.get("detail")?;
    let is_image = text(event, &["detail-type"]) == Some("ECR Image Action")
        && text(detail, &["result"]) == Some("SUCCESS");
    let Some(repository) = text(detail, &["repository-name"]).filter(|_| is_image) else {
        return Some(Vec::new());
    };
    Some(match text(detail, &["action-type"]) {
        Some("PUSH") => vec![hint(repository, text(detail, &["image-tag"]))],
        Some("DELETE") => vec![hint(repository, None)],
        _ => Vec::new(),
    })
}
