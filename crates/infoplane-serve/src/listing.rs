//! The runs in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use infoplane::run::RunDir;
use serde::Serialize;

/// How many folders deep runs are looked for.
const DEPTH: usize = 4;
/// So many entries are looked at: more is no folder of runs.
const MOST_ENTRIES: usize = 200_000;

/// A run in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Listed {
    /// Its place in the folder, with slashes; a dot for the folder itself. Empty for the cell of a sweep that has no page, as a pool.
    pub id: String,
    pub name: String,
    pub state: &'static str,
    /// Measured epochs of all seeds; of a run that was interrupted nobody counts them.
    pub measured: Option<usize>,
    /// Planned epochs of each training, where that is known.
    pub planned: Option<u64>,
    /// These are not read of the cells of a sweep.
    pub seeds: Option<usize>,
    pub layers: Option<usize>,
    pub methods: Option<usize>,
    pub data: String,
    /// When a table of it was written last, in seconds since 1970.
    pub modified: u64,
}

/// All runs in a folder, by their places.
pub(crate) fn list(folder: &Path) -> Vec<Listed> {
    let mut found: Vec<Listed> =
        places(folder).into_iter().filter_map(|(id, path)| listed(id, &path)).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// The directory of the run at a place. Only what is listed has one: no other path can be named.
pub(crate) fn find(folder: &Path, id: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    if id != "." {
        for part in id.split('/') {
            let is_name =
                !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']);
            path.push(Some(part).filter(|_| is_name)?);
            // Links lead out of the folder.
            fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_dir)?;
        }
    }
    is_run(&path).then_some(path)
}

/// Whether there is nothing in a run but files and folders: a link leads elsewhere, and a pipe never ends.
fn holds_files_alone(path: &Path) -> bool {
    let is_plain = |entry: fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir());
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().all(is_plain))
}

fn is_run(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path.join("manifest.toml")).is_ok_and(|file| file.is_file());
    is_file && holds_files_alone(path)
}

fn places(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    if is_run(folder) {
        found.push((".".to_string(), folder.to_path_buf()));
    }
    let mut waiting = vec![(String::new(), folder.to_path_buf(), 0)];
    let mut looked = 0;
    while let Some((before, path, depth)) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&path) else { continue };
        for entry in entries.flatten() {
            looked += 1;
            if looked > MOST_ENTRIES {
                return found;
            }
            // The type of the entry itself: a link is none of a folder.
            let Some(name) = entry.file_name().to_str().map(String::from) else { continue };
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let id = if before.is_empty() { name } else { format!("{before}/{name}") };
            if is_run(&entry.path()) {
                found.push((id, entry.path()));
            } else if depth + 1 < DEPTH {
                waiting.push((id, entry.path(), depth + 1));
            }
        }
    }
    found
}

fn listed(id: String, path: &Path) -> Option<Listed> {
    let (directory, manifest) = RunDir::open(path).ok()?;
    let outcome = directory.outcome().ok().flatten();
    let state = match &outcome {
        Some(outcome) if !outcome.seeds.is_empty() && outcome.seeds.iter().all(|seed| seed.diverged()) => {
            "failed"
        }
        Some(_) => "finished",
        None if directory.writer_process().is_some() => "running",
        None => "interrupted",
    };
    let written = [
        directory.journal_path(),
        directory.plane_path(),
        path.join("outcome.toml"),
        path.join("manifest.toml"),
    ];
    let time = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let modified =
        written.iter().filter_map(time).max().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Some(Listed {
        id,
        name: manifest.name.clone(),
        state,
        measured: outcome.map(|outcome| outcome.seeds.iter().map(|seed| seed.measured_epochs).sum()),
        planned: manifest.planned_epochs,
        seeds: Some(manifest.seeds.len()),
        layers: Some(manifest.layers.len()),
        methods: Some(manifest.methods.len()),
        data: manifest.data.name.clone(),
        modified: modified.map_or(0, |time| time.as_secs()),
    })
}
