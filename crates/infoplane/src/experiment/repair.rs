//! Mending a complete run, or an as-if-random result, of which files are damaged.
//!
//! What is damaged is computed again in a directory inside (`repair`), from what is whole: settings, keyframes, tables. A file
//! takes the place of a damaged one only if it has the digest that was written with that. So nothing that is there is lost, and
//! what comes out is what was there before the damage, or nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::config::Experiment;
use super::error::ExperimentError;
use super::run::{Progress, RunOptions};
use crate::directory::{
    Disk, LOCK, Lock, OUTCOME, RunError, Which, digest_of_file, is_directory, names, read, remove_partials,
    restored, to_toml,
};
use crate::run::{
    KEYFRAMES, MANIFEST, Manifest, Outcome, PLANE, QUANTITIES, RunDir, SCHEDULE, TRAINING, Verification,
    records,
};

/// The directory in which what is damaged is computed again.
pub(super) const REPAIR: &str = "repair";

/// What came of mending.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// How the files are now.
    pub now: Verification,
    /// The files that are as they were written again.
    pub mended: Vec<PathBuf>,
    /// Why the others could not be mended, a sentence each.
    pub reasons: Vec<String>,
}

impl Experiment {
    /// Mends the damaged files of the complete run in the directory `path`.
    ///
    /// Settings of which one byte was changed are put back by their digest, and facts about the data are computed anew. Tables and
    /// keyframes are computed again from the keyframes that are whole, and take the place of what is damaged only if they have the
    /// digest that was written. What is interrupted goes on where it was when it is called again.
    ///
    /// Cost: at most that of the run; without damaged tables that of training from the keyframe before the first damaged one.
    ///
    /// # Errors
    /// [`RunError::InUse`] while another process writes to the run, [`ExperimentError::Interrupted`]; as
    /// [`RunDir::verify`] and [`Experiment::resume`].
    pub fn repair(
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Repair, ExperimentError> {
        let disk = Disk::default();
        mend(path, &disk, RunDir::verify, |found| {
            RunRepair { path, disk: &disk, found }.mend(options, progress, interrupt)
        })
    }
}

/// Takes the lock of a directory of which something is damaged, mends it and looks again; `work` returns why something could not
/// be mended.
pub(super) fn mend(
    path: &Path,
    disk: &Disk,
    verify: impl Fn(&Path) -> Result<Verification, RunError>,
    work: impl FnOnce(&Verification) -> Result<Vec<String>, ExperimentError>,
) -> Result<Repair, ExperimentError> {
    let before = verify(path)?;
    if !before.is_complete {
        let reasons = match before.is_whole() {
            true => Vec::new(),
            false => vec!["it is not complete: resume it, which computes again what is damaged".into()],
        };
        return Ok(Repair { now: before, mended: Vec::new(), reasons });
    }
    let scratch = path.join(REPAIR);
    if before.is_whole() && !scratch.exists() && !path.join(LOCK).exists() {
        return Ok(Repair { now: before, mended: Vec::new(), reasons: Vec::new() });
    }
    let lock = Lock::take(path, disk)?;
    let done = remove_all_partials(path, disk).map_err(ExperimentError::from).and_then(|()| {
        if before.is_whole() {
            // Of an attempt that was killed when all was done but this.
            remove_scratch(&scratch, disk)?;
            return Ok(Vec::new());
        }
        work(&before)
    });
    let now = verify(path);
    let unlocked = lock.remove(disk).map_err(RunError::io("remove", path));
    let (reasons, now) = (done?, now?);
    unlocked?;
    let is_damaged = |file: &&Path| now.has_damaged(&file.to_string_lossy());
    let mended: Vec<&Path> = before.damaged().map(|found| found.file.as_path()).collect();
    let mended = mended.into_iter().filter(|file| !is_damaged(file)).map(PathBuf::from).collect();
    Ok(Repair { now, mended, reasons })
}

/// Removes half-written files of an attempt that was killed, those of keyframes too. For whoever holds the lock.
fn remove_all_partials(path: &Path, disk: &Disk) -> Result<(), RunError> {
    remove_partials(path, disk, Which::All)?;
    let keyframes = path.join(KEYFRAMES);
    for seed in names(&keyframes).unwrap_or_default() {
        remove_partials(&keyframes.join(seed), disk, Which::All)?;
    }
    Ok(())
}

/// The bytes of a file whose first line is the digest of the others, with the one byte put back that was changed.
pub(super) fn restored_outcome(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (first, rest) = (&bytes[..end], &bytes[end + 1..]);
    let line = crate::directory::digest_line(rest);
    let differing = first.iter().zip(line.as_bytes()).filter(|(a, b)| a != b).count();
    if first.len() == line.len() && differing <= 1 {
        return Some([line.as_bytes(), b"\n", rest].concat());
    }
    let digest = std::str::from_utf8(first).ok()?.strip_prefix("digest = \"")?.strip_suffix('"')?;
    let rest = restored(rest, digest)?;
    Some([first, b"\n", &rest].concat())
}

/// Writes a file as it was before, if that can be told from what is there; returns whether it could.
pub(super) fn put_back(
    file: &Path,
    disk: &Disk,
    restored: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<bool, RunError> {
    let Some(bytes) = read(file).ok().flatten().and_then(|bytes| restored(&bytes)) else {
        return Ok(false);
    };
    disk.replace(file, &bytes).map_err(RunError::io("write", file))?;
    Ok(true)
}

/// Puts files that were computed again in the place of damaged ones, where they have the digests that were written; says which
/// do not.
pub(super) fn replace_damaged(
    (path, from): (&Path, &Path),
    files: &[(&str, &str)],
    found: &Verification,
    disk: &Disk,
) -> Result<Vec<String>, RunError> {
    let mut reasons = Vec::new();
    for &(file, digest) in files.iter().filter(|(file, _)| found.has_damaged(file)) {
        let (old, new) = (path.join(file), from.join(file));
        match digest_of_file(&new)? {
            Some(computed) if computed == digest => {
                disk.replace_by_copy(&new, &old).map_err(RunError::io("write", &old))?;
            }
            computed => reasons.push(format!(
                "{file} was computed again and has the digest {}, not {digest}: another program, or another kind of machine, wrote it",
                computed.unwrap_or_else(|| "none".into())
            )),
        }
    }
    Ok(reasons)
}

/// Removes the directory in which something was computed again.
pub(super) fn remove_scratch(scratch: &Path, disk: &Disk) -> Result<(), RunError> {
    match is_directory(scratch) {
        Ok(true) => disk.remove_all(scratch).map_err(RunError::io("remove", scratch)),
        Ok(false) => Ok(()),
        Err(error) => Err(RunError::io("remove", scratch)(error)),
    }
}

/// A run that is being mended.
struct RunRepair<'a> {
    path: &'a Path,
    disk: &'a Disk,
    found: &'a Verification,
}

impl RunRepair<'_> {
    fn mend(
        &self,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Vec<String>, ExperimentError> {
        let RunRepair { path, disk, found } = *self;
        // From here on files that were put back count.
        let mut now = found.clone();
        if found.has_damaged(OUTCOME) && put_back(&path.join(OUTCOME), disk, restored_outcome)? {
            now = RunDir::verify(path)?;
        }
        let outcome: Option<Outcome> = match now.has_damaged(OUTCOME) {
            true => None,
            false => crate::directory::read_digested_toml(&path.join(OUTCOME))?,
        };
        let digest = outcome.as_ref().and_then(|outcome| outcome.digests.manifest.clone());
        if now.has_damaged(MANIFEST) {
            let Some(digest) = &digest else {
                return Ok(vec![format!(
                    "{MANIFEST} says what was computed, and nothing tells what it held; restore it from a copy"
                )]);
            };
            let mended = put_back(&path.join(MANIFEST), disk, |bytes| restored(bytes, digest))?
                || self.compute_manifest(digest, outcome.as_ref())?;
            if !mended {
                return Ok(vec![format!(
                    "{MANIFEST} says what was computed, and more of it was changed than one byte or what follows from the rest; \
                     restore it from a copy"
                )]);
            }
            now = RunDir::verify(path)?;
        }
        if now.is_whole() {
            return Ok(Vec::new());
        }
        let manifest_file = path.join(MANIFEST);
        let bytes = read(&manifest_file)?.ok_or_else(|| RunError::NoRun(path.into()))?;
        let (run, manifest) = RunDir::open(path)?;
        if manifest.experiment().is_none() {
            return Ok(vec![
                "its networks were trained elsewhere, and what was measured of them is in these files alone; record them again \
                 into another directory"
                    .into(),
            ]);
        }
        let scratch = path.join(REPAIR);
        self.begin(&scratch, &bytes, &run, &manifest, outcome.as_ref(), &now)?;
        let summary = Experiment::resume_on(disk.clone(), &scratch, None, options, progress, interrupt)?;
        let reasons = self.take_over(&scratch, &run, &manifest, outcome.as_ref(), &summary.outcome, &now)?;
        remove_scratch(&scratch, disk)?;
        Ok(reasons)
    }

    /// Writes the manifest that the experiment in it gives, if it has the digest.
    fn compute_manifest(&self, digest: &str, outcome: Option<&Outcome>) -> Result<bool, ExperimentError> {
        let file = self.path.join(MANIFEST);
        let text = read(&file)?.and_then(|bytes| String::from_utf8(bytes).ok());
        let table = text.and_then(|text| toml::from_str::<toml::Table>(&text).ok());
        let experiment = table
            .as_ref()
            .and_then(|table| table.get("origin")?.as_table()?.get("experiment")?.as_table().cloned());
        let (Some(experiment), Some(outcome)) = (experiment, outcome) else { return Ok(false) };
        // What cannot be read or prepared is no experiment of a run.
        let Ok(experiment) = Experiment::from_table(&file.display().to_string(), experiment) else {
            return Ok(false);
        };
        let seeds: Vec<u64> = outcome.seeds.iter().map(|seed| seed.seed).collect();
        let prepared = experiment.prepare()?;
        let mut manifest: Manifest = experiment.manifest(&prepared, &seeds)?;
        // The same data may have been in a file of another name, and an earlier version may have written the manifest.
        let value = |key: &str| table.as_ref().and_then(|table| table.get(key));
        let name = value("data").and_then(|data| data.get("name")?.as_str());
        if let Some(name) = name {
            manifest.data.name = name.into();
        }
        if let Some(version) = value("infoplane_version").and_then(|version| version.as_str()) {
            manifest.infoplane_version = version.into();
        }
        let text = to_toml(&file, &manifest)?;
        if crate::directory::Digest::of(text.as_bytes()) != digest {
            return Ok(false);
        }
        self.disk.replace(&file, text.as_bytes()).map_err(RunError::io("write", &file))?;
        Ok(true)
    }

    /// Puts together a run that lacks what is damaged.
    fn begin(
        &self,
        scratch: &Path,
        bytes: &[u8],
        run: &RunDir,
        manifest: &Manifest,
        outcome: Option<&Outcome>,
        now: &Verification,
    ) -> Result<(), ExperimentError> {
        let disk = self.disk;
        if !is_directory(scratch).map_err(RunError::io("create", scratch))? {
            disk.create_directory(scratch).map_err(RunError::io("create", scratch))?;
        }
        let target = RunDir::open(self.path)?.0.at(scratch);
        for &seed in &manifest.seeds {
            for epoch in run.keyframes(seed)? {
                let (from, to) = (run.keyframe_path(seed, epoch), target.keyframe_path(seed, epoch));
                // Of an attempt that was interrupted.
                if to.exists() || run.read_keyframe(seed, epoch).is_err() {
                    continue;
                }
                let directory = crate::directory::parent(&to);
                disk.create_directory(directory).map_err(RunError::io("create", directory))?;
                disk.link_or_copy(&from, &to).map_err(RunError::io("create", &to))?;
            }
        }
        let records = || match outcome {
            Some(outcome) => records(self.path, manifest, outcome, now),
            None => Ok(Vec::new()),
        };
        Ok(RunDir::put_together(scratch, bytes, records, disk)?)
    }

    /// Takes over what was computed, where it is what was written before.
    fn take_over(
        &self,
        scratch: &Path,
        run: &RunDir,
        manifest: &Manifest,
        outcome: Option<&Outcome>,
        computed: &Outcome,
        now: &Verification,
    ) -> Result<Vec<String>, ExperimentError> {
        let RunRepair { path, disk, .. } = *self;
        let Some(outcome) = outcome else {
            // Without the digests it is the other files that tell whether the same was computed.
            for (file, digest) in tables(computed) {
                let found = digest_of_file(&path.join(file));
                if !matches!(&found, Ok(Some(found)) if found == digest) {
                    return Ok(vec![format!(
                        "{OUTCOME}, which has the digests, is damaged, and {file} is not what is computed now: nothing tells which is \
                         right; run the experiment again into another directory"
                    )]);
                }
            }
            self.take_keyframes(scratch, run, manifest)?;
            let (from, to) = (scratch.join(OUTCOME), path.join(OUTCOME));
            disk.replace_by_copy(&from, &to).map_err(RunError::io("write", &to))?;
            return Ok(Vec::new());
        };
        let mut reasons = replace_damaged((path, scratch), &tables(outcome), now, disk)?;
        if outcome.digests.keyframes == computed.digests.keyframes || outcome.digests.keyframes.is_none() {
            self.take_keyframes(scratch, run, manifest)?;
        } else if now.damaged().any(|found| found.file.starts_with(KEYFRAMES)) {
            reasons.push("other keyframes were computed than those that were written: another program, or another kind of machine, wrote them".into());
        }
        Ok(reasons)
    }

    /// Takes over the keyframes that are damaged or missing.
    fn take_keyframes(&self, scratch: &Path, run: &RunDir, manifest: &Manifest) -> Result<(), RunError> {
        let source = RunDir::open(scratch)?.0;
        for &seed in &manifest.seeds {
            for epoch in source.keyframes(seed)? {
                if run
                    .read_keyframe(seed, epoch)
                    .is_ok_and(|old| source.read_keyframe(seed, epoch).is_ok_and(|new| old == new))
                {
                    continue;
                }
                let (from, to) = (source.keyframe_path(seed, epoch), run.keyframe_path(seed, epoch));
                let directory = crate::directory::parent(&to);
                self.disk.create_directory(directory).map_err(RunError::io("create", directory))?;
                self.disk.replace_by_copy(&from, &to).map_err(RunError::io("write", &to))?;
            }
        }
        Ok(())
    }
}

/// The tables with the digests that an outcome has of them.
fn tables(outcome: &Outcome) -> Vec<(&'static str, &str)> {
    let digests = &outcome.digests;
    let mut tables =
        vec![(PLANE, &*digests.plane), (TRAINING, &digests.training), (SCHEDULE, &digests.schedule)];
    tables.extend(digests.quantities.as_ref().map(|digest| (QUANTITIES, &**digest)));
    tables
}
