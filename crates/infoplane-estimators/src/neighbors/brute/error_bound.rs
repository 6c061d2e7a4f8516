//! The error of distances in single precision.

/// The quantity that the numbers of a tile approximate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ‖a − b‖², from products.
    Product,
    /// ‖a − b‖², from differences.
    SquaredDifference,
    /// max |a − b|.
    LargestDifference,
}

/// Bound on the error of the numbers of a tile, against the distances that they approximate.
///
/// A distance t between two points, as [`Metric::distance`] has it and times the scale, gives a number of at most
/// (t + e) g, or (t + e)² g + a for squares, and at least that with opposite signs.
#[derive(Clone, Copy)]
pub(super) struct ErrorBound {
    pub(super) squared: bool,
    /// e: points were rounded.
    pub(super) points: f32,
    /// g: differences and sums were rounded.
    pub(super) factor: f32,
    /// a: so were norms and products; and squares may vanish.
    pub(super) absolute: f32,
}

impl ErrorBound {
    /// Returns an upper bound of the number of a pair at distance t or nearer.
    #[inline(always)]
    pub(super) fn above(&self, t: f32) -> f32 {
        let reach = (t + self.points).max(0.0);
        if self.squared { reach * reach * self.factor + self.absolute } else { reach * self.factor }
    }

    /// Returns a lower bound of the number of a pair at distance t or farther.
    #[inline(always)]
    pub(super) fn below(&self, t: f32) -> f32 {
        if self.squared {
            let reach = (t - self.points).max(0.0);
            reach * reach * (2.0 - self.factor) - self.absolute
        } else {
            t * (2.0 - self.factor) - self.points
        }
    }

    /// Returns a lower bound of the numbers of pairs in two boxes, from the largest of the gaps between them along the
    /// axes, or the sum of their squares.
    #[inline(always)]
    pub(super) fn of_gap(&self, gap: f32) -> f32 {
        // The points in the boxes are exactly those of the tiles, so that only operations round: those of the tile by
        // less than the factor g, and those on gaps of up to sixteen axes by less than 2e-6.
        let lower = gap * ((2.0 - self.factor) * (1.0 - 4e-6));
        if self.squared { lower - self.absolute } else { lower }
    }

    /// Returns the least and the greatest distance that a number may stand for.
    #[inline(always)]
    pub(super) fn distances(&self, number: f32) -> (f32, f32) {
        let (low, high) = if self.squared {
            let low = ((number - self.absolute).max(0.0) * (2.0 - self.factor)).sqrt();
            (low, ((number.max(0.0) + self.absolute) * self.factor).sqrt())
        } else {
            (number * (2.0 - self.factor), number * self.factor)
        };
        // A last factor for the roundings of these lines.
        (
            ((low - self.points) * (1.0 - f32::EPSILON)).max(0.0),
            (high + self.points) * (1.0 + 2.0 * f32::EPSILON),
        )
    }
}

/// Single precision, not below the number.
pub(super) fn round_up(value: f64) -> f32 {
    let single = value as f32;
    if f64::from(single) < value { single.next_up() } else { single }
}

/// Single precision, not above the number.
pub(super) fn round_down(value: f64) -> f32 {
    let single = value as f32;
    if f64::from(single) > value { single.next_down() } else { single }
}
