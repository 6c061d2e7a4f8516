//! Files that are either whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `bytes` to a neighbour of `path`, syncs it and renames it to `path`.
///
/// Whoever reads `path` sees the old file or the new one. If anything fails the neighbour is removed.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut neighbour = path.as_os_str().to_owned();
    // The process number keeps two processes from writing to one neighbour.
    neighbour.push(format!(".{}.partial", std::process::id()));
    let written = write_synced(Path::new(&neighbour), bytes).and_then(|()| fs::rename(&neighbour, path));
    if written.is_err() {
        // The first failure is the one worth reporting.
        let _ = fs::remove_file(&neighbour);
    }
    written
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
