//! The plane of one method: a path per layer and seed, and the mean over seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::mean::mean_over_seeds;
use super::{InformationPlane, Mean, MethodDescription, Missing, PlaneQuantity, PlaneRow};

/// The rows of one method: what one figure shows.
#[derive(Debug, Clone)]
pub struct PlaneGroup<'a> {
    pub(super) plane: &'a InformationPlane,
    /// How they were measured.
    pub method: &'a Arc<MethodDescription>,
    /// Where they are in the plane, ascending.
    pub(super) places: Vec<u32>,
}

/// A point of the information plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanePoint {
    /// Epochs of training before the measurement.
    pub epoch: u64,
    /// I(X;T) in bits.
    pub i_xt_bits: f64,
    /// I(T;Y) in bits.
    pub i_ty_bits: f64,
}

/// A point of the mean path over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanPoint {
    /// Epochs of training before the measurement.
    pub epoch: u64,
    /// I(X;T) in bits.
    pub i_xt_bits: Mean,
    /// I(T;Y) in bits.
    pub i_ty_bits: Mean,
}

/// How one layer moved through the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerPath {
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// One path per seed that has values, ascending in seeds and, within, in epochs.
    pub seeds: Vec<(u64, Vec<PlanePoint>)>,
    /// The mean over seeds at every epoch that any seed has. Seeds without that epoch are interpolated
    /// between their neighbouring epochs, and take no part before their first and after their last.
    pub mean: Vec<MeanPoint>,
}

/// Where the mean I(X;T) rises from a layer to the next, against the data processing inequality.
///
/// The inequality holds for the quantities themselves; estimates by bins or with noise added layer by layer
/// break it, so a violation speaks of the estimator and not of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessingViolations {
    /// How many (epoch, layer pair) were compared.
    pub compared: usize,
    /// In how many of them the later layer has more, beyond the tolerance.
    pub count: usize,
    /// The largest rise: (bits, epoch, earlier layer, later layer).
    pub largest: Option<(f64, u64, usize, usize)>,
}

/// What a row has of the two numbers.
#[derive(Clone, Copy)]
struct RowValues {
    /// Whether nothing is missing.
    is_whole: bool,
    /// Finite.
    i_xt_bits: Option<f64>,
    /// Finite.
    i_ty_bits: Option<f64>,
}

/// A quantity that a method gave in no row of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmeasured {
    /// The method.
    pub method: Arc<MethodDescription>,
    /// The one quantity that it did not give; absent if it gave neither.
    pub quantity: Option<PlaneQuantity>,
    /// How many rows it has.
    pub n_rows: usize,
    /// The reason of most of them.
    pub missing: Missing,
}

/// The quantity, the method, the rows, the kind of reason and the reason: `no I(X;T) by …`.
impl fmt::Display for Unmeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.quantity {
            Some(PlaneQuantity::IXt) => "I(X;T)",
            Some(PlaneQuantity::ITy) => "I(T;Y)",
            None => "value",
        };
        let Unmeasured { method, n_rows, missing: Missing { code, reason, .. }, .. } = self;
        let rows = if *n_rows == 1 { "its one row".into() } else { format!("any of its {n_rows} rows") };
        write!(f, "{} gave no {what} in {rows} ({code}): {}", method.title, reason.trim_end_matches('.'))?;
        self.missing.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl InformationPlane {
    /// The methods that have rows, and in none of them both quantities or one of the two.
    pub fn unmeasured(&self) -> Vec<Unmeasured> {
        self.groups().iter().filter_map(PlaneGroup::unmeasured).collect()
    }

    /// Whether there are rows, and no value in any of them.
    pub fn is_without_values(&self) -> bool {
        !self.is_empty() && !self.rows().any(|row| row.i_xt_bits.is_some() || row.i_ty_bits.is_some())
    }
}

impl PlaneGroup<'_> {
    fn unmeasured(&self) -> Option<Unmeasured> {
        let is_there = |value: Option<f64>| value.is_some_and(f64::is_finite);
        let has_i_xt = self.rows().any(|row| is_there(row.i_xt_bits));
        let has_i_ty = self.rows().any(|row| is_there(row.i_ty_bits));
        let quantity = match (has_i_xt, has_i_ty) {
            (true, true) => return None,
            (false, true) => Some(PlaneQuantity::IXt),
            (true, false) => Some(PlaneQuantity::ITy),
            (false, false) => None,
        };
        // The first row of each kind of reason, and how many there are.
        let mut kinds: Vec<(Missing, usize)> = Vec::new();
        for row in self.rows() {
            let unknown = || Arc::new(Missing::both("not-finite", "the value is not finite"));
            let missing = row.missing.unwrap_or_else(unknown);
            match kinds.iter_mut().find(|(other, _)| other.code == missing.code) {
                Some((_, count)) => *count += 1,
                None => kinds.push(((*missing).clone(), 1)),
            }
        }
        // Of two kinds that are equally common the first.
        let (missing, _) = kinds.into_iter().rev().max_by_key(|(_, count)| *count)?;
        Some(Unmeasured { method: Arc::clone(self.method), quantity, n_rows: self.places.len(), missing })
    }

    /// The rows, in the order of the plane.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = PlaneRow> + '_ {
        self.places.iter().map(|&place| self.plane.row(place as usize))
    }

    /// The path of every layer that has values, ascending in layers.
    ///
    /// Rows without values are left out; of two rows with equal seed, layer and epoch the later stands.
    pub fn layers(&self) -> Vec<LayerPath> {
        self.layers_over(|_| true)
    }

    /// As [`layers`](PlaneGroup::layers), with the mean over those seeds only that `in_mean` chooses; the paths of all
    /// seeds are there. The mean of a layer that none of them has is empty.
    pub fn layers_over(&self, in_mean: impl Fn(u64) -> bool) -> Vec<LayerPath> {
        self.paths(|row| Some((row.i_xt_bits?, row.i_ty_bits?)).filter(|_| row.is_whole), in_mean)
    }

    /// The path of every layer that has I(X;T), whether or not it has I(T;Y); without that it is 0 in the path.
    pub(crate) fn layers_with_i_xt(&self, in_mean: impl Fn(u64) -> bool) -> Vec<LayerPath> {
        self.paths(|row| Some((row.i_xt_bits?, row.i_ty_bits.unwrap_or(0.0))), in_mean)
    }

    /// The path of every layer that has I(T;Y), whether or not it has I(X;T); without that it is 0 in the path.
    pub(crate) fn layers_with_i_ty(&self, in_mean: impl Fn(u64) -> bool) -> Vec<LayerPath> {
        self.paths(|row| Some((row.i_xt_bits.unwrap_or(0.0), row.i_ty_bits?)), in_mean)
    }

    fn paths(
        &self,
        values: impl Fn(RowValues) -> Option<(f64, f64)>,
        in_mean: impl Fn(u64) -> bool,
    ) -> Vec<LayerPath> {
        let plane = self.plane;
        let mut layers: BTreeMap<usize, (usize, Vec<(u64, PlanePoint)>)> = BTreeMap::new();
        for place in self.places.iter().map(|&place| place as usize) {
            let row = RowValues {
                is_whole: plane.reason_code(place) == 0,
                i_xt_bits: Some(plane.i_xt_at(place)).filter(|value| value.is_finite()),
                i_ty_bits: Some(plane.i_ty_at(place)).filter(|value| value.is_finite()),
            };
            if let Some((i_xt_bits, i_ty_bits)) = values(row) {
                let (width, points) = layers.entry(plane.layer_at(place) as usize).or_default();
                *width = plane.width_at(place) as usize;
                points.push((
                    plane.seed_at(place),
                    PlanePoint { epoch: plane.epochs()[place], i_xt_bits, i_ty_bits },
                ));
            }
        }
        layers
            .into_iter()
            .map(|(layer, (width, mut points))| {
                // Stable, and quick where rows come in this order already.
                points.sort_by_key(|(seed, point)| (*seed, point.epoch));
                let mut seeds: Vec<(u64, Vec<PlanePoint>)> = Vec::new();
                for (seed, point) in points {
                    match seeds.last_mut() {
                        Some((last, path)) if *last == seed => match path.last_mut() {
                            Some(before) if before.epoch == point.epoch => *before = point,
                            _ => path.push(point),
                        },
                        _ => seeds.push((seed, vec![point])),
                    }
                }
                let mean = mean_path(&seeds, &in_mean);
                LayerPath { layer, width, seeds, mean }
            })
            .collect()
    }

    /// The seeds of the rows, ascending.
    pub fn seeds(&self) -> Vec<u64> {
        let seeds: BTreeSet<u64> =
            self.places.iter().map(|&place| self.plane.seed_at(place as usize)).collect();
        seeds.into_iter().collect()
    }

    /// Why rows hold no values, and how many rows each reason has; the most frequent first.
    pub fn missing(&self) -> Vec<(String, usize)> {
        self.missing_of(|_| true)
    }

    /// As [`missing`](PlaneGroup::missing), of those seeds that `of` chooses.
    pub(crate) fn missing_of(&self, of: impl Fn(u64) -> bool) -> Vec<(String, usize)> {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for row in self.rows().filter(|row| row.values().is_none() && of(row.seed)) {
            let reason = row.missing.map_or_else(|| "no finite value".into(), |missing| missing.to_string());
            *reasons.entry(reason).or_default() += 1;
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    /// Compares the mean I(X;T) of neighbouring layers at every epoch they share.
    ///
    /// A rise counts if it is more than `tolerance_bits`.
    pub fn processing_violations(&self, tolerance_bits: f64) -> ProcessingViolations {
        ProcessingViolations::of(&self.layers(), tolerance_bits)
    }
}

impl ProcessingViolations {
    /// Those of layers in their order.
    ///
    /// A rise counts if it is more than `tolerance_bits`.
    pub fn of(layers: &[LayerPath], tolerance_bits: f64) -> ProcessingViolations {
        let mut found = ProcessingViolations { compared: 0, count: 0, largest: None };
        for pair in layers.windows(2) {
            let later: BTreeMap<u64, f64> =
                pair[1].mean.iter().map(|p| (p.epoch, p.i_xt_bits.mean)).collect();
            for point in &pair[0].mean {
                let Some(i_xt_bits) = later.get(&point.epoch) else { continue };
                found.compared += 1;
                let rise = i_xt_bits - point.i_xt_bits.mean;
                if rise > tolerance_bits {
                    found.count += 1;
                    if found.largest.is_none_or(|(largest, ..)| rise > largest) {
                        found.largest = Some((rise, point.epoch, pair[0].layer, pair[1].layer));
                    }
                }
            }
        }
        found
    }
}

fn mean_path(seeds: &[(u64, Vec<PlanePoint>)], in_mean: impl Fn(u64) -> bool) -> Vec<MeanPoint> {
    let series = |value: fn(&PlanePoint) -> f64| {
        let by_seed: Vec<Vec<(u64, f64)>> = seeds
            .iter()
            .filter(|(seed, _)| in_mean(*seed))
            .map(|(_, points)| points.iter().map(|point| (point.epoch, value(point))).collect())
            .collect();
        mean_over_seeds(&by_seed)
    };
    let (i_xt, i_ty) = (series(|p| p.i_xt_bits), series(|p| p.i_ty_bits));
    i_xt.into_iter()
        .zip(i_ty)
        .map(|((epoch, i_xt_bits), (_, i_ty_bits))| MeanPoint { epoch, i_xt_bits, i_ty_bits })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bound;
    use crate::plane::{Missing, PlaneQuantity};

    fn row(seed: u64, epoch: u64, layer: usize, bound: Option<Bound>, i_xt: f64) -> PlaneRow {
        let method = Arc::new(MethodDescription::new("kde", "noise_variance=0.001", bound));
        PlaneRow::new(seed, epoch, (layer, 3), &method, (i_xt, 0.5))
    }

    #[test]
    fn bounds_are_groups_of_their_own() {
        let plane = InformationPlane::from_iter([
            row(1, 0, 1, Some(Bound::Upper), 2.0),
            row(1, 0, 1, Some(Bound::Lower), 1.0),
            row(2, 0, 1, Some(Bound::Upper), 4.0),
        ]);
        let groups = plane.groups();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].seeds(), [1, 2]);
        let mean = groups[0].layers()[0].mean[0].i_xt_bits;
        assert_eq!((mean.mean, mean.standard_error), (3.0, Some(1.0)));
    }

    #[test]
    fn rows_without_values_are_counted_and_left_out() {
        let mut failed = row(1, 1, 1, None, 1.0);
        failed.missing = Some(Arc::new(Missing::both("not-finite", "not finite")));
        let mut nan = row(1, 2, 1, None, f64::NAN);
        nan.i_ty_bits = Some(0.0);
        let plane = InformationPlane::from_iter([row(1, 0, 1, None, 2.0), failed.clone(), nan, failed]);
        let group = &plane.groups()[0];
        assert_eq!(group.missing(), [("not finite".to_string(), 2), ("no finite value".to_string(), 1)]);
        assert_eq!(group.layers()[0].mean.len(), 1);
    }

    #[test]
    fn half_a_row_is_on_no_plane_and_in_the_series_it_has() {
        let mut half = row(1, 0, 1, None, 1.0);
        half.i_xt_bits = None;
        let reason = Missing::both("undetermined", "infinite");
        half.missing = Some(Arc::new(Missing { quantity: Some(PlaneQuantity::IXt), ..reason }));
        let plane = InformationPlane::from_iter([half]);
        let group = &plane.groups()[0];
        assert!(group.layers().is_empty() && group.layers_with_i_xt(|_| true).is_empty());
        assert_eq!(group.layers_with_i_ty(|_| true)[0].mean[0].i_ty_bits.mean, 0.5);
    }

    #[test]
    fn rises_between_layers_beyond_the_tolerance_are_counted() {
        let plane = InformationPlane::from_iter([
            row(1, 0, 1, None, 2.0),
            row(1, 0, 2, None, 2.005),
            row(1, 1, 1, None, 2.0),
            row(1, 1, 2, None, 2.25),
        ]);
        let found = plane.groups()[0].processing_violations(0.01);
        assert_eq!((found.compared, found.count, found.largest), (2, 1, Some((0.25, 1, 1, 2))));
    }
}
