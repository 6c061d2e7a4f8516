//! Files that hold the bytes of an input.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

thread_local! {
    /// One folder for all inputs of a thread: to make one for each would take longer than most inputs.
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// An empty folder called `name`.
pub fn folder(name: &str) -> PathBuf {
    let path = FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder for temporary files"));
        folder.path().join(name)
    });
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).expect("a new folder");
    path
}

/// A file called `name` that holds `bytes`.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder for temporary files"));
        folder.path().join(name)
    });
    write(&path, bytes);
    path
}

pub fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("space for a small file");
}

/// The digest by which the program names a file.
pub fn digest(bytes: &[u8]) -> String {
    format!("xxh3-128:{:032x}", XxHash3_128::oneshot(bytes))
}

/// Whether an input is one of so many for which what takes long is done: the same ones every time.
pub fn is_one_of(many: u32, bytes: &[u8]) -> bool {
    crc32fast::hash(bytes).is_multiple_of(many)
}

/// The parts of an input that is several files: `#### NAME` on a line of its own begins one.
///
/// Returns the bytes of each of `names`; none where the input lacks it.
pub fn parts<'a, const N: usize>(bytes: &'a [u8], names: [&str; N]) -> [&'a [u8]; N] {
    let mut parts = [&[][..]; N];
    let mut current: Option<(usize, usize)> = None;
    let mut start = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if let Some(name) = line.strip_prefix(b"#### ") {
            if let Some((part, begin)) = current {
                parts[part] = &bytes[begin..start];
            }
            let part = names.iter().position(|other| other.as_bytes() == name.trim_ascii_end());
            current = part.map(|part| (part, start + line.len()));
        }
        start += line.len();
    }
    if let Some((part, begin)) = current {
        parts[part] = &bytes[begin..];
    }
    parts
}
