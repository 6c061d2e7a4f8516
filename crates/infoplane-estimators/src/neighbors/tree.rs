//! A k-d tree for few coordinates, for queries about all of its points.
//!
//! The points are halved by the median of their widest coordinate until few remain: all leaves are at the same
//! depth, and a node is a range of points that its number alone gives. A search starts in the leaf of its point
//! and climbs, so that the radius is small before any other part of the tree is looked at; points are asked for in
//! the order of the tree, so that what one search touched is at hand for the next.

use rayon::prelude::*;

use crate::interrupt::poll;

use super::scan::first_in_order;
use super::{Asked, Boundary, Metric, Nearest, OfList, Unordered, by_distance, by_row};

/// The largest number of points in a leaf.
const LEAF: usize = 12;

/// Leaves whose points one task asks for.
const TASK: usize = 64;

/// The same where something is computed from each list of neighbours.
const MAP_TASK: usize = 8;

/// A node with fewer points is built on the current thread.
const SERIAL: usize = 8192;

#[derive(Clone, Copy)]
struct Point<const D: usize> {
    at: [f64; D],
    row: u32,
}

/// The smallest box around the points of a node.
#[derive(Clone, Copy)]
struct Node<const D: usize> {
    low: [f64; D],
    high: [f64; D],
    /// The lowest row in it: of equally near points that of the lowest row is the nearer.
    first_row: u32,
}

/// What is summed up or maximised, coordinate by coordinate: distances before the root is taken.
#[inline(always)]
fn add<const EUCLIDEAN: bool>(sum: f64, difference: f64) -> f64 {
    if EUCLIDEAN { sum + difference * difference } else { sum.max(difference.abs()) }
}

/// Returns the distance of what [`add`] gave, as [`Metric::distance`] has it.
#[inline(always)]
fn finish<const EUCLIDEAN: bool>(sum: f64) -> f64 {
    if EUCLIDEAN { sum.sqrt() } else { sum }
}

/// What a sum must not exceed to have at most this distance; a little more, since roots round.
#[inline(always)]
fn limit<const EUCLIDEAN: bool>(distance: f64) -> f64 {
    if EUCLIDEAN { distance * distance * (1.0 + 4.0 * f64::EPSILON) + f64::MIN_POSITIVE } else { distance }
}

struct Tree<const D: usize, const EUCLIDEAN: bool> {
    points: Vec<Point<D>>,
    /// Node 1 is the root, 2i and 2i + 1 are the halves of i.
    nodes: Vec<Node<D>>,
    /// Halvings from the root to a leaf.
    depth: u32,
}

impl<const D: usize, const EUCLIDEAN: bool> Tree<D, EUCLIDEAN> {
    fn new(points: &[f64]) -> Self {
        let mut points: Vec<Point<D>> = points
            .as_chunks::<D>()
            .0
            .iter()
            .enumerate()
            .map(|(row, &at)| Point { at, row: row as u32 })
            .collect();
        let n = points.len();
        let depth = n.div_ceil(LEAF).next_power_of_two().trailing_zeros();
        let empty = Node { low: [0.0; D], high: [0.0; D], first_row: 0 };
        let mut nodes = vec![empty; 2 << depth];
        // Level by level, so that nodes of one level are built side by side.
        for level in 0..=depth {
            let mut rest = &mut points[..];
            let mut parts = Vec::with_capacity(1 << level);
            for number in 0..1usize << level {
                let length = bound(n, level, number + 1) - bound(n, level, number);
                let (part, others) = rest.split_at_mut(length);
                parts.push(part);
                rest = others;
            }
            let own = &mut nodes[1 << level..2 << level];
            let build = |(number, (node, part)): (usize, (&mut Node<D>, &mut [Point<D>]))| {
                *node = boxed(part);
                if level < depth {
                    let half = bound(n, level + 1, 2 * number + 1) - bound(n, level, number);
                    halve(part, node, half);
                }
            };
            if n > SERIAL {
                own.par_iter_mut().zip(parts).enumerate().for_each(build);
            } else {
                own.iter_mut().zip(parts).enumerate().for_each(build);
            }
        }
        Tree { points, nodes, depth }
    }

    /// Returns the points of a leaf.
    #[inline(always)]
    fn leaf(&self, node: usize) -> &[Point<D>] {
        let (n, number) = (self.points.len(), node - (1 << self.depth));
        &self.points[bound(n, self.depth, number)..bound(n, self.depth, number + 1)]
    }

    #[inline(always)]
    fn is_leaf(&self, node: usize) -> bool {
        node >> self.depth != 0
    }

    #[inline(always)]
    fn nearest_of(&self, node: usize, at: &[f64; D]) -> f64 {
        let node = &self.nodes[node];
        let mut sum = 0.0;
        for ((low, high), at) in node.low.iter().zip(&node.high).zip(at) {
            // As a point of the box at the nearest corner: rounding keeps the order, coordinate by coordinate.
            let outside = (low - at).max(at - high).max(0.0);
            sum = add::<EUCLIDEAN>(sum, outside);
        }
        sum
    }

    #[inline(always)]
    fn farthest_of(&self, node: usize, at: &[f64; D]) -> f64 {
        let node = &self.nodes[node];
        let mut sum = 0.0;
        for ((low, high), at) in node.low.iter().zip(&node.high).zip(at) {
            sum = add::<EUCLIDEAN>(sum, (high - at).max(at - low));
        }
        sum
    }
}

/// Returns the start of part `number` of 2^level parts of n points.
#[inline(always)]
fn bound(n: usize, level: u32, number: usize) -> usize {
    (n * number) >> level
}

fn boxed<const D: usize>(points: &[Point<D>]) -> Node<D> {
    let mut node = Node { low: [f64::INFINITY; D], high: [f64::NEG_INFINITY; D], first_row: u32::MAX };
    for point in points {
        for axis in 0..D {
            node.low[axis] = node.low[axis].min(point.at[axis]);
            node.high[axis] = node.high[axis].max(point.at[axis]);
        }
        node.first_row = node.first_row.min(point.row);
    }
    node
}

/// Puts the `half` points of lowest coordinate, in the widest direction, first.
fn halve<const D: usize>(points: &mut [Point<D>], node: &Node<D>, half: usize) {
    let width = |axis: usize| node.high[axis] - node.low[axis];
    let mut widest = 0;
    for axis in 1..D {
        if width(axis) > width(widest) {
            widest = axis;
        }
    }
    if half > 0 && half < points.len() {
        points.select_nth_unstable_by(half, |a, b| a.at[widest].total_cmp(&b.at[widest]));
    }
}

/// Up to so many neighbours are kept in order; moving more aside for every new one would take longest of all (at
/// 1270 neighbours of 10,000 points in the plane 0.8 ms for each point).
const IN_ORDER: usize = 48;

/// The nearest points so far: in order, or, if they are many, up to twice as many as wanted in any order.
struct Best {
    k: usize,
    found: Vec<(f64, u32)>,
    /// No point beyond this one is among the nearest.
    worst: (f64, u32),
    /// The upper limit of sums.
    limit: f64,
}

/// No point at all.
const NOWHERE: (f64, u32) = (f64::INFINITY, u32::MAX);

fn nearer(a: (f64, u32), b: (f64, u32)) -> bool {
    a.0 < b.0 || a.0 == b.0 && a.1 < b.1
}

impl Best {
    fn new(k: usize) -> Self {
        Best { k, found: Vec::with_capacity(2 * k), worst: NOWHERE, limit: f64::INFINITY }
    }

    fn clear(&mut self) {
        self.found.clear();
        if self.k <= IN_ORDER {
            self.found.resize(self.k, NOWHERE);
        }
        (self.worst, self.limit) = (NOWHERE, f64::INFINITY);
    }

    #[inline(always)]
    fn offer<const EUCLIDEAN: bool>(&mut self, sum: f64, row: u32) {
        let new = (finish::<EUCLIDEAN>(sum), row);
        if !nearer(new, self.worst) {
            return;
        }
        if self.k > IN_ORDER {
            self.found.push(new);
            if self.found.len() == 2 * self.k {
                self.drop_the_farther();
                self.limit = limit::<EUCLIDEAN>(self.worst.0);
            }
            return;
        }
        let mut place = self.k - 1;
        while place > 0 && nearer(new, self.found[place - 1]) {
            self.found[place] = self.found[place - 1];
            place -= 1;
        }
        self.found[place] = new;
        self.worst = self.found[self.k - 1];
        self.limit = limit::<EUCLIDEAN>(self.worst.0);
    }

    /// Leaves the k nearest of those found, in any order.
    fn drop_the_farther(&mut self) {
        self.worst = *self.found.select_nth_unstable_by(self.k - 1, by_distance).1;
        self.found.truncate(self.k);
    }

    /// Returns the k nearest once all points have been offered, the nearest `in_order` first and ascending.
    fn nearest(&mut self, in_order: usize) -> &[(f64, u32)] {
        if self.k > IN_ORDER {
            self.drop_the_farther();
            first_in_order(&mut self.found, in_order);
        }
        &self.found
    }
}

impl<const D: usize, const EUCLIDEAN: bool> Tree<D, EUCLIDEAN> {
    #[inline(always)]
    fn scan(&self, leaf: usize, query: &Point<D>, best: &mut Best) {
        for point in self.leaf(leaf) {
            let mut sum = 0.0;
            for axis in 0..D {
                sum = add::<EUCLIDEAN>(sum, query.at[axis] - point.at[axis]);
            }
            if sum <= best.limit && point.row != query.row {
                best.offer::<EUCLIDEAN>(sum, point.row);
            }
        }
    }

    /// Looks through a node, whose box is at `sum`.
    fn visit(&self, node: usize, sum: f64, query: &Point<D>, best: &mut Best) {
        if sum > best.limit {
            return;
        }
        // Equally near points of higher rows do not matter: else equal points would all be looked at, each from each.
        let (distance, row) = best.worst;
        if self.nodes[node].first_row > row && finish::<EUCLIDEAN>(sum) >= distance {
            return;
        }
        if self.is_leaf(node) {
            return self.scan(node, query, best);
        }
        let (left, right) = (2 * node, 2 * node + 1);
        let (to_left, to_right) = (self.nearest_of(left, &query.at), self.nearest_of(right, &query.at));
        if to_left <= to_right {
            self.visit(left, to_left, query, best);
            self.visit(right, to_right, query, best);
        } else {
            self.visit(right, to_right, query, best);
            self.visit(left, to_left, query, best);
        }
    }

    fn nearest(&self, leaf: usize, query: &Point<D>, best: &mut Best) {
        best.clear();
        self.scan(leaf, query, best);
        let mut node = leaf;
        while node > 1 {
            let sibling = node ^ 1;
            self.visit(sibling, self.nearest_of(sibling, &query.at), query, best);
            node /= 2;
        }
    }

    fn count(&self, node: usize, size: usize, query: &Point<D>, within: &Within) -> usize {
        if self.nearest_of(node, &query.at) > within.limit {
            return 0;
        }
        if self.is_leaf(node) {
            let mut count = 0;
            for point in self.leaf(node) {
                let mut sum = 0.0;
                for axis in 0..D {
                    sum = add::<EUCLIDEAN>(sum, query.at[axis] - point.at[axis]);
                }
                count += usize::from(within.boundary.holds(finish::<EUCLIDEAN>(sum), within.radius));
            }
            return count;
        }
        let farthest = finish::<EUCLIDEAN>(self.farthest_of(node, &query.at));
        if within.boundary.holds(farthest, within.radius) {
            return size;
        }
        let n = self.points.len();
        let level = node.ilog2() + 1;
        let number = 2 * (node - (1 << (level - 1)));
        let [start, middle, end] = [0, 1, 2].map(|part| bound(n, level, number + part));
        self.count(2 * node, middle - start, query, within)
            + self.count(2 * node + 1, end - middle, query, within)
    }

    /// Runs over all leaves, some at a time.
    fn by_leaves<T: Send>(
        &self,
        at_once: usize,
        work: impl Fn(std::ops::Range<usize>) -> T + Sync,
    ) -> Vec<T> {
        let leaves = 1usize << self.depth;
        (0..leaves.div_ceil(at_once))
            .into_par_iter()
            .map(|task| {
                poll();
                work(leaves + task * at_once..leaves + leaves.min((task + 1) * at_once))
            })
            .collect()
    }

    fn rows(&self) -> Vec<u32> {
        self.points.iter().map(|point| point.row).collect()
    }
}

/// What counts.
struct Within {
    radius: f64,
    boundary: Boundary,
    limit: f64,
}

fn nearest_in<const D: usize, const EUCLIDEAN: bool>(points: &[f64], k: usize) -> Nearest {
    let tree = Tree::<D, EUCLIDEAN>::new(points);
    let tasks = tree.by_leaves(TASK, |leaves| {
        let mut part = Unordered::with_capacity(leaves.len() * LEAF, k);
        let mut best = Best::new(k);
        for leaf in leaves {
            for query in tree.leaf(leaf) {
                tree.nearest(leaf, query, &mut best);
                part.extend(best.nearest(k));
            }
        }
        part
    });
    Unordered::scatter(tasks, &tree.rows(), k)
}

fn map_nearest_in<'f, T: Send, const D: usize, const EUCLIDEAN: bool>(
    points: &[f64],
    k: usize,
    in_order: usize,
    asked: &Asked,
    new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
) -> Vec<T> {
    let tree = Tree::<D, EUCLIDEAN>::new(points);
    let tasks = tree.by_leaves(MAP_TASK, |leaves| {
        let mut work = new_task();
        let mut best = Best::new(k);
        let queries = leaves.flat_map(|leaf| tree.leaf(leaf).iter().map(move |query| (leaf, query)));
        let queries = queries.filter(|(_, query)| asked.contains(query.row));
        let results = queries.map(|(leaf, query)| {
            tree.nearest(leaf, query, &mut best);
            (query.row, work(query.row as usize, best.nearest(in_order)))
        });
        results.collect::<Vec<(u32, T)>>()
    });
    by_row(tasks.into_iter().flatten(), tree.points.len())
}

fn count_in<const D: usize, const EUCLIDEAN: bool>(
    points: &[f64],
    radii: &[f64],
    boundary: Boundary,
) -> Vec<usize> {
    let tree = Tree::<D, EUCLIDEAN>::new(points);
    let n = tree.points.len();
    let tasks = tree.by_leaves(TASK, |leaves| {
        let mut counts = Vec::with_capacity(leaves.len() * LEAF);
        for query in leaves.flat_map(|leaf| tree.leaf(leaf)) {
            let radius = radii[query.row as usize];
            // No point is its own neighbour, but it is found wherever distance 0 counts.
            counts.push(if boundary.holds(0.0, radius) {
                let within = Within { radius, boundary, limit: limit::<EUCLIDEAN>(radius) };
                tree.count(1, n, query, &within) - 1
            } else {
                0
            });
        }
        counts
    });
    let mut counts = vec![0; n];
    for (point, count) in tree.points.iter().zip(tasks.into_iter().flatten()) {
        counts[point.row as usize] = count;
    }
    counts
}

/// The widths that trees are made for.
pub(super) const WIDTHS: std::ops::RangeInclusive<usize> = 2..=8;

/// Evaluates an expression in which `D` is the width and `EUCLIDEAN` says which metric, as constants.
macro_rules! by_width {
    ($width:expr, $metric:expr, $result:expr) => {
        by_width!($width, $metric, $result, 2 3 4 5 6 7 8)
    };
    ($width:expr, $metric:expr, $result:expr, $($d:literal)*) => {
        match ($width, $metric) {
            $(($d, Metric::Chebyshev) => {
                const D: usize = $d;
                const EUCLIDEAN: bool = false;
                $result
            }
            ($d, Metric::Euclidean) => {
                const D: usize = $d;
                const EUCLIDEAN: bool = true;
                $result
            })*
            (width, _) => unreachable!("no tree of {width} coordinates"),
        }
    };
}

pub(super) fn nearest(points: &[f64], width: usize, metric: Metric, k: usize) -> Nearest {
    by_width!(width, metric, nearest_in::<D, EUCLIDEAN>(points, k))
}

pub(super) fn map_nearest<'f, T: Send>(
    points: &[f64],
    width: usize,
    metric: Metric,
    k: usize,
    in_order: usize,
    asked: &Asked,
    new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
) -> Vec<T> {
    by_width!(width, metric, map_nearest_in::<T, D, EUCLIDEAN>(points, k, in_order, asked, new_task))
}

pub(super) fn count_within(
    points: &[f64],
    width: usize,
    metric: Metric,
    radii: &[f64],
    boundary: Boundary,
) -> Vec<usize> {
    by_width!(width, metric, count_in::<D, EUCLIDEAN>(points, radii, boundary))
}
