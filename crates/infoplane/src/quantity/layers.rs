//! Layers against each other and against the inputs.

use serde::{Deserialize, Serialize};

use crate::estimator::layers::{
    InputInformation, LayerPairs, LayerRank, LayerSimilarity, effective_rank, linear_cka,
};
use crate::{EstimateError, Variable};

/// I(Tᵢ;Tⱼ) of a layer with itself and with every later layer, in bits; see [`layers`](crate::estimator::layers).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairQuantities {
    /// I(Tᵢ;Tⱼ) for j = i, i + 1, …; absent where a pair cannot be measured. The first is H(Tᵢ) of bins and counts, and the
    /// information of two noisy copies where noise is added.
    pub i_bits: Vec<Option<f64>>,
    /// The standard error of each; empty for methods that have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standard_error_bits: Vec<Option<f64>>,
    /// The same with the rows of the later layer in a random order, which is chance; empty for methods without cells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shuffled_bits: Vec<Option<f64>>,
}

impl PairQuantities {
    /// Of the layer at a place, from 0.
    pub(crate) fn of(pairs: &LayerPairs, first: usize) -> PairQuantities {
        let all = || (first..pairs.n_layers).map(|second| pairs.pair(first, second));
        let estimates = || all().map(|pair| pair.estimate.as_ref().ok());
        let mut found = PairQuantities {
            i_bits: estimates().map(|found| Some(found?.information.bits())).collect(),
            standard_error_bits: estimates().map(|found| Some(found?.standard_error?.bits())).collect(),
            shuffled_bits: all().map(|pair| Some(pair.shuffled?.bits())).collect(),
        };
        for list in [&mut found.standard_error_bits, &mut found.shuffled_bits] {
            if list.iter().all(Option::is_none) {
                list.clear();
            }
        }
        found
    }
}

/// What a layer tells of each part of the inputs, in bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputQuantities {
    /// I(X_p;T) of every feature.
    pub i_bits: Vec<f64>,
    /// The same with the rows of the layer in a random order, which is chance.
    pub shuffled_bits: Vec<f64>,
    /// How many samples share their cell of the layer with no other. Where nearly all do, I(X_p;T) is H(X_p), whatever the network.
    pub alone: u64,
}

impl From<InputInformation> for InputQuantities {
    fn from(found: InputInformation) -> Self {
        InputQuantities {
            i_bits: found.parts.iter().map(|part| part.information.bits()).collect(),
            shuffled_bits: found.parts.iter().map(|part| part.shuffled.bits()).collect(),
            alone: found.n_alone as u64,
        }
    }
}

/// How alike a layer is to every later layer, and how many dimensions its values fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarityQuantities {
    /// The effective rank; absent for a layer that never changes.
    pub effective_rank: Option<f64>,
    /// The participation ratio, likewise.
    pub participation_ratio: Option<f64>,
    /// Linear centred kernel alignment with the layers i, i + 1, …; absent where one of the two never changes.
    pub linear_cka: Vec<Option<f64>>,
    /// The same by unbiased estimates of its terms.
    pub linear_cka_unbiased: Vec<Option<f64>>,
}

impl SimilarityQuantities {
    /// Of every layer.
    pub(crate) fn of(layers: &[Variable<'_>]) -> Result<Vec<SimilarityQuantities>, EstimateError> {
        let pairs = linear_cka(layers)?;
        let of_layer = |(place, layer): (usize, &Variable<'_>)| {
            let rank = match effective_rank(layer.view()) {
                Ok(rank) => Some(rank),
                Err(EstimateError::Undetermined { .. }) => None,
                Err(error) => return Err(error),
            };
            let with_later = || pairs.iter().filter(|pair: &&LayerSimilarity| pair.first == place);
            Ok(SimilarityQuantities {
                effective_rank: rank.as_ref().map(|rank: &LayerRank| rank.effective_rank),
                participation_ratio: rank.as_ref().map(|rank| rank.participation_ratio),
                linear_cka: with_later().map(|pair| pair.biased.clone().ok()).collect(),
                linear_cka_unbiased: with_later().map(|pair| pair.unbiased.clone().ok()).collect(),
            })
        };
        layers.iter().enumerate().map(of_layer).collect()
    }
}
