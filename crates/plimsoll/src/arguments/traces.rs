//! Where traces go.
//!
//! In: flags of `serve` and `worker`. Out: [`TracesAt`]. Odd: OpenTelemetry's own variables say the rest, headers with secrets among them.

use clap::Args;

/// Where traces go.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Traces")]
pub(crate) struct TracesAt {
    /// Send traces to this OpenTelemetry collector (OTLP, http/protobuf), such as http://127.0.0.1:4318 [default: OTEL_EXPORTER_OTLP_ENDPOINT, else none]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
}
