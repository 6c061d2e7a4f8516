//! `infoplane estimate pair`.

use std::process::ExitCode;
use std::sync::Arc;

use infoplane::estimator::{AnyEstimator, Estimator, Options, Uncertainty};
use infoplane::{Estimate, EstimateError, Measure, Variable};

use super::counted::Counted;
use super::{Common, print, told};
use crate::failure::Failure;
use crate::flags::files::{FILES, Rows, same_length};
use crate::terminal::Clock;

const EXAMPLES: &str = "\
Examples:
  infoplane estimate pair x.npy y.npy
  infoplane estimate pair x.npy y.npy --estimator ksg --k 3 --json
  infoplane estimate pair T.npy animals.csv --y-discrete --permutations 999
  infoplane estimate pair table.csv:height table.csv:weight \\
      --given table.csv:age --estimator ksg";

#[derive(Debug, clap::Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{EXAMPLES}"))]
pub struct Args {
    /// X: one row per sample
    pub x: String,
    /// Y: one row per sample
    pub y: String,
    /// Z, for the conditional information I(X;Y|Z)
    #[arg(long, value_name = "Z")]
    pub given: Option<String>,
    /// Treat the rows of X as discrete symbols (text is allowed)
    #[arg(long)]
    pub x_discrete: bool,
    /// Treat the rows of Y as discrete symbols (text is allowed)
    #[arg(long)]
    pub y_discrete: bool,
    /// Treat the rows of Z as discrete symbols (text is allowed)
    #[arg(long, requires = "given")]
    pub given_discrete: bool,
    /// Add a p-value for independence, from this many permutations of Y
    // Shown after the method. The flags in common must come last all the same: they end with a heading of their own,
    // under which all that follows would stand.
    #[arg(long, display_order = 400, value_name = "N", conflicts_with = "given",
          value_parser = crate::flags::whole_from(1u32, 10_000_000))]
    pub permutations: Option<u32>,
    #[command(flatten)]
    pub error: ErrorFlags,
    #[command(flatten)]
    pub common: Common,
}

/// Whether to add a standard error to methods that have none of their own.
#[derive(Debug, clap::Args)]
pub struct ErrorFlags {
    /// Add a standard error, by subsampling or bootstrap, if the estimator has none of its own (the default)
    #[arg(long, display_order = 401, overrides_with = "no_standard_error")]
    pub standard_error: bool,
    /// Only the error of the estimator itself, if any; saves up to 200 estimates
    #[arg(long, display_order = 402, overrides_with = "standard_error")]
    pub no_standard_error: bool,
}

/// Estimates I(X;Y) or I(X;Y|Z) of files.
pub fn pair(arguments: &Args, clock: &Arc<Clock>) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let x = Rows::read(&arguments.x, arguments.x_discrete, "--x-discrete")?;
    let y = Rows::read(&arguments.y, arguments.y_discrete, "--y-discrete")?;
    let z = match &arguments.given {
        Some(given) => Some((given, Rows::read(given, arguments.given_discrete, "--given-discrete")?)),
        None => None,
    };
    let mut files = vec![(&arguments.x, x.variable()), (&arguments.y, y.variable())];
    files.extend(z.as_ref().map(|(given, rows)| (*given, rows.variable())));
    same_length(&files)?;
    let told = |error: EstimateError| {
        let failure = told(&error, format!("{} and {}", arguments.x, arguments.y));
        match error {
            EstimateError::NeedsLabels { .. } => {
                failure.with_advice("--x-discrete or --y-discrete takes the rows of a file as symbols")
            }
            EstimateError::NeedsMatrix { .. } if arguments.x_discrete || arguments.y_discrete => {
                failure.with_advice("without --x-discrete and --y-discrete rows are taken as numbers")
            }
            _ => failure,
        }
    };
    let variables: Vec<Variable<'_>> = files.iter().map(|(_, variable)| *variable).collect();
    arguments.common.check_memory(&estimator, &variables, 1)?;
    clock.begin("estimating", 0);
    let (x, y) = (x.variable(), y.variable());
    let (quantity, estimate, p_value);
    match &z {
        Some((_, z)) => {
            quantity = "I(X;Y|Z)";
            estimate = estimator.conditional(x, y, z.variable()).map_err(told)?;
            p_value = None;
        }
        None => {
            quantity = "I(X;Y)";
            let first = estimator.pair(x, y).map_err(told)?;
            (estimate, p_value) = finish(first, &estimator, &x, &y, arguments, clock, told)?;
        }
    }
    clock.clear();
    print(quantity, &estimator, &estimate, p_value, "estimate pair", &arguments.common)
}

/// Adds a standard error and a p-value, as asked for, by the very estimator that gave the estimate.
fn finish(
    mut estimate: Estimate,
    estimator: &AnyEstimator,
    x: &Variable<'_>,
    y: &Variable<'_>,
    arguments: &Args,
    clock: &Arc<Clock>,
    told: impl Fn(EstimateError) -> Failure,
) -> Result<(Estimate, Option<f64>), Failure> {
    let as_symbols = |side: usize| {
        estimate.choice.as_ref().is_some_and(|choice| choice.as_symbols.get(side) == Some(&true))
    };
    let x_symbols = as_symbols(0).then(|| x.symbols());
    let y_symbols = as_symbols(1).then(|| y.symbols());
    let x = x_symbols.as_ref().map_or_else(|| x.view(), Variable::Labels);
    let y = y_symbols.as_ref().map_or_else(|| y.view(), Variable::Labels);
    let by = estimate.choice.as_ref().map_or(estimator, |choice| &choice.estimator).clone();
    // Estimates of permutations and draws are made side by side.
    let more = || arguments.common.check_memory(&by, &[x, y], rayon::current_num_threads());
    let counted = Counted { estimator: Box::new(by.clone()), clock: Arc::clone(clock) };
    let p_value = match arguments.permutations {
        Some(n) => {
            more()?;
            clock.begin("permutations", u64::from(n) + 1);
            Some(counted.permutation_test(x, y, n as usize, 0).map_err(&told)?.p_value)
        }
        None => None,
    };
    if arguments.error.no_standard_error || estimate.standard_error.is_some() {
        return Ok((estimate, p_value));
    }
    let options = Options::default();
    let parts = options.parts as u64;
    let estimates = match by.info().uncertainty {
        // 2 parts, 3 parts, … and all samples.
        Uncertainty::Subsampling => parts * (parts + 1) / 2,
        Uncertainty::Bootstrap => {
            more()?;
            options.draws as u64 + 1
        }
        Uncertainty::OwnError | Uncertainty::None => return Ok((estimate, p_value)),
    };
    clock.begin("standard error, estimates", estimates);
    let found = counted.pair_with_error(x, y, options).map_err(&told)?;
    estimate.standard_error = found.standard_error;
    estimate.interval = estimate.interval.or(found.interval);
    let new: Vec<_> = found.warnings.into_iter().filter(|w| !estimate.warnings.contains(w)).collect();
    estimate.warnings.extend(new);
    Ok((estimate, p_value))
}
