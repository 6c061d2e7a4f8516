//! The command `infoplane`.
fn main() {}
