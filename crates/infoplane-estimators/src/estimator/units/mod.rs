//! What the single units of a layer carry of a label, and how that is shared among them.
//!
//! The layer T = (T₁, …, T_n) is discrete: its units are symbols, as [`Binned`](crate::Binned) or a quantised network makes them.
//!
//! | | formula | says | of layers |
//! |---|---|---|---|
//! | information of a unit | I(Tᵢ;Y) | what it carries alone | any |
//! | information beyond the others | I(Tᵢ;Y \| T without i) | what is lost with it | any |
//! | [degree of redundancy](UnitInformation::redundancy_degree) | r̄ = Σᵢ I(Tᵢ;Y) / I(T;Y) | in how many units a bit is found, on average | any |
//! | [degree of vulnerability](UnitInformation::vulnerability_degree) | v̄ = Σᵢ I(Tᵢ;Y \| T without i) / I(T;Y) | how many units a bit cannot do without, on average | any |
//! | [decomposition](Decomposition) | Π(α) | which units, alone or together, carry what | up to five units |
//! | [representational complexity](Decomposition::complexity) | C = Σ_α m(α) Π(α) / I(T;Y) | how many units must be read for a bit, on average | up to five units |
//!
//! # References
//! Gutknecht, Rosas, Ehrlich, Makkeh, Mediano & Wibral (2025), arXiv:2504.15779 (r̄ and v̄); Makkeh, Gutknecht & Wibral (2021),
//! *Phys. Rev. E* 103:032149 (shared exclusions); Ehrlich, Schneider, Priesemann, Wibral & Makkeh (2023), *TMLR* (complexity).

mod agreement;
mod decomposition;
mod lattice;
mod layer_units;
mod rows;
mod synergy;
#[cfg(test)]
mod tests;
mod unit_information;

pub use decomposition::{Atom, Decomposition, decompose};
pub use lattice::{Antichain, MOST_UNITS};
pub use layer_units::{LayerUnits, OfLabels};
pub use synergy::{Synergy, synergy};
pub use unit_information::{UnitInformation, unit_information};

use ndarray::{Array2, ArrayView2, Axis};

use super::error::EstimateError;
use crate::{Information, Labels};
use rows::{equal_rows, term};

/// A sum over the units of a layer divided by I(T;Y); `None` where I(T;Y) is none, which rounding makes some 10⁻¹⁵ bits: below 10⁻⁹.
///
/// ```
/// use infoplane_estimators::Information;
/// use infoplane_estimators::units::average_degree;
/// let bits = Information::from_bits;
/// assert_eq!(average_degree(bits(1.5), bits(0.75)), Some(2.0));
/// assert_eq!(average_degree(bits(2e-15), bits(1e-15)), None);
/// ```
pub fn average_degree(sum: Information, information: Information) -> Option<f64> {
    (information.bits() > 1e-9).then(|| sum.nats() / information.nats())
}

/// The symbols of the units of a layer: a row for each sample, a column for each unit.
///
/// ```
/// use infoplane_estimators::units::UnitSymbols;
/// use ndarray::array;
/// let layer = UnitSymbols::new(array![[0, 3], [1, 3], [0, 3]])?;
/// assert_eq!((layer.n_samples(), layer.n_units()), (3, 2));
/// // The first and the last sample are in the same cell.
/// assert_eq!(layer.cells().codes(), [0, 1, 0]);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSymbols {
    /// In standard layout.
    codes: Array2<u32>,
}

impl UnitSymbols {
    /// The layer with these symbols, which mean nothing but themselves.
    ///
    /// # Errors
    /// [`EstimateError::Empty`] if there is no sample or no unit.
    pub fn new(codes: Array2<u32>) -> Result<UnitSymbols, EstimateError> {
        let (n_samples, width) = codes.dim();
        if n_samples == 0 || width == 0 {
            return Err(EstimateError::Empty { n_samples, width });
        }
        Ok(UnitSymbols::standard(codes))
    }

    fn standard(codes: Array2<u32>) -> UnitSymbols {
        let codes = if codes.is_standard_layout() { codes } else { codes.as_standard_layout().into_owned() };
        UnitSymbols { codes }
    }

    /// The layer of which the units have these symbols.
    ///
    /// # Errors
    /// [`EstimateError::Empty`] as [`UnitSymbols::new`]; [`EstimateError::RowMismatch`] if units differ in their number of samples.
    pub fn from_units(units: &[Labels]) -> Result<UnitSymbols, EstimateError> {
        let n_samples = units.first().map_or(0, Labels::len);
        if let Some(other) = units.iter().find(|unit| unit.len() != n_samples) {
            return Err(EstimateError::RowMismatch { given: other.len(), expected: n_samples });
        }
        UnitSymbols::new(Array2::from_shape_fn((n_samples, units.len()), |(row, unit)| {
            units[unit].codes()[row]
        }))
    }

    /// Samples.
    pub fn n_samples(&self) -> usize {
        self.codes.nrows()
    }

    /// Units.
    pub fn n_units(&self) -> usize {
        self.codes.ncols()
    }

    /// The symbols, `(n_samples, n_units)`.
    pub fn codes(&self) -> ArrayView2<'_, u32> {
        self.codes.view()
    }

    /// Some of the units, in the order given.
    ///
    /// # Panics
    /// If there are no such units.
    pub fn select(&self, units: &[usize]) -> UnitSymbols {
        UnitSymbols::standard(self.codes.select(Axis(1), units))
    }

    /// A label for each sample that those samples share which have the same symbols in all units, numbered in the order of their first
    /// sample.
    pub fn cells(&self) -> Labels {
        let rows = self.rows();
        let keys: Vec<u64> = rows.iter().map(|row| key(row)).collect();
        let mut first = vec![0u32; rows.len()];
        let are_equal = |a: u32, b: u32| rows[a as usize] == rows[b as usize];
        equal_rows(&keys, 1, are_equal, &mut Vec::new(), |group| {
            group.iter().for_each(|&row| first[row as usize] = group[0]);
        });
        numbered(&first)
    }

    fn rows(&self) -> Vec<&[u32]> {
        self.codes.rows().into_iter().map(|row| row.to_slice().expect("the layout is standard")).collect()
    }
}

/// The hash of a row.
fn key(row: &[u32]) -> u64 {
    row.iter().enumerate().fold(0, |sum, (unit, &symbol)| sum.wrapping_add(term(unit, symbol)))
}

/// Labels by the first sample of each group, numbered in the order of these.
fn numbered(first: &[u32]) -> Labels {
    let mut codes = vec![0; first.len()];
    let mut n_labels = 0;
    for (row, &of) in first.iter().enumerate() {
        codes[row] = if of as usize == row { n_labels } else { codes[of as usize] };
        n_labels += u32::from(of as usize == row);
    }
    Labels::count(codes, n_labels as usize)
}
