//! Everything a run does to the disk, in one place, so that tests can let each step of it fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
#[cfg(test)]
use std::sync::{Arc, Mutex, PoisonError};

use super::open::{open, open_as};
use super::partial::{neighbour, remove_abandoned_of};

/// How many bytes a whole file collects before it hands them to the system.
const BUFFER: usize = 1 << 18;

/// Where a run is written.
///
/// It does what it is asked to. In this library's own tests one of its operations can be made to fail.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    #[cfg(test)]
    faults: Option<Arc<Mutex<Faults>>>,
}

/// What goes wrong, and when.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The operation that fails, from 0, counted over everything the disk is asked to do.
    pub at: u64,
    /// What the system says.
    pub kind: io::ErrorKind,
    /// Whether anything works after it.
    pub mode: FaultMode,
}

/// What follows a failure.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultMode {
    /// Later operations work.
    Once,
    /// So does every later operation fail, as if the process had been killed or the disk were gone.
    Dead,
}

#[cfg(test)]
#[derive(Debug, Default)]
struct Faults {
    fault: Option<Fault>,
    operations: u64,
}

#[cfg(test)]
impl Disk {
    /// A disk that fails as `fault` says; a write that fails leaves half of its bytes behind.
    pub(crate) fn failing(fault: Fault) -> Self {
        Disk { faults: Some(Arc::new(Mutex::new(Faults { fault: Some(fault), operations: 0 }))) }
    }

    /// A disk that works, and counts. Like one that fails it does not wait for the machine's own disk, whose power
    /// stays on: hundreds of runs then take no longer than one.
    pub(crate) fn counting() -> Self {
        Disk { faults: Some(Arc::default()) }
    }

    /// How many operations it was asked for so far; for a disk that counts or fails.
    pub(crate) fn operations(&self) -> u64 {
        self.faults
            .as_ref()
            .map_or(0, |faults| faults.lock().unwrap_or_else(PoisonError::into_inner).operations)
    }
}

impl Disk {
    /// Stands before every operation.
    #[inline]
    fn before(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
            let operation = faults.operations;
            faults.operations += 1;
            if let Some(Fault { at, kind, mode }) = faults.fault
                && (operation == at || mode == FaultMode::Dead && operation > at)
            {
                // Half a write arrives only where the failure begins: whoever is dead writes nothing.
                let torn = operation == at;
                return Err(io::Error::new(kind, Injected { torn }));
            }
        }
        Ok(())
    }

    /// Makes a directory and those it lies in.
    pub(crate) fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.before()?;
        fs::create_dir_all(path)
    }

    /// Makes a file that must not be there yet.
    pub(crate) fn create_new(&self, path: &Path) -> io::Result<File> {
        self.before()?;
        File::create_new(path)
    }

    /// Makes a file, or opens it as it is.
    pub(crate) fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.before()?;
        open_as(path, File::options().read(true).write(true).create(true).truncate(false))
    }

    /// Opens a file to write to.
    pub(crate) fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.before()?;
        open_as(path, File::options().write(true))
    }

    pub(crate) fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        let allowed = self.before();
        #[cfg(test)]
        if let Err(error) = &allowed {
            let fault: Option<&Injected> = error.get_ref().and_then(|inner| inner.downcast_ref());
            if fault.is_some_and(|fault| fault.torn) {
                file.write_all(&bytes[..bytes.len() / 2])?;
            }
        }
        allowed?;
        file.write_all(bytes)
    }

    /// Waits until what was written to the file is on the disk.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        self.before()?;
        #[cfg(test)]
        if self.faults.is_some() {
            return Ok(());
        }
        file.sync_data()
    }

    /// Waits until the names in a directory are on the disk.
    pub(crate) fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.before()?;
        #[cfg(test)]
        if self.faults.is_some() {
            return Ok(());
        }
        // Elsewhere a directory cannot be opened as a file, and the system keeps names by itself.
        if cfg!(unix) {
            match File::open(path).and_then(|directory| directory.sync_all()) {
                // File systems of other machines know nothing of this.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
                done => return done,
            }
        }
        Ok(())
    }

    /// Gives a file a second name, which must not be there yet; copies it where a file has but one.
    pub(crate) fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before()?;
        fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
    }

    /// Puts a copy of a file in the place of another.
    pub(crate) fn replace_by_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = open(from)?;
        self.replace_with(to, |out| io::copy(&mut source, out).map(drop))
    }

    /// Removes a directory with all that is in it.
    pub(crate) fn remove_all(&self, path: &Path) -> io::Result<()> {
        self.before()?;
        fs::remove_dir_all(path)
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before()?;
        fs::rename(from, to)
    }

    pub(crate) fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.before()?;
        file.set_len(length)
    }

    /// Removes a file; it may be gone already.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.before()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Removes an empty directory.
    pub(crate) fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.before()?;
        fs::remove_dir(path)
    }

    /// Writes `bytes` to a neighbour of `path`, syncs it, renames it to `path` and syncs the directory.
    ///
    /// Whoever reads `path` sees the old file or the new one, also after a loss of power. If anything fails the
    /// neighbour is removed. What is there and no directory is replaced whatever it is, a symbolic link itself and not the file
    /// that it leads to.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.replace_with(path, |file| file.write_all(bytes))
    }

    /// As [`Disk::replace`], with bytes that come little by little.
    pub(crate) fn replace_with<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        let neighbour = neighbour(path);
        let written = self.write_neighbour(&neighbour, write).and_then(|value| {
            self.rename(&neighbour, path)?;
            Ok(value)
        });
        if written.is_err() {
            // The first failure is the one worth reporting.
            let _ = self.remove_file(&neighbour);
        }
        let value = written?;
        self.sync_directory(parent(path))?;
        Ok(value)
    }

    /// As [`Disk::replace_with`], for a path that a user gave: a link to a file is followed, and a device or a pipe, such as
    /// `/dev/stdout`, is written to, which would be gone if a file took its place.
    pub(crate) fn write_where_asked<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() && !found.is_dir() => {
                self.before()?;
                let file = File::options().write(true).open(path)?;
                let mut file = Buffered { disk: self, file, bytes: Vec::new() };
                let value = write(&mut file)?;
                file.flush()?;
                Ok(value)
            }
            found => {
                let path = if found.is_ok() { &fs::canonicalize(path)? } else { path };
                let value = self.replace_with(path, write)?;
                remove_abandoned_of(path, self);
                Ok(value)
            }
        }
    }

    /// Makes a file with all its bytes that must not be there yet: of several that make one at once one succeeds, the others are told
    /// [`io::ErrorKind::AlreadyExists`], and whoever reads it finds all of it.
    ///
    /// Where the file system has no second names for a file, a reader may find the beginning of it for a moment.
    pub(crate) fn create_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let neighbour = neighbour(path);
        let made = self
            .write_neighbour(&neighbour, |file| file.write_all(bytes))
            .and_then(|()| self.link_new(&neighbour, path, bytes));
        // The first failure is the one worth reporting.
        let _ = self.remove_file(&neighbour);
        made?;
        self.sync_directory(parent(path))
    }

    /// Gives a whole file a second name, which must not be there yet.
    fn link_new(&self, whole: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.before()?;
        match fs::hard_link(whole, path) {
            Ok(()) => Ok(()),
            // A server whose answer was lost is asked again, and then finds what it made itself.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if names(whole) == Some(2) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            // File systems without second names say so in several ways; what else is wrong, making the file tells.
            Err(_) => {
                let file = self.create_new(path)?;
                self.write(&file, bytes).inspect_err(|_| _ = fs::remove_file(path))?;
                self.sync(&file)
            }
        }
    }

    fn write_neighbour<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        self.before()?;
        let mut file = Buffered { disk: self, file: File::create(path)?, bytes: Vec::new() };
        let value = write(&mut file)?;
        file.flush()?;
        self.sync(&file.file)?;
        Ok(value)
    }
}

/// How many names a file has, where the system tells.
fn names(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    return fs::metadata(path).ok().map(|found| std::os::unix::fs::MetadataExt::nlink(&found));
    #[cfg(not(unix))]
    return fs::metadata(path).ok().and(None);
}

/// The directory that a path lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Collects small writes.
struct Buffered<'a> {
    disk: &'a Disk,
    file: File,
    bytes: Vec<u8>,
}

impl Write for Buffered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= BUFFER {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            self.disk.write(&self.file, &self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// A failure that a test asked for.
#[cfg(test)]
#[derive(Debug, thiserror::Error)]
#[error("a test let this operation fail")]
struct Injected {
    torn: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_made_whole_has_all_its_bytes_or_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = [7; 3 * BUFFER];
        let disk = Disk::counting();
        let path = folder.path().join("counted");
        disk.create_whole(&path, &bytes).unwrap();
        let n = disk.operations();
        // Who comes later finds it as it is, and leaves nothing beside it.
        let error = disk.create_whole(&path, b"other").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for at in 0..n {
            for mode in [FaultMode::Once, FaultMode::Dead] {
                let path = folder.path().join(format!("{at}-{mode:?}"));
                let failing = Disk::failing(Fault { at, kind: io::ErrorKind::StorageFull, mode });
                let made = failing.create_whole(&path, &bytes);
                match fs::read(&path) {
                    Ok(found) => assert_eq!(found, bytes, "{at} {mode:?}"),
                    Err(_) => assert!(made.is_err(), "{at} {mode:?}"),
                }
            }
        }
    }
}
