//! Priority.

/// From where the image's services can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposure {
    /// From the internet.
    Internet,
    /// Nobody said: taken as reachable.
    #[default]
    Unknown,
    /// From the own network only.
    Internal,
}

/// How much depends on the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// 0 on the wire.
    Test,
    /// 1 on the wire.
    #[default]
    Common,
    /// 2 on the wire.
    Important,
}
