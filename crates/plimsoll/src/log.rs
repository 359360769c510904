//! What the program says about its own work.
//!
//! In: events of the libraries; `RUST_LOG` chooses which (default: warnings). Out: lines on standard error, for people or, with
//! `--log-format json`, for programs: one object a line with `time`, `level`, `target`, `message` and the event's own fields. Odd:
//! a field that is called like one of the first three gives way to it.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::arguments::LogFormat;

/// From now on events are written.
pub(crate) fn begin(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => {
            let is_coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && io::stderr().is_terminal();
            let lines = tracing_subscriber::fmt::layer();
            registry.with(lines.with_writer(io::stderr).with_ansi(is_coloured)).init();
        }
        LogFormat::Json => registry.with(JsonLines).init(),
    }
}

/// Writes each event as one line of JSON.
struct JsonLines;

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut time = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut time)).is_err() {
            time.clear();
        }
        let mut line = line(event, time);
        line.push('\n');
        // Nobody is left to be told that nothing can be told.
        let _written = io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(event: &Event<'_>, time: String) -> String {
    let mut fields = Fields(Map::new());
    event.record(&mut fields);
    let Fields(mut object) = fields;
    let metadata = event.metadata();
    for (name, value) in [
        ("time", time),
        ("level", metadata.level().to_string()),
        ("target", metadata.target().to_owned()),
    ] {
        object.insert(name.to_owned(), Value::String(value));
    }
    Value::Object(object).to_string()
}

/// An event's fields.
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let number = serde_json::Number::from_f64(value);
        self.add(field, number.map_or_else(|| Value::String(value.to_string()), Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, plimsoll_server::operation::error_chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines instead of writing them.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(line(event, "2026-12-01T10:00:00Z".to_owned()));
        }
    }

    #[test]
    fn an_event_is_one_line_of_json_with_its_fields() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(kept.clone());
        tracing::subscriber::with_default(subscriber, || {
            let error = io::Error::other("broken\n\"pipe\"");
            tracing::warn!(
                image.digest = %"sha256:12",
                attempt = 2_u64,
                took = 0.5,
                not_a_number = f64::NAN,
                well = false,
                level = "mine",
                error = &error as &dyn std::error::Error,
                "scan done"
            );
        });
        let lines = kept.0.lock().unwrap();
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains('\n'));
        let object: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            object,
            serde_json::json!({
                "time": "2026-12-01T10:00:00Z",
                "level": "WARN",
                "target": "plimsoll::log::tests",
                "message": "scan done",
                "image.digest": "sha256:12",
                "attempt": 2,
                "took": 0.5,
                "not_a_number": "NaN",
                "well": false,
                "error": "broken\n\"pipe\"",
            })
        );
    }
}
