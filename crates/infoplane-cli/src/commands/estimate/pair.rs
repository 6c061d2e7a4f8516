//! `infoplane estimate pair`.

use std::process::ExitCode;

use clap::ValueEnum;
use infoplane::estimator::{
    AnyEstimator, BlockLength, Options, PermutationScheme, PermutationTest, Resampling, Uncertainty,
};
use infoplane::{Estimate, EstimateError, Variable};

use super::{Common, FINITE, Tested, print, told};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, FILES, Inputs};
use crate::terminal::Clock;

const EXAMPLES: &str = "\
Examples:
  infoplane estimate pair x.npy y.npy
  infoplane estimate pair x.npy y.npy --estimator ksg --k 3 --json
  infoplane estimate pair T.npy animals.csv --y-discrete --permutations 999
  infoplane estimate pair table.csv:height,age table.csv:weight --missing drop
  infoplane estimate pair table.csv:height table.csv:weight \\
      --given table.csv:age --estimator ksg --permutations 199

Time series, whose rows depend on the rows before them:
  infoplane estimate pair x.npy y.npy --block-length auto \\
      --permutations 999 --permutation-scheme rotated";

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
    /// Add a p-value for independence, from this many permutations of Y; with --given, of X among samples of
    /// similar Z
    // Shown after the method. The flags in common must come last all the same: they end with a heading of their own,
    // under which all that follows would stand.
    #[arg(long, display_order = 400, value_name = "N",
          value_parser = crate::flags::whole_from(1u32, 10_000_000))]
    pub permutations: Option<u32>,
    /// How rows are permuted: `free` for independent rows; for time series `rotated` (Y moved by a random lag) or
    /// `blocks` (blocks of consecutive rows, see --block-length)
    #[arg(long, display_order = 400, value_name = "SCHEME", value_enum, default_value_t = Scheme::Free,
          requires = "permutations", conflicts_with = "given", hide_possible_values = true)]
    pub permutation_scheme: Scheme,
    /// For time series: the number of consecutive rows that stay together in the standard error and in
    /// `--permutation-scheme blocks`, or `auto` for four times the correlation length
    #[arg(long, display_order = 403, value_name = "ROWS", value_parser = block_length)]
    pub block_length: Option<BlockLength>,
    #[command(flatten)]
    pub error: ErrorFlags,
    #[command(flatten)]
    pub common: Common,
}

/// How rows are permuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    /// In any order.
    Free,
    /// Moved by a lag.
    Rotated,
    /// In blocks.
    Blocks,
}

fn block_length(text: &str) -> Result<BlockLength, String> {
    match text {
        "auto" => Ok(BlockLength::Chosen),
        _ => crate::flags::whole_from(1usize, usize::MAX)(text)
            .map(BlockLength::Rows)
            .map_err(|_| "allowed are auto and whole numbers from 1 to a quarter of the samples".into()),
    }
}

impl Args {
    fn scheme(&self) -> PermutationScheme {
        match self.permutation_scheme {
            Scheme::Free => PermutationScheme::Free,
            Scheme::Rotated => PermutationScheme::Rotated,
            Scheme::Blocks => PermutationScheme::Blocks(self.block_length.unwrap_or_default()),
        }
    }
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
pub fn pair(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let in_blocks = arguments.permutation_scheme == Scheme::Blocks || !arguments.error.no_standard_error;
    if arguments.block_length.is_some() && !in_blocks {
        return Err(Failure::input(
            "--block-length is for the standard error and --permutation-scheme blocks; leave out \
             --no-standard-error or --block-length",
        ));
    }
    let estimator = arguments.common.config()?;
    let kind = |discrete| if discrete { As::Symbols } else { As::Numbers };
    let mut asked = vec![
        Asked {
            argument: &arguments.x,
            kind: kind(arguments.x_discrete),
            role: "X",
            flag: Some("--x-discrete"),
        },
        Asked {
            argument: &arguments.y,
            kind: kind(arguments.y_discrete),
            role: "Y",
            flag: Some("--y-discrete"),
        },
    ];
    asked.extend(arguments.given.as_ref().map(|given| Asked {
        argument: given,
        kind: kind(arguments.given_discrete),
        role: "Z",
        flag: Some("--given-discrete"),
    }));
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.same_length(&asked)?;
    inputs.several_samples(&asked)?;
    let (x, y) = (inputs.variable(0), inputs.variable(1));
    let z = arguments.given.as_ref().map(|_| inputs.variable(2));
    let told = |error: EstimateError| {
        let failure = told(&error, format!("{} and {}", arguments.x, arguments.y), FINITE);
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
    arguments.common.check_memory(&estimator, &inputs.variables(), 1)?;
    clock.begin("estimating", 0);
    let quantity = if z.is_some() { "I(X;Y|Z)" } else { "I(X;Y)" };
    let (estimate, test) = measured(&estimator, [x, y], z, arguments, clock, told)?;
    clock.clear();
    let tested =
        test.map(|test| Tested { scheme: arguments.scheme(), conditional: arguments.given.is_some(), test });
    print(quantity, &estimator, &estimate, tested.as_ref(), "estimate pair", (&arguments.common, &inputs))
}

/// The estimate, with a standard error and a p-value as asked for.
fn measured(
    estimator: &AnyEstimator,
    [x, y]: [Variable<'_>; 2],
    z: Option<Variable<'_>>,
    arguments: &Args,
    clock: &Clock,
    told: impl Fn(EstimateError) -> Failure,
) -> Result<(Estimate, Option<PermutationTest>), Failure> {
    let permuted = |done: usize, of: usize| clock.set(done, of, "permutations");
    let repeated = |done: usize, of: usize| clock.set(done, of, "standard error, estimates");
    let resampling = match &z {
        Some(z) => Resampling::conditional(estimator, x.view(), y.view(), z.view()),
        None => Resampling::new(estimator, x.view(), y.view()),
    };
    let resampling = resampling.map_err(&told)?.with_progress(&permuted);
    // Estimates of permutations and draws are made side by side.
    let check_memory = || {
        let by = resampling.estimate().choice.as_ref().map_or(estimator, |choice| &choice.estimator);
        arguments.common.check_memory(by, &resampling.variables(), rayon::current_num_threads())
    };
    let test = match arguments.permutations {
        Some(n) => {
            check_memory()?;
            clock.begin("permutations", 0);
            let scheme = arguments.scheme();
            Some(resampling.restricted_permutation_test(scheme, n as usize, 0).map_err(&told)?)
        }
        None => None,
    };
    if arguments.error.no_standard_error {
        return Ok((resampling.estimate().clone(), test));
    }
    if resampling.uncertainty() == Uncertainty::Bootstrap {
        check_memory()?;
    }
    clock.begin("standard error, estimates", 0);
    let options = Options { block_length: arguments.block_length, ..Options::default() };
    let estimate = resampling.with_progress(&repeated).with_error(options).map_err(&told)?;
    Ok((estimate, test))
}
