//! The working journal: what a run has found out so far, in whatever order it did.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Disk, Manifest, SeedOutcome};
use crate::Bound;
use crate::plane::{MethodDescription, Missing, PlaneRow, StoredRow};
use crate::schedule::Reason;
use crate::train::EpochStats;

/// Something a run found out: a line of its working journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// An epoch was measured.
    Measured {
        /// The seed of the training.
        seed: u64,
        /// The epoch.
        epoch: u64,
        /// Why it was measured.
        reason: Reason,
        /// What that gave.
        rows: Vec<PlaneRow>,
    },
    /// An epoch was trained.
    Trained(EpochStats),
    /// A training ended.
    Ended(SeedOutcome),
}

/// A line of the journal as it is read, before its methods are known.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredRecord<'a> {
    Measured {
        seed: u64,
        epoch: u64,
        reason: Reason,
        #[serde(borrow)]
        rows: Vec<StoredRow<'a>>,
    },
    Trained(EpochStats),
    Ended(SeedOutcome),
}

/// The methods of a run, by what its rows call them.
#[derive(Debug)]
pub(super) struct Methods {
    by_id: HashMap<String, Arc<MethodDescription>>,
    format_version: u32,
}

impl Methods {
    pub(super) fn of(manifest: &Manifest) -> Methods {
        let by_id = manifest.shared_methods().into_iter().map(|method| (method.id.clone(), method)).collect();
        Methods { by_id, format_version: manifest.format_version }
    }

    /// The row, or the id of a method that the run does not have.
    pub(super) fn row(&mut self, stored: StoredRow<'_>) -> Result<PlaneRow, String> {
        let (method, missing) = match (stored.method, stored.estimator, stored.setting) {
            (Some(id), ..) => {
                let method = self.by_id.get(&*id).cloned().ok_or_else(|| id.into_owned())?;
                (method, stored.missing)
            }
            // Format 2 spells the method out in every row, and the reason in words.
            (None, Some(estimator), Some(setting)) if self.format_version == 2 => {
                let method = self.spelled_out(&estimator, &setting, stored.bound);
                let missing = stored.status.filter(|status| status != "ok");
                (method, missing.map(|reason| Missing::in_words(&reason)))
            }
            _ => return Err("none".into()),
        };
        Ok(PlaneRow {
            seed: stored.seed,
            epoch: stored.epoch,
            layer: stored.layer,
            width: stored.width,
            method,
            i_xt_bits: stored.i_xt_bits,
            i_ty_bits: stored.i_ty_bits,
            i_xt_standard_error_bits: stored.i_xt_standard_error_bits,
            i_ty_standard_error_bits: stored.i_ty_standard_error_bits,
            out_of_range: stored.out_of_range,
            missing: missing.map(Arc::new),
        })
    }

    fn spelled_out(
        &mut self,
        estimator: &str,
        setting: &str,
        bound: Option<Bound>,
    ) -> Arc<MethodDescription> {
        let known = self.by_id.values().find(|method| {
            method.estimator == estimator && method.setting == setting && method.bound == bound
        });
        match known {
            Some(method) => Arc::clone(method),
            None => {
                let mut method = MethodDescription::new(estimator, setting, bound);
                while self.by_id.contains_key(&method.id) {
                    method.id.push('+');
                }
                let method = Arc::new(method);
                self.by_id.insert(method.id.clone(), Arc::clone(&method));
                method
            }
        }
    }

    /// The statistics of an epoch: format 2 writes null for what is not known, and for what is not finite.
    pub(super) fn stats(&self, stats: EpochStats) -> EpochStats {
        if self.format_version > 2 {
            return stats;
        }
        let known = |value: Option<f32>| value.filter(|value| !value.is_nan());
        EpochStats { test_loss: known(stats.test_loss), test_accuracy: known(stats.test_accuracy), ..stats }
    }
}

/// What is left of a working journal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recovered {
    /// By seed and epoch: why it was measured, and what that gave.
    pub measured: BTreeMap<(u64, u64), (Reason, Vec<PlaneRow>)>,
    /// The epoch statistics by seed and epoch.
    pub trained: BTreeMap<(u64, u64), EpochStats>,
    /// How trainings ended, by seed.
    pub ended: BTreeMap<u64, SeedOutcome>,
    /// Damaged lines that were passed over. Their epochs have to be trained or measured again.
    pub damaged: usize,
    /// Whether there was no journal at all.
    pub journal_missing: bool,
}

/// A line of the journal: where it begins, and its bytes with the line feed.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    length: usize,
}

/// Where the records are, which may be many more than should be kept in memory.
#[derive(Debug, Default)]
struct Index {
    measured: BTreeMap<(u64, u64), Span>,
    trained: BTreeMap<(u64, u64), Span>,
}

impl Index {
    fn insert(&mut self, record: &Record, span: Span) {
        // The first one stands, as it does for whoever reads the journal.
        match record {
            Record::Measured { seed, epoch, .. } => self.measured.entry((*seed, *epoch)).or_insert(span),
            Record::Trained(stats) => self.trained.entry((stats.seed, stats.epoch)).or_insert(span),
            Record::Ended(_) => return,
        };
    }
}

/// The working journal of a run that is being written.
///
/// Every record is a line of its own with a check sum, so damage to one does no harm to another; whole lines are
/// handed to the system in one write.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    disk: Disk,
    seal: Seal,
    file: Arc<File>,
    /// Bytes of whole lines so far.
    length: u64,
    index: Index,
    /// The first failure; nothing is taken after it.
    failed: Option<Failed>,
}

/// An I/O error that can be told again.
#[derive(Debug)]
struct Failed {
    code: Option<i32>,
    kind: io::ErrorKind,
    message: String,
}

impl Failed {
    fn new(error: &io::Error) -> Self {
        Failed { code: error.raw_os_error(), kind: error.kind(), message: error.to_string() }
    }

    fn error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.message.clone()),
        }
    }
}

impl Journal {
    /// Starts a new journal; the file must not be there yet.
    pub(super) fn create(path: &Path, seal: Seal, disk: &Disk) -> io::Result<Self> {
        let file = Arc::new(disk.create_new(path)?);
        Ok(Journal {
            path: path.into(),
            disk: disk.clone(),
            seal,
            file,
            length: 0,
            index: Index::default(),
            failed: None,
        })
    }

    /// Goes on with the journal at `path`, after writing it anew without what is damaged; starts it if it is missing.
    pub(super) fn resume(
        path: &Path,
        seal: Seal,
        methods: &mut Methods,
        disk: &Disk,
    ) -> io::Result<(Self, Recovered)> {
        let mut bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let journal = Journal::create(path, seal, disk)?;
                return Ok((journal, Recovered { journal_missing: true, ..Recovered::default() }));
            }
            Err(error) => return Err(error),
        };
        // A last line that lacks nothing but its line feed counts, but nothing can be appended to it.
        let mut whole = bytes.is_empty() || bytes.ends_with(b"\n");
        let read = bytes.len() as u64;
        if !whole {
            bytes.push(b'\n');
        }
        let mut recovered = Recovered::default();
        let mut index = Index::default();
        let (mut start, mut length) = (0, 0);
        while let Some(end) = bytes[start..].iter().position(|&byte| byte == b'\n').map(|end| start + end) {
            match parse(&bytes[start..end], seal, methods) {
                Some(record) => {
                    index.insert(&record, Span { offset: length as u64, length: end + 1 - start });
                    recovered.insert(record);
                    // Intact lines move together.
                    bytes.copy_within(start..=end, length);
                    length += end + 1 - start;
                }
                None => recovered.damaged += 1,
            }
            start = end + 1;
        }
        bytes.truncate(length);
        whole &= length as u64 == read;
        if !whole {
            disk.replace(path, &bytes)?;
        }
        let mut file = disk.open_to_write(path)?;
        file.seek(SeekFrom::Start(length as u64))?;
        let journal = Journal {
            path: path.into(),
            disk: disk.clone(),
            seal,
            file: Arc::new(file),
            length: length as u64,
            index,
            failed: None,
        };
        Ok((journal, recovered))
    }

    /// Appends a line for each record: all of them, or none if that fails. After a failure nothing more is taken:
    /// what failed is told again.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        self.check()?;
        let mut lines = Vec::new();
        let mut spans = Vec::with_capacity(records.len());
        for record in records {
            let start = lines.len();
            write_line(&mut lines, record, self.seal)?;
            spans.push(Span { offset: self.length + start as u64, length: lines.len() - start });
        }
        if let Err(error) = self.disk.write(&self.file, &lines) {
            self.failed = Some(Failed::new(&error));
            // If cutting fails too, readers still pass over the half line at the end.
            let _ = self.disk.truncate(&self.file, self.length);
            return Err(error);
        }
        self.length += lines.len() as u64;
        for (record, span) in records.iter().zip(spans) {
            self.index.insert(record, span);
        }
        Ok(())
    }

    /// Fails if an append failed before.
    pub(super) fn check(&self) -> io::Result<()> {
        self.failed.as_ref().map_or(Ok(()), |failed| Err(failed.error()))
    }

    /// The file, to wait for the disk without keeping others from appending.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Writes the rows of every measured epoch, a line each, in the order of `position` of the seed and of epochs;
    /// gives the number of rows.
    pub(super) fn write_plane(
        &self,
        position: impl Fn(u64) -> usize,
        out: &mut dyn Write,
    ) -> io::Result<usize> {
        let mut n_rows = 0;
        self.each(&self.index.measured, position, |raw| {
            if let RawRecord::Measured { rows } = raw {
                n_rows += rows.len();
                rows.iter().try_for_each(|row| write_raw(out, row))?;
            }
            Ok(())
        })?;
        Ok(n_rows)
    }

    /// Writes the epoch statistics, a line each, in the same order.
    pub(super) fn write_training(
        &self,
        position: impl Fn(u64) -> usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.each(&self.index.trained, position, |raw| match raw {
            RawRecord::Trained(stats) => write_raw(out, stats),
            _ => Ok(()),
        })
    }

    /// Numbers are copied as they stand in the journal: no digit of them is read and written anew.
    fn each(
        &self,
        index: &BTreeMap<(u64, u64), Span>,
        position: impl Fn(u64) -> usize,
        mut write: impl FnMut(RawRecord<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.check()?;
        let mut spans: Vec<_> = index.iter().map(|(&(seed, epoch), &span)| (seed, epoch, span)).collect();
        spans.sort_by_cached_key(|&(seed, epoch, _)| (position(seed), seed, epoch));
        let mut file = File::open(&self.path)?;
        let mut line = Vec::new();
        for (_, _, span) in spans {
            line.resize(span.length, 0);
            file.seek(SeekFrom::Start(span.offset))?;
            file.read_exact(&mut line)?;
            let text = line.strip_suffix(b"\n").and_then(|line| checked(line, self.seal));
            let raw = text.and_then(|text| serde_json::from_slice(text).ok()).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} is not as it was written", self.path.display()),
                )
            })?;
            write(raw)?;
        }
        Ok(())
    }
}

/// A record with its numbers as they stand.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawRecord<'a> {
    Measured {
        #[serde(borrow)]
        rows: Vec<&'a RawValue>,
    },
    Trained(&'a RawValue),
    Ended(serde::de::IgnoredAny),
}

fn write_raw(out: &mut dyn Write, raw: &RawValue) -> io::Result<()> {
    out.write_all(raw.get().as_bytes())?;
    out.write_all(b"\n")
}

impl Recovered {
    fn insert(&mut self, record: Record) {
        match record {
            Record::Measured { seed, epoch, reason, rows } => {
                self.measured.entry((seed, epoch)).or_insert((reason, rows));
            }
            Record::Trained(stats) => {
                self.trained.entry((stats.seed, stats.epoch)).or_insert(stats);
            }
            Record::Ended(outcome) => {
                self.ended.entry(outcome.seed).or_insert(outcome);
            }
        }
    }

    /// What the bytes of a journal hold; a last line that is not whole yet may belong to somebody who is writing.
    #[cfg(test)]
    pub(super) fn of(bytes: &[u8], seal: Seal, methods: &mut Methods) -> Recovered {
        let mut recovered = Recovered::default();
        let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for line in lines.split(|&byte| byte == b'\n').filter(|_| !bytes.is_empty()) {
            match parse(line, seal, methods) {
                Some(record) => recovered.insert(record),
                None => recovered.damaged += 1,
            }
        }
        recovered
    }
}

/// Digits of the check sum.
const DIGITS: usize = 8;

/// `1c291ca3 {…}`: CRC-32 of manifest and JSON text in hexadecimal, a space, the text.
fn write_line(lines: &mut Vec<u8>, record: &Record, seal: Seal) -> io::Result<()> {
    let start = lines.len();
    lines.extend([b' '; DIGITS + 1]);
    serde_json::to_writer(&mut *lines, record)?;
    let sum = seal.check_sum(&lines[start + DIGITS + 1..]);
    lines[start..start + DIGITS].copy_from_slice(&sum);
    lines.push(b'\n');
    Ok(())
}

/// What ties a journal to its run: the check sum of the manifest, with which that of every line begins. Lines of another
/// run, or of this one before somebody changed what it is, count as damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal(u32);

impl Seal {
    pub(super) fn of(manifest: &[u8]) -> Seal {
        Seal(crc32fast::hash(manifest))
    }

    fn check_sum(self, text: &[u8]) -> [u8; DIGITS] {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(text);
        let sum = hasher.finalize();
        std::array::from_fn(|digit| b"0123456789abcdef"[(sum >> (28 - 4 * digit)) as usize & 15])
    }
}

/// The JSON text of a line, if that is what was written.
fn checked(line: &[u8], seal: Seal) -> Option<&[u8]> {
    let (sum, rest) = line.split_first_chunk::<DIGITS>()?;
    let text = rest.strip_prefix(b" ")?;
    (*sum == seal.check_sum(text)).then_some(text)
}

/// The record of a line, if that is what was written.
pub(super) fn parse(line: &[u8], seal: Seal, methods: &mut Methods) -> Option<Record> {
    Some(match serde_json::from_slice(checked(line, seal)?).ok()? {
        StoredRecord::Measured { seed, epoch, reason, rows } => {
            let rows = rows.into_iter().map(|row| methods.row(row).ok()).collect::<Option<_>>()?;
            Record::Measured { seed, epoch, reason, rows }
        }
        StoredRecord::Trained(stats) => Record::Trained(methods.stats(stats)),
        StoredRecord::Ended(outcome) => Record::Ended(outcome),
    })
}
