//! Values that must not be shown.
//!
//! In: a password, key or token. Out: a wrapper that neither prints nor serialises what it holds, so that a log line, an
//! error or a JSON answer cannot carry it by accident.

use std::fmt;

/// A value that is never printed, logged or serialised. [`Secret::reveal`] is the one way to the inside.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the place that must use it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?}"), "<secret>");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
