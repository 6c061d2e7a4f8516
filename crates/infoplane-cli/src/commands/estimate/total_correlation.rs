//! `infoplane estimate total-correlation`.

use infoplane::estimator::Measure;
use std::process::ExitCode;

use infoplane::dataset::read::{Array, file_and_name, read_array};
use infoplane::{EstimateError, Labels, Variable};
use ndarray::Array2;

use super::{Common, print, told};
use crate::failure::Failure;
use crate::flags::files::FILES;
use crate::terminal::Clock;

const EXAMPLES: &str = "\
Example:
  infoplane estimate total-correlation x.npy --estimator ksg --k 5";

#[derive(Debug, clap::Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{EXAMPLES}"))]
pub struct Args {
    /// X: one row per sample, one column per variable
    pub x: String,
    /// Treat the values of each column as discrete symbols
    #[arg(long)]
    pub x_discrete: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates the total correlation of a file's columns.
pub fn total_correlation(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let (file, key) = file_and_name(&arguments.x);
    let array = read_array(&file, key.as_deref()).map_err(Failure::input)?;
    let columns: Vec<Array2<f64>> = match &array {
        Array::Single(rows) => {
            rows.columns().into_iter().map(|c| c.mapv(f64::from).insert_axis(ndarray::Axis(1))).collect()
        }
        Array::Double(rows) => {
            rows.columns().into_iter().map(|c| c.to_owned().insert_axis(ndarray::Axis(1))).collect()
        }
    };
    if columns.len() < 2 {
        return Err(Failure::input(format!(
            "{} has one column; a total correlation needs at least two",
            arguments.x
        )));
    }
    let mut parts: Vec<Variable<'_>> = columns.iter().map(|column| Variable::Double(column.view())).collect();
    let symbols: Vec<Labels>;
    if arguments.x_discrete {
        symbols = parts.iter().map(Variable::symbols).collect();
        parts = symbols.iter().map(Variable::Labels).collect();
    }
    arguments.common.check_memory(&estimator, &parts, 1)?;
    clock.begin("estimating", 0);
    let told =
        |error: EstimateError| told(&error, arguments.x.clone(), "--estimator NAME uses an estimator anyway");
    let estimate = estimator.total_correlation(&parts).map_err(told)?;
    clock.clear();
    print("total correlation", &estimator, &estimate, None, "estimate total-correlation", &arguments.common)
}
