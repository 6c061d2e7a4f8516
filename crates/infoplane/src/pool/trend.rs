//! The values by the number of networks pooled.

use std::collections::BTreeMap;

use super::verdict::{LEAST_SHARED_BITS, STRETCHES};
use super::{PoolRow, Spacing};
use crate::plane::Mean;

/// The values at one M: means over disjoint pools, in bits.
///
/// The standard error is that of the mean over disjoint pools of M networks spread over the window, each between the
/// others, so that all share its slow wander; where a size has
/// fewer than three of them, it is that of the largest smaller size that has. So the value of all M networks has the
/// error of the mean of its four disjoint pools of M/4: a pool of M fluctuates about half as much as one of M/4. An
/// approximation, and for networks that remember one another too small; over several trainings it is not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledPoint {
    /// M.
    pub draws: usize,
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

/// I(X;T) of consecutive networks, by M.
pub(super) fn consecutive(rows: &[&PoolRow]) -> Vec<(usize, Mean)> {
    let mut sizes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Consecutive) {
        sizes.entry(row.draws).or_default().extend(finite(row.i_xt_bits));
    }
    sizes.into_iter().filter_map(|(draws, values)| Some((draws, Mean::of(&values)?))).collect()
}

pub(super) fn slow_share(trend: &[PooledPoint], consecutive: &[(usize, Mean)]) -> Option<f64> {
    let stretch = trend.last()?.draws / STRETCHES;
    let spread = |draws: usize| Some(trend.iter().find(|point| point.draws == draws)?.i_xt_bits?.mean);
    let (draws, in_a_row) = consecutive.iter().rfind(|(draws, _)| *draws <= stretch)?;
    let (single, spread) = (spread(1)?, spread(*draws)?);
    (single - spread >= LEAST_SHARED_BITS).then(|| (in_a_row.mean - spread) / (single - spread))
}

/// The points by M, each with the standard error of its size or the largest smaller one that has it.
pub(super) fn trend(rows: &[&PoolRow]) -> Vec<PooledPoint> {
    let mut sizes: BTreeMap<usize, Vec<&PoolRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Spread) {
        sizes.entry(row.draws).or_default().push(row);
    }
    let mut known = [None; 6];
    sizes
        .into_iter()
        .map(|(draws, rows)| {
            let mut quantity = 0;
            let mut mean = |value: &dyn Fn(&PoolRow) -> Option<f64>| {
                let values: Vec<f64> = rows.iter().filter_map(|row| finite(value(row))).collect();
                let mean = Mean::of(&values);
                let known = &mut known[quantity];
                quantity += 1;
                let mut mean = mean?;
                // Of two values the error would itself be uncertain by a factor of several.
                match (mean.n_seeds, mean.standard_error) {
                    (3.., error) => *known = error,
                    _ => mean.standard_error = *known,
                }
                Some(mean)
            };
            PooledPoint {
                draws,
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
