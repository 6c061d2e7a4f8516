//! What each fuzz target does with its bytes: a command of the program on files that hold them, up to its output.
//!
//! libFuzzer calls these functions (`cargo xtask fuzz`), and so does a test of the workspace on inputs that once went wrong
//! (`xtask/tests/fuzz_regressions.rs`). Where a file has a checksum, the target makes it the right one, so that what is behind the
//! check is reached without a program of its own for fuzzing.

mod data;
mod experiment;
mod limit;
mod place;
mod pool;
mod run;
mod sweep;

/// A target: its name, and what it does with its bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 15] = [
    ("npy", data::npy),
    ("npz", data::npz),
    ("idx", data::idx),
    ("mat", data::mat),
    ("hdf5", data::hdf5),
    ("csv", data::csv),
    ("safetensors", data::safetensors),
    ("toml", experiment::toml),
    ("journal", run::journal),
    ("tables", run::tables),
    ("manifest", run::manifest),
    ("outcome", run::outcome),
    ("keyframe", run::keyframe),
    ("pool", pool::pool),
    ("sweep", sweep::sweep),
];

/// Gives `bytes` to the target called `name`.
///
/// # Panics
/// If there is no such target, or where the program goes wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(other, _)| *other == name).expect("a target of the list");
    target(bytes);
}
