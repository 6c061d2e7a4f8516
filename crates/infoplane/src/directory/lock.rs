//! One process writes to a run at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::open::open;
use super::{Disk, RunError};

/// The name of the file that is locked.
pub(crate) const LOCK: &str = "lock";

/// Held while a run is written; the system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Closing it gives the lock back.
    _file: File,
}

impl Lock {
    /// Takes the lock of the run directory at `directory`.
    pub(crate) fn take(directory: &Path, disk: &Disk) -> Result<Lock, RunError> {
        let path = directory.join(LOCK);
        loop {
            let mut file = disk.open_or_create(&path).map_err(RunError::io("create", &path))?;
            match file.try_lock() {
                // Between opening and locking its name may have been taken away by whoever held it; a lock on a
                // file without a name keeps nobody out.
                Ok(()) if !is_at(&file, &path) => continue,
                Ok(()) => return Ok(Lock::held(path, file, disk)),
                // Who reads may be looking for a writer at this moment, with a lock that is shared; it is given back at once.
                Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
                    drop(file);
                    std::thread::yield_now();
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Where a locked file cannot be read the number is not told.
                    let _ = file.read_to_string(&mut holder);
                    return Err(RunError::InUse {
                        path: directory.into(),
                        process: holder.trim().parse().ok(),
                    });
                }
                // File systems without locks, and some of other machines, say so in many ways. A run on them is
                // not kept from running; that no second process joins it is then up to the user.
                Err(TryLockError::Error(_)) => return Ok(Lock::held(path, file, disk)),
            }
        }
    }

    fn held(path: PathBuf, file: File, disk: &Disk) -> Lock {
        // Only for the message to a second process: the lock holds without.
        let _ = disk
            .truncate(&file, 0)
            .and_then(|()| disk.write(&file, format!("{}\n", std::process::id()).as_bytes()));
        Lock { path, _file: file }
    }

    /// The number of the process that holds the lock of the run directory at `directory`, if one does.
    pub(crate) fn holder(directory: &Path) -> Option<u32> {
        let mut file = open(&directory.join(LOCK)).ok()?;
        // A shared lock, given back at once, keeps nobody out but for this moment.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            _ => return None,
        }
        let mut holder = String::new();
        file.read_to_string(&mut holder).ok()?;
        holder.trim().parse().ok()
    }

    /// Gives the lock back and removes its file: first the name, so that nobody locks it in between.
    pub(crate) fn remove(self, disk: &Disk) -> io::Result<()> {
        disk.remove_file(&self.path)
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: io::Result<std::fs::Metadata>| metadata.map(|m| (m.dev(), m.ino())).ok();
    identity(file.metadata()) == identity(std::fs::metadata(path))
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
