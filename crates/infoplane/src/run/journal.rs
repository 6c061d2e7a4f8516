//! The working journal: what a run has found out so far, in whatever order it did.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Manifest, SeedOutcome};
use crate::Bound;
use crate::directory::{Disk, Journal, Seal, Span, checked};
use crate::plane::{MethodDescription, Missing, PlaneRow, StoredRow};
use crate::quantity::QuantityRow;
use crate::schedule::{MeasuredRows, Reason};
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
        /// What it gave beside the plane.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        quantities: Vec<QuantityRow>,
    },
    /// An epoch was trained.
    Trained(EpochStats),
    /// What a schedule watches, at epochs one after the other; JSON has no NaN, which is absent. Only to resume.
    Witnessed {
        /// The seed of the training.
        seed: u64,
        /// The first of the epochs.
        first: u64,
        /// The values at each.
        values: Vec<Vec<Option<f64>>>,
    },
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
        #[serde(default)]
        quantities: Vec<QuantityRow>,
    },
    Trained(EpochStats),
    Witnessed {
        seed: u64,
        first: u64,
        values: Vec<Vec<Option<f64>>>,
    },
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
            i_ty_shuffled_bits: stored.i_ty_shuffled_bits,
            out_of_range: stored.out_of_range,
            alone: stored.alone,
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
                let id = method.id.clone();
                for number in 2.. {
                    if !self.by_id.contains_key(&method.id) {
                        break;
                    }
                    method.id = format!("{id}-{number}");
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
    /// The measured epochs, by seed.
    pub measured: BTreeMap<u64, MeasuredRows>,
    /// The epoch statistics by seed and epoch.
    pub trained: BTreeMap<(u64, u64), EpochStats>,
    /// What a schedule watches, by seed and epoch.
    pub witnessed: BTreeMap<(u64, u64), Vec<f64>>,
    /// How trainings ended, by seed.
    pub ended: BTreeMap<u64, SeedOutcome>,
    /// Damaged lines that were skipped. Their epochs have to be trained or measured again.
    pub damaged: usize,
    /// Whether there was no journal at all.
    pub journal_missing: bool,
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
            Record::Witnessed { .. } | Record::Ended(_) => return,
        };
    }
}

/// The working journal of a run that is being written.
#[derive(Debug)]
pub(super) struct RunJournal {
    journal: Journal,
    index: Index,
}

impl RunJournal {
    /// Starts a new journal; the file must not be there yet.
    pub(super) fn create(path: &Path, seal: Seal, disk: &Disk) -> io::Result<Self> {
        Ok(RunJournal { journal: Journal::create(path, seal, disk)?, index: Index::default() })
    }

    /// Continues the journal at `path`, after rewriting it without what is damaged; starts it if it is missing.
    pub(super) fn resume(
        path: &Path,
        seal: Seal,
        methods: &mut Methods,
        disk: &Disk,
    ) -> io::Result<(Self, Recovered)> {
        let mut recovered = Recovered::default();
        let mut index = Index::default();
        let (journal, found) = Journal::resume(path, seal, disk, |line, span| {
            let record = parse(line, seal, methods);
            let is_record = record.is_some();
            if let Some(record) = record {
                index.insert(&record, span);
                recovered.insert(record);
            }
            is_record
        })?;
        recovered.damaged = found.damaged;
        recovered.journal_missing = found.missing;
        Ok((RunJournal { journal, index }, recovered))
    }

    /// Appends a line for each record: all of them, or none if that fails. After a failure nothing more is taken, and
    /// the failure is returned again.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let spans = self.journal.append(records)?;
        for (record, span) in records.iter().zip(spans) {
            self.index.insert(record, span);
        }
        Ok(())
    }

    /// The file, to wait for the disk without keeping others from appending.
    pub(super) fn file(&self) -> Arc<File> {
        self.journal.file()
    }

    /// Writes the rows of every measured epoch, a line each, in the order of `position` of the seed and of epochs;
    /// gives the number of rows.
    pub(super) fn write_plane(
        &self,
        position: impl Fn(u64) -> usize,
        out: &mut dyn Write,
    ) -> io::Result<usize> {
        self.write_measured(position, out, |rows, _| rows)
    }

    /// Writes what was measured beside the plane, a line each, in the same order; gives the number of lines.
    pub(super) fn write_quantities(
        &self,
        position: impl Fn(u64) -> usize,
        out: &mut dyn Write,
    ) -> io::Result<usize> {
        self.write_measured(position, out, |_, quantities| quantities)
    }

    /// Writes one of the two lists of every measured epoch.
    fn write_measured(
        &self,
        position: impl Fn(u64) -> usize,
        out: &mut dyn Write,
        list: for<'a> fn(RawRows<'a>, RawRows<'a>) -> RawRows<'a>,
    ) -> io::Result<usize> {
        let mut n_rows = 0;
        self.each(&self.index.measured, position, |raw| {
            if let RawRecord::Measured { rows, quantities } = raw {
                let rows = list(rows, quantities);
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
        let mut spans: Vec<_> = index.iter().map(|(&(seed, epoch), &span)| (seed, epoch, span)).collect();
        spans.sort_by_cached_key(|&(seed, epoch, _)| (position(seed), seed, epoch));
        self.journal.read_again(spans.into_iter().map(|(_, _, span)| span), |text| {
            write(serde_json::from_slice(text).map_err(|_| self.journal.changed())?)
        })
    }
}

/// Rows as they stand.
type RawRows<'a> = Vec<&'a RawValue>;

/// A record with its numbers as they stand.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawRecord<'a> {
    Measured {
        #[serde(borrow)]
        rows: RawRows<'a>,
        #[serde(borrow, default)]
        quantities: RawRows<'a>,
    },
    Trained(&'a RawValue),
    Witnessed(serde::de::IgnoredAny),
    Ended(serde::de::IgnoredAny),
}

fn write_raw(out: &mut dyn Write, raw: &RawValue) -> io::Result<()> {
    out.write_all(raw.get().as_bytes())?;
    out.write_all(b"\n")
}

impl Recovered {
    fn insert(&mut self, record: Record) {
        match record {
            Record::Measured { seed, epoch, reason, rows, .. } => {
                self.measured.entry(seed).or_default().insert(epoch, reason, &rows);
            }
            Record::Trained(stats) => {
                self.trained.entry((stats.seed, stats.epoch)).or_insert(stats);
            }
            Record::Witnessed { seed, first, values } => {
                for (epoch, values) in (first..).zip(values) {
                    let values = values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
                    self.witnessed.entry((seed, epoch)).or_insert(values);
                }
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

/// The record of a line, if that is what was written.
pub(super) fn parse(line: &[u8], seal: Seal, methods: &mut Methods) -> Option<Record> {
    Some(match serde_json::from_slice(checked(line, seal)?).ok()? {
        StoredRecord::Measured { seed, epoch, reason, rows, quantities } => {
            let rows = rows.into_iter().map(|row| methods.row(row).ok()).collect::<Option<_>>()?;
            Record::Measured { seed, epoch, reason, rows, quantities }
        }
        StoredRecord::Trained(stats) => Record::Trained(methods.stats(stats)),
        StoredRecord::Witnessed { seed, first, values } => Record::Witnessed { seed, first, values },
        StoredRecord::Ended(outcome) => Record::Ended(outcome),
    })
}
