//! KSG with a correction for neighbourhoods that are no boxes.

use std::collections::HashMap;
use std::sync::Mutex;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matrix::orthogonalize;
use super::{check_ties, differences, finite, nothing, prepare, tied};
use crate::estimator::{
    About, Bound, Estimate, EstimateError, Estimator, Kind, LayerRange, Method, Scaling, Warning,
};
use crate::neighbors::{Metric, Neighbors};
use crate::random::{Purpose, generator, uniform};
use crate::special::digammas;
use crate::{Information, Variable};

/// The settings of [`Lnc`], as a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LncConfig {
    /// How many neighbours make a neighbourhood, at least twice the columns; by default that, and at least 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// How much smaller than the box along the columns the turned box must be before it counts, 0 … 1; 0 turns
    /// the correction off. By default the share that k uniform points fall below once in 200 times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// What is done to each column first.
    pub scaling: Scaling,
}

impl Default for LncConfig {
    fn default() -> Self {
        LncConfig { k: None, alpha: None, scaling: Scaling::Standardized }
    }
}

impl LncConfig {
    pub(in crate::estimator) const ABOUT: &About = &About {
        name: "lnc",
        title: "LNC",
        estimates: "I(X;Y), total correlation, consistent",
        when: "strong dependence, when KSG is near its ceiling",
        cost: "that of KSG + O(n d³)",
        reference: "Gao, Ver Steeg & Galstyan (2015), AISTATS",
    };

    fn setting(&self) -> String {
        let mut text = String::new();
        if let Some(k) = self.k {
            text += &format!("k={k}, ");
        }
        if let Some(alpha) = self.alpha {
            text += &format!("alpha={alpha}, ");
        }
        text + &format!("scaling={}", self.scaling.name())
    }
}

impl Method for LncConfig {
    fn about(&self) -> &'static About {
        Self::ABOUT
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
    }

    /// [`EstimateError::Setting`] if `k` is below 3 or `alpha` not between 0 and 1.
    fn check(&self) -> Result<(), EstimateError> {
        if let Some(k) = self.k.filter(|k| !(3..=10_000).contains(k)) {
            let (given, allowed) = (k.to_string(), "3 to 10000, and at least twice the columns");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        match self.alpha {
            Some(alpha) if !(0.0..=1.0).contains(&alpha) => {
                Err(EstimateError::Setting { key: "alpha", given: alpha.to_string(), allowed: "0 to 1" })
            }
            _ => Ok(()),
        }
    }

    fn estimator(&self, _: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        Ok(Box::new(Lnc::new(self)?))
    }
}

/// DOC
#[derive(Debug, Clone, PartialEq)]
pub struct Lnc {
    config: LncConfig,
}

impl Lnc {
    /// The method with these settings.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] as [`LncConfig`] says.
    pub fn new(config: &LncConfig) -> Result<Self, EstimateError> {
        config.check()?;
        Ok(Lnc { config: config.clone() })
    }

    const NAME: &'static str = LncConfig::ABOUT.name;

    /// k for so many columns in all.
    fn k(&self, dims: usize, n_samples: usize) -> Result<usize, EstimateError> {
        let k = self.config.k.unwrap_or(5.max(2 * dims));
        if k < 2 * dims {
            let (given, allowed) = (k.to_string(), "at least twice the columns of all variables together");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        if n_samples <= k {
            let (reason, needed) = (format!("k = {k}"), k + 1);
            return Err(EstimateError::TooFewSamples { estimator: Self::NAME, reason, needed, n_samples });
        }
        Ok(k)
    }

    /// The total correlation of the columns, every column its own variable.
    fn columns(&self, points: ArrayView2<'_, f64>, k: usize, psi: &[f64]) -> Result<Correlation, EstimateError> {
        let (n, d) = points.dim();
        if d == 1 {
            return Ok(Correlation::default());
        }
        let nearest = Neighbors::new(points, Metric::Chebyshev).nearest(k);
        let tied = tied(&nearest, n);
        check_ties(Self::NAME, tied, n)?;
        let ln_alpha = self.config.alpha.unwrap_or_else(|| alpha(d, k)).ln();
        let sorted: Vec<Vec<f64>> = points
            .axis_iter(Axis(1))
            .map(|column| {
                let mut column = column.to_vec();
                column.sort_unstable_by(f64::total_cmp);
                column
            })
            .collect();
        let terms: Vec<(f64, f64)> = (0..n)
            .into_par_iter()
            .map_init(
                || (Vec::new(), vec![0.0; d * d]),
                |(rows, basis), i| {
                    differences(points, i, nearest.indices(i), rows);
                    let (mut counts, mut ln_box) = (0.0, 0.0);
                    for a in 0..d {
                        let reach = rows.chunks_exact(d).map(|row| row[a].abs()).fold(0.0, f64::max);
                        ln_box += reach.ln();
                        // Others within the reach, which a neighbour is at.
                        counts += psi[within(&sorted[a], points[(i, a)], reach) - 1];
                    }
                    orthogonalize(rows, d, basis);
                    let ln_turned: f64 = (0..d)
                        .map(|a| rows.chunks_exact(d).map(|row| row[a].abs()).fold(0.0, f64::max).ln())
                        .sum();
                    // A box without volume along the columns (equal values in one of them) is no thinner turned.
                    let gain = if ln_box.is_finite() && ln_turned < ln_box + ln_alpha {
                        ln_box - ln_turned
                    } else {
                        0.0
                    };
                    (counts, gain)
                },
            )
            .collect();
        let used = n as f64;
        let counts = terms.iter().map(|term| term.0).sum::<f64>() / used;
        let gain = terms.iter().map(|term| term.1).sum::<f64>() / used;
        let others = d as f64 - 1.0;
        Ok(Correlation {
            value: psi[k] - others / k as f64 + others * psi[n] - counts + gain,
            tied,
        })
    }

    /// The total correlation of the columns of all blocks, less that of the columns of each.
    fn blocks(
        &self,
        blocks: &[Array2<f64>],
        joint: ArrayView2<'_, f64>,
        constant: usize,
        variables: &[Variable<'_>],
    ) -> Result<Estimate, EstimateError> {
        let n = joint.nrows();
        let k = self.k(joint.ncols(), n)?;
        let psi = digammas(n);
        let all = self.columns(joint, k, &psi)?;
        let mut value = all.value;
        for block in blocks {
            value -= self.columns(block.view(), k, &psi)?.value;
        }
        let mut estimate = Estimate::new(finite(value)?, Kind::Consistent, variables);
        if constant > 0 {
            estimate.warnings.push(Warning::ConstantColumns { columns: constant });
        }
        if all.tied > 0 {
            estimate.ties = all.tied;
            estimate.warnings.push(Warning::Ties { tied: all.tied, n_samples: n });
        }
        Ok(estimate)
    }
}

#[derive(Default)]
struct Correlation {
    value: f64,
    tied: usize,
}

/// How many of the ascending values are within `reach` of `value`, the borders included.
fn within(sorted: &[f64], value: f64, reach: f64) -> usize {
    // The very subtraction that gave `reach`, so that the neighbour at the border is inside.
    let first = sorted.partition_point(|&other| value > other && value - other > reach);
    let past = sorted.partition_point(|&other| other <= value || other - value <= reach);
    past - first
}

/// The share of the box along the columns that the turned box of k points, uniform in a cube, falls below once
/// in 200 times.
fn alpha(d: usize, k: usize) -> f64 {
    static KNOWN: Mutex<Option<HashMap<(usize, usize), f64>>> = Mutex::new(None);
    let known = |table: &mut Option<HashMap<_, _>>| table.get_or_insert_default().get(&(d, k)).copied();
    if let Some(alpha) = known(&mut KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())) {
        return alpha;
    }
    const BLOCKS: usize = 64;
    // A fifth of a second on one core; 200,000 in two dimensions.
    let per_block = (200_000.min(400_000_000 / (k * d * d * d * 40)) / BLOCKS).max(100);
    let mut shares: Vec<f64> = (0..BLOCKS)
        .into_par_iter()
        .flat_map_iter(|block| {
            let mut generator = generator(k as u64, Purpose::Local, (1 << 40) + (d * BLOCKS + block) as u64);
            let (mut rows, mut basis) = (vec![0.0; k * d], vec![0.0; d * d]);
            (0..per_block)
                .map(|_| {
                    rows.iter_mut().for_each(|v| *v = 2.0 * uniform(&mut generator) - 1.0);
                    let ln_box = ln_volume(&rows, d);
                    orthogonalize(&mut rows, d, &mut basis);
                    ln_volume(&rows, d) - ln_box
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let rank = shares.len() / 200;
    let alpha = shares.select_nth_unstable_by(rank, f64::total_cmp).1.exp().min(1.0);
    KNOWN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .get_or_insert_default()
        .insert((d, k), alpha);
    alpha
}

/// ln of the volume of the box around the origin that holds the rows, but for 2^d.
fn ln_volume(rows: &[f64], d: usize) -> f64 {
    (0..d).map(|a| rows.chunks_exact(d).map(|row| row[a].abs()).fold(0.0, f64::max).ln()).sum()
}

impl Estimator for Lnc {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn setting(&self) -> String {
        self.config.setting()
    }

    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.total_correlation(&[x.view(), y.view()])
    }

    fn total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let Some(prepared) = prepare(self.name(), parts, self.config.scaling)? else {
            return Ok(nothing(parts));
        };
        self.blocks(&prepared.blocks, prepared.joint.view(), prepared.constant, parts)
    }
}
