//! Flags that several commands share.

pub mod figures;
pub mod files;
pub mod machine;
pub mod method;
pub mod schedule;
