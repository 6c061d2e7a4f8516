//! The cells of all figures that are not complete yet, and how much of the work they are.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::{Figure, ReproduceError, ReproduceOptions, ReproduceProgress, Step};
use crate::sweep::{Cell, Store, expected_cpu_seconds};

/// What is left to compute.
pub(super) struct Work {
    /// Expected seconds by the id of the cell.
    left: BTreeMap<String, f64>,
    expected: f64,
    done: f64,
    number: usize,
    of: usize,
}

impl Work {
    pub fn of(plans: &[(&'static Figure, Result<Vec<Cell>, ReproduceError>)], store: &Store) -> Work {
        let mut left = BTreeMap::new();
        for cell in plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).flatten() {
            // One whose data cannot be read fails when its figure is made, which says why.
            let Ok(stored) = store.at(cell) else { continue };
            if !left.contains_key(stored.id()) && !stored.is_complete() {
                left.insert(stored.id().to_string(), expected_cpu_seconds(cell));
            }
        }
        let (expected, of) = (left.values().sum::<f64>().max(1e-9), left.len());
        Work { left, expected, done: 0.0, number: 0, of }
    }

    /// Computes the cell, goes on with it, or leaves it as it is where it is complete.
    pub fn complete(
        &mut self,
        figure: &Figure,
        cell: &Cell,
        store: &Store,
        options: &ReproduceOptions,
        progress: &dyn ReproduceProgress,
        interrupt: &AtomicBool,
    ) -> Result<(), ReproduceError> {
        let stored = store.at(cell)?;
        let Some(cost) = self.left.remove(stored.id()) else { return Ok(()) };
        if options.only_draw {
            return Err(ReproduceError::NotThere { run: cell.label.clone() });
        }
        self.number += 1;
        let experiment = &cell.experiment;
        let points = match cell.pooled {
            Some(_) => Some(1),
            None => experiment.epochs().ok().flatten().map(|epochs| epochs.len() as u64),
        };
        progress.begins(&Step {
            figure: figure.name,
            run: &cell.label,
            number: self.number,
            of: self.of,
            epochs: experiment.training.epochs * experiment.seeds,
            measured: points.map(|points| points * experiment.seeds),
            before: self.done / self.expected,
            share: cost / self.expected,
        });
        self.done += cost;
        Ok(stored.complete(options.run, progress, interrupt)?)
    }
}
