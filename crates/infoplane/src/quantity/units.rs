//! What the units of a layer tell of the label.

use serde::{Deserialize, Serialize};

use crate::estimator::units::{
    MOST_UNITS, Synergy, UnitInformation, UnitSymbols, average_degree, synergy, unit_information,
};
use crate::estimator::{Correction, LayerEstimate};
use crate::{EstimateError, Information, Labels};

/// What the units of a layer tell of the label at one epoch, in bits; see [`units`](crate::estimator::units).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitQuantities {
    /// Of the labels.
    pub labels: UnitAmounts,
    /// Of the labels in a random order, the same for all layers and epochs: what so many samples in so many cells give by
    /// chance, and no zero to subtract.
    pub shuffled: UnitAmounts,
    /// How many samples share their cell with no other.
    pub alone: u64,
    /// Whether I(T;Y) of the shuffled labels is nearly all of H(Y): then nothing here says anything of the layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_all_bias: bool,
}

/// What the units of a layer tell of some labels, in bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitAmounts {
    /// I(T;Y).
    pub i_ty_bits: f64,
    /// I(Tᵢ;Y) of each unit.
    pub unit_bits: Vec<f64>,
    /// I(Tᵢ;Y | T without i) of each unit.
    pub beyond_bits: Vec<f64>,
    /// The information for which at least 1, 2, … units, or groups of units, must be read; empty for layers of which it is
    /// not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synergy_bits: Vec<f64>,
}

impl UnitAmounts {
    fn new(information: &UnitInformation, synergy: Option<&Synergy>) -> UnitAmounts {
        let bits = |all: &[Information]| all.iter().map(|information| information.bits()).collect();
        UnitAmounts {
            i_ty_bits: information.information.bits(),
            unit_bits: bits(&information.alone),
            beyond_bits: bits(&information.beyond_others),
            synergy_bits: synergy.map_or_else(Vec::new, |synergy| bits(&synergy.by_degree)),
        }
    }

    /// r̄ = Σᵢ I(Tᵢ;Y) / I(T;Y), the average degree of redundancy; `None` where there is no information.
    pub fn redundancy_degree(&self) -> Option<f64> {
        degree(self.unit_bits.iter().sum(), self.i_ty_bits)
    }

    /// v̄ = Σᵢ I(Tᵢ;Y | T without i) / I(T;Y), the average degree of vulnerability; `None` where there is no information.
    pub fn vulnerability_degree(&self) -> Option<f64> {
        degree(self.beyond_bits.iter().sum(), self.i_ty_bits)
    }

    /// C = Σ_k k Π_k / Σ_k Π_k, the representational complexity of the information by degree of synergy; `None` where that is not
    /// measured, or there is no information. The plug-in values, whichever correction I(T;Y) has.
    pub fn complexity(&self) -> Option<f64> {
        let sum = (1..).zip(&self.synergy_bits).map(|(degree, bits)| f64::from(degree) * bits).sum();
        degree(sum, self.synergy_bits.iter().sum())
    }
}

fn degree(sum_bits: f64, i_ty_bits: f64) -> Option<f64> {
    average_degree(Information::from_bits(sum_bits), Information::from_bits(i_ty_bits))
}

impl UnitQuantities {
    /// Measures a layer.
    pub(crate) fn of(
        layer: &UnitSymbols,
        correction: Correction,
        groups: Option<usize>,
        labels: &Labels,
        shuffled: &Labels,
    ) -> Result<UnitQuantities, EstimateError> {
        let both = [labels, shuffled];
        let information = unit_information(layer, &both, correction)?;
        let synergy = match groups {
            _ if layer.n_units() <= MOST_UNITS => synergy(layer, &both)?,
            Some(groups) => synergy(&grouped(layer, groups)?, &both)?,
            None => Vec::new(),
        };
        let of = |place: usize| UnitAmounts::new(&information[place], synergy.get(place));
        let (of_labels, shuffled) = (of(0), of(1));
        let of_shuffled = information[1].information;
        Ok(UnitQuantities {
            is_all_bias: LayerEstimate::is_all_bias_of(of_shuffled, labels.entropy()),
            alone: information[0].n_alone as u64,
            labels: of_labels,
            shuffled,
        })
    }
}

/// The layer with groups of neighbouring units in the place of units, of nearly equal sizes.
fn grouped(layer: &UnitSymbols, groups: usize) -> Result<UnitSymbols, EstimateError> {
    let n_units = layer.n_units();
    let group = |group: usize| {
        let units: Vec<usize> = (group * n_units / groups..(group + 1) * n_units / groups).collect();
        layer.select(&units).cells()
    };
    UnitSymbols::from_units(&(0..groups).map(group).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn degrees_are_those_of_the_estimators() {
        // The exclusive or of two bits, a copy of the first, and a constant.
        let rows = [[0, 0, 0, 7], [0, 1, 0, 7], [1, 0, 1, 7], [1, 1, 1, 7]];
        let layer = UnitSymbols::new(Array2::from(rows.to_vec())).unwrap();
        let parity = Labels::from_symbols(&[0, 1, 1, 0]);
        let found = UnitQuantities::of(&layer, Correction::PlugIn, None, &parity, &parity).unwrap();
        assert_eq!(found.labels.i_ty_bits, 1.0);
        assert_eq!(found.labels.redundancy_degree(), Some(0.0));
        assert_eq!(found.labels.vulnerability_degree(), Some(1.0));
        let expected = synergy(&layer, &[&parity]).unwrap()[0].complexity().unwrap();
        assert!((found.labels.complexity().unwrap() - expected).abs() < 1e-12);
        assert!(found.is_all_bias, "the labels themselves in the place of shuffled ones");
    }

    #[test]
    fn wider_layers_have_the_complexity_of_their_groups_if_it_is_asked_for() {
        let layer = UnitSymbols::new(Array2::from_shape_fn((64, 6), |(row, unit)| (row >> unit & 1) as u32));
        let layer = layer.unwrap();
        // The exclusive or of the first two units, which are one group of three.
        let y = Labels::from_symbols(&(0..64).map(|row| (row ^ row >> 1) & 1).collect::<Vec<_>>());
        let of = |groups| {
            UnitQuantities::of(&layer, Correction::PlugIn, groups, &y, &y.shuffled()).unwrap().labels
        };
        assert_eq!((of(None).complexity(), of(None).synergy_bits.len()), (None, 0));
        let halves = of(Some(2));
        assert_eq!(halves.synergy_bits.len(), 2);
        let of_halves =
            UnitSymbols::from_units(&[layer.select(&[0, 1, 2]).cells(), layer.select(&[3, 4, 5]).cells()]);
        let expected = synergy(&of_halves.unwrap(), &[&y]).unwrap()[0].complexity();
        assert!((halves.complexity().unwrap() - expected.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn without_information_there_are_no_degrees() {
        let layer = UnitSymbols::new(Array2::from_shape_fn((6, 2), |(row, _)| row as u32)).unwrap();
        let y = Labels::from_symbols(&[0; 6]);
        let found = UnitQuantities::of(&layer, Correction::PlugIn, None, &y, &y).unwrap().labels;
        assert_eq!((found.redundancy_degree(), found.complexity()), (None, None));
    }
}
