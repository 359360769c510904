//! What is inside an image: packages, the distribution, baseline and build risks.
//!
//! In: each layer's files, once, as a stream ([`LayerInspector`]), then the merged tree and the image's configuration
//! ([`inspect_image`]). Out: [`LayerFacts`], which depend on a layer's bytes alone and can be kept, and [`Inspection`].
//! Odd: a layer does not know what is visible in the end, so everything that a detector claims is read in every layer,
//! and what counts is decided over the merged tree.
//!
//! Three lists hold all plug-ins: [`parsers`], [`detectors`] and [`checks`].

mod baseline;
mod build_risk;
mod check;
mod claims;
mod content;
mod detector;
mod distribution;
mod executable;
mod facts;
mod history;
mod inspection;
mod layer;
mod malware;
mod packages;
mod parser;
mod paths;
mod sbom_target;
mod sensitive;
mod settings;
mod text;
mod view;
mod wanted;
mod watch;

pub use check::{About, Check, Example, Outcome, Seen, checks};
pub use claims::{UnreadClaim, UnreadClaims, unread_claims};
pub use content::{Content, ContentCursor, MAX_IN_MEMORY, Spool};
pub use detector::{Detector, HEAD, Interest, Look, PassingFile, Terms, detectors};
pub use distribution::{Distribution, Distributions, Support, distributions};
pub use facts::{DistributionFact, FileFacts, LayerFacts, PackageFact, Problem, SbomFacts};
pub use inspection::{Inspection, add_listed, inspect_image};
pub use layer::LayerInspector;
pub use malware::{
    ALLOW_FILE, Algorithms, AllowList, FileDigest, HashFormat, HashLists, Hit, Kinds, Listed,
    Looked, MaliciousLevel, Malware, MalwareEngine, MalwareFacts, MalwareFile, Mark,
    ProgramDigests, RuleAbout, Sum, SumKind, VirusType, hash_format, hash_formats, heuristics,
    look_at_file,
};
pub use packages::sbom::NO_SBOM;
pub use parser::{ClaimedFile, ParseError, Parser, Want, detectors_version, parsers};
pub use sbom_target::{SbomInspection, inspect_sbom};
pub use sensitive::{
    FingerprintKey, KEYS, SecretFacts, SecretHit, SecretKey, SecretRule, remedy, secret_key,
    secret_rules,
};
pub use view::{FileText, Unread, View};
pub use wanted::Wanted;
pub use watch::{Watch, Work};
