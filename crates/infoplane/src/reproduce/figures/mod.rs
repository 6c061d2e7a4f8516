//! The registry: one file for each figure.

mod common;
mod gradients;
mod saxe_nonlinearities;
mod tishby_data_share;

use super::Figure;

/// Every figure, in the order of the page.
pub const FIGURES: &[Figure] = &[tishby_data_share::FIGURE, saxe_nonlinearities::FIGURE, gradients::FIGURE];
