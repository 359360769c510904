//! The only unsafe code: memory-mapped files.
