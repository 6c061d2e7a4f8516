//! What several commands say of a run.

use infoplane::InformationPlane;
use infoplane::run::{DataFacts, FailedSeed, PartFacts};

use crate::terminal::say;

/// The seeds that did not learn, for JSON.
pub fn seed_numbers(failed: &[FailedSeed]) -> Vec<u64> {
    failed.iter().map(|failed| failed.seed).collect()
}

/// Warns of methods that gave no value, and says whether none gave any.
pub fn warn_of_unmeasured(plane: &InformationPlane) -> bool {
    plane.unmeasured().iter().for_each(say);
    plane.is_without_values()
}

/// What is left out of a list of so many entries: of a long one all but the first eight and the last four.
pub fn middle(n: usize) -> std::ops::Range<usize> {
    if n > 24 { 8..n - 4 } else { 0..0 }
}

/// The entropies of each part of the data, where a run measures the training and the test part apart.
pub fn part_lines(data: &DataFacts) -> Vec<String> {
    let line = |facts: &PartFacts| {
        let entropies = format!("H(X) = {:.4}, H(Y) = {:.4}", facts.h_x_bits, facts.h_y_bits);
        format!("{}: {} samples, {entropies} bits", facts.part.title(), facts.n_measured)
    };
    data.parts.iter().map(line).collect()
}

/// The entropies of the data, and p(y).
pub fn data_lines(data: &DataFacts) -> [String; 2] {
    let rule = data.i_xy_rule_bits.map(|bits| format!(" (of the rule {bits:.4})")).unwrap_or_default();
    let shares: Vec<String> = data.label_shares.iter().take(10).map(|share| format!("{share:.4}")).collect();
    let more = if data.label_shares.len() > 10 { ", …" } else { "" };
    [
        format!(
            "H(X) = {:.4} bits, H(Y) = {:.4} bits, I(X;Y) = {:.4} bits{rule}",
            data.h_x_bits, data.h_y_bits, data.i_xy_bits
        ),
        format!("p(y) = {}{more}", shares.join(", ")),
    ]
}
