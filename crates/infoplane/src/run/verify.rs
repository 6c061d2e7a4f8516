//! Comparing the files of a run with what was written.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::files::{Stamp, read_manifest};
use super::journal::{Methods, parse};
use super::{
    KEYFRAMES, MANIFEST, Manifest, Outcome, PLANE, QUANTITIES, RunDir, RunError, SCHEDULE, TRAINING,
};
use crate::directory::{
    Disk, FileState, JOURNAL, Lines, OUTCOME, Verification, open, read, read_digested_toml, reason,
};

impl RunDir {
    /// Reads every file of the run in a directory, and compares it with the digests and checksums that were written with it.
    ///
    /// Figures and tables for reading (`report/`) are not among them: they can be made again at any time.
    ///
    /// Time: that of reading all files once.
    ///
    /// # Errors
    /// [`RunError::NoRun`] if nothing in the directory is of a run, [`RunError::FormatVersion`] for a format that this library does
    /// not read. What is damaged is no error.
    pub fn verify(path: &Path) -> Result<Verification, RunError> {
        let file = path.join(MANIFEST);
        let outcome = read_digested_toml::<Outcome>(&path.join(OUTCOME));
        let manifest = match read_manifest(path) {
            Ok((manifest, _)) => Ok(manifest),
            Err(RunError::NoRun(_)) if !matches!(outcome, Ok(None)) => Err(FileState::Missing),
            Err(error @ (RunError::Malformed { .. } | RunError::Io { .. })) => {
                Err(FileState::Damaged(reason(&error)))
            }
            Err(error) => return Err(error),
        };
        let mut found = Verification::new(path, !matches!(outcome, Ok(None)));
        let (outcome, of_outcome) = match outcome {
            Ok(outcome) => (outcome, FileState::Whole),
            Err(error) => (None, FileState::Damaged(reason(&error))),
        };
        match (&outcome, &manifest) {
            (_, Err(state)) => found.add(MANIFEST, state.clone()),
            (Some(outcome), Ok(_)) => match &outcome.digests.manifest {
                Some(digest) => found.add_digested(MANIFEST, digest),
                None => found.add(MANIFEST, earlier()),
            },
            (None, Ok(_)) if found.is_complete => found.add(MANIFEST, without_outcome()),
            (None, Ok(manifest)) => {
                found.add(
                    MANIFEST,
                    FileState::Unknown("a run that is not complete has no digest of it".into()),
                );
                found.add(JOURNAL, journal_state(path, &file, manifest));
            }
        }
        let seeds = match (&outcome, &manifest) {
            (Some(outcome), _) => outcome.seeds.iter().map(|seed| seed.seed).collect(),
            (None, Ok(manifest)) => manifest.seeds.clone(),
            (None, Err(_)) => Vec::new(),
        };
        let run = RunDir {
            path: path.into(),
            seeds,
            has_quantities: false,
            stamp: Stamp::of(&[]),
            disk: Disk::default(),
            writer: None,
        };
        run.verify_keyframes(outcome.as_ref(), &mut found);
        if found.is_complete {
            match &outcome {
                Some(outcome) => {
                    let digests = &outcome.digests;
                    found.add_digested(PLANE, &digests.plane);
                    if let Some(digest) = &digests.quantities {
                        found.add_digested(QUANTITIES, digest);
                    }
                    found.add_digested(TRAINING, &digests.training);
                    found.add_digested(SCHEDULE, &digests.schedule);
                }
                None => {
                    for table in [PLANE, TRAINING, SCHEDULE] {
                        found.add(table, without_outcome());
                    }
                }
            }
            found.add(OUTCOME, of_outcome);
        }
        Ok(found)
    }

    /// Each keyframe by its own checksum, then all together by the digest of the outcome: some may be missing, or another's.
    fn verify_keyframes(&self, outcome: Option<&Outcome>, found: &mut Verification) {
        let mut any = false;
        let mut damaged = false;
        for &seed in &self.seeds {
            let epochs = match self.keyframes(seed) {
                Ok(epochs) => epochs,
                Err(error) => {
                    found.add(KEYFRAMES, FileState::Damaged(reason(&error)));
                    return;
                }
            };
            for epoch in epochs {
                any = true;
                if let Err(error) = self.read_keyframe(seed, epoch) {
                    damaged = true;
                    let file = self.keyframe_path(seed, epoch);
                    let inside = file.strip_prefix(&self.path).map_or_else(|_| file.clone(), PathBuf::from);
                    found.add(inside, FileState::Damaged(reason(&error)));
                }
            }
        }
        let digest = outcome.and_then(|outcome| outcome.digests.keyframes.as_ref());
        let state = match digest {
            // The files are named already.
            _ if damaged => return,
            Some(_) if !any => FileState::Missing,
            Some(digest) => match self.keyframes_digest(&self.seeds) {
                Ok(Some(found)) if found == *digest => FileState::Whole,
                Ok(_) => FileState::Damaged("some are missing, or are those of another training".into()),
                Err(error) => FileState::Damaged(reason(&error)),
            },
            None if !any => return,
            None => FileState::Unknown(
                "each has the checksum that it was written with; nothing tells whether any is missing".into(),
            ),
        };
        found.add(KEYFRAMES, state);
    }
}

fn earlier() -> FileState {
    FileState::Unknown("an earlier version of the program wrote no digest of it".into())
}

fn without_outcome() -> FileState {
    FileState::Unknown(format!("its digest was in {OUTCOME}"))
}

/// The lines of a journal by their checksums.
fn journal_state(directory: &Path, manifest_file: &Path, manifest: &Manifest) -> FileState {
    let count = || {
        let failed = |error| RunError::io("read", &directory.join(JOURNAL))(error);
        let bytes = read(manifest_file)?.unwrap_or_default();
        let (seal, mut methods) = (Stamp::of(&bytes).seal, Methods::of(manifest));
        let mut lines = Lines::new(BufReader::new(open(&directory.join(JOURNAL)).map_err(failed)?));
        let mut damaged = 0_u64;
        while let Some(line) = lines.next().map_err(failed)? {
            damaged += u64::from(parse(line.text, seal, &mut methods).is_none());
        }
        Ok::<_, RunError>(damaged)
    };
    match count() {
        Ok(0) => FileState::Whole,
        Ok(1) => FileState::Damaged("one line is damaged, or not written to its end".into()),
        Ok(n) => FileState::Damaged(format!("{n} lines are damaged")),
        Err(RunError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            FileState::Missing
        }
        Err(error) => FileState::Damaged(reason(&error)),
    }
}
