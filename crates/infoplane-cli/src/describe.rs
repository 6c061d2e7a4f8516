//! What several commands say of a run.

use std::path::{Path, PathBuf};

use infoplane::InformationPlane;
use infoplane::printable::printable_path;
use infoplane::report::ReportError;
use infoplane::run::{DataFacts, FailedSeed, PartFacts, RunError};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::terminal::say;

/// The files of a report that ends a command, or why there are none: what was measured is there all the same.
pub struct Figures {
    pub files: Vec<PathBuf>,
    unwritten: Option<ReportError>,
}

impl Figures {
    pub fn of(written: Result<Vec<PathBuf>, ReportError>) -> Self {
        match written {
            Ok(files) => Figures { files, unwritten: None },
            // Every training diverged before there was anything to measure.
            Err(ReportError::Empty) => Figures { files: Vec::new(), unwritten: None },
            Err(error) => Figures { files: Vec::new(), unwritten: Some(error) },
        }
    }

    /// Adds the files to the summary for programs, and why there are none.
    pub fn add_to(&self, object: &mut Value) {
        object["files"] = json!(self.files);
        if let Some(error) = &self.unwritten {
            object["figures_error"] = json!(error.to_string());
        }
    }

    /// Fails if they could not be written, once the result in `directory` was told, or if that is not there any more: then
    /// figures alone may have been written in its place.
    pub fn check(self, directory: &Path) -> Result<(), Failure> {
        if !["manifest.toml", "as-if-random.toml"].iter().any(|file| directory.join(file).exists()) {
            return Err(RunError::Gone(directory.into()).into());
        }
        let Some(error) = self.unwritten else { return Ok(()) };
        let place = printable_path(directory);
        Err(Failure::machine(format!("{place} is complete, but its figures could not be written: {error}"))
            .with_advice(format!("nothing that was measured is lost: `infoplane report {place}` draws them")))
    }
}

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
    if let Some(width) = data.target_width {
        let columns = if width == 1 { "column" } else { "columns" };
        return [
            format!("H(X) = {:.4} bits, H(Y) and I(X;Y) are not known", data.h_x_bits),
            format!("Y is a target of numbers, {width} {columns}"),
        ];
    }
    let rule = data.i_xy_rule_bits.map(|bits| format!(" (of the rule {bits:.4})")).unwrap_or_default();
    let shares: Vec<String> = data.label_shares.iter().take(10).map(|share| format!("{share:.4}")).collect();
    let more = if data.label_shares.len() > 10 { ", …" } else { "" };
    [
        format!(
            "H(X) = {:.4} bits, H(Y) = {:.4} bits, I(X;Y) = {:.4} bits{rule}",
            data.h_x_bits,
            data.h_y().bits(),
            data.i_xy_bits.unwrap_or(f64::NAN)
        ),
        format!("p(y) = {}{more}", shares.join(", ")),
    ]
}
