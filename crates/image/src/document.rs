//! Why a manifest, index or configuration is refused.
//!
//! In: what the readers of documents stumble over. Out: [`DocumentError`], one type for all three.

use plimsoll_model::DigestError;

/// Why a manifest, index or configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Longer than a document may be.
    #[error("{what} has {size} bytes, limit {limit} (`max_document_bytes`)")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Not JSON, or nested deeper than 64.
    #[error("{what} is not readable as JSON: {problem}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What the reader says, with line and column.
        problem: String,
    },
    /// Two keys that some readers take for the same, so that two programs would see two different images.
    #[error(
        "{what} has the keys `{first}` and `{second}` in one object, which runtimes read as the same key"
    )]
    AmbiguousKey {
        /// Which document.
        what: &'static str,
        /// The first of them.
        first: String,
        /// The second of them.
        second: String,
    },
    /// A field is missing or has the wrong type.
    #[error("{what}: field `{field}`: {problem}")]
    Field {
        /// Which document.
        what: &'static str,
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A digest is not one that we can check.
    #[error("{what}: field `{field}`: {source}")]
    Digest {
        /// Which document.
        what: &'static str,
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        source: DigestError,
    },
    /// Says in one place that it is one thing and in another that it is something else.
    #[error("the manifest's type is ambiguous: {0}")]
    AmbiguousType(String),
    /// A type that no runtime runs, or that is no longer in use.
    #[error("media type `{media_type}` is not an image: {remedy}")]
    UnsupportedType {
        /// The type.
        media_type: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// More of something than the budget allows.
    #[error("{what} lists {count} {items}, limit {limit}")]
    TooMany {
        /// Which document.
        what: &'static str,
        /// Of what.
        items: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The index has no image for the platform that was asked for.
    #[error("the index has no image for {wanted}; it has: {available}")]
    NoSuchPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is, sorted.
        available: String,
    },
}
