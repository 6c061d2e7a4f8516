//! KSG-1 for two columns of ranks.

use super::ranks::Ranks;
use super::ross::{ByNeighbors, finished};

/// Room that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    xs: Vec<f64>,
    ys: Vec<f64>,
    passed: Vec<u32>,
    nearest: Vec<f64>,
}

/// I(X;Y) of ranks, [`Ksg`](crate::Ksg) of the normal scores: `y_of_x` has the rank of y for each rank of x.
///
/// Samples are kept in strips of the ranks of y, and in the order of x within each. A sample looks to both sides of its own strip,
/// and into others while they are nearer than its neighbours are. Few are looked at whatever the dependence: without any, a strip is as
/// wide as neighbours are far; with a strong one, the neighbours are beside the sample. Time about O(n k).
pub(super) fn ksg(y_of_x: &[u32], k: usize, ranks: &Ranks, scratch: &mut Scratch) -> ByNeighbors {
    let n = y_of_x.len();
    let (scores, psi) = (&ranks.scores[..], &ranks.psi);
    // Without dependence the k nearest of a sample lie within √(kn) ranks, half to each side.
    let shift = ((((k * n) as f64).sqrt() / 2.0) as usize).max(1).ilog2();
    let width = 1usize << shift;
    let Scratch { xs, ys, passed, nearest } = scratch;
    xs.resize(n, 0.0);
    ys.resize(n, 0.0);
    passed.clear();
    passed.resize(n.div_ceil(width), 0);
    // Every rank of y occurs once, so that a strip holds as many samples as ranks.
    for (&y, &score) in y_of_x.iter().zip(scores) {
        let strip = (y as usize) >> shift;
        let at = (strip << shift) + passed[strip] as usize;
        passed[strip] += 1;
        (xs[at], ys[at]) = (score, scores[y as usize]);
    }
    passed.fill(0);
    let (mut sum, mut squares) = (0.0, 0.0);
    let all = psi[k] + psi[n];
    for (x_rank, &y_rank) in y_of_x.iter().enumerate() {
        let (y_rank, x, y) = (y_rank as usize, scores[x_rank], scores[y_rank as usize]);
        let strip = y_rank >> shift;
        nearest.clear();
        nearest.resize(k, f64::INFINITY);
        let look = |strip: usize, before: usize, after: usize, nearest: &mut [f64]| {
            let (start, end) = (strip << shift, n.min((strip + 1) << shift));
            let near = |at: usize, dx: f64, nearest: &mut [f64]| {
                let distance = f64::max(dx, (ys[at] - y).abs());
                if distance < nearest[k - 1] {
                    let mut to = k - 1;
                    while to > 0 && nearest[to - 1] > distance {
                        nearest[to] = nearest[to - 1];
                        to -= 1;
                    }
                    nearest[to] = distance;
                }
            };
            for at in start + after..end {
                let dx = xs[at] - x;
                if dx >= nearest[k - 1] {
                    break;
                }
                near(at, dx, nearest);
            }
            for at in (start..start + before).rev() {
                let dx = x - xs[at];
                if dx >= nearest[k - 1] {
                    break;
                }
                near(at, dx, nearest);
            }
        };
        let own = passed[strip] as usize;
        passed[strip] += 1;
        look(strip, own, own + 1, nearest);
        let mut above = strip + 1;
        while above < passed.len() && scores[above << shift] - y < nearest[k - 1] {
            let at = passed[above] as usize;
            look(above, at, at, nearest);
            above += 1;
        }
        let mut below = strip;
        while below > 0 && y - scores[(below << shift) - 1] < nearest[k - 1] {
            below -= 1;
            let at = passed[below] as usize;
            look(below, at, at, nearest);
        }
        let radius = nearest[k - 1];
        let term = all - psi[ranks.within(x_rank, radius)] - psi[ranks.within(y_rank, radius)];
        sum += term;
        squares += term * term;
    }
    finished(sum, squares, n)
}
