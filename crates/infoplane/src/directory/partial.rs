//! Files under the name that they have while they are written (`….partial`), and those that killed processes left behind.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::open::{is_directory, names};
use super::{Disk, RunError};

/// How such a name ends.
const PARTIAL: &str = ".partial";

/// Nobody writes a file for so long: what is older is left behind, whoever wrote it.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// A name beside a path for what becomes the file there.
///
/// Whoever finds it left behind sees by the system and the number of the process whether somebody still writes; processes of
/// several machines, and threads of one process, may write the same file at once.
pub(super) fn neighbour(path: &Path) -> PathBuf {
    let random = RandomState::new().build_hasher().finish() as u32;
    let system = system().unwrap_or(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{system:08x}{random:08x}.{}{PARTIAL}", std::process::id()));
    name.into()
}

/// A file that a process began to write.
struct Partial {
    /// By what the process's system is recognised; earlier versions did not say it.
    system: Option<u32>,
    process: u32,
}

impl Partial {
    /// Of `NAME.SYSTEM and a random number.PROCESS.partial`; `None` for any other name.
    fn of(name: &str) -> Option<Partial> {
        let (before, process) = name.strip_suffix(PARTIAL)?.rsplit_once('.')?;
        let tag = before.rsplit_once('.').map(|(_, tag)| tag).filter(|tag| tag.len() == 16 && tag.is_ascii());
        let system = tag.and_then(|tag| u32::from_str_radix(&tag[..8], 16).ok());
        Some(Partial { system, process: process.parse().ok()? })
    }

    /// Whether its process is known to have ended.
    fn is_of_the_dead(&self) -> bool {
        (self.system.is_none() || self.system == system()) && has_ended(self.process)
    }
}

/// Whether a name is that of a file that a process began to write.
pub(crate) fn is_partial(name: &str) -> bool {
    Partial::of(name).is_some()
}

/// Which of the files that processes began to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All: for whoever holds the lock of the directory.
    All,
    /// Those whose process has ended, or that nobody has written to for a day.
    Abandoned,
}

/// Files in `directory` that processes began to write and did not rename.
pub(crate) fn partials(directory: &Path, which: Which) -> Result<Vec<PathBuf>, RunError> {
    // In a file or a link that stands in its place there are none.
    if !is_directory(directory).unwrap_or(false) {
        return Ok(Vec::new());
    }
    let names = names(directory).map_err(RunError::io("read", directory))?;
    let left = |name: &String| {
        Partial::of(name).is_some_and(|partial| {
            which == Which::All || partial.is_of_the_dead() || is_old(&directory.join(name))
        })
    };
    Ok(names.into_iter().filter(left).map(|name| directory.join(name)).collect())
}

/// Removes them.
pub(crate) fn remove_partials(directory: &Path, disk: &Disk, which: Which) -> Result<(), RunError> {
    for partial in partials(directory, which)? {
        disk.remove_file(&partial).map_err(RunError::io("remove", &partial))?;
    }
    Ok(())
}

/// Removes what killed processes left of one file. What cannot be removed does no harm.
pub(super) fn remove_abandoned_of(path: &Path, disk: &Disk) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let is_of_it = |found: &PathBuf| {
        let found = found.file_name().and_then(|found| found.to_str());
        found.is_some_and(|found| found.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    };
    let left = partials(super::parent(path), Which::Abandoned).unwrap_or_default();
    left.iter().filter(|found| is_of_it(found)).for_each(|found| _ = disk.remove_file(found));
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > LONG))
}

/// Whether a process of this system is known to have ended.
fn has_ended(process: u32) -> bool {
    // Where there is no such list nothing is known, nor where it hides the processes of other users.
    let processes = Path::new("/proc");
    processes.join("1").exists() && !processes.join(process.to_string()).exists()
}

/// The start of the system and the space of process numbers, on Linux: only where both are the same can a process be looked for.
pub(crate) fn place() -> Option<String> {
    let start = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", start.trim(), space.display()))
}

/// The place in a few digits.
fn system() -> Option<u32> {
    static SYSTEM: OnceLock<Option<u32>> = OnceLock::new();
    *SYSTEM.get_or_init(|| place().map(|place| crc32fast::hash(place.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_dead_and_old_ones_are_left_behind() {
        if system().is_none() {
            println!("this system does not tell its start and its process numbers: nothing to test");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let own = neighbour(&folder.path().join("plane.csv"));
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        // No process has the largest number that Linux allows, and none of another system is known here.
        let (here, elsewhere) = (system().unwrap(), !system().unwrap());
        let dead = format!("plane.csv.{here:08x}00000001.4194304.partial");
        let earlier = "plane.csv.4194304.partial".to_string();
        let foreign = format!("plane.csv.{elsewhere:08x}00000001.4194304.partial");
        let old = format!("old.csv.{elsewhere:08x}00000001.4194304.partial");
        for name in [&name(&own), &dead, &earlier, &foreign, &old, &"plane.partial.csv".to_string()] {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        let file = fs::File::options().write(true).open(folder.path().join(&old)).unwrap();
        file.set_modified(std::time::SystemTime::now() - 2 * LONG).unwrap();
        let found = |which| -> Vec<String> {
            partials(folder.path(), which).unwrap().iter().map(|path| name(path)).collect()
        };
        let mut expected = vec![dead.clone(), earlier, old];
        expected.sort();
        assert_eq!(found(Which::Abandoned), expected);
        assert_eq!(found(Which::All).len(), 5);
        remove_partials(folder.path(), &Disk::default(), Which::Abandoned).unwrap();
        assert!(own.exists() && !folder.path().join(dead).exists());
        assert!(partials(&folder.path().join("none"), Which::All).unwrap().is_empty());
    }
}
