//! `infoplane estimate total-correlation`.

use infoplane::estimator::Measure;
use std::process::ExitCode;

use infoplane::{EstimateError, Labels, Variable};
use ndarray::{Array1, Array2, Axis};

use super::{Common, print, told};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, FILES, Inputs};
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
    let asked = [Asked { argument: &arguments.x, kind: As::Numbers, role: "X", flag: None }];
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.several_samples(&asked)?;
    let x = inputs.variable(0);
    let column = |column| Array1::from_vec(x.column(column)).insert_axis(Axis(1));
    let columns: Vec<Array2<f64>> = (0..x.width()).map(column).collect();
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
    let shared = (&arguments.common, &inputs);
    print("total correlation", &estimator, &estimate, None, "estimate total-correlation", shared)
}
