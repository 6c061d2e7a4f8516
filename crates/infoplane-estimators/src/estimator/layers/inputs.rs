//! The parts of the inputs against a layer.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::estimator::counts::{Correction, alone, nats};
use crate::interrupt::{self, poll};
use crate::steps::Steps;
use crate::variable::symbols::{Value, distinct_rows, together};
use crate::{EstimateError, Information, Labels, Variable, math};

/// Columns that are read together: as many values of single precision as a cache line holds.
const COLUMNS_AT_ONCE: usize = 16;

/// The parts of the inputs, each of them a symbol for every sample: features, pixels, or positions of several columns.
///
/// ```
/// use infoplane_estimators::layers::InputParts;
/// let inputs = ndarray::array![[0.0f32, 0.1, 7.0], [0.0, 0.2, 7.0], [1.0, 0.3, 7.0], [1.0, 0.4, 7.0]];
/// let parts = InputParts::of_columns(inputs.view(), Some(2))?;
/// assert_eq!((parts.n_samples(), parts.n_parts()), (4, 3));
/// assert_eq!(parts.symbols(1).counts(), [2, 2]);
/// // The first two columns are one position.
/// assert_eq!(parts.together(&[vec![0, 1], vec![2]])?.n_parts(), 2);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputParts {
    n_samples: usize,
    parts: Vec<Labels>,
}

impl InputParts {
    /// A part for each column of the inputs, `(n_samples, n_features)`: its distinct values are its symbols.
    ///
    /// With `bins`, a column with more than so many values is cut into so many bins with equally many samples each; equal
    /// values stay in one bin. Numbers that never repeat need it: else the part tells the samples apart, and I(X_p;T) is H(T),
    /// whatever the network. Time O(n_samples · n_features), and sorting of the columns that are cut.
    ///
    /// # Errors
    /// [`EstimateError::Empty`], [`EstimateError::NotFinite`] for inputs that cannot be measured; [`EstimateError::Setting`] for
    /// fewer than 2 or more than 65,536 bins.
    pub fn of_columns<'x>(
        inputs: impl Into<Variable<'x>>,
        bins: Option<usize>,
    ) -> Result<InputParts, EstimateError> {
        let inputs = inputs.into();
        crate::estimator::error::check_layer(&inputs, &[])?;
        if let Some(bins) = bins.filter(|bins| !(2..=65_536).contains(bins)) {
            let given = bins.to_string();
            return Err(EstimateError::Setting {
                key: "bins",
                given,
                allowed: "2 to 65536 bins of an input",
            });
        }
        let parts = match &inputs {
            Variable::Labels(labels) => vec![(*labels).clone()],
            Variable::Single(rows) => columns(rows, bins),
            Variable::Double(rows) => columns(rows, bins),
        };
        Ok(InputParts { n_samples: inputs.n_samples(), parts })
    }

    /// Parts with these symbols.
    ///
    /// # Errors
    /// [`EstimateError::Empty`] if there is no part or no sample; [`EstimateError::RowMismatch`] if parts differ in their number of
    /// samples.
    pub fn new(parts: Vec<Labels>) -> Result<InputParts, EstimateError> {
        let n_samples = parts.first().map_or(0, Labels::len);
        if n_samples == 0 {
            return Err(EstimateError::Empty { n_samples, width: parts.len() });
        }
        match parts.iter().find(|part| part.len() != n_samples) {
            Some(other) => Err(EstimateError::RowMismatch { given: other.len(), expected: n_samples }),
            None => Ok(InputParts { n_samples, parts }),
        }
    }

    /// Parts that are groups of these, each group taken together: the columns of a position, a patch of an image.
    ///
    /// A group of many columns tells most samples apart; the values of shuffled rows show it.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for an empty group, or one that names a part that is not there.
    pub fn together(&self, groups: &[Vec<usize>]) -> Result<InputParts, EstimateError> {
        let group = |group: &Vec<usize>| {
            let given = format!("{group:?}, for {} columns", self.parts.len());
            if group.is_empty() || group.iter().any(|&part| part >= self.parts.len()) {
                let allowed = "groups of one column or more, by their places from 0";
                return Err(EstimateError::Setting { key: "groups", given, allowed });
            }
            poll();
            Ok(together(&group.iter().map(|&part| &self.parts[part]).collect::<Vec<_>>()))
        };
        InputParts::new(groups.par_iter().map(group).collect::<Result<_, _>>()?)
    }

    /// Samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Parts.
    pub fn n_parts(&self) -> usize {
        self.parts.len()
    }

    /// The symbols of a part.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn symbols(&self, part: usize) -> &Labels {
        &self.parts[part]
    }
}

/// The symbols of each column.
fn columns<T: Value>(rows: &ArrayView2<'_, T>, bins: Option<usize>) -> Vec<Labels> {
    let block = |first: usize| -> Vec<Labels> {
        poll();
        let last = (first + COLUMNS_AT_ONCE).min(rows.ncols());
        // Columns one after the other: the rows are read once.
        let columns: Array2<T> = rows.slice(s![.., first..last]).t().as_standard_layout().into_owned();
        let symbols = |column: ArrayView1<'_, T>| {
            let column = column.to_slice().expect("the layout is standard");
            let values = distinct_values(column);
            match bins {
                Some(bins) if values.n_labels() > bins => cut(column, &values, bins),
                _ => values,
            }
        };
        columns.rows().into_iter().map(symbols).collect()
    };
    let starts: Vec<usize> = (0..rows.ncols()).step_by(COLUMNS_AT_ONCE).collect();
    let blocks: Vec<Vec<Labels>> = starts.into_par_iter().map(block).collect();
    blocks.into_iter().flatten().collect()
}

/// One label per distinct value, numbered in order of first appearance.
fn distinct_values<T: Value>(column: &[T]) -> Labels {
    /// So few values, with as many places without one, stay in the nearest cache: pixels, counts, categories.
    const PLACES: usize = 1 << 10;
    const FREE: u32 = u32::MAX;
    let mut table = [(0u64, FREE); PLACES];
    let mut n_labels = 0;
    let mut codes = Vec::with_capacity(column.len());
    for &value in column {
        let bits = (value.into() + 0.0).to_bits();
        let mut place = (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - PLACES.ilog2())) as usize;
        while table[place].1 != FREE && table[place].0 != bits {
            place = (place + 1) % PLACES;
        }
        if table[place].1 == FREE {
            if n_labels as usize == PLACES / 2 {
                return distinct_rows(&ArrayView1::from(column).insert_axis(Axis(1)));
            }
            table[place] = (bits, n_labels);
            n_labels += 1;
        }
        codes.push(table[place].1);
    }
    Labels::count(codes, n_labels as usize)
}

/// Bins of a column, of which `values` are the distinct ones, in ascending order: between them are the values at equal shares of the
/// samples, as [`BinRule::Quantile`](crate::BinRule::Quantile) has them.
fn cut<T: Value>(column: &[T], values: &Labels, bins: usize) -> Labels {
    let mut ascending: Vec<(f64, u32)> = vec![(f64::NAN, 0); values.n_labels()];
    for (&value, &code) in column.iter().zip(values.codes()) {
        ascending[code as usize] = (value.into(), code);
    }
    interrupt::sort_by(&mut ascending, |a, b| a.0.total_cmp(&b.0));
    let n = column.len();
    let (mut below, mut next, mut bin) = (0, 1, 0);
    let mut bin_of = vec![0u32; values.n_labels()];
    for &(_, code) in &ascending {
        let first = next;
        let up_to = below + values.counts()[code as usize];
        while next < bins && next * n / bins < up_to {
            next += 1;
        }
        // An edge at this value begins a bin, if there are values below it.
        bin += u32::from(next > first && below > 0);
        bin_of[code as usize] = bin;
        below = up_to;
    }
    Labels::count(values.codes().iter().map(|&code| bin_of[code as usize]).collect(), bin as usize + 1)
}

/// What a layer carries of each part of the inputs; from [`input_information`].
#[derive(Debug, Clone, PartialEq)]
pub struct InputInformation {
    /// How many samples there are.
    pub n_samples: usize,
    /// How the entropies of counts are corrected.
    pub correction: Correction,
    /// H(T) of the cells of the layer, as counted.
    pub layer_entropy: Information,
    /// How many samples share their cell of the layer with no other. Where nearly all do, I(X_p;T) is H(X_p), whatever the network.
    pub n_alone: usize,
    /// Each part, in order.
    pub parts: Vec<PartInformation>,
}

/// What a layer carries of a part of the inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartInformation {
    /// How many different symbols the part has.
    pub n_values: usize,
    /// H(X_p), as counted: the most that I(X_p;T) can be.
    pub entropy: Information,
    /// I(X_p;T).
    pub information: Information,
    /// The same with the rows of the layer in another order ([`Labels::shuffled`]), which is chance.
    pub shuffled: Information,
}

/// The information of a layer of cells with each part of the inputs,
///
/// ```text
/// I(X_p;T) = H(X_p) + H(T) − H(X_p,T)
/// ```
///
/// with entropies from counts, as `correction` corrects them, beside its value with the rows of the layer in another order, which is
/// what so many cells and samples give by chance. The plug-in values are exact for the samples as the whole population. What a
/// layer carries of two parts together is not the sum.
///
/// For a map of a single unit, pass the symbols of that unit in place of the cells.
///
/// `cells`: the cell of each sample, from [`Measure::symbols`](crate::Measure::symbols). Time O(n_samples · n_parts), over all
/// threads; for other corrections than plug-in more.
///
/// # Errors
/// [`EstimateError::RowMismatch`] if the inputs have another number of samples than the layer.
///
/// # Examples
/// A layer that knows the first of two bits.
///
/// ```
/// use infoplane_estimators::layers::{InputParts, input_information};
/// use infoplane_estimators::{Correction, Labels};
/// let inputs = ndarray::Array2::from_shape_fn((64, 2), |(row, bit)| (row >> bit & 1) as f32);
/// let cells = Labels::from_symbols(&(0..64).map(|row| row & 1).collect::<Vec<_>>());
/// let parts = InputParts::of_columns(inputs.view(), None)?;
/// let found = input_information(&parts, &cells, Correction::PlugIn)?;
/// assert!((found.parts[0].information.bits() - 1.0).abs() < 1e-12);
/// assert!(found.parts[1].information.bits().abs() < 1e-12);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub fn input_information(
    inputs: &InputParts,
    cells: &Labels,
    correction: Correction,
) -> Result<InputInformation, EstimateError> {
    let n_samples = inputs.n_samples;
    if cells.len() != n_samples {
        return Err(EstimateError::RowMismatch { given: cells.len(), expected: n_samples });
    }
    let shuffled = cells.shuffled();
    let grouped = [cells, &shuffled].map(RowsOfCells::of);
    let terms: Vec<f64> = (0..=n_samples).map(|count| count as f64 * math::ln(count.max(1) as f64)).collect();
    let layer_entropy = cells.entropy().nats();
    let steps = Steps::new("parts of the inputs", inputs.n_parts());
    let of_part = |counts: &mut Vec<u32>, part: &Labels| {
        poll();
        steps.shown();
        let entropy = part.entropy().nats();
        let mut information = |cells: &Labels, rows: &RowsOfCells| {
            if part.n_labels() == 1 || cells.n_labels() == 1 {
                // Rounding would make it something.
                return 0.0;
            }
            if correction != Correction::PlugIn {
                return nats(correction, part, cells);
            }
            counts.resize(part.n_labels().max(counts.len()), 0);
            let together = rows.entropy_with(part, counts, &terms);
            (entropy + layer_entropy - together).max(0.0)
        };
        let found = information(cells, &grouped[0]);
        PartInformation {
            n_values: part.n_labels(),
            entropy: Information::from_nats(entropy),
            information: Information::from_nats(found),
            shuffled: Information::from_nats(information(&shuffled, &grouped[1])),
        }
    };
    let parts = inputs.parts.par_iter().map_init(Vec::new, of_part).collect();
    Ok(InputInformation {
        n_samples,
        correction,
        layer_entropy: Information::from_nats(layer_entropy),
        n_alone: alone(cells),
        parts,
    })
}

/// The rows of a layer cell by cell, of cells that hold several.
struct RowsOfCells {
    rows: Vec<u32>,
    sizes: Vec<u32>,
    n_samples: usize,
}

impl RowsOfCells {
    fn of(cells: &Labels) -> RowsOfCells {
        let mut next = 0;
        let mut starts: Vec<u32> = Vec::with_capacity(cells.n_labels());
        for &count in cells.counts() {
            starts.push(next);
            next += if count > 1 { count as u32 } else { 0 };
        }
        let mut rows = vec![0; next as usize];
        for (row, &cell) in (0..).zip(cells.codes()) {
            if cells.counts()[cell as usize] > 1 {
                rows[starts[cell as usize] as usize] = row;
                starts[cell as usize] += 1;
            }
        }
        let sizes = cells.counts().iter().filter(|&&count| count > 1).map(|&count| count as u32).collect();
        RowsOfCells { rows, sizes, n_samples: cells.len() }
    }

    /// H of the cells and a part together; `counts` has a zero for each symbol of the part, and zeros after it, `terms` c ln c of
    /// each count c.
    fn entropy_with(&self, part: &Labels, counts: &mut [u32], terms: &[f64]) -> f64 {
        let codes = part.codes();
        let mut rest = &self.rows[..];
        let mut sum = 0.0;
        for &size in &self.sizes {
            let (rows, after) = rest.split_at(size as usize);
            rest = after;
            rows.iter().for_each(|&row| counts[codes[row as usize] as usize] += 1);
            for &row in rows {
                // Each symbol of the cell counts once, at its first row.
                sum += terms[std::mem::take(&mut counts[codes[row as usize] as usize]) as usize];
            }
        }
        let n = self.n_samples as f64;
        (math::ln(n) - sum / n).max(0.0)
    }
}
