//! KSG-1 for two columns of ranks.

use super::ranks::Ranks;
use super::ross::{ByNeighbors, finished, larger, smaller};

/// Room that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    samples: Vec<[f64; 2]>,
    passed: Vec<u32>,
}

/// I(X;Y) of ranks, [`Ksg`](crate::Ksg) of the normal scores: `y_of_x` has the rank of y for each rank of x.
///
/// Samples are kept in strips of the ranks of y, and in the order of x within each. A sample looks to both sides of its own strip,
/// and into others while they are nearer than its neighbours are. Few are looked at whatever the dependence: without any, the neighbours
/// in x within a strip are about as far as the k-th neighbour; with a strong one, the neighbours are beside the sample. Time about O(n k).
pub(super) fn ksg(y_of_x: &[u32], k: usize, ranks: &Ranks, scratch: &mut Scratch) -> ByNeighbors {
    match k {
        1 => with([0.0; 1], y_of_x, ranks, scratch),
        2 => with([0.0; 2], y_of_x, ranks, scratch),
        3 => with([0.0; 3], y_of_x, ranks, scratch),
        4 => with([0.0; 4], y_of_x, ranks, scratch),
        5 => with([0.0; 5], y_of_x, ranks, scratch),
        _ => with(vec![0.0; k], y_of_x, ranks, scratch),
    }
}

/// The distances of the nearest samples, ascending.
trait Nearest {
    /// How many there are.
    fn count(&self) -> usize;
    fn clear(&mut self);
    fn add(&mut self, distance: f64);
    fn farthest(&self) -> f64;
}

impl<const K: usize> Nearest for [f64; K] {
    fn count(&self) -> usize {
        K
    }

    #[inline(always)]
    fn clear(&mut self) {
        *self = [f64::INFINITY; K];
    }

    /// Without branches, which could not be predicted.
    #[inline(always)]
    fn add(&mut self, distance: f64) {
        for at in (1..K).rev() {
            self[at] = smaller(self[at], larger(self[at - 1], distance));
        }
        self[0] = smaller(self[0], distance);
    }

    #[inline(always)]
    fn farthest(&self) -> f64 {
        self[K - 1]
    }
}

impl Nearest for Vec<f64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn clear(&mut self) {
        self.fill(f64::INFINITY);
    }

    fn add(&mut self, distance: f64) {
        let at = self.partition_point(|&nearer| nearer <= distance);
        if at < self.len() {
            self.pop();
            self.insert(at, distance);
        }
    }

    fn farthest(&self) -> f64 {
        self.last().copied().unwrap_or(f64::INFINITY)
    }
}

/// Samples looked at at once, and so many places without a sample at each end of a strip.
const STEP: usize = 4;

/// A place without a sample: nothing is farther.
const NOBODY: [f64; 2] = [f64::INFINITY; 2];

fn with(mut nearest: impl Nearest, y_of_x: &[u32], ranks: &Ranks, scratch: &mut Scratch) -> ByNeighbors {
    let (k, n) = (nearest.count(), y_of_x.len());
    let (scores, psi) = (ranks.scores(), &ranks.psi);
    // Without dependence the k nearest of a sample lie within √(kn) ranks, half to each side, and so do STEP samples of a strip so wide.
    let shift = ((2.0 * STEP as f64 * (n as f64 / k as f64).sqrt()) as usize).max(1).ilog2();
    let stride = (1usize << shift) + 2 * STEP;
    let Scratch { samples, passed } = scratch;
    passed.clear();
    passed.resize(n.div_ceil(1 << shift), STEP as u32);
    samples.clear();
    samples.resize(passed.len() * stride, NOBODY);
    // Every rank of y occurs once, so that a strip holds as many samples as ranks.
    for (&y, &score) in y_of_x.iter().zip(scores) {
        let strip = (y as usize) >> shift;
        samples[strip * stride + passed[strip] as usize] = [score, scores[y as usize]];
        passed[strip] += 1;
    }
    passed.fill(STEP as u32);
    let (mut sum, mut squares) = (0.0, 0.0);
    let all = psi[k] + psi[n];
    for (x_rank, &y_rank) in y_of_x.iter().enumerate() {
        let (y_rank, x, y) = (y_rank as usize, scores[x_rank], scores[y_rank as usize]);
        let own = y_rank >> shift;
        nearest.clear();
        let at = own * stride + passed[own] as usize;
        passed[own] += 1;
        look(&mut nearest, [x, y], &samples[..at], &samples[at + 1..]);
        let mut above = own + 1;
        while above < passed.len() && scores[above << shift] - y < nearest.farthest() {
            let (left, right) = samples.split_at(above * stride + passed[above] as usize);
            look(&mut nearest, [x, y], left, right);
            above += 1;
        }
        let mut below = own;
        while below > 0 && y - scores[(below << shift) - 1] < nearest.farthest() {
            below -= 1;
            let (left, right) = samples.split_at(below * stride + passed[below] as usize);
            look(&mut nearest, [x, y], left, right);
        }
        let radius = nearest.farthest();
        let term = all - psi[ranks.within(x_rank, radius)] - psi[ranks.within(y_rank, radius)];
        sum += term;
        squares += term * term;
    }
    finished(sum, squares, n)
}

/// Looks at samples of a strip to both sides of a place, until they are farther in x than the nearest known.
#[inline(always)]
fn look(nearest: &mut impl Nearest, [x, y]: [f64; 2], left: &[[f64; 2]], right: &[[f64; 2]]) {
    for next in right.chunks_exact(STEP) {
        next.iter()
            .for_each(|[other_x, other_y]| nearest.add(larger((other_x - x).abs(), (other_y - y).abs())));
        if next[STEP - 1][0] - x >= nearest.farthest() {
            break;
        }
    }
    for next in left.rchunks_exact(STEP) {
        next.iter()
            .for_each(|[other_x, other_y]| nearest.add(larger((x - other_x).abs(), (y - other_y).abs())));
        // Nobody is infinitely far, to the left as to the right.
        if (x - next[0][0]).abs() >= nearest.farthest() {
            break;
        }
    }
}
