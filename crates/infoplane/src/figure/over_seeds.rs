//! Quantities beside the plane as means over seeds, against the epoch.

use std::collections::{BTreeMap, BTreeSet};

use super::thinning::thin;
use super::{Axis, Band, BandRange, Line, Note, NoteCode, Of, Role, Series};
use crate::plane::mean_over_seeds;
use crate::quantity::QuantityRow;

/// The seeds of rows, ascending.
pub(super) fn seeds_of(rows: &[&QuantityRow]) -> Vec<u64> {
    rows.iter().map(|row| row.seed).collect::<BTreeSet<u64>>().into_iter().collect()
}

/// The layers of rows, ascending.
pub(super) fn layers_of(rows: &[&QuantityRow]) -> Vec<usize> {
    rows.iter().map(|row| row.layer).collect::<BTreeSet<usize>>().into_iter().collect()
}

/// Rows by layer and seed, each in the order of its epochs.
pub(super) fn by_layer_and_seed<'r>(
    rows: &[&'r QuantityRow],
) -> BTreeMap<usize, BTreeMap<u64, Vec<&'r QuantityRow>>> {
    let mut found: BTreeMap<usize, BTreeMap<u64, Vec<&QuantityRow>>> = BTreeMap::new();
    for row in rows {
        found.entry(row.layer).or_default().entry(row.seed).or_default().push(row);
    }
    found
}

/// The mean of some seeds, each with its values at its epochs.
pub(super) struct OverSeeds {
    band: Vec<(f64, f64, f64)>,
    mean: Vec<(f64, f64)>,
    /// What is to be said where not every epoch is there.
    pub(super) thinned: Option<Note>,
}

impl OverSeeds {
    pub(super) fn of(seeds: &[Vec<(u64, f64)>]) -> OverSeeds {
        let mut mean = mean_over_seeds(seeds);
        let thinned = thin(vec![&mut mean], |(epoch, mean)| (*epoch, mean.mean, mean.mean));
        let band = mean.iter().filter_map(|(epoch, mean)| {
            let error = mean.standard_error?;
            Some((*epoch as f64, mean.mean - error, mean.mean + error))
        });
        OverSeeds {
            band: band.collect(),
            thinned,
            mean: mean.iter().map(|(epoch, mean)| (*epoch as f64, mean.mean)).collect(),
        }
    }

    /// A band of one standard error where there are several seeds.
    pub(super) fn band(&self, role: Role) -> Option<Series> {
        let (range, points) = (BandRange::StandardError, self.band.clone());
        (!points.is_empty()).then_some(Series::Band(Band { role, range, points }))
    }

    /// The mean, if there is any.
    pub(super) fn line(self, role: Role, dashed: bool) -> Option<Series> {
        let line = Line { dashed, ..Line::new(role, Of::Mean, self.mean) };
        (!line.points.is_empty()).then_some(Series::Line(line))
    }
}

/// An axis that holds all lines and bands, and these values.
pub(super) fn axis(quantity: &str, series: &[Series], with: impl IntoIterator<Item = f64>) -> Axis {
    let drawn = series.iter().flat_map(|series| match series {
        Series::Line(line) => line.points.iter().map(|point| point.1).collect(),
        Series::Band(band) => band.points.iter().flat_map(|&(_, low, high)| [low, high]).collect(),
        _ => vec![],
    });
    let values: Vec<f64> = drawn.chain(with).collect();
    Axis::linear(quantity, "", values, 0.06)
}

/// How the lines of several seeds are to be read.
pub(super) fn reading(seeds: &[u64]) -> Option<Note> {
    let text = "Lines: mean over seeds. Bands: one standard error of the mean on both sides.";
    (seeds.len() > 1).then(|| Note::reading(NoteCode::Seeds, text))
}
