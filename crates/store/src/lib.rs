//! State in SQL: registries, images, artifacts, tasks, access keys.
