//! `infoplane estimate entropy`.

use infoplane::estimator::Measure;
use std::process::ExitCode;

use infoplane::EstimateError;

use super::{Common, print, rows_as, told};
use crate::failure::Failure;
use crate::flags::files::{Asked, FILES, Inputs};
use crate::terminal::Clock;

const EXAMPLES: &str = "\
Examples:
  infoplane estimate entropy x.npy
  infoplane estimate entropy words.csv --x-discrete --estimator nsb";

#[derive(Debug, clap::Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{EXAMPLES}"))]
pub struct Args {
    /// X: one row per sample
    pub x: String,
    /// Treat the rows of X as discrete symbols (text is allowed)
    #[arg(long)]
    pub x_discrete: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates the entropy of a file's rows.
pub fn entropy(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let kind = rows_as(arguments.x_discrete);
    let asked = [Asked { argument: &arguments.x, kind, role: "X", flag: Some("--x-discrete") }];
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.several_samples(&asked)?;
    let x = inputs.variable(0);
    arguments.common.check_memory(&estimator, &[x.view()], 1)?;
    clock.begin("estimating", 0);
    let told = |error: EstimateError| {
        told(
            &error,
            arguments.x.clone(),
            "--x-discrete takes the rows as symbols; --noise-variance V gives the entropy with noise added; \
                 --estimator NAME uses an estimator anyway",
        )
    };
    let estimate = estimator.entropy(x).map_err(told)?;
    clock.clear();
    print("H(X)", &estimator, &estimate, None, "estimate entropy", (&arguments.common, &inputs))
}
