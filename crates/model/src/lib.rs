//! The words that every other crate speaks: digests, references, packages, findings, coverage, counters.
//!
//! In: nothing. Out: plain values, serialisable, without I/O, clock or async. Whatever crosses a crate border is one of
//! these types; texts become types at the border where they come in.

pub mod build;
pub mod container;
pub mod context;
pub mod counters;
pub mod coverage;
pub mod cron;
pub mod digest;
pub mod ecosystem;
pub mod event_rule;
pub mod finding;
pub mod ignore;
pub mod kinds;
pub mod package;
pub mod platform;
pub mod properties;
pub mod purl;
pub mod record;
pub mod reference;
pub mod report;
pub mod secret;
pub mod sensitive;
pub mod statement;
pub mod timestamp;

pub use build::BuildStep;
pub use container::{ContainerDetail, ContainerRole, ContainerState};
pub use context::{
    ContextError, ContextScope, ContextSetting, Exposure, ImageInUse, Importance, MatchContext,
};
pub use counters::RiskCounters;
pub use coverage::{Coverage, Gap, GapReason, Verdict};
pub use cron::{Cron, CronError};
pub use digest::{Digest, DigestError};
pub use ecosystem::{Ecosystem, Origin, Scheme};
pub use event_rule::NewEventRule;
pub use finding::{Evidence, Finding, Fix, Kind, Level, Priority, Status, Subject, Urgency};
pub use ignore::{
    IgnoreRule, IgnoreUse, IgnoreUseState, ImageNames, NewIgnoreRule, RuleError, RuleSource,
    RuleType,
};
pub use kinds::{Kinds, KindsError};
pub use package::{Location, Package, SourcePackage};
pub use platform::{Platform, PlatformError};
pub use record::{RecordName, RecordNameError};
pub use reference::{ImageReference, ReferenceError};
pub use report::{FeedSource, FeedState, ImageIdentity, Report};
pub use secret::Secret;
pub use statement::{IgnoredBy, Suppression, View, Why};
pub use timestamp::{Timestamp, TimestampError};
