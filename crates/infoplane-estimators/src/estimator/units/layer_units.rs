//! All that is measured of the units of a layer, beside what shuffled labels give.

use super::{Decomposition, MOST_UNITS, UnitInformation, UnitSymbols, decompose, unit_information};
use crate::estimator::counts::Correction;
use crate::estimator::error::EstimateError;
use crate::{Labels, LayerEstimate};

/// What the units of a layer carry of the labels, and of shuffled ones, of which the layer knows nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerUnits {
    /// How many samples there are.
    pub n_samples: usize,
    /// How the entropies of counts are corrected; those of the decomposition are not.
    pub correction: Correction,
    /// Of the labels.
    pub labels: OfLabels,
    /// Of the labels in another order ([`Labels::shuffled`]). The degrees and the complexity of these are no zero to subtract: they say
    /// what so many samples in so many cells give by chance.
    pub shuffled: OfLabels,
    /// Whether I(T;Y) with shuffled labels is nearly all of H(Y): then nothing here says anything of the layer.
    pub is_all_bias: bool,
}

/// What the units of a layer carry of some labels.
#[derive(Debug, Clone, PartialEq)]
pub struct OfLabels {
    /// Of each unit, alone and beyond the others.
    pub information: UnitInformation,
    /// Of all antichains, for layers of up to [five units](MOST_UNITS).
    pub decomposition: Option<Decomposition>,
}

impl LayerUnits {
    /// Measures a layer.
    ///
    /// # Errors
    /// [`EstimateError::LengthMismatch`] if there are not as many labels as samples.
    pub fn of(
        layer: &UnitSymbols,
        labels: &Labels,
        correction: Correction,
    ) -> Result<LayerUnits, EstimateError> {
        let shuffled = labels.shuffled();
        let both = [labels, &shuffled];
        let mut information = unit_information(layer, &both, correction)?.into_iter();
        let is_decomposed = layer.n_units() <= MOST_UNITS;
        let mut decompositions = if is_decomposed { decompose(layer, &both)? } else { vec![] }.into_iter();
        let mut next = || OfLabels {
            information: information.next().expect("as many as labellings"),
            decomposition: decompositions.next(),
        };
        let (of_labels, shuffled) = (next(), next());
        let is_all_bias = LayerEstimate::is_all_bias_of(shuffled.information.information, labels.entropy());
        Ok(LayerUnits { n_samples: layer.n_samples(), correction, labels: of_labels, shuffled, is_all_bias })
    }
}
