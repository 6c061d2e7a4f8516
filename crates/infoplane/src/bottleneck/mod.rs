//! The information-bottleneck curve of a known p(x, y): the largest I(T;Y) for each I(X;T).
//!
//! Where p(x, y) is known, no T computed from X alone can exceed the information-bottleneck curve,
//! whatever network makes it.

mod channel;
mod error;
mod solve;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use crate::Information;
use crate::math;
use channel::Channel;
pub use error::BottleneckError;
use solve::{Clusters, Solution, solve};

/// The number of points of the curve that may be requested.
pub const POINTS: std::ops::RangeInclusive<usize> = 2..=1000;

/// More different p(y|x) than this are refused: memory and time grow with their square.
pub const MAX_DISTINCT_INPUTS: usize = 1024;

/// The largest distance of a sum of probabilities from 1; files often hold six decimals.
const SUM_TOLERANCE: f64 = 1e-6;

/// A point that lies less than this above a chord, in nats, does not tell the curve from the chord.
const STRAIGHT: f64 = 1e-9;

/// A point of the information-bottleneck curve, which a T with p(t|x) reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BottleneckPoint {
    /// The trade β at which I(T;Y) − I(X;T)/β is greatest here; 1/β is the slope of the curve. 0 at the
    /// origin, infinite at the other end.
    pub beta: f64,
    /// I(X;T).
    pub i_xt: Information,
    /// I(T;Y).
    pub i_ty: Information,
    /// Number of different p(y|t) among the values of T.
    pub clusters: usize,
    /// The curve lies at most this far above the point: Blahut's bound, over all p(y|t) that were tried.
    pub gap: Information,
}

/// The information-bottleneck curve of a joint distribution; see [`bottleneck_curve`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BottleneckCurve {
    /// From the origin to the least I(X;T) that keeps all of I(X;Y); both rise strictly, and no point lies
    /// below the straight line between two others.
    pub points: Vec<BottleneckPoint>,
    /// I(X;Y), the greatest I(T;Y).
    pub i_xy: Information,
    /// H(Y).
    pub h_y: Information,
    /// Number of different p(y|x).
    pub distinct_inputs: usize,
    /// Whether every x has one label only. The curve is then a straight line.
    pub deterministic: bool,
}

impl BottleneckCurve {
    /// Returns the greatest I(T;Y) with at most `i_xt` of the input: straight between the points, which is never above
    /// the curve, and level after the last.
    pub fn at(&self, i_xt: Information) -> Information {
        let after = self.points.partition_point(|point| point.i_xt <= i_xt);
        match (after.checked_sub(1).and_then(|before| self.points.get(before)), self.points.get(after)) {
            (Some(a), Some(b)) => {
                let share = (i_xt - a.i_xt).nats() / (b.i_xt - a.i_xt).nats();
                a.i_ty + (b.i_ty - a.i_ty) * share
            }
            (Some(last), None) => last.i_ty,
            (None, _) => Information::ZERO,
        }
    }
}

/// Computes the information-bottleneck curve: the largest I(T;Y) that any T computed from X alone can have, for every
/// I(X;T).
///
/// Solves the information bottleneck
///
/// ```text
/// max over p(t|x) of  I(T;Y) − I(X;T) / β
/// p(t|x) ∝ p(t) exp(−β KL(p(y|x) ‖ p(y|t)))
/// ```
///
/// by Blahut–Arimoto iterations on the self-consistent equations, for as many β as give `n_points` points.
/// `p_x` holds p(x); `p_y_given_x`, `(p_x.len(), classes)`, holds p(y|x) in rows. Rows of x with probability 0 are
/// ignored.
///
/// **Equal rows are one input.** Inputs with the same p(y|x), to 12 decimals, are merged first. That p(y|x) is the
/// minimal sufficient statistic of X for Y, so nothing is lost: the 4096 patterns of the 12-bit task become
/// at most 64. The curve ends at (entropy of the merged input, I(X;Y)).
///
/// **Which β.** Between two points known to be on the curve the next β is the slope of their chord, which finds the
/// point farthest above it; each solution starts from the p(y|t) of both neighbours. A fixed list of β would
/// put all points at the ends where the curve is nearly straight. Where the curve is straight, no points are added,
/// so there may be fewer than `n_points`.
///
/// **Global.** The problem is a rate-distortion problem with distortion KL(p(y|x) ‖ r) and all distributions r of the
/// labels as reproductions, and concave in the weights of the r. Besides the r of the iterations others are
/// tried: a fine grid for two classes, all rows and the middles of all pairs for more; an r by which
/// the value could grow is added. The iterations end when the value is within 1e-9 nats of I(T;Y) of Blahut's
/// bound, or after a fixed number of steps; [`BottleneckPoint::gap`] says how near they got. Every point is computed
/// from an actual p(t|x), so none is above the curve.
///
/// **Labels without noise** (every p(y|x) is 0 or 1) have a straight line from the origin to (H(Y), H(Y)), all
/// of it at β = 1, and the two ends are all that is returned.
///
/// Cost: of order k² a step, for k different rows, some hundred steps a point; milliseconds for the 12-bit
/// task.
///
/// # Errors
/// [`BottleneckError`] if lengths differ, nothing is there, probabilities are negative, not finite or do not sum
/// to 1, more than [`MAX_DISTINCT_INPUTS`] rows differ, or `n_points` is not in [`POINTS`].
///
/// # Examples
/// ```
/// use infoplane::Information;
/// use infoplane::bottleneck::bottleneck_curve;
/// use ndarray::array;
///
/// // A fair bit through a channel that flips one in ten: 0.531 of the bit arrive.
/// let curve = bottleneck_curve(&[0.5, 0.5], array![[0.9, 0.1], [0.1, 0.9]].view(), 50)?;
/// assert!((curve.i_xy.bits() - 0.531).abs() < 1e-3);
/// // Half a bit about the input gives at most 0.303 bits about the label.
/// assert!((curve.at(Information::from_bits(0.5)).bits() - 0.303).abs() < 1e-3);
/// # Ok::<(), infoplane::bottleneck::BottleneckError>(())
/// ```
///
/// # References
/// Tishby, Pereira & Bialek (1999), *The information bottleneck method*, arXiv:physics/0004057. Blahut (1972),
/// *Computation of channel capacity and rate-distortion functions*, theorem 6. Harremoës & Tishby (2007), *The
/// information bottleneck revisited*. Kolchinsky, Tracey & Van Kuyk (2019), *Caveats for information bottleneck in
/// deterministic scenarios*.
pub fn bottleneck_curve(
    p_x: &[f64],
    p_y_given_x: ArrayView2<'_, f64>,
    n_points: usize,
) -> Result<BottleneckCurve, BottleneckError> {
    if !POINTS.contains(&n_points) {
        return Err(BottleneckError::Points { n_points });
    }
    let channel = Channel::new(p_x, p_y_given_x)?;
    let (i_xy, h_y) = (Information::from_nats(channel.information()), Information::from_nats(channel.h_y()));
    let deterministic = channel.deterministic();
    let start = Solution::of(&channel, 0.0, Clusters::one(&channel));
    let end = Solution::of(&channel, f64::INFINITY, Clusters::each(&channel));
    let mut found = vec![start];
    // The curve of an X without information is the origin alone.
    if end.i_ty > STRAIGHT {
        found.push(end);
        if !deterministic {
            refine(&channel, &mut found, n_points);
        }
    }
    let points = found.iter().map(|solution| solution.point()).collect();
    Ok(BottleneckCurve { points, i_xy, h_y, distinct_inputs: channel.n_inputs(), deterministic })
}

/// [`bottleneck_curve`] of a joint table p(x, y): a row for each x, a column for each y.
///
/// # Errors
/// As for [`bottleneck_curve`]; the whole table must sum to 1.
pub fn bottleneck_curve_of_joint(
    p_xy: ArrayView2<'_, f64>,
    n_points: usize,
) -> Result<BottleneckCurve, BottleneckError> {
    let cells = p_xy.indexed_iter();
    let wrong =
        cells.map(|(at, &value)| (at, value)).find(|(_, value)| !(value.is_finite() && *value >= 0.0));
    if let Some(((x, y), value)) = wrong {
        return Err(BottleneckError::Probability { what: format!("p(x = {x}, y = {y})"), value });
    }
    let sum = p_xy.sum();
    if !p_xy.is_empty() && (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(BottleneckError::Sum { what: "p(x, y)".into(), sum });
    }
    let p_x: Vec<f64> = p_xy.rows().into_iter().map(|row| row.sum()).collect();
    let p_y_given_x =
        Array2::from_shape_fn(p_xy.dim(), |(x, y)| if p_x[x] > 0.0 { p_xy[[x, y]] / p_x[x] } else { 0.0 });
    bottleneck_curve(&p_x, p_y_given_x.view(), n_points)
}

/// Adds points between the two ends until there are `n_points` or all pieces are straight.
fn refine(channel: &Channel, found: &mut Vec<Solution>, n_points: usize) {
    let (width, height) = (found[1].i_xt, found[1].i_ty);
    // straight[k]: nothing lies above the chord from point k to the next.
    let mut straight = vec![false];
    while found.len() < n_points {
        let length = |k: &usize| {
            let (a, b) = (&found[*k], &found[*k + 1]);
            math::hypot((b.i_xt - a.i_xt) / width, (b.i_ty - a.i_ty) / height)
        };
        let open = (0..straight.len()).filter(|&k| !straight[k]);
        let Some(longest) = open.max_by(|a, b| length(a).total_cmp(&length(b))) else { return };
        let (a, b) = (&found[longest], &found[longest + 1]);
        let slope = (b.i_ty - a.i_ty) / (b.i_xt - a.i_xt);
        // The curve cannot rise by more than the piece does.
        if b.i_ty - a.i_ty <= STRAIGHT {
            straight[longest] = true;
            continue;
        }
        let between = solve(channel, 1.0 / slope, a.clusters.and(&b.clusters));
        let above = between.i_ty - a.i_ty - (between.i_xt - a.i_xt) * slope;
        if above <= STRAIGHT || between.i_xt <= a.i_xt || between.i_xt >= b.i_xt {
            straight[longest] = true;
            continue;
        }
        found.insert(longest + 1, between);
        straight.insert(longest, false);
        // A neighbour that was found less exactly may have come to lie below the chord of the others.
        while let Some(below) = (1..found.len() - 1).find(|&k| {
            let (a, at, b) = (&found[k - 1], &found[k], &found[k + 1]);
            (at.i_ty - a.i_ty) * (b.i_xt - a.i_xt) <= (b.i_ty - a.i_ty) * (at.i_xt - a.i_xt)
        }) {
            found.remove(below);
            // Both pieces were judged against a point that is gone.
            straight[below - 1] = true;
            straight.remove(below);
        }
    }
}
