//! A run that is read: one consistent look at it, and what was appended since.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::journal::{Methods, Record, parse};
use super::learned::{FailedSeed, failed_seeds};
use super::{
    Manifest, OUTCOME, Outcome, PLANE, QUANTITIES, RunDir, RunError, SCHEDULE, TRAINING, Verification,
};
use crate::InformationPlane;
use crate::directory::{Digest, LONGEST, Line, Lines, Seal, open, read_table};
use crate::plane::{PlaneRow, StoredRow};
use crate::quantity::QuantityRow;
use crate::schedule::MeasuredEpoch;
use crate::train::EpochStats;

/// A run, read: what it is, where it stands, and its tables.
///
/// Reads finished runs and runs that are being written alike; all tables come from one look at the directory, so they
/// agree with each other. [`follow`](Run::follow) brings a run that goes on up to date, at the cost of what was appended.
///
/// Memory: at most 80 bytes for each row of the plane. Time: a second or so for a million rows.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use infoplane::experiment::{Experiment, RunOptions};
/// use infoplane::run::{Run, State};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("short");
/// let short = Experiment::load("tishby2017", &["training.epochs=4".into(), "seeds=1".into()])?;
/// short.run(&path, RunOptions::default(), &(), &AtomicBool::new(false))?;
///
/// let run = Run::read(&path)?;
/// assert_eq!(run.state(), State::Finished);
/// assert_eq!(run.manifest().layers[2].width, 5);
/// let last = run.plane().rows().last().unwrap();
/// assert_eq!((last.epoch, last.layer), (4, 6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Run {
    directory: RunDir,
    manifest: Manifest,
    state: State,
    outcome: Option<Outcome>,
    tables: Tables,
    damaged: usize,
    journal: JournalReader,
}

/// What was found out.
#[derive(Debug)]
struct Tables {
    plane: InformationPlane,
    quantities: Vec<QuantityRow>,
    training: Vec<EpochStats>,
    schedule: Vec<MeasuredEpoch>,
}

impl Tables {
    fn new(manifest: &Manifest) -> Tables {
        Tables {
            plane: InformationPlane::new(&manifest.shared_methods()),
            quantities: Vec::new(),
            training: Vec::new(),
            schedule: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.plane = InformationPlane::new(self.plane.methods());
        self.quantities.clear();
        self.training.clear();
        self.schedule.clear();
    }

    fn lengths(&self) -> [usize; 4] {
        [self.plane.len(), self.quantities.len(), self.training.len(), self.schedule.len()]
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Measured { seed, epoch, reason, rows, quantities } => {
                self.plane.extend(&rows);
                self.quantities.extend(quantities);
                self.schedule.push(MeasuredEpoch { seed, epoch, reason, distance: None });
            }
            Record::Trained(stats) => self.training.push(stats),
            Record::Witnessed { .. } | Record::Ended(_) => {}
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A process is writing to it.
    Running {
        /// The number of the process, where it is known.
        process: Option<u32>,
    },
    /// It is not complete, and nobody is writing to it; it can be resumed.
    Interrupted,
    /// It is complete, and at least one training came to an end.
    Finished,
    /// It is complete, and every training diverged.
    Failed,
}

impl State {
    /// Whether nothing more will come.
    pub fn is_complete(self) -> bool {
        matches!(self, State::Finished | State::Failed)
    }

    /// `running`, `interrupted`, `finished` or `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            State::Running { .. } => "running",
            State::Interrupted => "interrupted",
            State::Finished => "finished",
            State::Failed => "failed",
        }
    }
}

/// What [`Run::follow`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// New rows of the plane, by their places.
    pub plane: Range<usize>,
    /// New rows of the quantities beside the plane, likewise.
    pub quantities: Range<usize>,
    /// New epoch statistics, likewise.
    pub training: Range<usize>,
    /// New measured epochs, likewise.
    pub schedule: Range<usize>,
    /// Whether the tables were read anew from their beginning: the run was finished, or its journal written anew. The
    /// ranges then span the whole tables.
    pub reread: bool,
}

impl Appended {
    /// Whether nothing is new.
    pub fn is_empty(&self) -> bool {
        !self.reread && self.plane.is_empty() && self.training.is_empty() && self.schedule.is_empty()
    }
}

impl Run {
    /// Reads the run in a directory; also while it is being written.
    ///
    /// # Errors
    /// [`RunError::NoRun`]; [`RunError::FormatVersion`] for a format that this library does not read;
    /// [`RunError::Malformed`] if a table of a complete run is not as it was written.
    pub fn read(path: &Path) -> Result<Run, RunError> {
        let (directory, manifest) = RunDir::open(path)?;
        let mut run = Run {
            tables: Tables::new(&manifest),
            journal: JournalReader::new(&directory, &manifest),
            directory,
            manifest,
            state: State::Interrupted,
            outcome: None,
            damaged: 0,
        };
        run.follow()?;
        run.sort();
        Ok(run)
    }

    /// Reads what was appended since this run was read or followed last.
    ///
    /// Costs as much as what was appended. Where the run has been finished meanwhile its tables are read anew, in their
    /// final order and with the distances of the schedule.
    ///
    /// # Errors
    /// As [`Run::read`]; [`RunError::NoRun`] once the directory is gone.
    pub fn follow(&mut self) -> Result<Appended, RunError> {
        if self.state.is_complete() {
            return Ok(Appended::default());
        }
        loop {
            if let Some(outcome) = self.directory.outcome()? {
                self.read_complete(&outcome)?;
                let all_diverged =
                    !outcome.seeds.is_empty() && outcome.seeds.iter().all(|seed| seed.diverged());
                self.state = if all_diverged { State::Failed } else { State::Finished };
                self.outcome = Some(outcome);
                return Ok(self.whole());
            }
            // Before the journal is read: whoever lets go of the lock has written everything.
            let process = self.directory.writer_process();
            let running = process.is_some();
            let before = self.tables.lengths();
            match self.journal.read_on(&mut self.tables)? {
                // Finished between the two looks.
                None if self.directory.outcome()?.is_some() => continue,
                // Nothing is written yet, or the directory is gone.
                None if !self.directory.path().join(super::MANIFEST).exists() => {
                    return Err(RunError::NoRun(self.directory.path().into()));
                }
                None => {}
                Some(News { damaged, anew }) => {
                    self.damaged = if anew { damaged } else { self.damaged + damaged };
                    if anew && before != [0; 4] {
                        self.state = if running { State::Running { process } } else { State::Interrupted };
                        return Ok(self.whole());
                    }
                }
            }
            self.state = if running { State::Running { process } } else { State::Interrupted };
            return Ok(self.appended_after(before, false));
        }
    }

    fn whole(&self) -> Appended {
        self.appended_after([0; 4], true)
    }

    fn appended_after(&self, [plane, quantities, training, schedule]: [usize; 4], reread: bool) -> Appended {
        let now = self.tables.lengths();
        Appended {
            plane: plane..now[0],
            quantities: quantities..now[1],
            training: training..now[2],
            schedule: schedule..now[3],
            reread,
        }
    }

    /// Puts the tables of a run that goes on in the order that they will have.
    fn sort(&mut self) {
        if self.state.is_complete() {
            return;
        }
        let seeds = self.manifest.seeds.clone();
        let place = move |seed| seeds.iter().position(|&other| other == seed).unwrap_or(usize::MAX);
        self.tables.plane.sort(&place);
        // Of an epoch the rows stay in their order.
        self.tables.quantities.sort_by_key(|row| (place(row.seed), row.seed, row.epoch));
        self.tables.training.sort_by_cached_key(|stats| (place(stats.seed), stats.seed, stats.epoch));
        self.tables
            .schedule
            .sort_by_cached_key(|measured| (place(measured.seed), measured.seed, measured.epoch));
    }

    fn read_complete(&mut self, outcome: &Outcome) -> Result<(), RunError> {
        let digests = &outcome.digests;
        let mut methods = Methods::of(&self.manifest);
        let plane = read_plane(
            &self.directory.plane_path(),
            &digests.plane,
            InformationPlane::new(&self.manifest.shared_methods()),
            &mut methods,
        )?;
        let training: Vec<EpochStats> =
            read_table(&self.directory.training_path(), &digests.training, super::OUTCOME)?;
        let schedule = read_table(&self.directory.schedule_path(), &digests.schedule, super::OUTCOME)?;
        let quantities = match &digests.quantities {
            Some(digest) => read_table(&self.directory.quantities_path(), digest, super::OUTCOME)?,
            None => Vec::new(),
        };
        let training = training.into_iter().map(|stats| methods.stats(stats)).collect();
        self.tables = Tables { plane, quantities, training, schedule };
        self.damaged = 0;
        Ok(())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory as such: where its files lie.
    pub fn directory(&self) -> &RunDir {
        &self.directory
    }

    /// What the run is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What figures call it.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Where it stands, as of the last look.
    pub fn state(&self) -> State {
        self.state
    }

    /// How it ended; absent as long as it is not complete.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The measurements: of a run that is not complete, those so far.
    pub fn plane(&self) -> &InformationPlane {
        &self.tables.plane
    }

    /// What was measured beside the plane, likewise.
    pub fn quantities(&self) -> &[QuantityRow] {
        &self.tables.quantities
    }

    /// The epoch statistics, likewise.
    pub fn training(&self) -> &[EpochStats] {
        &self.tables.training
    }

    /// The measured epochs, likewise; distances are there only once the run is complete.
    pub fn schedule(&self) -> &[MeasuredEpoch] {
        &self.tables.schedule
    }

    /// The trainings that did not learn, in the order of the manifest; as long as the run goes on, of those that have come to
    /// their last planned epoch.
    pub fn failed_seeds(&self) -> Vec<FailedSeed> {
        failed_seeds(&self.manifest, &self.tables.training, self.outcome.as_ref())
    }

    /// How many lines of the journal are damaged; what they held is computed again when the run is resumed.
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// What a reader should know of the run as a whole, a sentence each: that it goes on, and trainings that did not come
    /// to their planned end.
    pub fn notes(&self) -> Vec<String> {
        let target = self.manifest.data.target_width.map(|width| {
            let columns = if width == 1 { "column" } else { "columns" };
            format!(
                "Y is a target of numbers, {width} {columns}: its entropy is not known, and no limit of I(T;Y)"
            )
        });
        let ended = match &self.outcome {
            None => vec!["run not complete: what is here is what there is so far".into()],
            Some(_) => self.early_ends(),
        };
        target.into_iter().chain(ended).collect()
    }

    /// Why trainings ended that did not come to their planned end, a sentence each.
    pub fn early_ends(&self) -> Vec<String> {
        let planned = self.manifest.planned_epochs;
        let seeds = self.outcome.iter().flat_map(|outcome| &outcome.seeds);
        let early =
            seeds.filter(|seed| seed.diverged() || planned.is_some_and(|planned| seed.last_epoch < planned));
        early.map(|seed| format!("seed {}: {}", seed.seed, seed.ended)).collect()
    }
}

/// What a complete run holds, as the records of its journal: as far as the files that they are in are known to be whole.
pub(crate) fn records(
    directory: &Path,
    manifest: &Manifest,
    outcome: &Outcome,
    found: &Verification,
) -> Result<Vec<Record>, RunError> {
    let (at, digests) = (|file: &str| directory.join(file), &outcome.digests);
    let mut methods = Methods::of(manifest);
    let mut records = Vec::new();
    if found.has_whole(TRAINING) {
        let training: Vec<EpochStats> = read_table(&at(TRAINING), &digests.training, OUTCOME)?;
        records.extend(training.into_iter().map(Record::Trained));
    }
    // An epoch is one record: without one of the three nothing is known of it.
    let whole_quantities = digests.quantities.is_none() || found.has_whole(QUANTITIES);
    if found.has_whole(PLANE) && found.has_whole(SCHEDULE) && whole_quantities {
        let empty = InformationPlane::new(&manifest.shared_methods());
        let plane = read_plane(&at(PLANE), &digests.plane, empty, &mut methods)?;
        let mut of_epoch: BTreeMap<(u64, u64), (Vec<PlaneRow>, Vec<QuantityRow>)> = BTreeMap::new();
        for row in plane.rows() {
            of_epoch.entry((row.seed, row.epoch)).or_default().0.push(row);
        }
        if let Some(digest) = &digests.quantities {
            for row in read_table::<QuantityRow>(&at(QUANTITIES), digest, OUTCOME)? {
                of_epoch.entry((row.seed, row.epoch)).or_default().1.push(row);
            }
        }
        let schedule: Vec<MeasuredEpoch> = read_table(&at(SCHEDULE), &digests.schedule, OUTCOME)?;
        for MeasuredEpoch { seed, epoch, reason, .. } in schedule {
            let (rows, quantities) = of_epoch.remove(&(seed, epoch)).unwrap_or_default();
            records.push(Record::Measured { seed, epoch, reason, rows, quantities });
        }
    }
    records.extend(outcome.seeds.iter().cloned().map(Record::Ended));
    Ok(records)
}

/// How many bytes of a table are read at once.
const CHUNK: usize = 1 << 22;

/// The rows of a finished plane: read by chunks, whose lines are parsed in parallel and kept in order.
fn read_plane(
    path: &Path,
    digest: &str,
    mut plane: InformationPlane,
    methods: &mut Methods,
) -> Result<InformationPlane, RunError> {
    let error = |source| RunError::io("read", path)(source);
    let malformed =
        |line: usize, message| RunError::Malformed { path: path.into(), line: Some(line), message };
    let mut file = open(path).map_err(error)?;
    let length = file.metadata().map_err(error)?.len();
    let mut found = Digest::default();
    // One byte more than a small file has: it ends within the chunk.
    let (mut chunk, mut filled) = (vec![0; CHUNK.min(length as usize + 1)], 0);
    let (mut lines_before, mut failed) = (0, None);
    loop {
        let read = fill(&mut file, &mut chunk[filled..]).map_err(error)?;
        found.update(&chunk[filled..filled + read]);
        filled += read;
        let at_end = filled < chunk.len();
        let whole = match chunk[..filled].iter().rposition(|&byte| byte == b'\n') {
            _ if at_end => filled,
            Some(last) => last + 1,
            // A line longer than a chunk.
            None if chunk.len() < LONGEST => {
                chunk.resize(2 * chunk.len(), 0);
                continue;
            }
            None => {
                return Err(malformed(
                    lines_before + 1,
                    format!("longer than {LONGEST} bytes, as no row is"),
                ));
            }
        };
        let lines: Vec<&[u8]> = chunk[..whole].split(|&byte| byte == b'\n').collect();
        let parsed: Vec<Option<Result<StoredRow<'_>, String>>> = lines
            .par_iter()
            .with_min_len(256)
            .map(|line| {
                let parse = || serde_json::from_slice(line).map_err(|error| error.to_string());
                (!line.is_empty()).then(parse)
            })
            .collect();
        if failed.is_none() {
            let mut rows = parsed.into_iter().enumerate().filter_map(|(number, row)| Some((number, row?)));
            failed = rows.find_map(|(number, row)| {
                let unknown = |id| format!("method = {id:?}, which the manifest does not have");
                match row.and_then(|row| methods.row(row).map_err(unknown)) {
                    Ok(row) => {
                        plane.push(&row);
                        None
                    }
                    Err(message) => Some(malformed(lines_before + number + 1, message)),
                }
            });
        }
        // Once it is seen which columns take memory at all.
        if lines_before == 0 && lines.len() > 1 {
            let all = length as f64 / whole.max(1) as f64 * lines.len() as f64 * 1.02;
            plane.reserve((all as usize).saturating_sub(plane.len()));
        }
        lines_before += lines.len().saturating_sub(1);
        chunk.copy_within(whole..filled, 0);
        filled -= whole;
        if at_end {
            break;
        }
    }
    // That the file was changed says more than what became of a line.
    found.check(path, digest, super::OUTCOME)?;
    failed.map_or(Ok(plane), Err)
}

/// Fills the buffer, as far as the file goes.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The journal of a run, as far as it was read.
#[derive(Debug)]
struct JournalReader {
    path: PathBuf,
    seal: Seal,
    methods: Methods,
    /// Bytes of whole lines that were read.
    offset: u64,
    /// The last of them, by which a journal that was written anew is recognised.
    before: Vec<u8>,
    measured: BTreeSet<(u64, u64)>,
    trained: BTreeSet<(u64, u64)>,
}

/// How a journal was read on.
#[derive(Clone, Copy)]
struct News {
    damaged: usize,
    /// Whether the journal was read from its beginning.
    anew: bool,
}

/// By so many bytes before the place where reading goes on a journal is recognised.
const RECOGNISED: usize = 64;

impl JournalReader {
    fn new(directory: &RunDir, manifest: &Manifest) -> Self {
        JournalReader {
            path: directory.journal_path(),
            seal: directory.stamp.seal,
            methods: Methods::of(manifest),
            offset: 0,
            before: Vec::new(),
            measured: BTreeSet::new(),
            trained: BTreeSet::new(),
        }
    }

    /// Puts the records after those read before into `tables`, which it clears where the journal is read from its beginning;
    /// `None` if there is no journal.
    fn read_on(&mut self, tables: &mut Tables) -> Result<Option<News>, RunError> {
        let mut file = match open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RunError::io("read", &self.path)(error)),
        };
        self.read_from(&mut file, tables).map(Some).map_err(RunError::io("read", &self.path))
    }

    fn read_from(&mut self, file: &mut File, tables: &mut Tables) -> io::Result<News> {
        // Resuming writes a journal with damaged lines anew: then everything stands elsewhere.
        let mut before = vec![0; self.before.len()];
        file.seek(SeekFrom::Start(self.offset - before.len() as u64))?;
        let recognised = fill(file, &mut before)? == before.len() && before == self.before;
        let anew = self.offset == 0 || !recognised;
        if anew {
            (self.offset, self.before) = (0, Vec::new());
            self.measured.clear();
            self.trained.clear();
            tables.clear();
            file.seek(SeekFrom::Start(0))?;
        }
        let (mut damaged, mut reserved) = (0, false);
        let (start, n_bytes, n_rows) = (self.offset, file.metadata()?.len(), tables.plane.len());
        let mut lines = Lines::new(BufReader::with_capacity(CHUNK, file));
        while let Some(Line { text, .. }) = lines.next()? {
            let record = parse(text, self.seal, &mut self.methods);
            let (text_end, length) = (text[text.len().saturating_sub(RECOGNISED)..].to_vec(), text.len());
            if !lines.ends_with_line_feed {
                // A last line that lacks nothing but its line feed counts; it will be read once more, and is not the first then.
                // Any other may still be being written.
                if let Some(record) = record
                    && self.is_first(&record)
                {
                    tables.add(record);
                }
                break;
            }
            // Room for all at once, as soon as it is seen how long records are: room that grows is for a while there twice.
            if !reserved && lines.offset > CHUNK as u64 {
                reserved = true;
                let left = n_bytes.saturating_sub(start + lines.offset) as f64;
                let rows = (tables.plane.len() - n_rows) as f64;
                tables.plane.reserve((left / lines.offset as f64 * rows * 1.02) as usize);
            }
            match record {
                Some(record) if self.is_first(&record) => tables.add(record),
                Some(_) => {}
                None => damaged += 1,
            }
            self.offset = start + lines.offset;
            // Of a longer line than any record not all is in the text, and nothing of it is recognised.
            self.before = if length < LONGEST { [&text_end[..], b"\n"].concat() } else { b"\n".to_vec() };
        }
        Ok(News { damaged, anew })
    }

    fn is_first(&mut self, record: &Record) -> bool {
        match record {
            Record::Measured { seed, epoch, .. } => self.measured.insert((*seed, *epoch)),
            Record::Trained(stats) => self.trained.insert((stats.seed, stats.epoch)),
            Record::Witnessed { .. } | Record::Ended(_) => true,
        }
    }
}
