//! Nearest neighbours and counts inside a radius, exactly.

mod reference;

use ndarray::ArrayView2;

/// How far apart two points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The largest difference of a coordinate, max |aₖ − bₖ|.
    Chebyshev,
    /// √Σ (aₖ − bₖ)², the sum taken in double precision in the order of the coordinates.
    Euclidean,
}

impl Metric {
    /// The distance of two points of equal width.
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

    /// The distances from point `i` to its neighbours, ascending.
    pub fn distances(&self, i: usize) -> &[f64] {
        &self.distances[i * self.k..(i + 1) * self.k]
    }

    /// The row numbers of the neighbours of point `i`, the nearest first; of equally near ones the lower first.
    pub fn indices(&self, i: usize) -> &[u32] {
        &self.indices[i * self.k..(i + 1) * self.k]
    }

    /// The distance of every point to its k-th neighbour.
    pub fn radii(&self) -> Vec<f64> {
        self.distances.chunks_exact(self.k).map(|distances| distances[self.k - 1]).collect()
    }
}

/// Searches among a set of points, each point of which is asked for.
///
/// `points`: `(n_samples, width)`, finite. No point is a neighbour of itself, but another at the same place is.
#[derive(Debug, Clone)]
pub struct Neighbors<'a> {
    points: ArrayView2<'a, f64>,
    metric: Metric,
}

impl<'a> Neighbors<'a> {
    /// Prepares the search.
    pub fn new(points: ArrayView2<'a, f64>, metric: Metric) -> Self {
        Neighbors { points, metric }
    }

    /// The `k` nearest neighbours of every point.
    ///
    /// # Panics
    /// If there are not more than `k` points, or `k` is 0.
    pub fn nearest(&self, k: usize) -> Nearest {
        assert!(k > 0 && k < self.points.nrows(), "k = {k} neighbours among {} points", self.points.nrows());
        reference::nearest(self.points, self.metric, k)
    }

    /// How many other points lie within `radii[i]` of point `i`.
    ///
    /// # Panics
    /// If there is not one radius per point.
    pub fn count_within(&self, radii: &[f64], boundary: Boundary) -> Vec<usize> {
        assert_eq!(radii.len(), self.points.nrows(), "one radius per point");
        reference::count_within(self.points, self.metric, radii, boundary)
    }
}
