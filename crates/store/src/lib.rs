//! State in SQL: registries, images, artifacts with their reports, scan tasks, access keys.
//!
//! In: what sync, scan workers, people and clusters say, always with the time handed in. Out: [`Store`], whose methods
//! stand beside the noun that they are about, one file per noun. Nothing else in the workspace speaks SQL.
//!
//! Odd:
//! * Several processes may use one database at once (`plimsoll serve` and the command line), because every decision is taken
//!   inside the transaction that writes it, and one transaction writes at a time.
//! * What is unchanged is not written: a second sync and scan of the same images leaves the file as it was.
//! * Statements are in the dialect that SQLite and PostgreSQL share (`$1`, `ON CONFLICT`, `RETURNING`, window functions);
//!   only `migrations/`, `database.rs` and `statement.rs` know which database it is.
//! * Passwords and access key secrets are encrypted with `master.key`, which never is in the database.

mod access_keys;
mod admin_token;
mod affected;
mod agreed_secrets;
mod announced_builds;
mod artifacts;
mod asked_in;
mod assets;
mod builds;
mod changes;
mod claims;
mod closed_findings;
mod cluster_connections;
mod cluster_keys;
mod column;
mod containers;
mod contexts;
mod copy;
mod cycle_tasks;
mod database;
mod error;
mod event_rules;
mod file_findings;
mod finding_sums;
mod findings;
mod fix_requests;
mod fleet;
mod history;
mod hook_hints;
mod ignore_rules;
mod ignored;
mod image_selection;
mod images;
mod inventories;
mod inventory_rows;
mod inventory_set;
mod items;
mod lead_findings;
mod listing;
mod location;
mod master_key;
mod named_images;
mod nonces;
mod numbers;
mod orders;
mod outbox;
mod own_counters;
mod parts;
mod policy;
mod postgres_text;
mod ranking;
mod recording;
mod refresh;
mod registries;
mod registry_extras;
mod registry_tokens;
mod requested_scans;
mod risk_list;
mod scan_window;
mod scans;
mod schedules;
mod schema;
mod sessions;
mod settings;
mod shares;
mod statement;
mod store;
mod subscriptions;
mod sync;
mod tally;
mod task_list;
mod tasks;
mod tenants;
mod verdicts;
mod vulnerabilities;
mod workloads;

pub use access_keys::{AccessKey, KeyError, KeySummary, NewKey};
pub use admin_token::TokenError;
pub use affected::{AffectedPage, AffectedQuery, Holding, PackageName};
pub use announced_builds::{Announced, AnnouncedBuild};
pub use artifacts::Artifact;
pub use asked_in::asked_in;
pub use assets::{AssetCondition, AssetField, AssetQuery, ImageAsset, RepositoryAsset};
pub use builds::{BuildOrigin, BuiltImage, RecordedBuild};
pub use changes::{ImageChange, WhatChanged};
pub use cluster_connections::{
    ClusterConnection, ClusterConnectionError, ClusterLease, NewClusterConnection,
};
pub use cluster_keys::{ClusterKey, NewClusterKey};
pub use containers::Container;
pub use contexts::Settled;
pub use copy::{Copied, CopyError};
pub use cycle_tasks::{CycleSettings, CycleTask, PeriodUnit};
pub use error::{StoreError, StoreErrors, store_errors};
pub use event_rules::{EventError, EventRule, EventRuleQuery};
pub use file_findings::{
    FileFilter, FileGroup, FileInImage, FileKind, FileLevel, FileState, FilesQuery,
    GroupedFilesQuery, ImageWithFiles,
};
pub use finding_sums::FindingSums;
pub use findings::Affected;
pub use fleet::Fleet;
pub use history::{ChangedBy, CounterChange, HISTORY_DAYS, HISTORY_DAYS_SETTING, ScannedChange};
pub use hook_hints::{ClaimedHint, Hint, Noted};
pub use ignore_rules::{IgnoreError, IgnoreRuleUse};
pub use ignored::{IgnoredIn, IgnoredRecord};
pub use image_selection::ImageSelection;
pub use images::{ImageRow, RepoType, image_uuid, parse_uuid, repo_id, split_repository};
pub use inventory_rows::InventoryCounts;
pub use items::{
    ImageItem, ImageItems, Item, ItemImage, ItemImagesQuery, ItemProfile, ItemState, finding_number,
};
pub use lead_findings::LeadFinding;
pub use location::{LocationError, PostgresLocation, StoreLocation};
pub use master_key::{MasterKeyError, MasterKeySource};
pub use named_images::NamedImage;
pub use orders::{
    MOST_OPEN_ORDERS, Order, OrderKind, OrderQuery, OrderTarget, OrderTargetQuery, Placed,
    ScanSelection, Selected, TargetImage, TargetState,
};
pub use outbox::{
    AboutFinding, AboutImage, Composition, Delivered, MAX_DELIVERIES, Message, MessageKind,
    MessageState, MessageTask, Most, Named,
};
pub use parts::{Judge, Judged};
pub use policy::{Effect, Policy, Statement};
pub use ranking::{Dimension, RankEntry, RiskOverview, RiskStatistic, Scope, SearchError};
pub use refresh::{Delta, DeltaImages, Refresh, Refreshed};
pub use registries::{
    AdapterSettings, NetType, Registry, RegistryError, RegistrySettings, ReportedEndpoint,
    UrlScheme,
};
pub use registry_extras::RegistryExtras;
pub use registry_tokens::{RegistryToken, TokenBearer, TokenPurpose};
pub use requested_scans::{RequestedScan, RequestedState, ScanWish};
pub use risk_list::{ImageRisk, ImageRiskQuery, Page, RiskFilter};
pub use scan_window::SCAN_DAYS_SETTING;
pub use scans::{RecordOutcome, ScanRecord};
pub use schedules::{Schedule, ScheduleError, ScheduleKind, ScheduleLease, ScheduleSettings};
pub use sessions::Session;
pub use shares::{MOST_SCANS_PER_HOUR, ScanRate};
pub use store::{OpenError, SHORTEST_LEASE, Store, StoreOptions};
pub use subscriptions::{Delivery, Subscription, SubscriptionError, SubscriptionSettings, Wanted};
pub use sync::{SyncListing, SyncOutcome, SyncedImage};
pub use task_list::{Cancelled, TaskItem, TaskPage, TaskQuery};
pub use tasks::{
    Enqueued, FailOutcome, FailReason, LEASE_SECONDS, Lease, MAX_ATTEMPTS, Origin, Retry, Task,
    TaskCounts, TaskState, TaskStatus,
};
pub use verdicts::{DueImage, KeptVerdict};
pub use vulnerabilities::{
    GroupedQuery, GroupedVulnerability, InstanceQuery, InstanceState, InstanceStates,
    VulnerabilityFilter, VulnerabilityInstance, VulnerablePackage, WorkloadPlace,
};
pub use workloads::{Cluster, PodName, Workload};
