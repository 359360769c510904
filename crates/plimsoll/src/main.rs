//! A self-hosted risk center for container images.
fn main() {}
