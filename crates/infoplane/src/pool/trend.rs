//! Values as a function of the number of networks pooled.

use std::collections::BTreeMap;

use super::verdict::{DRIFT_SHARE_DIVISOR, MIN_DIFFERENCE_BITS};
use super::{PoolRow, Spacing};
use crate::plane::Mean;

/// The values at one M: means over disjoint subsets, in bits.
///
/// The standard error is that of the mean over disjoint strided subsets of M networks. They interleave, so all share
/// the slow changes of the window. Where a size has fewer than three subsets, the error is that of the largest smaller
/// size that has three. So the value of all M networks has the error of the mean of its four disjoint pools of M/4,
/// because a pool of M fluctuates about half as much as one of M/4. This is an approximation, and too small where the
/// networks are correlated; with several seeds it is not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledPoint {
    /// M, the number of networks.
    pub n_networks: usize,
    /// H(T).
    pub h_t_bits: Option<Mean>,
    /// H(T|X).
    pub h_t_given_x_bits: Option<Mean>,
    /// H(T|Y).
    pub h_t_given_y_bits: Option<Mean>,
    /// I(X;T).
    pub i_xt_bits: Option<Mean>,
    /// I(T;Y).
    pub i_ty_bits: Option<Mean>,
    /// I(X;T) of the shuffled control.
    pub control_bits: Option<Mean>,
}

pub(super) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// I(X;T) of M contiguous networks, by M.
pub(super) fn contiguous(rows: &[&PoolRow]) -> Vec<(usize, Mean)> {
    let mut sizes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Contiguous) {
        sizes.entry(row.n_networks).or_default().extend(finite(row.i_xt_bits));
    }
    sizes.into_iter().filter_map(|(size, values)| Some((size, Mean::of(&values)?))).collect()
}

/// (I contiguous − I strided) / (I single − I strided) at a sixteenth of the window.
pub(super) fn drift_share(trend: &[PooledPoint], contiguous: &[(usize, Mean)]) -> Option<f64> {
    let most = trend.last()?.n_networks / DRIFT_SHARE_DIVISOR;
    let strided = |size: usize| Some(trend.iter().find(|point| point.n_networks == size)?.i_xt_bits?.mean);
    let (size, contiguous) = contiguous.iter().rfind(|(size, _)| *size <= most)?;
    let (single, strided) = (strided(1)?, strided(*size)?);
    (single - strided >= MIN_DIFFERENCE_BITS).then(|| (contiguous.mean - strided) / (single - strided))
}

/// The points by M, each with the standard error of its size or of the largest smaller size that has one.
pub(super) fn trend(rows: &[&PoolRow]) -> Vec<PooledPoint> {
    let mut sizes: BTreeMap<usize, Vec<&PoolRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Strided) {
        sizes.entry(row.n_networks).or_default().push(row);
    }
    let mut known = [None; 6];
    sizes
        .into_iter()
        .map(|(n_networks, rows)| {
            let mut quantity = 0;
            let mut mean = |value: &dyn Fn(&PoolRow) -> Option<f64>| {
                let values: Vec<f64> = rows.iter().filter_map(|row| finite(value(row))).collect();
                let mean = Mean::of(&values);
                let known = &mut known[quantity];
                quantity += 1;
                let mut mean = mean?;
                // From two values the error itself would be uncertain by a factor of several.
                match (mean.n_seeds, mean.standard_error) {
                    (3.., error) => *known = error,
                    _ => mean.standard_error = *known,
                }
                Some(mean)
            };
            PooledPoint {
                n_networks,
                h_t_bits: mean(&|row| row.h_t_bits),
                h_t_given_x_bits: mean(&PoolRow::h_t_given_x_bits),
                h_t_given_y_bits: mean(&PoolRow::h_t_given_y_bits),
                i_xt_bits: mean(&|row| row.i_xt_bits),
                i_ty_bits: mean(&|row| row.i_ty_bits),
                control_bits: mean(&|row| row.control_bits),
            }
        })
        .collect()
}
