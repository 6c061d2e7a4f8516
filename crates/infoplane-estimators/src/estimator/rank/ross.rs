//! Ross's method for one column of ranks.

use super::ranks::{Near, PADDING, Ranks};

/// A value by neighbours, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ByNeighbors {
    pub(super) nats: f64,
    /// The standard deviation of its terms.
    pub(super) deviation: f64,
}

/// Room that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    places: Vec<u32>,
    starts: Vec<usize>,
    own: Vec<f64>,
    kept: Vec<u32>,
    kept_scores: Vec<f64>,
    near: Near,
}

/// I(T;Y) of labels and ranks, [`Ross`](crate::Ross) of the normal scores: `classes` has the label of each rank, `sizes` how many there
/// are of each.
///
/// The neighbours of a rank within its class stand beside it in the list of the class. Time O(n k).
pub(super) fn ross(
    classes: &[u32],
    sizes: &[usize],
    k: usize,
    ranks: &Ranks,
    scratch: &mut Scratch,
) -> ByNeighbors {
    let Scratch { places, starts, own, kept, kept_scores, near } = scratch;
    // Labels that occur once are left out of everything, with their ranks.
    let all = !sizes.contains(&1);
    if !all {
        kept.clear();
        kept_scores.clear();
        for (rank, &class) in classes.iter().enumerate() {
            if sizes[class as usize] > 1 {
                kept.push(class);
                kept_scores.push(ranks.scores()[rank]);
            }
        }
        kept_scores.extend(PADDING);
        near.fill(kept_scores);
    }
    let (classes, (scores, near)): (&[u32], (&[f64], &Near)) =
        if all { (classes, ranks.near()) } else { (kept, (kept_scores, near)) };
    let (n, psi) = (classes.len(), &ranks.psi);
    starts.clear();
    let mut start = 0;
    for &size in sizes {
        starts.push(start);
        start += if size > 1 { size } else { 0 };
    }
    places.resize(n, 0);
    for (place, &class) in (0u32..).zip(classes) {
        let at = &mut starts[class as usize];
        places[*at] = place;
        *at += 1;
    }
    let (mut sum, mut squares, mut start) = (0.0, 0.0, 0);
    for &size in sizes.iter().filter(|&&size| size > 1) {
        let members = &places[start..start + size];
        start += size;
        own.clear();
        own.extend(members.iter().map(|&place| scores[place as usize]));
        let k = k.min(size - 1);
        let of_class = psi[n] + psi[k] - psi[size];
        for (at, &place) in members.iter().enumerate() {
            let value = own[at];
            // Of the k + 1 neighbouring members with this one among them, the narrowest.
            let (first, last) = (at.saturating_sub(k), at.min(size - 1 - k));
            let mut radius = f64::INFINITY;
            for (left, right) in own[first..=last].iter().zip(&own[first + k..=last + k]) {
                let farther = larger(value - left, right - value);
                radius = smaller(radius, farther);
            }
            let term = of_class - psi[near.within(scores, place as usize, radius)];
            sum += term;
            squares += term * term;
        }
    }
    finished(sum, squares, n)
}

/// The larger of two numbers: of infinities too, not of NaN, which the functions of the standard library look for.
#[inline(always)]
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The smaller of two numbers.
#[inline(always)]
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The mean and the deviation of n terms.
pub(super) fn finished(sum: f64, squares: f64, n: usize) -> ByNeighbors {
    let nats = sum / n as f64;
    ByNeighbors { nats, deviation: (squares / n as f64 - nats * nats).max(0.0).sqrt() }
}
