//! The tables of rules.
//!
//! In: nothing. Out: rows, one table for each way of telling secrets. Odd: their order is that in which one place in a file
//! is given to the first rule that fits.

mod files;
mod general;
mod keys;
mod services;
mod tokens;

use super::rule::SecretRule;

/// All tables.
pub(super) const TABLES: &[&[SecretRule]] = &[
    files::FILES,
    tokens::CLOUDS,
    keys::PRIVATE_KEYS,
    tokens::TOKENS,
    services::SERVICES,
    general::GENERAL,
];
