//! The epochs of a training that are measured, with their rows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Reason;
use crate::{InformationPlane, PlaneRow};

/// The measured epochs of one training, with why each was measured and the rows that gave; rows are kept in columns, since there
/// may be millions of them.
#[derive(Debug, Clone, Default)]
pub struct MeasuredRows {
    at: BTreeMap<u64, (Reason, Range<usize>)>,
    rows: InformationPlane,
}

impl MeasuredRows {
    /// How many epochs there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The epochs, ascending.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.at.keys().copied()
    }

    /// Whether an epoch is measured.
    pub fn contains(&self, epoch: u64) -> bool {
        self.at.contains_key(&epoch)
    }

    /// The rows of an epoch, if it is measured.
    pub fn rows(&self, epoch: u64) -> Option<Vec<PlaneRow>> {
        let (_, places) = self.at.get(&epoch)?;
        Some(places.clone().map(|place| self.rows.row(place)).collect())
    }

    /// Adds an epoch; one that is there stays.
    pub fn insert(&mut self, epoch: u64, reason: Reason, rows: &[PlaneRow]) {
        let start = self.rows.len();
        self.at.entry(epoch).or_insert_with(|| {
            self.rows.extend(rows);
            (reason, start..start + rows.len())
        });
    }

    /// Every epoch with its reason and its rows.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Reason, Vec<PlaneRow>)> + '_ {
        let rows = |places: &Range<usize>| places.clone().map(|place| self.rows.row(place)).collect();
        self.at.iter().map(move |(&epoch, (reason, places))| (epoch, *reason, rows(places)))
    }
}

/// The same epochs with the same rows, in whatever order they were added.
impl PartialEq for MeasuredRows {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}
