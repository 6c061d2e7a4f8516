//! `infoplane estimate entropy`.

use std::process::ExitCode;

use infoplane::EstimateError;
use infoplane::estimator::Method;

use super::{Common, observed, print, told};
use crate::failure::Failure;
use crate::flags::files::{FILES, Rows};
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
pub fn entropy(arguments: &Args, clock: &mut Clock) -> Result<ExitCode, Failure> {
    let config = arguments.common.config()?;
    let x = Rows::read(&arguments.x, arguments.x_discrete, "--x-discrete")?;
    arguments.common.check_memory(&config, &[x.variable()], 1)?;
    clock.begin("estimating", 0);
    let told = |error: EstimateError| told(&error, arguments.x.clone());
    let estimator = config.estimator(&observed(&config, &[x.variable()])).map_err(told)?;
    let estimate = estimator.entropy(x.variable()).map_err(told)?;
    clock.finish();
    print("H(X)", estimator.as_ref(), &estimate, None, "estimate entropy", &arguments.common)
}
