//! `infoplane estimate pair`.

use std::process::ExitCode;

use clap::ValueEnum;
use infoplane::estimator::{AnyEstimator, BlockLength, PermutationScheme};
use infoplane::{EstimateError, Variable};
use ndarray::Array2;

use super::normalised::{self, Share};
use super::{Common, FINITE, Manner, Tested, measured, print, rows_as, sides, told};
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
      --given table.csv:age --given-symbols table.csv:sex --permutations 199
  infoplane estimate pair a.csv:cluster b.csv:cluster --x-discrete \\
      --y-discrete --normalised all

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
    /// More of Z, as symbols (text is allowed), beside the numbers of --given
    #[arg(long, value_name = "Z", requires = "given", conflicts_with = "given_discrete")]
    pub given_symbols: Option<String>,
    /// The information of symbols as a share of entropies: `joint`, `max`, `sum`, `sqrt`, `min` or `all`; or of numbers
    /// as Linfoot's coefficient of correlation, `linfoot`
    #[arg(
        long,
        display_order = 399,
        value_name = "NAME",
        value_enum,
        conflicts_with = "given",
        hide_possible_values = true
    )]
    pub normalised: Option<Share>,
    /// Add a p-value for independence, from this many permutations of Y; with --given, of X among samples of
    /// similar Z
    // Shown after the method. The flags in common must come last all the same: they end with a heading of their own,
    // under which all that follows would stand.
    #[arg(long, display_order = 400, value_name = "N",
          value_parser = crate::flags::whole_from(1u32, 10_000_000))]
    pub permutations: Option<u32>,
    /// How rows are permuted: `free` for independent rows; for time series `rotated` (Y moved by a random lag; X with
    /// --given) or `blocks` (blocks of consecutive rows, see --block-length)
    #[arg(long, display_order = 400, value_name = "SCHEME", value_enum, default_value_t = Scheme::Free,
          requires = "permutations", hide_possible_values = true)]
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

/// `auto`, or a number of rows.
pub fn block_length(text: &str) -> Result<BlockLength, String> {
    match text {
        "auto" => Ok(BlockLength::Chosen),
        _ => crate::flags::whole_from(1usize, usize::MAX)(text)
            .map(BlockLength::Rows)
            .map_err(|_| "allowed are auto and whole numbers from 1 to a quarter of the samples".into()),
    }
}

impl Scheme {
    pub fn with(self, block_length: Option<BlockLength>) -> PermutationScheme {
        match self {
            Scheme::Free => PermutationScheme::Free,
            Scheme::Rotated => PermutationScheme::Rotated,
            Scheme::Blocks => PermutationScheme::Blocks(block_length.unwrap_or_default()),
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
    let mut estimator = arguments.common.config()?;
    let sides = sides((&arguments.x, arguments.x_discrete), (&arguments.y, arguments.y_discrete));
    let mut asked = Vec::from(sides);
    asked.extend(arguments.given.as_ref().map(|given| Asked {
        argument: given,
        kind: rows_as(arguments.given_discrete),
        role: "Z",
        flag: Some("--given-discrete"),
    }));
    asked.extend(arguments.given_symbols.as_ref().map(|given| Asked {
        argument: given,
        kind: As::Symbols,
        role: "Z",
        flag: None,
    }));
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.same_length(&asked)?;
    inputs.several_samples(&asked)?;
    let (x, y) = (inputs.variable(0), inputs.variable(1));
    let both;
    let z = match (&arguments.given, &arguments.given_symbols) {
        (Some(_), Some(_)) => {
            both = beside(&inputs.variable(2), &inputs.variable(3));
            let column = both.ncols() - 1;
            match &mut estimator {
                AnyEstimator::Auto(auto) => auto.z_symbols.get_or_insert_default().push(column),
                AnyEstimator::FrenzelPompe(mixed) => mixed.z_symbols.get_or_insert_default().push(column),
                _ => {
                    return Err(Failure::input(
                        "--given-symbols is for --estimator auto and frenzel-pompe: others take a Z of numbers or of \
                         symbols",
                    ));
                }
            }
            Some(Variable::Double(both.view()))
        }
        (given, _) => given.as_ref().map(|_| inputs.variable(2)),
    };
    // Neither noise nor bins are for conditional information.
    let advice = if arguments.given.is_some() { "" } else { FINITE };
    let told = |error: EstimateError| {
        let failure = told(&error, format!("{} and {}", arguments.x, arguments.y), advice);
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
    let is_given = z.is_some();
    let manner = Manner {
        permutations: arguments.permutations,
        scheme: arguments.permutation_scheme.with(arguments.block_length),
        block_length: arguments.block_length,
        standard_error: !arguments.error.no_standard_error,
        one_of_several: false,
    };
    let shared = (&arguments.common, clock);
    let (estimate, test) = measured(&estimator, [x.view(), y.view()], z, &manner, shared)?.map_err(&told)?;
    clock.clear();
    let (quantity, given) = if is_given { ("I(X;Y|Z)", Some("Z")) } else { ("I(X;Y)", None) };
    let (of, moved) = match (is_given, arguments.permutation_scheme) {
        (true, Scheme::Free) => ("independence", "X"),
        (true, _) => ("independence of X from Y and Z", "X"),
        (false, _) => ("independence", "Y"),
    };
    let tested = test.map(|test| Tested { scheme: manner.scheme, of, given, moved, test });
    if let Some(share) = arguments.normalised {
        let found = normalised::of(share, &estimator, &estimate, [x, y]).map_err(|error| match error {
            EstimateError::Undetermined { .. } => {
                Failure::input(format!("{} and {}: {error}", arguments.x, arguments.y)).with_advice(
                    "--x-discrete and --y-discrete take both sides as symbols; --normalised linfoot is for numbers",
                )
            }
            error => told(error),
        })?;
        let shared = (&arguments.common, &inputs);
        return normalised::print(&found, &estimator, &estimate, tested.as_ref(), shared);
    }
    print(quantity, &estimator, &estimate, tested.as_ref(), "estimate pair", (&arguments.common, &inputs))
}

/// Numbers, and symbols as a last column of codes.
fn beside(numbers: &Variable<'_>, symbols: &Variable<'_>) -> Array2<f64> {
    let columns: Vec<Vec<f64>> =
        (0..numbers.width()).map(|column| numbers.column(column)).chain([symbols.column(0)]).collect();
    Array2::from_shape_fn((numbers.n_samples(), columns.len()), |(row, column)| columns[column][row])
}
