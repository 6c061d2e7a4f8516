//! Sums of one kernel over all ordered pairs of a point with noise added and a centre.
//!
//! The tiles are those of [`sums`](super::sums); the two sides of a pair differ, so
//! every ordered pair is computed, and only the left points have sums.

use fearless_simd::{Simd, dispatch};
use rayon::prelude::*;

use super::Noise;
use super::exponential::{Exponent, LANES, add_shifted_kernels};
use super::layout::Block;
use super::points::Centred;
use super::sums::{ExactPanels, Packed, Pairs, Pass, Sums, settle_diagonal};
use super::tile::{Exact, Norms, PRODUCT_RUN, gram};
use crate::math;
use crate::tile::{PANEL, ROWS, Tile, cut_into_strips};

/// The intended error of the mean over all points; the actual error is a few times smaller.
const MEAN_TOLERANCE: f64 = 2.5e-7;

/// Returns a squared length that noise of this variance exceeds with a probability below 10⁻⁴⁰.
pub(super) fn longest(width: usize, variance: f64) -> f64 {
    let width = width as f64;
    variance * (width + 20.0 * width.sqrt() + 200.0)
}

/// The norms that bound the rounding of one panel of shifted points.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    /// The largest |‖a + z‖² − ‖z‖²|.
    constant: f64,
    /// The largest ‖a + z‖.
    length: f64,
}

/// The points of a piece with their noise, centred and mixed.
struct Shifted {
    strips: Vec<f32>,
    /// ‖a + z‖² − ‖z‖² in two parts.
    coarse: Vec<f32>,
    rests: Vec<f32>,
    panels: Vec<Reach>,
}

/// The data shared by the sums of a piece.
struct Work<E> {
    shifted: Option<Shifted>,
    left_exact: ExactPanels<E>,
    twice_noise: ExactPanels<E>,
    tile: Tile,
}

impl<E: Exact> Pass<'_, E> {
    /// Runs the pass on the current threads; one noise variance, one channel of sums, in the order of
    /// [`Layout::left_rows`](super::layout::Layout::left_rows).
    pub(super) fn run_shifted(&self, pairs: Pairs, noise: Noise<'_>) -> Sums {
        // A piece meets all blocks in order, so that its sums do not depend on the threads.
        let sums: Vec<[Vec<f64>; 2]> = self
            .layout
            .pieces()
            .par_iter()
            .with_max_len(1)
            .map(|&piece| dispatch!(self.level, simd => piece_sums(simd, self, piece, pairs, noise)))
            .collect();
        let (mut all, mut within) = (Vec::new(), Vec::new());
        for [piece_within, piece_others] in sums {
            all.extend(piece_within.iter().zip(&piece_others).map(|(within, others)| within + others));
            within.extend(piece_within);
        }
        Sums { all: vec![all], within: vec![within] }
    }

    /// Returns the shifted distance below which a Gram tile is not accurate enough; `None` if no such tile is.
    ///
    /// For the kernels that count, the product is about half of the constants, and on the way there its partial
    /// sums stray by about ‖a + z‖ ‖b‖ / √width; rounding is relative to these. One row has the noise of no
    /// other, so that rounding errors of rows are independent and the mean of n rows has one √n times smaller.
    /// A kernel above 1 has a sum as large, which makes its error relative.
    fn nearest_shifted(&self, left: Reach, right_norm: f64) -> Option<f32> {
        let width = self.points.width() as f64;
        let length = right_norm.sqrt();
        let norms = left.constant + right_norm + 4.0 * left.length * length / width.sqrt();
        let furthest = (left.length + length) * (left.length + length);
        if furthest.is_nan() || furthest > 1e30 {
            return None;
        }
        let steps = width.min(PRODUCT_RUN as f64);
        let error = norms * f64::from(f32::EPSILON) / 2.0 * (1.0 + steps.sqrt() / 2.0);
        let tolerance = MEAN_TOLERANCE * (self.layout.total_left() as f64).sqrt();
        let factor = 0.5 / self.variances[0];
        if error * factor <= tolerance {
            return Some(f32::NEG_INFINITY);
        }
        let nearest = math::ln(error * factor / tolerance) / factor + error;
        (nearest < furthest).then_some(nearest as f32)
    }
}

/// Noise of the given rows, `factor` times the standard one, added to a panel.
fn add_noise(noise: Noise<'_>, factor: f64, rows: &[u32], panel: &mut [f64]) {
    let mut row_noise = vec![0.0; panel.len() / PANEL];
    for (place, &row) in rows.iter().enumerate() {
        noise(row as usize, &mut row_noise);
        for (coordinates, noise) in panel.chunks_exact_mut(PANEL).zip(&row_noise) {
            coordinates[place] += factor * noise;
        }
    }
}

/// Packs a piece with its noise. The centres are those that the right side uses, so that a point without its noise is
/// its own centre, rounding included.
fn shift<E: Exact>(pass: &Pass<'_, E>, centred: &Centred, piece: Block, noise: Noise<'_>) -> Shifted {
    let size = pass.points.width() * PANEL;
    let deviation = pass.variances[0].sqrt();
    let mut shifted = Shifted {
        strips: vec![0.0; piece.n_panels() * size],
        coarse: Vec::new(),
        rests: Vec::new(),
        panels: Vec::new(),
    };
    let mut packed = vec![0.0f32; size];
    for (panel, strips) in shifted.strips.chunks_exact_mut(size).enumerate() {
        let rows = &pass.layout.order[piece.panel(panel)];
        let number = piece.first_panel + panel;
        let centres = &centred.values[number * size..(number + 1) * size];
        let mixed = pass.points.mixed(rows, |panel| add_noise(noise, deviation, rows, panel));
        let (mut constants, mut norms) = ([0.0f64; PANEL], [0.0f64; PANEL]);
        for ((packed, mixed), centres) in
            packed.chunks_exact_mut(PANEL).zip(mixed.chunks_exact(PANEL)).zip(centres.chunks_exact(PANEL))
        {
            for place in 0..PANEL {
                packed[place] = mixed[place] as f32;
                let (shifted, centre) = (f64::from(packed[place]), f64::from(centres[place]));
                constants[place] += centre * (2.0 * shifted - centre);
                norms[place] += shifted * shifted;
            }
        }
        cut_into_strips(&packed, strips);
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let constant = largest(&constants[..rows.len()]);
        let length = largest(&norms[..rows.len()]).sqrt();
        shifted.panels.push(Reach { constant, length });
        // Places without a point are infinitely far from everything.
        constants[rows.len()..].fill(f64::INFINITY);
        for constant in constants {
            let (coarse, rest) = centred.split(constant);
            shifted.coarse.push(coarse);
            shifted.rests.push(rest);
        }
    }
    shifted
}

/// Returns the sums of every point of a piece over the points of its class, and over all others.
#[inline(always)]
fn piece_sums<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    piece: Block,
    pairs: Pairs,
    noise: Noise<'_>,
) -> [Vec<f64>; 2] {
    let exponent = Exponent::shifted(pass.variances[0]);
    let mut work = Work {
        shifted: match &pass.packed {
            Packed::Centred(centred) => Some(shift(pass, centred, piece, noise)),
            _ => None,
        },
        left_exact: ExactPanels::new(piece),
        twice_noise: ExactPanels::new(piece),
        tile: [[0.0; PANEL]; ROWS],
    };
    let places = piece.n_panels() * PANEL;
    let mut within = vec![[0.0; LANES]; places];
    let mut others = vec![[0.0; LANES]; places];
    let blocks = match pairs {
        Pairs::All => &pass.layout.blocks[..],
        Pairs::WithinClasses => pass.layout.blocks_of(piece.class),
    };
    for &right in blocks {
        let rows = if right.class == piece.class { &mut within } else { &mut others };
        let mut right_exact = ExactPanels::new(right);
        for right_panel in 0..right.n_panels() {
            for left_panel in 0..piece.n_panels() {
                let rows = &mut rows[left_panel * PANEL..(left_panel + 1) * PANEL];
                let right = (right, right_panel, &mut right_exact);
                panel_pair(simd, pass, exponent, noise, (piece, left_panel), right, &mut work, rows);
            }
        }
    }
    let sums = |rows: Vec<[f64; LANES]>| rows[..piece.len].iter().map(|row| row.iter().sum()).collect();
    [sums(within), sums(others)]
}

/// Adds the pairs of two panels to `rows`.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the hot loop's whole state")]
fn panel_pair<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    exponent: Exponent,
    noise: Noise<'_>,
    (left, left_panel): (Block, usize),
    (right, right_panel, right_exact): (Block, usize, &mut ExactPanels<E>),
    work: &mut Work<E>,
    rows: &mut [[f64; LANES]],
) {
    let width = pass.points.width();
    let size = width * PANEL;
    let n_left = left.panel(left_panel).len();
    let n_right = right.panel(right_panel).len();
    let (left_number, right_number) = (left.first_panel + left_panel, right.first_panel + right_panel);
    let mut by_gram = None;
    if let (Packed::Centred(centred), Some(shifted)) = (&pass.packed, &work.shifted) {
        let nearest = pass.nearest_shifted(shifted.panels[left_panel], centred.largest_norms[right_number]);
        by_gram = nearest.map(|nearest| (centred, shifted, nearest));
    }
    for first in (0..n_left).step_by(ROWS) {
        if let Some((centred, shifted, nearest)) = by_gram {
            let strip = left_panel * size + first * width;
            let place = left_panel * PANEL + first;
            let panel = right_number * PANEL..(right_number + 1) * PANEL;
            let mut smallest = gram(
                simd,
                &shifted.strips[strip..strip + ROWS * width],
                Norms {
                    coarse: &shifted.coarse[place..place + ROWS],
                    rest: &shifted.rests[place..place + ROWS],
                },
                &centred.values[right_number * size..(right_number + 1) * size],
                Norms { coarse: &centred.coarse_norms[panel.clone()], rest: &centred.norm_rests[panel] },
                &mut work.tile,
            );
            if left_number == right_number {
                smallest = settle_diagonal(&mut work.tile, first, n_left, n_right);
            }
            if smallest < nearest {
                // Points form clusters: the rest of the panel is unlikely to be better.
                by_gram = None;
            }
        }
        if by_gram.is_none() {
            let strip = first * width..(first + ROWS) * width;
            let centres = &work.left_exact.left(pass, left, left_panel)[strip.clone()];
            let twice_noise = &work.twice_noise.panel(size, left_panel, |strips| {
                let mut packed = vec![0.0; size];
                let factor = 2.0 * pass.variances[0].sqrt();
                add_noise(noise, factor, &pass.layout.order[left.panel(left_panel)], &mut packed);
                let packed: Vec<E> = packed.into_iter().map(E::from_double).collect();
                cut_into_strips(&packed, strips);
            })[strip];
            let panel = right_exact.right(pass, right, right_panel);
            E::shifted_distances(simd, centres, twice_noise, panel, &mut work.tile);
        }
        if n_right < PANEL {
            for row in &mut work.tile {
                row[n_right..].fill(f32::INFINITY);
            }
        }
        let n_rows = ROWS.min(n_left - first);
        add_shifted_kernels(simd, exponent, &work.tile, n_rows, &mut rows[first..first + ROWS]);
    }
}
