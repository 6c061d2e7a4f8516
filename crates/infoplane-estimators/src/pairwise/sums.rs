//! Sums of both kernels over all pairs, block pair by block pair.

use fearless_simd::{Level, Simd, dispatch};
use rayon::prelude::*;

use super::exponential::{Exponent, KERNELS, LANES, add_kernels};
use super::far::{self, Boxes};
use super::layout::{Block, Layout};
use super::points::{Centred, Points};
use super::tile::{Exact, Norms, PRODUCT_RUN, gram};
use crate::interrupt::poll;
use crate::math;
use crate::tile::{PANEL, ROWS, Tile, cut_into_strips};

/// The largest error of the kernel of one pair in the Gram path. It is a bound for a single pair; over the
/// pairs of a row and over the rows these errors average out.
const PAIR_TOLERANCE: f64 = 1e-6;

/// Bytes of partial sums held at once.
const PARTIAL_BYTES: usize = 8 << 20;

/// The form in which the points are stored.
pub(super) enum Packed<E> {
    /// Centred in single precision; near pairs are taken from the data, in precision `E`.
    Centred(Centred),
    /// Unchanged.
    Exact(Vec<E>),
    /// Not packed: every pair of blocks packs the rows that it needs.
    Nothing,
}

/// Which pairs to sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    All,
    WithinClasses,
}

/// Sums for every point, by position in the layout; `[2 v]` the Bhattacharyya kernel of variance v and
/// `[2 v + 1]` the Kullback–Leibler kernel. Each includes the point itself.
pub(super) struct Sums {
    /// Over all points; empty unless asked for.
    pub(super) all: Vec<Vec<f64>>,
    /// Over the points of the same class.
    pub(super) within: Vec<Vec<f64>>,
}

/// The data shared by all pairs of blocks.
pub(super) struct Pass<'a, E> {
    /// The vector instructions to use.
    pub(super) level: Level,
    pub(super) points: &'a Points<'a>,
    pub(super) layout: &'a Layout,
    pub(super) packed: Packed<E>,
    /// Boxes around the points, where far pairs are to be left out.
    pub(super) boxes: Option<Boxes>,
    /// In units of the scaled points.
    pub(super) variances: &'a [f64],
}

/// Returns for each variance the squared distance from which on the kernels of `n` points are negligible: of the two,
/// the Bhattacharyya kernel reaches further.
pub(super) fn reaches(n: usize, variances: &[f64]) -> Vec<f64> {
    variances.iter().map(|variance| 8.0 * variance * far::furthest_exponent(n)).collect()
}

/// Returns the furthest of these distances.
pub(super) fn furthest(reaches: &[f64]) -> f64 {
    reaches.iter().copied().fold(0.0, f64::max)
}

/// What all pairs of blocks share, prepared from a pass.
struct Shared {
    exponents: Vec<Exponent>,
    reaches: Vec<f64>,
    furthest: f64,
    /// By place in the panels; empty where all weights are 1.
    weights: Vec<f32>,
}

/// The contribution of one pair of blocks.
struct Partial {
    /// `[channel * left.len + l]`
    left: Vec<f64>,
    /// The same for the right block; empty if it is the left one.
    right: Vec<f64>,
}

impl<E: Exact> Pass<'_, E> {
    /// Runs the pass on the current threads. Which pairs are summed together, and the order in which sums are
    /// added, is fixed by the layout.
    pub(super) fn run(&self, pairs: Pairs) -> Sums {
        let blocks = &self.layout.blocks;
        let n = self.layout.order.len();
        let channels = self.variances.len() * KERNELS;
        let reaches = reaches(self.points.len(), self.variances);
        let shared = Shared {
            exponents: self.variances.iter().map(|&v| Exponent::new(v)).collect(),
            furthest: furthest(&reaches),
            reaches,
            weights: self.layout.weights_by_place(),
        };
        let mut tasks = match pairs {
            Pairs::All => self.layout.pairs(),
            Pairs::WithinClasses => self.layout.pairs_within(),
        };
        if let Some(boxes) = &self.boxes {
            let of = |block: usize| boxes.block(&blocks[block]);
            tasks.retain(|&(left, right)| far::squared_distance(of(left), of(right)) < shared.furthest);
        }
        let mut all = if pairs == Pairs::All { vec![vec![0.0; n]; channels] } else { Vec::new() };
        let mut within = vec![vec![0.0; n]; channels];
        let largest_block = blocks.iter().map(|block| block.len).max().unwrap_or(0);
        let at_once = (PARTIAL_BYTES / (largest_block * channels * 16).max(1)).max(64);
        for tasks in tasks.chunks(at_once) {
            let partials: Vec<Partial> = tasks
                .par_iter()
                .with_max_len(1)
                .map(|&(left, right)| {
                    poll();
                    let (left, right) = (blocks[left], blocks[right]);
                    dispatch!(self.level, simd => block_pair(simd, self, &shared, left, right))
                })
                .collect();
            for (&(left, right), partial) in tasks.iter().zip(&partials) {
                let (left, right) = (blocks[left], blocks[right]);
                for (block, sums) in [(left, &partial.left), (right, &partial.right)] {
                    for (channel, sums) in sums.chunks_exact(block.len).enumerate() {
                        let place = block.start..block.start + block.len;
                        if pairs == Pairs::All {
                            add(&mut all[channel][place.clone()], sums);
                        }
                        if left.class == right.class {
                            add(&mut within[channel][place], sums);
                        }
                    }
                }
            }
        }
        Sums { all, within }
    }

    /// Returns the squared distance below which a Gram tile is not accurate enough, given the largest squared norms on
    /// either side.
    ///
    /// ‖a‖² + ‖b‖² − 2ab has an absolute error of about ε = γ (‖a‖² + ‖b‖²), so the kernel exp(−d² c) one of
    /// exp(−d² c) ε c; this exceeds the tolerance when d² < ln(ε c / tolerance) / c. The larger c = 1/2σ² has
    /// the larger error, the smaller c = 1/8σ² the longer reach.
    fn nearest(&self, norms: f64) -> f64 {
        // Half an ulp per step of a sum that grows to at most half of the norms, steps being as often up as
        // down; the factor in front was checked against sums in double precision.
        let steps = self.points.width().min(PRODUCT_RUN) as f64;
        let error = norms * f64::from(f32::EPSILON) / 2.0 * (1.0 + steps.sqrt() / 2.0);
        let reach = |factor: f64| math::ln(error * factor / PAIR_TOLERANCE) / factor;
        let reaches = self.variances.iter().flat_map(|v| [reach(0.5 / v), reach(0.125 / v)]);
        reaches.fold(f64::NEG_INFINITY, f64::max) + error
    }
}

fn add(sums: &mut [f64], more: &[f64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

/// The exact panels of a block, packed beforehand or when first needed.
pub(super) struct ExactPanels<E> {
    values: Vec<E>,
    filled: Vec<bool>,
}

impl<E: Exact> ExactPanels<E> {
    pub(super) fn new(block: Block) -> Self {
        ExactPanels { values: Vec::new(), filled: vec![false; block.n_panels()] }
    }

    /// Returns the panel, filled by `fill` when it is first asked for.
    pub(super) fn panel(&mut self, size: usize, panel: usize, fill: impl FnOnce(&mut [E])) -> &[E] {
        if self.values.is_empty() {
            self.values.resize(self.filled.len() * size, E::default());
        }
        let values = &mut self.values[panel * size..(panel + 1) * size];
        if !self.filled[panel] {
            fill(values);
            self.filled[panel] = true;
        }
        values
    }

    /// Returns one panel of the right block.
    pub(super) fn right<'a>(&'a mut self, pass: &'a Pass<'_, E>, block: Block, panel: usize) -> &'a [E] {
        let size = pass.points.width() * PANEL;
        if let Packed::Exact(values) = &pass.packed {
            let number = block.first_panel + panel;
            return &values[number * size..(number + 1) * size];
        }
        let rows = &pass.layout.order[block.panel(panel)];
        self.panel(size, panel, |values| pass.points.pack_exact(rows, values))
    }

    /// Returns one panel of the left block, cut into strips.
    pub(super) fn left(&mut self, pass: &Pass<'_, E>, block: Block, panel: usize) -> &[E] {
        let size = pass.points.width() * PANEL;
        self.panel(size, panel, |strips| match &pass.packed {
            Packed::Exact(values) => {
                let number = block.first_panel + panel;
                cut_into_strips(&values[number * size..(number + 1) * size], strips);
            }
            _ => {
                let mut packed = vec![E::default(); size];
                pass.points.pack_exact(&pass.layout.order[block.panel(panel)], &mut packed);
                cut_into_strips(&packed, strips);
            }
        })
    }
}

/// Partial sums of the current pair of blocks.
struct Work<E> {
    left_exact: ExactPanels<E>,
    right_exact: ExactPanels<E>,
    /// The centred points of the left block in strips, where there are centred points.
    left_strips: Vec<f32>,
    /// Partial sums for every place of the left panels, channel after channel.
    rows: Vec<[f64; LANES]>,
    /// For the right panel at work, per variance.
    columns: Vec<[[f32; PANEL]; KERNELS]>,
    tile: Tile,
}

/// Sums both kernels of all variances over every pair of a point of the left and a point of the right block.
#[inline(always)]
fn block_pair<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    shared: &Shared,
    left: Block,
    right: Block,
) -> Partial {
    let n_variances = shared.exponents.len();
    let channels = n_variances * KERNELS;
    let same = left == right;
    let places = left.n_panels() * PANEL;
    let mut work = Work {
        left_exact: ExactPanels::new(left),
        right_exact: ExactPanels::new(right),
        left_strips: left_strips(pass, left),
        rows: vec![[0.0; LANES]; places * channels],
        columns: vec![[[0.0; PANEL]; KERNELS]; n_variances],
        tile: [[0.0; PANEL]; ROWS],
    };
    let mut left_sums = vec![0.0; channels * left.len];
    let mut right_sums = vec![0.0; if same { 0 } else { channels * right.len }];
    for right_panel in 0..right.n_panels() {
        work.columns.fill([[0.0; PANEL]; KERNELS]);
        // Within one block, pairs of different panels count for both sides, and a panel with itself once.
        let before = if same { right_panel } else { left.n_panels() };
        for left_panel in 0..before {
            panel_pair(simd, pass, shared, (left, left_panel), (right, right_panel), &mut work);
        }
        let sums = if same { &mut left_sums } else { &mut right_sums };
        let place = right_panel * PANEL..right.len.min((right_panel + 1) * PANEL);
        for (sums, columns) in sums.chunks_exact_mut(right.len).zip(work.columns.as_flattened()) {
            for (sum, column) in sums[place.clone()].iter_mut().zip(columns) {
                *sum += f64::from(*column);
            }
        }
        if same {
            panel_pair(simd, pass, shared, (left, right_panel), (right, right_panel), &mut work);
        }
    }
    for (sums, rows) in left_sums.chunks_exact_mut(left.len).zip(work.rows.chunks_exact(places)) {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum += row.iter().sum::<f64>();
        }
    }
    Partial { left: left_sums, right: right_sums }
}

fn left_strips<E>(pass: &Pass<'_, E>, block: Block) -> Vec<f32> {
    let Packed::Centred(centred) = &pass.packed else { return Vec::new() };
    let size = pass.points.width() * PANEL;
    let panels = block.first_panel * size..(block.first_panel + block.n_panels()) * size;
    let mut strips = vec![0.0; panels.len()];
    for (panel, strips) in centred.values[panels].chunks_exact(size).zip(strips.chunks_exact_mut(size)) {
        cut_into_strips(panel, strips);
    }
    strips
}

/// Sets the distance of each left point from itself to exactly 0; returns the smallest distance of two points.
///
/// `own(r)` is the column of left point r, if it is on the right; `n_rows` points are on the left and the first
/// `n_right` columns on the right.
pub(super) fn settle_own(
    tile: &mut Tile,
    n_rows: usize,
    n_right: usize,
    own: impl Fn(usize) -> Option<usize>,
) -> f32 {
    let mut smallest = f32::INFINITY;
    for (point, row) in tile.iter_mut().enumerate().take(n_rows) {
        let own = own(point);
        own.into_iter().for_each(|column| row[column] = f32::INFINITY);
        smallest = row[..n_right].iter().fold(smallest, |a, &b| a.min(b));
        own.into_iter().for_each(|column| row[column] = 0.0);
    }
    smallest
}

/// Adds the pairs of two panels to `work.rows` and `work.columns`.
#[inline(always)]
fn panel_pair<S: Simd, E: Exact>(
    simd: S,
    pass: &Pass<'_, E>,
    shared: &Shared,
    (left, left_panel): (Block, usize),
    (right, right_panel): (Block, usize),
    work: &mut Work<E>,
) {
    let width = pass.points.width();
    let size = width * PANEL;
    let n_left = left.panel(left_panel).len();
    let n_right = right.panel(right_panel).len();
    let places = left.n_panels() * PANEL;
    let (left_number, right_number) = (left.first_panel + left_panel, right.first_panel + right_panel);
    let boxes = pass.boxes.as_ref();
    if let Some(boxes) = boxes {
        let apart = far::squared_distance(boxes.panel(left_number), boxes.panel(right_number));
        if apart >= shared.furthest {
            return;
        }
    }
    let mut by_gram = None;
    if let Packed::Centred(centred) = &pass.packed {
        let norms = centred.largest_norms[left_number] + centred.largest_norms[right_number];
        let nearest = pass.nearest(norms);
        // No two points are further apart than twice the norms.
        if nearest < 2.0 * norms && norms < 1e30 {
            by_gram = Some((centred, nearest as f32));
        }
    }
    for first in (0..n_left).step_by(ROWS) {
        let n_rows = ROWS.min(n_left - first);
        let mut apart = 0.0;
        if let Some(boxes) = boxes
            && width <= far::STRIP_WIDTH
        {
            let strip = &work.left_exact.left(pass, left, left_panel)[first * width..(first + ROWS) * width];
            apart = far::nearest_in_strip(strip, n_rows, &[0.0; ROWS], boxes.panel(right_number));
            if apart >= shared.furthest {
                continue;
            }
        }
        if let Some((centred, nearest)) = by_gram {
            let norms = |place: usize, len: usize| Norms {
                coarse: &centred.coarse_norms[place..place + len],
                rest: &centred.norm_rests[place..place + len],
            };
            let strip = left_panel * size + first * width;
            let mut smallest = gram(
                simd,
                &work.left_strips[strip..strip + ROWS * width],
                norms(left_number * PANEL + first, ROWS),
                &centred.values[right_number * size..(right_number + 1) * size],
                norms(right_number * PANEL, PANEL),
                &mut work.tile,
            );
            if left_number == right_number {
                smallest = settle_own(&mut work.tile, n_rows, n_right, |point| Some(first + point));
            }
            if smallest < nearest {
                // Points form clusters: the rest of the panel is unlikely to be better.
                by_gram = None;
            }
        }
        if by_gram.is_none() {
            let strip = &work.left_exact.left(pass, left, left_panel)[first * width..(first + ROWS) * width];
            let panel = work.right_exact.right(pass, right, right_panel);
            E::squared_distances(simd, strip, panel, &mut work.tile);
        }
        if n_right < PANEL {
            for row in &mut work.tile {
                row[n_right..].fill(f32::INFINITY);
            }
        }
        for (variance, exponent) in shared.exponents.iter().enumerate() {
            if apart >= shared.reaches[variance] {
                continue;
            }
            let start = variance * KERNELS * places + left_panel * PANEL + first;
            let (bhattacharyya, kullback_leibler) = work.rows.split_at_mut(start + places);
            let rows = [&mut bhattacharyya[start..start + ROWS], &mut kullback_leibler[..ROWS]];
            let (tile, columns) = (&work.tile, &mut work.columns[variance]);
            if shared.weights.is_empty() {
                add_kernels::<S, false>(simd, *exponent, tile, n_rows, rows, columns, &[], &[]);
            } else {
                let left = &shared.weights[left_number * PANEL + first..][..ROWS];
                let right = &shared.weights[right_number * PANEL..][..PANEL];
                // A function of its own: beside the other in this one, it would take registers from it.
                simd.vectorize(
                    #[inline(always)]
                    || add_kernels::<S, true>(simd, *exponent, tile, n_rows, rows, columns, left, right),
                );
            }
        }
    }
}
