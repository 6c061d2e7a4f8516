//! Nearest neighbours and counts inside a radius, exactly.

mod brute;
mod reference;
mod scan;
mod sorted;
#[cfg(test)]
mod tests;
mod tree;

use ndarray::{ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

use crate::interrupt::poll;

/// The distance between two points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The largest difference of a coordinate, max |aₖ − bₖ|.
    Chebyshev,
    /// √Σ (aₖ − bₖ)², the sum taken in double precision in the order of the coordinates.
    Euclidean,
}

impl Metric {
    /// Returns the distance of two points of equal width.
    ///
    /// Every search compares exactly this number, in double precision, so that a radius taken from one search
    /// means the same in another.
    pub fn distance(self, a: &[f64], b: &[f64]) -> f64 {
        let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        match self {
            Metric::Chebyshev => differences.fold(0.0, f64::max),
            Metric::Euclidean => differences.fold(0.0, |sum, d| sum + d * d).sqrt(),
        }
    }
}

/// Whether a point at exactly the radius counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// It does not: distance < radius.
    Open,
    /// It does: distance ≤ radius.
    Closed,
}

impl Boundary {
    #[inline(always)]
    fn holds(self, distance: f64, radius: f64) -> bool {
        match self {
            Boundary::Open => distance < radius,
            Boundary::Closed => distance <= radius,
        }
    }
}

/// The k nearest neighbours of every point.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    k: usize,
    distances: Vec<f64>,
    indices: Vec<u32>,
}

impl Nearest {
    /// Neighbours of each point.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Returns the distances from point `i` to its neighbours, ascending.
    pub fn distances(&self, i: usize) -> &[f64] {
        &self.distances[i * self.k..(i + 1) * self.k]
    }

    /// Returns the row numbers of the neighbours of point `i`, the nearest first; of equally near ones the lower first.
    pub fn indices(&self, i: usize) -> &[u32] {
        &self.indices[i * self.k..(i + 1) * self.k]
    }

    /// Returns the distance of every point to its k-th neighbour.
    pub fn radii(&self) -> Vec<f64> {
        self.distances.chunks_exact(self.k).map(|distances| distances[self.k - 1]).collect()
    }
}

/// The order of neighbours: by distance, equally near ones by row.
fn by_distance(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// What is computed from the list of neighbours (distance, row) of a point, given its row.
pub(crate) type OfList<'a, T> = Box<dyn FnMut(usize, &[(f64, u32)]) -> T + 'a>;

/// Puts results in the order of a search into the order of the rows that they belong to.
fn by_row<T>(results: impl Iterator<Item = (u32, T)>, n: usize) -> Vec<T> {
    let mut placed: Vec<Option<T>> = (0..n).map(|_| None).collect();
    for (row, result) in results {
        placed[row as usize] = Some(result);
    }
    placed.into_iter().flatten().collect()
}

/// The points whose neighbours are asked for.
enum Asked {
    All,
    /// Those that are true here.
    Some(Vec<bool>),
}

impl Asked {
    #[inline(always)]
    fn contains(&self, row: u32) -> bool {
        match self {
            Asked::All => true,
            Asked::Some(asked) => asked[row as usize],
        }
    }
}

/// Neighbours of some points in an order of the search's own.
struct Unordered {
    distances: Vec<f64>,
    indices: Vec<u32>,
}

impl Unordered {
    fn with_capacity(points: usize, k: usize) -> Self {
        Unordered { distances: Vec::with_capacity(points * k), indices: Vec::with_capacity(points * k) }
    }

    fn extend(&mut self, found: &[(f64, u32)]) {
        self.distances.extend(found.iter().map(|found| found.0));
        self.indices.extend(found.iter().map(|found| found.1));
    }

    /// Puts all parts, one after the other, into the order of the rows that they belong to.
    fn scatter(parts: Vec<Unordered>, rows: &[u32], k: usize) -> Nearest {
        let mut nearest =
            Nearest { k, distances: vec![0.0; rows.len() * k], indices: vec![0; rows.len() * k] };
        let mut rows = rows.iter();
        for part in parts {
            let found = part.distances.chunks_exact(k).zip(part.indices.chunks_exact(k));
            for ((distances, indices), &row) in found.zip(&mut rows) {
                let place = row as usize * k..(row as usize + 1) * k;
                nearest.distances[place.clone()].copy_from_slice(distances);
                nearest.indices[place].copy_from_slice(indices);
            }
        }
        nearest
    }
}

/// The search algorithm; all give the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// One coordinate.
    Sorted,
    /// Few coordinates.
    Tree,
    /// All pairs.
    Brute,
    /// Each point against all, and a selection: for many neighbours.
    Scan,
    /// All pairs, one by one.
    Reference,
}

/// Searches among a set of points, each point of which is asked for.
///
/// `points`: `(n_samples, width)`, finite. No point is a neighbour of itself, but another at the same place is.
///
/// Every answer is that of a linear scan in double precision, ties and duplicates included, and the same for any
/// number of threads. One column is sorted, O(n log n); few columns make a k-d tree, about O(n log n); for more
/// columns all pairs are looked at, O(n² width), in single precision with double precision where it matters.
/// Memory O(n (width + k)).
///
/// ```
/// use infoplane_estimators::neighbors::{Boundary, Metric, Neighbors};
/// let points = ndarray::array![[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]];
/// let search = Neighbors::new(points.view(), Metric::Euclidean);
/// assert_eq!(search.nearest(1).indices(0), [2]);
/// assert_eq!(search.nearest(2).distances(0), [1.0, 5.0]);
/// assert_eq!(search.count_within(&[5.0, 0.0, 0.0], Boundary::Open), [1, 0, 0]);
/// assert_eq!(search.count_within(&[5.0, 0.0, 0.0], Boundary::Closed), [2, 0, 0]);
/// ```
#[derive(Debug, Clone)]
pub struct Neighbors<'a> {
    points: CowArray<'a, f64, Ix2>,
    metric: Metric,
}

impl<'a> Neighbors<'a> {
    /// Prepares the search.
    pub fn new(points: ArrayView2<'a, f64>, metric: Metric) -> Self {
        let points = if points.is_standard_layout() {
            CowArray::from(points)
        } else {
            CowArray::from(points.as_standard_layout().into_owned())
        };
        Neighbors { points, metric }
    }

    /// Returns the `k` nearest neighbours of every point.
    ///
    /// # Panics
    /// If there are `k` points or fewer, or `k` is 0.
    pub fn nearest(&self, k: usize) -> Nearest {
        let n = self.points.nrows();
        assert!(k > 0 && k < n, "k = {k} neighbours among {n} points");
        self.nearest_by(nearest_search(n, self.points.ncols(), k), k)
    }

    /// Returns, for every point, what a function makes of the list of its `k` nearest neighbours.
    ///
    /// The nearest `in_order` of them come first and ascending; the others follow in an order that the points
    /// determine. Lists are not kept: memory is that of one list per thread. `new_task` gives a function for each
    /// task, which may reuse memory from one list to the next.
    ///
    /// # Panics
    /// If there are `k` points or fewer, or `k` is 0.
    pub(crate) fn map_nearest<'f, T: Send>(
        &self,
        k: usize,
        in_order: usize,
        new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
    ) -> Vec<T> {
        let n = self.points.nrows();
        assert!(k > 0 && k < n, "k = {k} neighbours among {n} points");
        self.map_nearest_by(list_search(n, self.points.ncols(), k), k, in_order, new_task)
    }

    /// Returns the rows of the `k` nearest neighbours of some points, the nearest first; of equally near ones the lower first.
    ///
    /// # Panics
    /// If there are `k` points or fewer, `k` is 0, there is no column, or `rows` do not ascend.
    pub(crate) fn nearest_of(&self, rows: &[usize], k: usize) -> Vec<Vec<usize>> {
        let (values, width, metric) = (self.values(), self.points.ncols(), self.metric);
        let n = self.points.nrows();
        assert!(k > 0 && k < n && width > 0, "k = {k} neighbours among {n} points of {width} coordinates");
        assert!(rows.is_sorted_by(|a, b| a < b), "ascending rows");
        let mut asked = vec![false; n];
        rows.iter().for_each(|&row| asked[row] = true);
        let asked = Asked::Some(asked);
        let new_task: &(dyn Fn() -> OfList<'static, Vec<usize>> + Sync) =
            &|| Box::new(|_, list| list.iter().map(|&(_, row)| row as usize).collect());
        // A tree of more coordinates takes longer to make than these few queries.
        match width {
            1 => sorted::map_nearest(values, metric, k, &asked, new_task),
            2..=5 => tree::map_nearest(values, width, metric, k, k, &asked, new_task),
            _ => scan::map_nearest(values, width, metric, k, k, &asked, new_task),
        }
    }

    pub(crate) fn map_nearest_by<'f, T: Send>(
        &self,
        search: Search,
        k: usize,
        in_order: usize,
        new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
    ) -> Vec<T> {
        let (values, width, metric) = (self.values(), self.points.ncols(), self.metric);
        let all = &Asked::All;
        match search {
            Search::Sorted => sorted::map_nearest(values, metric, k, all, new_task),
            Search::Tree => tree::map_nearest(values, width, metric, k, in_order, all, new_task),
            Search::Scan => scan::map_nearest(values, width, metric, k, in_order, all, new_task),
            // Few neighbours: the lists are short.
            Search::Brute | Search::Reference => {
                let nearest = self.nearest_by(search, k);
                (0..self.points.nrows())
                    .into_par_iter()
                    .map_init(
                        || (new_task(), Vec::with_capacity(k)),
                        |(work, list), row| {
                            poll();
                            list.clear();
                            let distances = nearest.distances(row).iter().copied();
                            list.extend(distances.zip(nearest.indices(row).iter().copied()));
                            work(row, list)
                        },
                    )
                    .collect()
            }
        }
    }

    pub(crate) fn nearest_by(&self, search: Search, k: usize) -> Nearest {
        let (values, width, metric) = (self.values(), self.points.ncols(), self.metric);
        let found = match search {
            Search::Sorted => Some(sorted::nearest(values, metric, k)),
            Search::Tree => Some(tree::nearest(values, width, metric, k)),
            Search::Brute => brute::nearest(values, width, metric, k),
            Search::Scan => {
                let list = || -> OfList<'_, Vec<(f64, u32)>> { Box::new(|_, list| list.to_vec()) };
                let lists = scan::map_nearest(values, width, metric, k, k, &Asked::All, &list);
                let (distances, indices) = lists.into_iter().flatten().unzip();
                Some(Nearest { k, distances, indices })
            }
            Search::Reference => None,
        };
        found.unwrap_or_else(|| reference::nearest(self.points.view(), metric, k))
    }

    /// Returns the number of other points within `radii[i]` of point `i`.
    ///
    /// # Panics
    /// If there is not one radius per point.
    pub fn count_within(&self, radii: &[f64], boundary: Boundary) -> Vec<usize> {
        let n = self.points.nrows();
        assert_eq!(radii.len(), n, "one radius per point");
        if n < 2 {
            return vec![0; n];
        }
        self.count_by(count_search(n, self.points.ncols()), radii, boundary)
    }

    pub(crate) fn count_by(&self, search: Search, radii: &[f64], boundary: Boundary) -> Vec<usize> {
        let (values, width, metric) = (self.values(), self.points.ncols(), self.metric);
        let counts = match search {
            Search::Sorted => Some(sorted::count_within(values, metric, radii, boundary)),
            Search::Tree => Some(tree::count_within(values, width, metric, radii, boundary)),
            Search::Brute => brute::count_within(values, width, metric, radii, boundary),
            Search::Scan | Search::Reference => None,
        };
        counts.unwrap_or_else(|| reference::count_within(self.points.view(), metric, radii, boundary))
    }

    fn values(&self) -> &[f64] {
        self.points.as_slice().expect("rows in standard layout")
    }
}

/// Chooses the fastest search for neighbours. Milliseconds on one core of a Zen 4 for k = 3, normal data and n =
/// 10,000:
///
/// | width | 2 | 3 | 5 | 10 | 64 | 128 |
/// |---|---|---|---|---|---|---|
/// | tree | 3.4 | 4 | 15 | | | |
/// | all pairs, Chebyshev | | | 28 | 38 | 141 | 267 |
/// | all pairs, Euclidean | | | 24 | 32 | 90 | 158 |
///
/// All pairs grow with n², and at n = 40,000 and width 5 are 326 against 76 of the tree.
fn nearest_search(n: usize, width: usize, k: usize) -> Search {
    match width {
        0 => Search::Reference,
        1 => Search::Sorted,
        _ if many(n, width, k) => Search::Scan,
        2..=5 => Search::Tree,
        _ if n > 20_000 && tree::WIDTHS.contains(&width) => Search::Tree,
        _ => Search::Brute,
    }
}

/// Whether so many neighbours are wanted that a selection among all points is faster than any list kept in order.
fn many(n: usize, width: usize, k: usize) -> bool {
    match width {
        0..=1 => false,
        2..=5 => 4 * k > n,
        _ => k * k > n * (4 + width / 8),
    }
}

/// Returns the same for lists that are not kept: all pairs would keep those of all points until the end.
fn list_search(n: usize, width: usize, k: usize) -> Search {
    match nearest_search(n, width, k) {
        Search::Brute if k > 32 => Search::Scan,
        search => search,
    }
}

/// Returns the same for counts. Radii of KSG hold about √(k n) points of a marginal, and most of the time of a tree
/// goes along the border of such balls: 8, 16 and 60 ms at widths 2, 3 and 5, against 24 to 30 for all pairs; at n =
/// 40,000 and width 5 both take 0.5 s.
fn count_search(n: usize, width: usize) -> Search {
    match width {
        0 => Search::Reference,
        1 => Search::Sorted,
        2..=3 => Search::Tree,
        4..=5 if n > 40_000 => Search::Tree,
        _ => Search::Brute,
    }
}
