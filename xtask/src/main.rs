//! What a contributor runs: `cargo xtask test`, `cargo xtask bench-tables`.
fn main() {}
