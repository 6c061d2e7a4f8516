//! How far apart two epochs are on the information plane.

use std::collections::BTreeMap;

use super::PlaneRow;
use crate::{Bound, Labels};

/// The largest shift of any value between two epochs.
///
/// Over the layers t, and over the estimators, settings and bounds that each was measured with,
///
/// ```text
/// D = max over t of max(|Iₑ(X;t) − Iₑ'(X;t)|, |Iₑ(t;Y) − Iₑ'(t;Y)|)                 with Scale::Bits
/// D = max over t of max(|Iₑ(X;t) − Iₑ'(X;t)| / H(X), |Iₑ(t;Y) − Iₑ'(t;Y)| / H(Y))   with Scale::Entropy
/// ```
///
/// The form in print lacks the absolute values: compression is a decrease of I(X;T), and a signed difference never
/// sees it.
///
/// A value that is there at one epoch and missing at the other (absent, or no finite number) makes them infinitely
/// far apart: no interpolation between the two means anything. What is missing at both says nothing.
///
/// The distance is symmetric, and of three epochs measured alike it obeys the triangle inequality.
///
/// ```
/// use std::sync::Arc;
/// use infoplane::plane::{Distance, Entropies, MethodDescription, PlaneRow, Scale};
/// let kde = Arc::new(MethodDescription::new("kde", "noise_variance=0.001", None));
/// let at = |i_xt, i_ty| PlaneRow::new(0, 0, (1, 3), &kde, (i_xt, i_ty));
/// let (earlier, later) = ([at(9.0, 0.5)], [at(6.0, 0.75)]);
/// let bits = Distance { scale: Scale::Bits, layers: None, estimators: None, bounds: None };
/// assert_eq!(bits.between(&earlier, &later), 3.0);
///
/// // As a share of what there is to know, X moved by 3/12 and Y by 0.25/1.
/// let scaled = Distance::scaled(Entropies { h_x_bits: 12.0, h_y_bits: 1.0 });
/// assert_eq!(scaled.between(&earlier, &later), 0.25);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distance {
    /// The unit.
    pub scale: Scale,
    /// The layers compared, from 1; all unless given.
    pub layers: Option<Vec<usize>>,
    /// The estimators compared, by their names in configuration files; all unless given.
    pub estimators: Option<Vec<String>>,
    /// The rows compared, by their bound; `None` among them stands for rows that are no bound. All unless given.
    pub bounds: Option<Vec<Option<Bound>>>,
}

/// The unit of a [`Distance`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Bits on both axes.
    Bits,
    /// Each axis as a share of the entropy of what it is about, so that a class of 1 bit weighs as much as an input
    /// of 12. An axis whose entropy is 0 is left out: nothing can be known about it.
    Entropy(Entropies),
}

/// What there is to know in the data at hand: the entropies of the samples measured, not of where they came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropies {
    /// H(X) in bits.
    pub h_x_bits: f64,
    /// H(Y) in bits.
    pub h_y_bits: f64,
}

impl Entropies {
    /// The entropies of two labellings of the samples.
    pub fn of(x: &Labels, y: &Labels) -> Self {
        Entropies { h_x_bits: x.entropy().bits(), h_y_bits: y.entropy().bits() }
    }
}

/// What makes a row of one epoch comparable with a row of another.
type Key<'a> = (usize, &'a str);

/// I(X;T) and I(T;Y).
type Values = [Option<f64>; 2];

impl Distance {
    /// Over all rows, scaled by entropy.
    pub fn scaled(entropies: Entropies) -> Self {
        Distance { scale: Scale::Entropy(entropies), layers: None, estimators: None, bounds: None }
    }

    /// Whether this row is one of those compared.
    pub fn compares(&self, row: &PlaneRow) -> bool {
        self.layers.as_ref().is_none_or(|layers| layers.contains(&row.layer))
            && self.estimators.as_ref().is_none_or(|estimators| estimators.contains(&row.method.estimator))
            && self.bounds.as_ref().is_none_or(|bounds| bounds.contains(&row.method.bound))
    }

    /// Whether any of the rows compared has a value.
    pub fn has_values(&self, rows: &[PlaneRow]) -> bool {
        let has_value =
            |row: &PlaneRow| [row.i_xt_bits, row.i_ty_bits].iter().flatten().any(|v| v.is_finite());
        rows.iter().any(|row| self.compares(row) && has_value(row))
    }

    /// The distance between the rows of two epochs of one seed, in any order.
    ///
    /// At least 0, possibly infinite, never NaN; 0 if no value is there at both. Time O(r log r) for r rows.
    pub fn between(&self, earlier: &[PlaneRow], later: &[PlaneRow]) -> f64 {
        let mut pairs: BTreeMap<Key<'_>, [Values; 2]> = BTreeMap::new();
        for (side, rows) in [earlier, later].into_iter().enumerate() {
            for row in rows.iter().filter(|row| self.compares(row)) {
                let key = (row.layer, row.method.id.as_str());
                pairs.entry(key).or_default()[side] =
                    [row.i_xt_bits, row.i_ty_bits].map(|bits| bits.filter(|bits| bits.is_finite()));
            }
        }
        let entropies = match self.scale {
            Scale::Bits => [1.0; 2],
            Scale::Entropy(entropies) => [entropies.h_x_bits, entropies.h_y_bits],
        };
        let mut distance = 0.0f64;
        for [earlier, later] in pairs.into_values() {
            for axis in 0..2 {
                // An entropy that is no number leaves its axis out too.
                if entropies[axis] > 0.0 {
                    distance = distance.max(match (earlier[axis], later[axis]) {
                        (Some(earlier), Some(later)) => (later - earlier).abs() / entropies[axis],
                        (None, None) => 0.0,
                        _ => f64::INFINITY,
                    });
                }
            }
        }
        distance
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plane::MethodDescription;
    use proptest::prelude::*;

    fn row(
        layer: usize,
        estimator: &str,
        bound: Option<Bound>,
        i_xt: Option<f64>,
        i_ty: Option<f64>,
    ) -> PlaneRow {
        let method = Arc::new(MethodDescription::new(estimator, "s", bound));
        PlaneRow { i_xt_bits: i_xt, i_ty_bits: i_ty, ..PlaneRow::new(0, 0, (layer, 2), &method, (0.0, 0.0)) }
    }

    const BITS: Distance = Distance { scale: Scale::Bits, layers: None, estimators: None, bounds: None };

    #[test]
    fn a_decrease_counts_as_much_as_an_increase() {
        let high = [row(1, "kde", None, Some(9.0), Some(0.5))];
        let low = [row(1, "kde", None, Some(7.5), Some(0.5))];
        assert_eq!(BITS.between(&high, &low), 1.5);
        assert_eq!(BITS.between(&low, &high), 1.5);
    }

    #[test]
    fn rows_without_a_number_have_no_values() {
        let none = [row(1, "kde", None, None, Some(f64::NAN)), row(2, "binned", None, Some(1.0), None)];
        let of_kde = Distance { estimators: Some(vec!["kde".into()]), ..BITS };
        assert!(BITS.has_values(&none) && !of_kde.has_values(&none) && !BITS.has_values(&[]));
    }

    #[test]
    fn rows_are_matched_by_what_they_are_and_not_by_where_they_stand() {
        let (upper, lower) = (Some(Bound::Upper), Some(Bound::Lower));
        let earlier = [row(1, "kde", upper, Some(5.0), None), row(1, "kde", lower, Some(3.0), None)];
        let later = [row(1, "kde", lower, Some(3.25), None), row(1, "kde", upper, Some(5.5), None)];
        assert_eq!(BITS.between(&earlier, &later), 0.5);
    }

    #[test]
    fn only_what_was_chosen_is_compared() {
        let rows = |shift: f64| {
            vec![
                row(1, "kde", Some(Bound::Upper), Some(shift), None),
                row(1, "kde", Some(Bound::Lower), Some(2.0 * shift), None),
                row(1, "binned", None, Some(4.0 * shift), None),
                row(2, "binned", None, Some(8.0 * shift), None),
            ]
        };
        let between = |distance: Distance| distance.between(&rows(0.0), &rows(1.0));
        let kde = || Some(vec!["kde".to_string()]);
        assert_eq!(between(BITS), 8.0);
        assert_eq!(between(Distance { layers: Some(vec![1]), ..BITS }), 4.0);
        assert_eq!(between(Distance { estimators: kde(), ..BITS }), 2.0);
        let upper = Some(vec![Some(Bound::Upper)]);
        assert_eq!(between(Distance { estimators: kde(), bounds: upper.clone(), ..BITS }), 1.0);
        assert_eq!(between(Distance { bounds: upper, ..BITS }), 1.0);
        assert_eq!(between(Distance { bounds: Some(vec![None]), layers: Some(vec![1]), ..BITS }), 4.0);
    }

    #[test]
    fn an_axis_without_entropy_is_left_out() {
        let earlier = [row(1, "kde", None, Some(1.0), Some(0.0))];
        let later = [row(1, "kde", None, Some(3.0), Some(1.0))];
        let scaled = |h_x_bits, h_y_bits| Distance::scaled(Entropies { h_x_bits, h_y_bits });
        assert_eq!(scaled(4.0, 0.0).between(&earlier, &later), 0.5);
        assert_eq!(scaled(0.0, 2.0).between(&earlier, &later), 0.5);
        assert_eq!(scaled(0.0, 0.0).between(&earlier, &later), 0.0);
        // Nor does a value that is missing on it.
        assert_eq!(scaled(4.0, 0.0).between(&earlier, &[row(1, "kde", None, Some(3.0), None)]), 0.5);
    }

    #[test]
    fn a_value_on_one_side_only_is_infinitely_far() {
        let whole = [row(1, "kde", None, Some(1.0), Some(0.5))];
        let half = [row(1, "kde", None, None, Some(0.5))];
        let nan = [row(1, "kde", None, Some(f64::NAN), Some(0.5))];
        let infinite = [row(1, "kde", None, Some(f64::INFINITY), Some(0.75))];
        assert_eq!(BITS.between(&whole, &half), f64::INFINITY);
        assert_eq!(BITS.between(&nan, &whole), f64::INFINITY);
        assert_eq!(BITS.between(&whole, &[]), f64::INFINITY);
        assert_eq!(BITS.between(&half, &nan), 0.0);
        assert_eq!(BITS.between(&nan, &infinite), 0.25);
        assert_eq!(BITS.between(&[], &[]), 0.0);
    }

    proptest! {
        #[test]
        fn the_distance_is_symmetric_zero_to_itself_and_obeys_the_triangle(
            values in prop::collection::vec(prop::array::uniform6(0.0f64..12.0), 1..5),
        ) {
            let at = |epoch: usize| -> Vec<PlaneRow> {
                values.iter().enumerate()
                    .map(|(layer, v)| row(layer + 1, "kde", None, Some(v[2 * epoch]), Some(v[2 * epoch + 1])))
                    .collect()
            };
            let scaled = Distance::scaled(Entropies { h_x_bits: 12.0, h_y_bits: 1.0 });
            let d = |a: usize, b: usize| scaled.between(&at(a), &at(b));
            prop_assert_eq!(d(0, 0), 0.0);
            prop_assert_eq!(d(0, 1), d(1, 0));
            prop_assert!(d(0, 2) <= d(0, 1) + d(1, 2) + 1e-12);
        }
    }
}
