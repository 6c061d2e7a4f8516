//! A growing file of one JSON object per line.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunError;

/// Appends objects, a line each.
///
/// Whole lines are handed to the system in one write, so a process that is killed leaves at most one cut line,
/// at the end, which [`read_journal`] passes over.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines so far.
    length: u64,
    /// Whether an append failed; then nothing may follow it.
    failed: bool,
}

impl Journal {
    /// Starts a new journal; the file must not be there yet.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let file = File::create_new(path).map_err(RunError::io("create", path))?;
        Ok(Journal { path: path.to_path_buf(), file, length: 0, failed: false })
    }

    /// Appends a line for each object: all of them, or none if that fails. After a failure nothing more is taken,
    /// or there would be a gap.
    ///
    /// # Errors
    /// [`RunError::Io`], for example when the disk is full.
    pub fn append<T: Serialize>(&mut self, objects: &[T]) -> Result<(), RunError> {
        let mut lines = Vec::new();
        for object in objects {
            serde_json::to_writer(&mut lines, object)
                .map_err(io::Error::other)
                .map_err(RunError::io("write", &self.path))?;
            lines.push(b'\n');
        }
        let written = match self.failed {
            true => Err(io::Error::other("an earlier write failed")),
            false => self.file.write_all(&lines),
        };
        match written {
            Ok(()) => self.length += lines.len() as u64,
            Err(_) => {
                self.failed = true;
                // If cutting fails too, readers still pass over the half line at the end.
                let _ = self.file.set_len(self.length);
            }
        }
        written.map_err(RunError::io("write", &self.path))
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn sync(&self) -> Result<(), RunError> {
        self.file.sync_all().map_err(RunError::io("write", &self.path))
    }
}

/// Every object of a journal; none if there is no such file. A last line that was cut short is passed over.
///
/// # Errors
/// [`RunError::Malformed`] with the line if any other line is damaged.
pub fn read_journal<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", path)(error)),
    };
    // What stands after the last line feed was never finished.
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end);
    if whole == 0 {
        return Ok(Vec::new());
    }
    bytes[..whole]
        .split(|&byte| byte == b'\n')
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| RunError::Malformed {
                path: path.to_path_buf(),
                line: Some(number + 1),
                message: error.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_cut_anywhere_keeps_every_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&[10u32, 20]).unwrap();
        journal.append(&[30u32]).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes, b"10\n20\n30\n");
        for length in 0..=bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let kept: Vec<u32> = read_journal(&path).unwrap();
            assert_eq!(kept, [10, 20, 30][..length / 3]);
        }
    }

    #[test]
    fn damage_inside_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.jsonl");
        fs::write(&path, "1\nzwei\n3\n").unwrap();
        let error = read_journal::<u32>(&path).unwrap_err().to_string();
        assert!(error.contains("numbers.jsonl, line 2: "), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_nothing_follows() {
        let path = Path::new("/dev/full");
        let file = File::options().write(true).open(path).unwrap();
        let mut journal = Journal { path: path.into(), file, length: 0, failed: false };
        let error = journal.append(&[1u32]).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: "), "{error}");
        let error = journal.append(&[2u32]).unwrap_err().to_string();
        assert!(error.contains("an earlier write failed"), "{error}");
    }

    #[test]
    fn a_journal_is_never_started_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.jsonl");
        Journal::create(&path).unwrap();
        assert!(matches!(Journal::create(&path), Err(RunError::Io { .. })));
    }
}
