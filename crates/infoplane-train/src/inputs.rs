//! The inputs of a network, as they were read.

use fearless_simd::{Level, dispatch, prelude::*};
use infoplane_estimators::{Labels, simd};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// The inputs of a network, `(n_samples, n_features)`, in single precision or as bytes.
///
/// Images are often files of bytes. They stay bytes, at a quarter of the memory, until a batch or the inputs that are
/// measured are made of them: a byte b then becomes b / `divisor` in single precision. Inputs of bytes and the same
/// numbers in single precision give the same results, to the last bit.
///
/// ```
/// use infoplane_train::Inputs;
/// use ndarray::array;
/// let images = Inputs::of_bytes(array![[0u8, 255], [51, 102]], 255.0);
/// assert_eq!(images.to_array(), array![[0.0f32, 1.0], [0.2, 0.4]]);
/// assert_eq!(images, Inputs::from(array![[0.0f32, 1.0], [0.2, 0.4]]));
/// ```
#[derive(Debug, Clone)]
pub struct Inputs {
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    Single(ArcArray2<f32>),
    /// In standard layout; copies share it.
    Bytes {
        bytes: ArcArray2<u8>,
        divisor: f32,
    },
}

impl From<Array2<f32>> for Inputs {
    fn from(values: Array2<f32>) -> Inputs {
        Inputs { values: Values::Single(values.into_shared()) }
    }
}

/// Equal numbers; it does not matter how they are kept.
impl PartialEq for Inputs {
    fn eq(&self, other: &Inputs) -> bool {
        match (&self.values, &other.values) {
            (Values::Single(a), Values::Single(b)) => a == b,
            _ => {
                let same = |row| (0..self.n_features()).all(|k| self.value(row, k) == other.value(row, k));
                self.dim() == other.dim() && (0..self.n_samples()).all(same)
            }
        }
    }
}

impl Inputs {
    /// Creates inputs of which every value is a byte divided by `divisor`: 255 brings them to [0, 1].
    ///
    /// # Panics
    /// If the divisor is 0 or not finite, or so small that a quotient is not.
    pub fn of_bytes(bytes: Array2<u8>, divisor: f32) -> Inputs {
        let fits = divisor.is_finite() && (255.0 / divisor).is_finite();
        assert!(fits, "bytes divided by {divisor}; allowed are divisors that give finite numbers");
        let bytes = if bytes.is_standard_layout() { bytes } else { bytes.as_standard_layout().into_owned() };
        Inputs { values: Values::Bytes { bytes: bytes.into_shared(), divisor } }
    }

    /// Returns the numbers of samples and features.
    pub fn dim(&self) -> (usize, usize) {
        match &self.values {
            Values::Single(values) => values.dim(),
            Values::Bytes { bytes, .. } => bytes.dim(),
        }
    }

    /// Returns the number of samples.
    pub fn n_samples(&self) -> usize {
        self.dim().0
    }

    /// Returns the number of values of each sample.
    pub fn n_features(&self) -> usize {
        self.dim().1
    }

    /// Returns one value.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn value(&self, row: usize, column: usize) -> f32 {
        match &self.values {
            Values::Single(values) => values[[row, column]],
            Values::Bytes { bytes, divisor } => f32::from(bytes[[row, column]]) / divisor,
        }
    }

    /// Writes a row into `slots`, which has room for it.
    ///
    /// # Panics
    /// If there is no such row, or `slots` is shorter.
    pub fn write_row(&self, row: usize, slots: &mut [f32]) {
        let slots = &mut slots[..self.n_features()];
        match &self.values {
            Values::Single(values) => {
                slots.iter_mut().zip(values.row(row)).for_each(|(slot, &value)| *slot = value);
            }
            Values::Bytes { bytes, divisor } => {
                let row = bytes.row(row);
                write_quotients(simd::level(), row.as_slice().expect("standard layout"), *divisor, slots);
            }
        }
    }

    /// Returns some rows, in the order given, in single precision.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> Array2<f32> {
        let mut selected = Array2::zeros((rows.len(), self.n_features()));
        for (&row, mut slots) in rows.iter().zip(selected.rows_mut()) {
            self.write_row(row, slots.as_slice_mut().expect("standard layout"));
        }
        selected
    }

    /// Returns all rows in single precision.
    pub fn to_array(&self) -> Array2<f32> {
        match &self.values {
            Values::Single(values) => values.to_owned(),
            Values::Bytes { bytes, divisor } => bytes.mapv(|byte| f32::from(byte) / divisor),
        }
    }

    /// Returns X as a labelling: equal inputs share a label, numbered in order of first appearance.
    pub fn labels(&self) -> Labels {
        match &self.values {
            Values::Single(values) => Labels::from_rows(values.view()),
            Values::Bytes { bytes, .. } => {
                let rows: Vec<&[u8]> = bytes.rows().into_iter().filter_map(|row| row.to_slice()).collect();
                Labels::from_symbols(&rows)
            }
        }
    }

    /// Returns the numbers, if they are kept in single precision.
    pub fn as_single(&self) -> Option<ArrayView2<'_, f32>> {
        match &self.values {
            Values::Single(values) => Some(values.view()),
            Values::Bytes { .. } => None,
        }
    }
}

/// slot = byte / divisor: division is rounded once on every processor.
fn write_quotients(level: Level, bytes: &[u8], divisor: f32, slots: &mut [f32]) {
    #[inline(always)]
    fn write<S: Simd>(_: S, bytes: &[u8], divisor: f32, slots: &mut [f32]) {
        slots.iter_mut().zip(bytes).for_each(|(slot, &byte)| *slot = f32::from(byte) / divisor);
    }
    dispatch!(level, simd => write(simd, bytes, divisor, slots));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Array2<u8> {
        Array2::from_shape_fn((40, 37), |(row, column)| ((row % 7 * 31 + column * 11) % 256) as u8)
    }

    #[test]
    fn bytes_are_the_numbers_they_stand_for() {
        for divisor in [255.0f32, 1.0, 3.7] {
            let inputs = Inputs::of_bytes(bytes(), divisor);
            let numbers = bytes().mapv(|byte| f32::from(byte) / divisor);
            let single = Inputs::from(numbers.clone());
            assert_eq!(inputs.to_array(), numbers);
            assert_eq!(inputs, single);
            assert_eq!(inputs.dim(), single.dim());
            let rows = [39, 0, 7, 7];
            assert_eq!(inputs.select(&rows), numbers.select(ndarray::Axis(0), &rows));
            assert_eq!(single.select(&rows), numbers.select(ndarray::Axis(0), &rows));
            assert_eq!(inputs.value(3, 5), numbers[[3, 5]]);
            assert_eq!(inputs.labels(), single.labels());
            assert_eq!(inputs.labels().n_labels(), 7);
        }
        assert_ne!(Inputs::of_bytes(bytes(), 255.0), Inputs::of_bytes(bytes(), 254.0));
        let turned = Inputs::of_bytes(bytes().reversed_axes(), 2.0);
        assert_eq!(turned.to_array(), Inputs::of_bytes(bytes(), 2.0).to_array().reversed_axes());
    }

    #[test]
    #[should_panic(expected = "bytes divided by 0")]
    fn a_divisor_that_gives_no_numbers_is_a_mistake() {
        Inputs::of_bytes(bytes(), 0.0);
    }
}
