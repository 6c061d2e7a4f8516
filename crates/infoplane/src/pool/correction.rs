//! The limit of infinitely many networks: by extrapolating the trend, or by correcting counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::conditional::{ConditionalDistributions, Inputs};
use super::trend::PooledPoint;
use super::{PoolRow, PoolSubject};
use crate::estimator::chao_wang_jost_entropy;
use crate::plane::{Mean, MethodDescription};
use crate::{Information, Labels};

/// How the limit of infinitely many networks was estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorrectedBy {
    /// By extrapolating the trend in 1/M.
    Trend,
    /// By correcting the counts at the largest M.
    Counts,
}

impl CorrectedBy {
    /// As figures print it.
    pub const fn name(self) -> &'static str {
        match self {
            CorrectedBy::Trend => "extrapolated in 1/M",
            CorrectedBy::Counts => "from corrected counts",
        }
    }
}

/// The polynomial in 1/M through the largest M and those at most half and a quarter as large, at 1/M = 0.
///
/// For M, M/2, M/4 it is (8 I(M) − 6 I(M/2) + I(M/4)) / 3; with two sizes, 2 I(M) − I(M/2). M = 1 takes no part: a single
/// network has no H(T|X).
pub(super) fn extrapolated(
    trend: &[PooledPoint],
    value: impl Fn(&PooledPoint) -> Option<Mean>,
) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut most = usize::MAX;
    for point in trend.iter().rev().filter(|point| point.n_networks > 1) {
        if point.n_networks <= most && points.len() < 3 {
            points.push((1.0 / point.n_networks as f64, value(point)?.mean));
            most = point.n_networks / 2;
        }
    }
    if points.len() < 2 {
        return None;
    }
    // Lagrange's form at 0.
    let term = |(i, &(u, value)): (usize, &(f64, f64))| {
        let others = points.iter().enumerate().filter(|&(j, _)| j != i);
        value * others.map(|(_, &(other, _))| other / (other - u)).product::<f64>()
    };
    Some(points.iter().enumerate().map(term).sum())
}

/// The row `row`, measured in these cells, with entropies corrected for cells that the M networks did not reach, as a row
/// of `method`. With hats for the entropies of Chao, Wang & Jost:
///
/// ```text
/// H(T|X) = max( Ĥ(X,T) − Ĥ(X), plug-in H(T|X) )
/// H(T)   = plug-in H(T) + a,    a = Ĥ(T) − plug-in H(T),  at least 0 and at most what was added to H(T|X)
/// I(X;T) = H(T) − H(T|X)
/// ```
///
/// The inputs are not sampled: each occurs exactly M times. Where p(t | x) is a single cell nothing is hidden, and Ĥ(T)
/// would add to the entropy nevertheless. What is hidden of the mixture is also hidden of its components, so the
/// corrected I(X;T) is never above the plug-in value. [`pooled_layers`](super::pooled_layers) says how near it is to
/// the truth.
///
/// Returns `None` for a single network, where p(t | x) is always a single cell, and where `row` has no values.
///
/// # Panics
/// As [`overlaps`](super::overlaps).
pub fn corrected_by_counts(
    cells: &Labels,
    subject: PoolSubject<'_>,
    row: &PoolRow,
    method: &Arc<MethodDescription>,
) -> Option<PoolRow> {
    let n = subject.x.len();
    assert!(
        n > 0 && cells.len().is_multiple_of(n),
        "{} rows are not a whole number of networks of {n}",
        cells.len()
    );
    let n_networks = cells.len() / n;
    let (plain_h_t, plain_given_x) = (row.h_t_bits?, row.h_t_given_x_bits()?);
    if n_networks < 2 {
        return None;
    }
    let inputs = Inputs::new(subject.x, subject.y, usize::MAX);
    let distributions = ConditionalDistributions::new(cells.codes(), cells.n_labels(), n, &inputs);
    let bits = |nats: f64| Information::from_nats(nats).bits();
    let joint = bits(chao_wang_jost_entropy(distributions.entries.iter().map(|&(_, count)| count as usize)));
    let h_x = bits(chao_wang_jost_entropy(subject.x.counts().iter().map(|count| count * n_networks)));
    let h_t = bits(chao_wang_jost_entropy(cells.counts().iter().copied()));
    let hidden = (joint - h_x - plain_given_x).max(0.0);
    let h_t = plain_h_t + (h_t - plain_h_t).clamp(0.0, hidden);
    Some(PoolRow {
        method: Arc::clone(method),
        h_t_bits: Some(h_t),
        i_xt_bits: Some(h_t - (plain_given_x + hidden)),
        i_ty_bits: None,
        control_bits: None,
        ..row.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::Measure;
    use proptest::prelude::*;

    /// Plug-in I(cells; x), by the chain rule.
    fn plug_in(cells: &Labels, x: &Labels) -> f64 {
        let pairs: Vec<(u32, u32)> = cells.codes().iter().copied().zip(x.codes().iter().copied()).collect();
        cells.entropy().bits() + x.entropy().bits() - Labels::from_symbols(&pairs).entropy().bits()
    }

    fn method() -> Arc<MethodDescription> {
        MethodDescription::new("binned", "by hand", None).into()
    }

    fn by_hand(n_networks: usize, h_t: f64, plain: f64) -> PoolRow {
        PoolRow {
            seed: None,
            layer: 1,
            width: 1,
            method: method(),
            n_networks,
            spacing: crate::pool::Spacing::Strided,
            subset: 0,
            h_t_bits: Some(h_t),
            i_xt_bits: Some(plain),
            i_ty_bits: Some(0.5),
            control_bits: None,
            out_of_range: 0,
            missing: None,
        }
    }

    #[test]
    fn corrected_counts_are_those_of_the_measuring_call() {
        use crate::Variable;
        use crate::estimator::ChaoWangJost;
        let (n, n_networks) = (40, 12);
        let codes: Vec<u32> = (0..n * n_networks).map(|row| (row * row % 131 % 23) as u32).collect();
        let cells = Labels::from_symbols(&codes);
        let x = Labels::from_symbols(&(0..n).map(|i| i / 2).collect::<Vec<_>>());
        let y = Labels::from_symbols(&(0..n).map(|i| i / 20).collect::<Vec<_>>());
        let repeated = x.select(&(0..n * n_networks).map(|row| row % n).collect::<Vec<_>>());
        let plain = plug_in(&cells, &repeated);
        let row = by_hand(n_networks, cells.entropy().bits(), plain);
        let subject = PoolSubject { seed: None, x: &x, y: &y };
        let corrected = corrected_by_counts(&cells, subject, &row, &method()).unwrap();
        assert_eq!(corrected.i_ty_bits, None);
        let chao_wang_jost = ChaoWangJost::default();
        let expected = chao_wang_jost.pair(Variable::Labels(&cells), Variable::Labels(&repeated)).unwrap();
        assert!((corrected.i_xt_bits.unwrap() - expected.information.bits()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn corrected_counts_only_take_away_and_copies_of_one_network_hide_nothing(
            codes in prop::collection::vec(0u32..9, 12), n_networks in 2usize..20, repeats in 1usize..4, other in 0u32..9,
        ) {
            let n = codes.len();
            let x = Labels::from_symbols(&(0..n).map(|i| i / repeats).collect::<Vec<_>>());
            let y = Labels::from_symbols(&(0..n).map(|i| i % 2).collect::<Vec<_>>());
            let subject = PoolSubject { seed: None, x: &x, y: &y };
            let corrected = |codes: &[u32]| {
                let cells = Labels::from_symbols(codes);
                let repeated = x.select(&(0..codes.len()).map(|row| row % n).collect::<Vec<_>>());
                let h_t = cells.entropy();
                let plain = plug_in(&cells, &repeated);
                let row = by_hand(codes.len() / n, h_t.bits(), plain);
                (corrected_by_counts(&cells, subject, &row, &method()).unwrap().i_xt_bits.unwrap(), plain)
            };
            let copies = codes.repeat(n_networks);
            let (found, plain) = corrected(&copies);
            // Of inputs that repeat, copies are more samples of a distribution over several cells.
            prop_assert!(repeats > 1 || (found - plain).abs() < 1e-9, "{found} {plain}");
            prop_assert!(found <= plain + 1e-9);
            let mut moved = copies;
            moved[n..].iter_mut().for_each(|code| *code = (*code * 7 + other) % 9);
            let (found, plain) = corrected(&moved);
            prop_assert!(found <= plain + 1e-9);
        }
    }

    #[test]
    fn a_single_network_has_no_corrected_counts() {
        let (cells, x) = (Labels::from_symbols(&[0, 1, 1]), Labels::distinct(3));
        let subject = PoolSubject { seed: None, x: &x, y: &x };
        let row = by_hand(1, cells.entropy().bits(), cells.entropy().bits());
        assert_eq!(corrected_by_counts(&cells, subject, &row, &method()), None);
    }
}
