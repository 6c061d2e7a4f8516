//! Directories that one process writes to and any process reads: what run directories and pools of networks share.
//!
//! A file names what is computed; it is written first. While the computation goes on, one process at a time holds the
//! lock and appends what it finds out to a journal, a checked line for each record. At the end the journal becomes
//! tables with digests, and a last file declares the directory complete. So a killed process loses nothing that it
//! appended, and a directory is the same to the byte however often it was interrupted.

mod disk;
mod error;
mod files;
mod journal;
mod lock;
mod open;
mod partial;
mod restore;
mod verification;

pub use disk::Disk;
pub(crate) use disk::parent;
#[cfg(test)]
pub(crate) use disk::{Fault, FaultMode};
pub use error::RunError;
pub(crate) use error::{advice, is_of_a_result};
pub(crate) use files::{
    CHANGED, Digest, Digested, HasDigest, RESTORE, check_digest, digest_line, digest_of_file, from_toml,
    read, read_digested_toml, read_table, to_digested_toml, to_toml,
};
pub(crate) use journal::{Journal, LONGEST, Line, Lines, Seal, Span, checked};
pub(crate) use lock::{LOCK, Lock};
pub(crate) use open::{is_directory, names, open, read_bytes};
pub(crate) use partial::{Which, is_partial, partials, place, remove_partials};
pub(crate) use restore::restored;
pub(crate) use verification::reason;
pub use verification::{FileState, Verification, VerifiedFile};

/// The version of the format that this library writes, of run directories and of pools alike.
pub const FORMAT_VERSION: u32 = 3;

/// The name of the journal.
pub(crate) const JOURNAL: &str = "journal.jsonl";

/// The name of the file that declares a directory complete.
pub(crate) const OUTCOME: &str = "outcome.toml";
