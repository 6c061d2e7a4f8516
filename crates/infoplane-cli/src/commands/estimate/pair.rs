//! `infoplane estimate pair`.

use std::process::ExitCode;

use infoplane::estimator::{
    EstimatorConfig, LayerRange, Method, Options, Uncertainty, permutation_test, with_uncertainty,
};
use infoplane::{Estimate, EstimateError, Estimator, Variable};

use super::counted::Counted;
use super::{Common, observed, print, told};
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
pub fn pair(arguments: &Args, clock: &mut Clock) -> Result<ExitCode, Failure> {
    let config = arguments.common.config()?;
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
    arguments.common.check_memory(&config, &variables, 1)?;
    clock.begin("estimating", 0);
    let range = observed(&config, &[x.variable(), y.variable()]);
    let estimator = config.estimator(&range).map_err(told)?;
    let quantity;
    let (estimate, p_value) = match &z {
        Some((_, z)) => {
            quantity = "I(X;Y|Z)";
            (estimator.conditional(x.variable(), y.variable(), z.variable()).map_err(told)?, None)
        }
        None => {
            quantity = "I(X;Y)";
            let estimate = pair_or_reading(estimator.as_ref(), &x, &y).map_err(told)?;
            finish(estimate, estimator.as_ref(), &range, &x, &y, arguments, clock)?.map_err(told)?
        }
    };
    clock.finish();
    print(quantity, estimator.as_ref(), &estimate, p_value, "estimate pair", &arguments.common)
}

/// Methods of layers measure a pair of which one side is symbols.
fn pair_or_reading(estimator: &dyn Estimator, x: &Rows, y: &Rows) -> Result<Estimate, EstimateError> {
    let estimate = estimator.pair(x.variable(), y.variable());
    let (t, labels) = match (&estimate, x, y) {
        (Err(EstimateError::NotOffered { .. }), t, Rows::Symbols(labels))
        | (Err(EstimateError::NotOffered { .. }), Rows::Symbols(labels), t) => (t, labels),
        _ => return estimate,
    };
    let reading = estimator.layer(t.variable(), &[labels])?.into_iter().next();
    reading.and_then(|reading| reading.estimates.into_iter().next()).unwrap_or(estimate)
}

/// Adds a standard error and a p-value, as asked for, by the very method that gave the estimate.
#[allow(clippy::type_complexity)] // two ways to fail: the memory, and the estimates
fn finish(
    estimate: Estimate,
    estimator: &dyn Estimator,
    range: &LayerRange,
    x: &Rows,
    y: &Rows,
    arguments: &Args,
    clock: &Clock,
) -> Result<Result<(Estimate, Option<f64>), EstimateError>, Failure> {
    let chosen = match estimate.routed.as_ref().map(|routed| routed.config.estimator(range)).transpose() {
        Ok(chosen) => chosen,
        Err(error) => return Ok(Err(error)),
    };
    let by = chosen.as_deref().unwrap_or(estimator);
    let as_symbols = |index: usize| {
        estimate.routed.as_ref().is_some_and(|routed| routed.as_symbols.get(index) == Some(&true))
    };
    let x_symbols = as_symbols(0).then(|| x.variable().symbols());
    let y_symbols = as_symbols(1).then(|| y.variable().symbols());
    let x = x_symbols.as_ref().map_or(x.variable(), Variable::Labels);
    let y = y_symbols.as_ref().map_or(y.variable(), Variable::Labels);
    // Estimates of permutations, parts and draws are made side by side.
    let config = match &estimate.routed {
        Some(routed) => routed.config.clone(),
        None => arguments.common.config()?,
    };
    let at_once = rayon::current_num_threads();
    let more = |config: &EstimatorConfig| arguments.common.check_memory(config, &[x, y], at_once);
    let counted = Counted { estimator: by, clock };
    let p_value = match arguments.permutations {
        Some(n) => {
            more(&config)?;
            clock.begin("permutations", u64::from(n) + 1);
            match permutation_test(&counted, x, y, n as usize, 0) {
                Ok(test) => Some(test.p_value),
                Err(error) => return Ok(Err(error)),
            }
        }
        None => None,
    };
    if arguments.error.no_standard_error || estimate.standard_error.is_some() {
        return Ok(Ok((estimate, p_value)));
    }
    let options = Options::default();
    let parts = options.parts as u64;
    let estimates = match config.about().uncertainty {
        // 2 parts, 3 parts, … and all samples.
        Uncertainty::Subsampling => parts * (parts + 1) / 2,
        Uncertainty::Bootstrap => {
            more(&config)?;
            options.draws as u64 + 1
        }
        _ => 0,
    };
    clock.begin("standard error, estimates", estimates);
    Ok(with_standard_error(estimate, &counted, x, y, options).map(|estimate| (estimate, p_value)))
}

/// Adds a standard error, unless the method has none.
fn with_standard_error(
    mut estimate: Estimate,
    estimator: &dyn Estimator,
    x: Variable<'_>,
    y: Variable<'_>,
    options: Options,
) -> Result<Estimate, EstimateError> {
    let found = match with_uncertainty(estimator, x, y, options) {
        // A method of layers only: nothing to be had.
        Err(EstimateError::NotOffered { .. }) => return Ok(estimate),
        found => found?,
    };
    estimate.standard_error = found.standard_error;
    estimate.interval = estimate.interval.or(found.interval);
    let more: Vec<_> = found.warnings.into_iter().filter(|w| !estimate.warnings.contains(w)).collect();
    estimate.warnings.extend(more);
    Ok(estimate)
}
