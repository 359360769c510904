//! Outgoing HTTP: OCI registries and feed downloads.
