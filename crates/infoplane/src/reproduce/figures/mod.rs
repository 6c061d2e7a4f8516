//! The registry: one file for each figure.

mod as_if_random;
mod batch_size;
mod common;
mod gradients;
mod mnist;
mod planes;
mod quantised;
mod resolution;
mod saxe_nonlinearities;
mod tishby_data_share;

use super::Figure;

/// Every figure, in the order of the page.
pub const FIGURES: &[Figure] = &[
    tishby_data_share::FIGURE,
    saxe_nonlinearities::FIGURE,
    batch_size::FIGURE,
    gradients::FIGURE,
    mnist::FIGURE,
    resolution::FIGURE,
    quantised::FIGURE,
    as_if_random::FIGURE,
    as_if_random::MNIST,
];
