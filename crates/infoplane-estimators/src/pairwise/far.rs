//! Boxes around the points of panels and blocks, to leave out pairs so far apart that their kernels do not count.

use rayon::prelude::*;

use super::layout::{Block, Layout};
use super::order;
use super::points::Points;
use super::tile::Exact;
use crate::math;
use crate::tile::ROWS;

/// All kernels that are left out of a sum add up to less than this. The kernel of a point with itself is 1, so that
/// no logarithm changes by more.
const NEGLIGIBLE: f64 = 1e-12;

/// With fewer points there is nothing to gain.
const LEAST_POINTS: usize = 960;

/// At least this share of the pairs must be far apart, first of points and then of panels: looking at the boxes takes up
/// to a twentieth of the time.
const LEAST_SHARE: f64 = 0.1;

/// In layers of at most this width eight points are compared with a box before their kernels are computed; in wider
/// ones only panels with panels.
pub(super) const STRIP_WIDTH: usize = 32;

/// Pairs from which these shares are estimated.
const SAMPLED: usize = 1024;

/// Smallest and largest value of a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    low: f64,
    high: f64,
}

impl Range {
    pub(super) const NOTHING: Range = Range { low: f64::INFINITY, high: f64::NEG_INFINITY };

    pub(super) fn include(&mut self, value: f64) {
        self.low = if value < self.low { value } else { self.low };
        self.high = if value > self.high { value } else { self.high };
    }

    pub(super) fn join(&mut self, other: &Range) {
        self.include(other.low);
        self.include(other.high);
    }
}

/// Returns the squared distance of two boxes, one range for each coordinate: no two of their points are closer.
pub(super) fn squared_distance(a: &[Range], b: &[Range]) -> f64 {
    let mut squared = 0.0;
    for (a, b) in a.iter().zip(b) {
        let (below, above) = (a.low - b.high, b.low - a.high);
        let gap = if below > above { below } else { above };
        let gap = if gap > 0.0 { gap } else { 0.0 };
        squared += gap * gap;
    }
    squared
}

/// Returns the smallest of what eight points are away from a box, squared, less `less` of each; only the first `n_rows`
/// points count.
#[inline(always)]
pub(super) fn nearest_in_strip<E: Exact>(
    strip: &[E],
    n_rows: usize,
    less: &[f64; ROWS],
    of_box: &[Range],
) -> f64 {
    let mut squared = [0.0; ROWS];
    for (coordinates, range) in strip.chunks_exact(ROWS).zip(of_box) {
        for (squared, coordinate) in squared.iter_mut().zip(coordinates) {
            let coordinate = coordinate.to_double();
            let (below, above) = (range.low - coordinate, coordinate - range.high);
            let gap = if below > above { below } else { above };
            let gap = if gap > 0.0 { gap } else { 0.0 };
            *squared += gap * gap;
        }
    }
    let nearest = |nearest: f64, (squared, less): (&f64, &f64)| {
        let squared = squared - less;
        if squared < nearest { squared } else { nearest }
    };
    squared.iter().zip(less).take(n_rows).fold(f64::INFINITY, nearest)
}

/// Returns the exponent x from which on n kernels exp(−x) are negligible.
pub(super) fn furthest_exponent(n: usize) -> f64 {
    math::ln(n as f64 / NEGLIGIBLE)
}

/// A box for every panel and every block of a layout, in units of the scaled points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Boxes {
    width: usize,
    panels: Vec<Range>,
    blocks: Vec<Range>,
    /// For each block its first panel.
    first_panels: Vec<usize>,
}

impl Boxes {
    /// Sorts the points by proximity and bounds them, where many pairs are further apart than the squared distance
    /// `reach`. A sample of pairs tells, the same for the same data: of points, before they are sorted, and of boxes.
    pub(super) fn choose(points: &Points<'_>, layout: &mut Layout, reach: f64) -> Option<Self> {
        if layout.order.len() < LEAST_POINTS || share_of_far_points(points, layout, reach) < LEAST_SHARE {
            return None;
        }
        layout.reorder(order::by_proximity(points, layout));
        let boxes = Boxes::new(points, layout);
        (boxes.share_of_far_panels(reach) >= LEAST_SHARE).then_some(boxes)
    }

    fn new(points: &Points<'_>, layout: &Layout) -> Self {
        let width = points.width();
        let around = |rows: &&[u32]| around(points, rows);
        let panels: Vec<Range> = layout.panels().par_iter().map(around).collect::<Vec<_>>().concat();
        let mut blocks = Vec::with_capacity(layout.blocks.len() * width);
        for block in &layout.blocks {
            let mut of_block = vec![Range::NOTHING; width];
            let panels = &panels[block.first_panel * width..(block.first_panel + block.n_panels()) * width];
            for panel in panels.chunks_exact(width) {
                of_block.iter_mut().zip(panel).for_each(|(block, panel)| block.join(panel));
            }
            blocks.extend(of_block);
        }
        let first_panels = layout.blocks.iter().map(|block| block.first_panel).collect();
        Boxes { width, panels, blocks, first_panels }
    }

    /// Panels are numbered through all blocks.
    pub(super) fn panel(&self, number: usize) -> &[Range] {
        &self.panels[number * self.width..(number + 1) * self.width]
    }

    pub(super) fn block(&self, block: &Block) -> &[Range] {
        let number = self.first_panels.partition_point(|&first| first < block.first_panel);
        &self.blocks[number * self.width..(number + 1) * self.width]
    }

    fn share_of_far_panels(&self, reach: f64) -> f64 {
        let n = self.panels.len() / self.width;
        let far = |&(a, b): &(usize, usize)| squared_distance(self.panel(a), self.panel(b)) >= reach;
        sampled_pairs(n).filter(far).count() as f64 / SAMPLED as f64
    }
}

/// Returns the box around some points.
fn around(points: &Points<'_>, rows: &[u32]) -> Vec<Range> {
    let mut ranges = vec![Range::NOTHING; points.width()];
    for &row in rows {
        for (k, range) in ranges.iter_mut().enumerate() {
            range.include(points.scaled(row as usize, k));
        }
    }
    ranges
}

fn share_of_far_points(points: &Points<'_>, layout: &Layout, reach: f64) -> f64 {
    let far = |&(a, b): &(usize, usize)| {
        let (a, b) = (layout.order[a] as usize, layout.order[b] as usize);
        let squared: f64 = (0..points.width())
            .map(|k| points.scaled(a, k) - points.scaled(b, k))
            .map(|difference| difference * difference)
            .sum();
        squared >= reach
    };
    sampled_pairs(layout.order.len()).filter(far).count() as f64 / SAMPLED as f64
}

/// Returns pairs of numbers below `n`, spread over all of them.
fn sampled_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    // The top bits of a multiplicative hash.
    let below = move |number: usize| {
        let hash = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((u128::from(hash) * n as u128) >> 64) as usize
    };
    (0..SAMPLED).map(move |pair| (below(pair), below(pair * 7919 + 12_345_678)))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::points::{Values, pack_exact};
    use super::super::sums::{self, Packed, Pairs, Pass};
    use super::super::tests::{Normal, classes, far_clusters};
    use super::*;
    use crate::tile::PANEL;
    use crate::{Labels, simd};

    fn points(t: &Array2<f32>, variance: f64) -> Points<'_> {
        Points::new(Values::Single(t.as_slice().unwrap()), t.ncols(), variance)
    }

    fn reach(points: &Points<'_>, variance: f64) -> f64 {
        sums::furthest(&sums::reaches(points.len(), &[points.scaled_variance(variance)]))
    }

    /// Returns the share of the pairs of panels that are left out; `None` if no boxes are used.
    fn share_left_out(t: &Array2<f32>, labels: Option<&Labels>, variance: f64) -> Option<f64> {
        let points = points(t, variance);
        let mut layout = Layout::of_all(t.nrows(), labels, None);
        let reach = reach(&points, variance);
        let boxes = Boxes::choose(&points, &mut layout, reach)?;
        let n = layout.panels().len();
        let far = |&(a, b): &(usize, usize)| squared_distance(boxes.panel(a), boxes.panel(b)) >= reach;
        let pairs = (0..n).flat_map(|a| (0..n).map(move |b| (a, b)));
        Some(pairs.filter(far).count() as f64 / (n * n) as f64)
    }

    #[test]
    fn far_pairs_are_left_out_where_noise_is_small_and_layers_are_narrow() {
        let layer = |n, d| Normal(1).matrix(n, d).mapv(|v| (0.5 * v).tanh() as f32);
        let y = classes(6000, 2);
        assert!(share_left_out(&layer(6000, 2), None, 1e-4).unwrap() > 0.7);
        assert!(share_left_out(&layer(6000, 3), Some(&y), 1e-4).unwrap() > 0.5);
        // Ten clusters in many dimensions, wider than the strips that are looked at.
        let centres = Normal(3).matrix(10, 64);
        let mut random = Normal(4);
        let clusters = Array2::from_shape_fn((3000, 64), |(i, k)| {
            (centres[[i * 7 % 10, k]] + 0.05 * random.next()) as f32
        });
        assert!(share_left_out(&clusters, None, 1e-2).unwrap() > 0.8);
    }

    #[test]
    fn boxes_are_not_used_where_no_pairs_or_no_panels_are_far_apart() {
        let layer = |n, d| Normal(1).matrix(n, d).mapv(|v| (0.5 * v).tanh() as f32);
        assert_eq!(share_left_out(&layer(3000, 3), None, 0.1), None);
        assert_eq!(share_left_out(&layer(3000, 128), None, 2.0), None);
        // All points are far apart here, but every panel is spread over the whole layer.
        assert_eq!(share_left_out(&layer(3000, 128), None, 1e-3), None);
        assert_eq!(share_left_out(&layer(500, 2), None, 1e-6), None);
    }

    #[test]
    fn the_distance_of_boxes_is_at_most_that_of_their_points() {
        for d in [1, 3, 20] {
            let t = Normal(d as u64).matrix(1100, d).mapv(|v| v as f32);
            let points = points(&t, 0.01);
            let layout = Layout::new(&(0..1100).collect::<Vec<u32>>(), Some(&classes(1100, 3)));
            let boxes = Boxes::new(&points, &layout);
            let panels = layout.panels();
            let scaled = |row: u32, k| points.scaled(row as usize, k);
            for (a, left) in panels.iter().enumerate() {
                for (b, right) in panels.iter().enumerate() {
                    let apart = |&i: &u32, &j: &u32| -> f64 {
                        (0..d).map(|k| (scaled(i, k) - scaled(j, k)).powi(2)).sum()
                    };
                    let nearest = left
                        .iter()
                        .flat_map(|i| right.iter().map(move |j| apart(i, j)))
                        .fold(f64::INFINITY, f64::min);
                    let bound = squared_distance(boxes.panel(a), boxes.panel(b));
                    assert!(bound <= nearest * (1.0 + 1e-12));
                    let strip: Vec<f64> = (0..d)
                        .flat_map(|k| (0..ROWS).map(move |r| (k, r)))
                        .map(|(k, r)| left.get(r).map_or(0.0, |&row| scaled(row, k)))
                        .collect();
                    let n_rows = left.len().min(ROWS);
                    let of_strip = nearest_in_strip(&strip, n_rows, &[0.0; ROWS], boxes.panel(b));
                    let nearest = left[..n_rows]
                        .iter()
                        .flat_map(|i| right.iter().map(move |j| apart(i, j)))
                        .fold(f64::INFINITY, f64::min);
                    assert!(bound <= of_strip * (1.0 + 1e-12) && of_strip <= nearest * (1.0 + 1e-12));
                }
            }
            for block in &layout.blocks {
                let of_block = boxes.block(block);
                for panel in block.first_panel..block.first_panel + block.n_panels() {
                    assert_eq!(squared_distance(of_block, boxes.panel(panel)), 0.0);
                    let inside =
                        |(block, panel): (&Range, &Range)| block.low <= panel.low && panel.high <= block.high;
                    assert!(of_block.iter().zip(boxes.panel(panel)).all(inside));
                }
            }
        }
    }

    /// The same pass with boxes and without.
    #[test]
    fn what_is_left_out_of_the_sums_is_negligible() {
        for (d, variances) in [(1, [1e-6, 1e-5]), (2, [1e-5, 1e-3]), (10, [1e-3, 2e-3])] {
            let n = 2000;
            let layer = Normal(5).matrix(n, d).mapv(|v| (0.5 * v).tanh());
            let t = if d < 10 { layer } else { far_clusters(n, d) }.mapv(|v| v as f32);
            let points = points(&t, variances[0]);
            let scaled = variances.map(|v| points.scaled_variance(v));
            let mut layout = Layout::of_all(n, Some(&classes(n, 2)), None);
            let reach = sums::furthest(&sums::reaches(n, &scaled));
            let boxes = Boxes::choose(&points, &mut layout, reach);
            assert!(boxes.is_some(), "width {d}");
            let run = |boxes| {
                let packed = Packed::Exact(pack_exact::<f32>(&points, &layout.panels()));
                let (points, layout, variances) = (&points, &layout, &scaled[..]);
                Pass { level: simd::level(), points, layout, packed, boxes, variances }.run(Pairs::All)
            };
            let (fast, slow) = (run(boxes), run(None));
            for (fast, slow) in fast.all.iter().zip(&slow.all).chain(fast.within.iter().zip(&slow.within)) {
                for (fast, slow) in fast.iter().zip(slow) {
                    assert!((fast - slow).abs() < 2e-12 * slow, "width {d}: {fast:e} not {slow:e}");
                }
            }
        }
    }

    #[test]
    fn the_order_keeps_classes_and_brings_near_points_together() {
        let n = 5000;
        let t = Normal(2).matrix(n, 2).mapv(|v| v as f32);
        let points = points(&t, 1e-3);
        let y = classes(n, 3);
        let mut layout = Layout::of_all(n, Some(&y), None);
        let area = |layout: &Layout| -> f64 {
            let boxes = Boxes::new(&points, layout);
            let area =
                |panel: &[Range]| -> f64 { panel.iter().map(|range| range.high - range.low).product() };
            boxes.panels.chunks_exact(2).map(area).sum::<f64>() / layout.panels().len() as f64
        };
        let (before, unsorted) = (layout.order.clone(), area(&layout));
        layout.reorder(order::by_proximity(&points, &layout));
        assert!(area(&layout) < unsorted / 20.0, "{} of {unsorted}", area(&layout));
        for class in layout.classes() {
            let (mut before, mut after) =
                (before[class.rows.clone()].to_vec(), layout.order[class.rows].to_vec());
            assert_ne!(before, after);
            before.sort_unstable();
            after.sort_unstable();
            assert_eq!(before, after);
        }
        assert!(layout.panels().iter().all(|panel| panel.len() <= PANEL));
    }
}
