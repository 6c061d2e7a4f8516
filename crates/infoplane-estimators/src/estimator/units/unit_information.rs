//! What each unit carries, and what is lost with it.

use rayon::prelude::*;

use super::rows::{equal_rows, term};
use super::{UnitSymbols, average_degree, key, numbered};
use crate::estimator::counts::{Correction, alone, nats};
use crate::estimator::error::EstimateError;
use crate::interrupt::poll;
use crate::steps::Steps;
use crate::{Information, Labels};

/// What a layer and each of its units carry of a label; from [`unit_information`].
#[derive(Debug, Clone, PartialEq)]
pub struct UnitInformation {
    /// I(T;Y), of all units together.
    pub information: Information,
    /// I(Tᵢ;Y), of each unit alone.
    pub alone: Vec<Information>,
    /// I(Tᵢ;Y | T without i), of each unit beyond all others.
    pub beyond_others: Vec<Information>,
    /// How many samples share their cell of the layer with no other. Where many do, I(T;Y) is that of the samples and says little of
    /// others.
    pub n_alone: usize,
}

impl UnitInformation {
    /// r̄ = Σᵢ I(Tᵢ;Y) / I(T;Y), the average degree of redundancy: in how many units a bit is found alone, on average over the
    /// information of the layer. `None` where there is no information.
    ///
    /// From 0 (no unit tells anything alone) to the number of units (each tells all). The same for every decomposition into
    /// atoms: Σ_α r(α) Π(α) / I, with r(α) the number of units that have the atom alone. Units that are independent have
    /// r̄ ≤ 1; those that are independent given Y have r̄ ≥ 1; for two units r̄ + v̄ = 2.
    pub fn redundancy_degree(&self) -> Option<f64> {
        self.degree(&self.alone)
    }

    /// v̄ = Σᵢ I(Tᵢ;Y | T without i) / I(T;Y), the average degree of vulnerability: how many units there are on average any one of
    /// which takes a bit with it. `None` where there is no information.
    ///
    /// From 0 (no unit matters beside the others) to the number of units (the loss of any one loses all). As r̄ it is the
    /// same for every decomposition. **A wide layer of which no two samples share a cell, whichever unit is left out, has v̄ = 0**: then
    /// that is a property of the bins and of the number of samples.
    pub fn vulnerability_degree(&self) -> Option<f64> {
        self.degree(&self.beyond_others)
    }

    fn degree(&self, terms: &[Information]) -> Option<f64> {
        let sum = terms.iter().map(|term| term.nats()).sum();
        average_degree(Information::from_nats(sum), self.information)
    }
}

/// The information of a layer of discrete units with each of several labellings, of each unit alone, and of each unit beyond all
/// others:
///
/// ```text
/// I(T;Y),   I(Tᵢ;Y),   I(Tᵢ;Y | T without i) = I(T;Y) − I(T without i;Y)
/// ```
///
/// each with entropies from counts, as `correction` corrects them. The plug-in values are exact for the samples as the whole population.
/// For a population that they are drawn from they are too high, I(T;Y) most of all, so that r̄ is too low: with 5 units of
/// 8 levels and 4096 samples I was .98 bits for .59 and r̄ .31 for .50 (Chao–Wang–Jost: .68 and .44).
///
/// Time O(n_samples · n_units · log n_samples), over all threads: 0.17 s for 512 units of 10,000 samples on two cores.
///
/// # Errors
/// [`EstimateError::LengthMismatch`] if there are not as many labels as samples.
///
/// # Examples
/// Three bits, each of the first two of which is needed for the label; the third copies the first.
///
/// ```
/// use infoplane_estimators::units::{UnitSymbols, unit_information};
/// use infoplane_estimators::{Correction, Labels};
/// use ndarray::array;
///
/// let layer = UnitSymbols::new(array![[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 1]])?;
/// let parity = Labels::from_symbols(&[0, 1, 1, 0]);
/// let found = &unit_information(&layer, &[&parity], Correction::PlugIn)?[0];
/// assert_eq!(found.information.bits(), 1.0);
/// assert_eq!(found.redundancy_degree(), Some(0.0));
/// // Without the second unit all is lost; the first and the third stand in for each other.
/// assert_eq!(found.vulnerability_degree(), Some(1.0));
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Gutknecht, Rosas, Ehrlich, Makkeh, Mediano & Wibral (2025), arXiv:2504.15779.
pub fn unit_information(
    layer: &UnitSymbols,
    labellings: &[&Labels],
    correction: Correction,
) -> Result<Vec<UnitInformation>, EstimateError> {
    let n_samples = layer.n_samples();
    if let Some(labels) = labellings.iter().find(|labels| labels.len() != n_samples) {
        return Err(EstimateError::LengthMismatch { n_labels: labels.len(), n_samples });
    }
    let cells = layer.cells();
    let of_all: Vec<f64> = labellings.iter().map(|labels| nats(correction, &cells, labels)).collect();
    // Samples in the same cell stay together whichever unit is left out, and the label of the cell says all of them.
    let rows = layer.rows();
    let mut first = vec![usize::MAX; cells.n_labels()];
    for (sample, &cell) in cells.codes().iter().enumerate().rev() {
        first[cell as usize] = sample;
    }
    let distinct: Vec<&[u32]> = first.iter().map(|&sample| rows[sample]).collect();
    let keys: Vec<u64> = distinct.iter().map(|row| key(row)).collect();
    let steps = Steps::new("units", layer.n_units());
    let of_unit = |unit: usize| -> Vec<(Information, Information)> {
        poll();
        let symbols: Vec<u32> = rows.iter().map(|row| row[unit]).collect();
        let symbols = Labels::from_symbols(&symbols);
        let others: Vec<u64> =
            keys.iter().zip(&distinct).map(|(key, row)| key.wrapping_sub(term(unit, row[unit]))).collect();
        let are_equal = |a: u32, b: u32| {
            let (a, b) = (distinct[a as usize], distinct[b as usize]);
            a[..unit] == b[..unit] && a[unit + 1..] == b[unit + 1..]
        };
        let mut leader: Vec<u32> = (0..distinct.len() as u32).collect();
        let mut merged = false;
        equal_rows(&others, 2, are_equal, &mut Vec::new(), |group| {
            merged = true;
            group.iter().for_each(|&cell| leader[cell as usize] = group[0]);
        });
        // Unless the others tell every cell apart: then nothing is left for this unit to tell.
        let others = merged.then(|| {
            let groups = numbered(&leader);
            let codes = cells.codes().iter().map(|&cell| groups.codes()[cell as usize]).collect();
            Labels::count(codes, groups.n_labels())
        });
        let of_labels = |(labels, of_all): (&&Labels, &f64)| {
            // Rounding would give a unit that is always the same something to tell.
            let alone = if symbols.n_labels() == 1 { 0.0 } else { nats(correction, &symbols, labels) };
            let beyond = others.as_ref().map_or(0.0, |others| of_all - nats(correction, others, labels));
            // The plug-in value cannot be negative; below zero is rounding.
            let beyond = if correction == Correction::PlugIn { beyond.max(0.0) } else { beyond };
            (Information::from_nats(alone), Information::from_nats(beyond))
        };
        steps.shown();
        labellings.iter().zip(&of_all).map(of_labels).collect()
    };
    let units: Vec<Vec<(Information, Information)>> =
        (0..layer.n_units()).into_par_iter().map(of_unit).collect();
    let n_alone = alone(&cells);
    let of_labels = |(place, of_all): (usize, &f64)| {
        let (alone, beyond_others) = units.iter().map(|of_unit| of_unit[place]).unzip();
        UnitInformation { information: Information::from_nats(*of_all), alone, beyond_others, n_alone }
    };
    Ok(of_all.iter().enumerate().map(of_labels).collect())
}
