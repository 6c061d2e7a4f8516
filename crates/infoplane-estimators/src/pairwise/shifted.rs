//! Sums of one kernel over all ordered pairs of a point with noise added and a centre.
//!
//! The tiles are those of [`sums`](super::sums); the two sides of a pair differ, so
//! every ordered pair is computed, and only the left points have sums.

use fearless_simd::{Simd, dispatch};
use rayon::prelude::*;

use super::Noise;
use super::exponential::{Exponent, LANES, add_shifted_kernels};
use super::far::{self, Range};
use super::layout::{Block, Layout};
use super::points::Centred;
use super::sums::{ExactPanels, Packed, Pairs, Pass, Sums, settle_own};
use super::tile::{Exact, Norms, PRODUCT_RUN, gram};
use crate::interrupt::poll;
use crate::math;
use crate::tile::{PANEL, ROWS, Tile, cut_into_strips};

/// The intended error of the mean over all points; the actual error is a few times smaller.
const MEAN_TOLERANCE: f64 = 2.5e-7;

/// Returns a squared distance of points without noise from which on most kernels of `n` points are negligible: noise
/// adds its own squared length.
pub(super) fn reach(n: usize, width: usize, variance: f64) -> f64 {
    let width = width as f64;
    variance * (2.0 * far::furthest_exponent(n) + width + 2.0 * width.sqrt())
}

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

/// The points on the left of the ordered pairs: those that get noise.
pub(super) struct Left<'a> {
    pub(super) layout: &'a Layout,
    /// The place of each among the points on the right, by position in the layout; places are numbered through all
    /// panels.
    places: Vec<u32>,
    noise: Noise<'a>,
}

impl<'a> Left<'a> {
    pub(super) fn new(layout: &'a Layout, right: &Layout, noise: Noise<'a>) -> Self {
        Left { layout, places: right.places(&layout.order), noise }
    }
}

/// The points of a piece with their noise as they are, to leave out what is far from them.
struct Noisy {
    /// Cut into strips, panel after panel.
    strips: Vec<f64>,
    /// ‖z‖² by place.
    squared: Vec<f64>,
    panels: Vec<Surroundings>,
    piece: Surroundings,
}

/// A box around noisy points, and the largest ‖z‖² among them.
#[derive(Debug, Clone)]
struct Surroundings {
    ranges: Vec<Range>,
    squared: f64,
}

impl Surroundings {
    /// Returns whether all kernels are below exp(−`furthest` / 2σ²) for centres in a box.
    fn are_far_from(&self, of_box: &[Range], furthest: f64) -> bool {
        far::squared_distance(&self.ranges, of_box) - self.squared >= furthest
    }
}

/// The data shared by the sums of a piece.
struct Work<E> {
    shifted: Option<Shifted>,
    noisy: Option<Noisy>,
    left_exact: ExactPanels<E>,
    twice_noise: ExactPanels<E>,
    tile: Tile,
}

impl<E: Exact> Pass<'_, E> {
    /// Runs the pass on the current threads; one noise variance, one channel of sums, in the order of the left points.
    pub(super) fn run_shifted(&self, pairs: Pairs, left: &Left<'_>) -> Sums {
        let weights = self.layout.weights_by_place();
        // A piece meets all blocks in order, so that its sums do not depend on the threads.
        let sums: Vec<[Vec<f64>; 2]> = left
            .layout
            .pieces()
            .par_iter()
            .with_max_len(1)
            .map(|&piece| {
                poll();
                dispatch!(self.level, simd => piece_sums(simd, self, left, piece, pairs, &weights))
            })
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
    fn nearest_shifted(&self, n_left: usize, left: Reach, right_norm: f64) -> Option<f32> {
        let width = self.points.width() as f64;
        let length = right_norm.sqrt();
        let norms = left.constant + right_norm + 4.0 * left.length * length / width.sqrt();
        let furthest = (left.length + length) * (left.length + length);
        if furthest.is_nan() || furthest > 1e30 {
            return None;
        }
        let steps = width.min(PRODUCT_RUN as f64);
        let error = norms * f64::from(f32::EPSILON) / 2.0 * (1.0 + steps.sqrt() / 2.0);
        let tolerance = MEAN_TOLERANCE * (n_left as f64).sqrt();
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
fn shift<E: Exact>(pass: &Pass<'_, E>, centred: &Centred, left: &Left<'_>, piece: Block) -> Shifted {
    let size = pass.points.width() * PANEL;
    let deviation = pass.variances[0].sqrt();
    let mut shifted = Shifted {
        strips: vec![0.0; piece.n_panels() * size],
        coarse: Vec::new(),
        rests: Vec::new(),
        panels: Vec::new(),
    };
    let (mut packed, mut centres) = (vec![0.0f32; size], vec![0.0f32; size]);
    for (panel, strips) in shifted.strips.chunks_exact_mut(size).enumerate() {
        let rows = &left.layout.order[piece.panel(panel)];
        pass.points.pack_centred(rows, &mut centres);
        let mixed = pass.points.mixed(rows, |panel| add_noise(left.noise, deviation, rows, panel));
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

/// Adds the noise to the points of a piece, in units of the scaled points.
fn with_noise<E: Exact>(pass: &Pass<'_, E>, left: &Left<'_>, piece: Block) -> Noisy {
    let width = pass.points.width();
    let deviation = pass.variances[0].sqrt();
    let nowhere = || Surroundings { ranges: vec![Range::NOTHING; width], squared: 0.0 };
    let mut noisy = Noisy {
        strips: vec![0.0; piece.n_panels() * width * PANEL],
        squared: vec![0.0; piece.n_panels() * PANEL],
        panels: vec![nowhere(); piece.n_panels()],
        piece: nowhere(),
    };
    let mut z = vec![0.0; width];
    for panel in 0..piece.n_panels() {
        let surroundings = &mut noisy.panels[panel];
        for (lane, &row) in left.layout.order[piece.panel(panel)].iter().enumerate() {
            (left.noise)(row as usize, &mut z);
            let strip = (panel * PANEL + lane - lane % ROWS) * width + lane % ROWS;
            let mut squared = 0.0;
            for (k, z) in z.iter().enumerate() {
                let z = deviation * z;
                let value = pass.points.scaled(row as usize, k) + z;
                noisy.strips[strip + k * ROWS] = value;
                surroundings.ranges[k].include(value);
                squared += z * z;
            }
            noisy.squared[panel * PANEL + lane] = squared;
            surroundings.squared =
                if squared > surroundings.squared { squared } else { surroundings.squared };
        }
        for (piece, panel) in noisy.piece.ranges.iter_mut().zip(&surroundings.ranges) {
            piece.join(panel);
        }
        let largest = &mut noisy.piece.squared;
        *largest = if surroundings.squared > *largest { surroundings.squared } else { *largest };
    }
    noisy
}

/// Returns the sums of every point of a piece over the points of its class, and over all others.
#[inline(always)]
fn piece_sums<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    left: &Left<'_>,
    piece: Block,
    pairs: Pairs,
    weights: &[f32],
) -> [Vec<f64>; 2] {
    let shared = Shared {
        left,
        exponent: Exponent::shifted(pass.variances[0]),
        furthest: 2.0 * pass.variances[0] * far::furthest_exponent(pass.points.len()),
        weights,
    };
    let mut work = Work {
        shifted: match &pass.packed {
            Packed::Centred(centred) => Some(shift(pass, centred, left, piece)),
            _ => None,
        },
        noisy: pass.boxes.as_ref().map(|_| with_noise(pass, left, piece)),
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
        if let (Some(boxes), Some(noisy)) = (&pass.boxes, &work.noisy)
            && noisy.piece.are_far_from(boxes.block(&right), shared.furthest)
        {
            continue;
        }
        let rows = if right.class == piece.class { &mut within } else { &mut others };
        let mut right_exact = ExactPanels::new(right);
        for right_panel in 0..right.n_panels() {
            for left_panel in 0..piece.n_panels() {
                if let (Some(boxes), Some(noisy)) = (&pass.boxes, &work.noisy)
                    && noisy.panels[left_panel]
                        .are_far_from(boxes.panel(right.first_panel + right_panel), shared.furthest)
                {
                    continue;
                }
                let rows = &mut rows[left_panel * PANEL..(left_panel + 1) * PANEL];
                let right = (right, right_panel, &mut right_exact);
                panel_pair(simd, pass, &shared, (piece, left_panel), right, &mut work, rows);
            }
        }
    }
    let sums = |rows: Vec<[f64; LANES]>| rows[..piece.len].iter().map(|row| row.iter().sum()).collect();
    [sums(within), sums(others)]
}

/// What all panels of a piece share.
struct Shared<'a> {
    left: &'a Left<'a>,
    exponent: Exponent,
    /// ‖t + z − c‖² − ‖z‖² from which on kernels are negligible.
    furthest: f64,
    /// Of the right points by place; empty where all are 1.
    weights: &'a [f32],
}

/// Adds the pairs of two panels to `rows`.
#[inline(always)]
fn panel_pair<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    shared: &Shared<'_>,
    (left, left_panel): (Block, usize),
    (right, right_panel, right_exact): (Block, usize, &mut ExactPanels<E>),
    work: &mut Work<E>,
    rows: &mut [[f64; LANES]],
) {
    let width = pass.points.width();
    let size = width * PANEL;
    let positions = left.panel(left_panel);
    let left_rows = &shared.left.layout.order[positions.clone()];
    let n_left = left_rows.len();
    let n_right = right.panel(right_panel).len();
    let right_number = right.first_panel + right_panel;
    let mut by_gram = None;
    if let (Packed::Centred(centred), Some(shifted)) = (&pass.packed, &work.shifted) {
        let n_left = shared.left.layout.order.len();
        let norm = centred.largest_norms[right_number];
        let nearest = pass.nearest_shifted(n_left, shifted.panels[left_panel], norm);
        by_gram = nearest.map(|nearest| (centred, shifted, nearest));
    }
    for first in (0..n_left).step_by(ROWS) {
        let n_rows = ROWS.min(n_left - first);
        if let (Some(boxes), Some(noisy)) = (&pass.boxes, &work.noisy)
            && width <= far::STRIP_WIDTH
        {
            let place = left_panel * PANEL + first;
            let strip = &noisy.strips[place * width..(place + ROWS) * width];
            let squared = noisy.squared[place..].first_chunk::<ROWS>().unwrap_or(&[0.0; ROWS]);
            if far::nearest_in_strip(strip, n_rows, squared, boxes.panel(right_number)) >= shared.furthest {
                continue;
            }
        }
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
                Norms {
                    coarse: &centred.coarse_norms[panel.clone()],
                    rest: &centred.norm_rests[panel.clone()],
                },
                &mut work.tile,
            );
            let places = &shared.left.places[positions.start + first..][..n_rows];
            if places.iter().any(|&place| panel.contains(&(place as usize))) {
                let own = |point: usize| {
                    (places[point] as usize).checked_sub(panel.start).filter(|&column| column < PANEL)
                };
                smallest = settle_own(&mut work.tile, n_rows, n_right, own);
            }
            if smallest < nearest {
                // Points form clusters: the rest of the panel is unlikely to be better.
                by_gram = None;
            }
        }
        if by_gram.is_none() {
            let strip = first * width..(first + ROWS) * width;
            let centres = &work.left_exact.panel(size, left_panel, |strips| {
                let mut packed = vec![E::default(); size];
                pass.points.pack_exact(left_rows, &mut packed);
                cut_into_strips(&packed, strips);
            })[strip.clone()];
            let twice_noise = &work.twice_noise.panel(size, left_panel, |strips| {
                let mut packed = vec![0.0; size];
                let factor = 2.0 * pass.variances[0].sqrt();
                add_noise(shared.left.noise, factor, left_rows, &mut packed);
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
        let (tile, rows) = (&work.tile, &mut rows[first..first + ROWS]);
        if shared.weights.is_empty() {
            add_shifted_kernels::<S, false>(simd, shared.exponent, tile, n_rows, rows, &[]);
        } else {
            let weights = &shared.weights[right_number * PANEL..][..PANEL];
            // A function of its own: beside the other in this one, it would take registers from it.
            simd.vectorize(
                #[inline(always)]
                || add_shifted_kernels::<S, true>(simd, shared.exponent, tile, n_rows, rows, weights),
            );
        }
    }
}
