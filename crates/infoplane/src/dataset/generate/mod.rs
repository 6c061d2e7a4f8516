//! Tasks whose information is known, one file each.

mod symmetric12;

pub use symmetric12::{Symmetric12, symmetric12};
