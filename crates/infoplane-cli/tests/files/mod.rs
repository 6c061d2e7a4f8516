//! What a run left behind.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder, with its bytes.
pub fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((
                    path.strip_prefix(folder).expect("below").into(),
                    fs::read(&path).expect("a file"),
                ));
            }
        }
    }
    files.sort();
    files
}
