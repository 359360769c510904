//! HTTP: the signed gateway, management API, console, background jobs.
