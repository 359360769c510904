//! Feeds, the advisory snapshot, version order, matching, priority.
