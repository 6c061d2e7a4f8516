//! What no information exceeds, and what is said of an estimate beyond it.

use super::measure::checked_pair;
use super::noise_floor::{NoiseFloor, noise_floor};
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, EstimatorInfo, Family, Information, Ksg, Labels, Scaling,
    Variable, Warning, math,
};

/// An estimate this much above its limit, in nats and as a part of the limit, is its random error.
const BY_CHANCE: f64 = 0.05;

/// Returns an estimate of I(X;Y) as far as it can be one.
///
/// | an estimate | becomes |
/// |---|---|
/// | above the entropy of a side of symbols by .05 nats and 5 % at most | that entropy, with a warning |
/// | farther above it | an upper bound: that entropy |
/// | of numbers, within 1 nat of its ceiling | a lower bound |
/// | of numbers between which no noise is seen ([`NoiseFloor`]) | a lower bound: no more than KSG-1 gives |
/// | of numbers, above ln N, where noise cannot be told | a lower bound: no more than KSG-1 gives |
/// | of numbers by neighbours, in no fewer columns than samples | a lower bound: no more than KSG-1 gives |
///
/// KSG-1 is biased downward in all of these.
pub(super) fn within_limits(
    estimator: &EstimatorInfo,
    estimate: Estimate,
    x: &Variable<'_>,
    y: &Variable<'_>,
) -> Estimate {
    spread_within_limits(estimator, estimate, [x.view(), y.view()], || noise_floor(x, y))
}

/// As [`within_limits`], for variables whose repeated values were spread for the estimator; `floor` looks at those before.
pub(super) fn spread_within_limits(
    estimator: &EstimatorInfo,
    estimate: Estimate,
    spread: [Variable<'_>; 2],
    floor: impl Fn() -> NoiseFloor,
) -> Estimate {
    if !is_limited(estimator, &estimate.kind) {
        return estimate;
    }
    match (&spread[0], &spread[1]) {
        (Variable::Labels(_), Variable::Labels(_)) => estimate,
        (Variable::Labels(labels), _) | (_, Variable::Labels(labels)) => {
            below_entropy(estimate, labels.entropy())
        }
        _ => below_resolution(estimator, estimate, spread, floor),
    }
}

/// As [`within_limits`], for a layer and a labelling.
///
/// # Errors
/// [`EstimateError::AboveLimit`] where only an upper bound is left, which says nothing of the layer.
pub(super) fn layer_within_limits(
    estimator: &EstimatorInfo,
    estimate: Estimate,
    labels: &Labels,
) -> Result<Estimate, EstimateError> {
    if !is_limited(estimator, &estimate.kind) {
        return Ok(estimate);
    }
    let value = estimate.information;
    let held = below_entropy(estimate, labels.entropy());
    match held.kind {
        EstimateKind::Bound(Bound::Upper) => {
            Err(EstimateError::AboveLimit { estimator: estimator.name, value, limit: held.information })
        }
        _ => Ok(held),
    }
}

/// Whether an estimate claims to be the information of the variables themselves.
///
/// Corrected counts have their own limit: the entropies of few samples are too small.
fn is_limited(estimator: &EstimatorInfo, kind: &EstimateKind) -> bool {
    estimator.family != Family::Counts
        && matches!(kind, EstimateKind::Consistent | EstimateKind::GaussianCopula)
}

/// Returns the estimate held at the entropy of symbols that it is the information of; far above it, as an upper bound.
pub(super) fn below_entropy(estimate: Estimate, entropy: Information) -> Estimate {
    let value = estimate.information;
    if value <= entropy {
        return estimate;
    }
    let excess = value.nats() - entropy.nats();
    let by_chance = excess <= BY_CHANCE * (1.0 + entropy.nats());
    let mut estimate = Estimate { information: entropy, ..estimate };
    estimate.warnings.push(Warning::AboveLimit { value, limit: entropy });
    if !by_chance {
        estimate.kind = EstimateKind::Bound(Bound::Upper);
        estimate.standard_error = None;
        estimate.interval = None;
    }
    estimate
}

fn below_resolution(
    estimator: &EstimatorInfo,
    estimate: Estimate,
    [x, y]: [Variable<'_>; 2],
    floor: impl Fn() -> NoiseFloor,
) -> Estimate {
    if estimate.kind != EstimateKind::Consistent || estimate.warnings.contains(&Warning::Constant) {
        return estimate;
    }
    let near_ceiling = estimate.warnings.iter().any(|w| matches!(w, Warning::NearCeiling { .. }));
    let floor = floor();
    let too_large = estimate.information.nats() > math::ln(estimate.n_samples as f64);
    let warning = match floor {
        NoiseFloor::NotSeen => Some(Warning::NoNoiseSeen),
        NoiseFloor::Unknown if too_large => Some(Warning::AboveResolution),
        _ => None,
    };
    // LNC follows ridges below the distances of neighbours; where noise is seen its value may be above their ceiling.
    let saturated = near_ceiling && !(estimator.name == "lnc" && floor == NoiseFloor::Seen);
    let columns = x.width() + y.width();
    let sparse = estimator.family == Family::Neighbors && columns >= estimate.n_samples;
    if warning.is_none() && !saturated && !sparse {
        return estimate;
    }
    let plain = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() };
    let by_neighbours = checked_pair(&plain, x.view(), y.view()).map(|estimate| estimate.information);
    let information = match by_neighbours {
        Ok(plain) if plain < estimate.information => plain,
        _ => estimate.information,
    };
    let mut warnings = estimate.warnings;
    warnings.extend(warning);
    let far = Warning::far_neighbours(columns);
    if sparse && !warnings.contains(&far) {
        warnings.push(far);
    }
    Estimate {
        information,
        kind: EstimateKind::Bound(Bound::Lower),
        standard_error: None,
        interval: None,
        warnings,
        ..estimate
    }
}
