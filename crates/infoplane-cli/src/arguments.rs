//! What may be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures what a neural network's layers know while it learns.
///
/// `infoplane run` trains the 12-bit task's network, measures I(X;T) and I(T;Y) of every layer, and draws the
/// information plane.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the machine failed: a file could not be written, a disk is full
  2    what was given is wrong: arguments, a configuration, data
  3    the run is complete, but a training diverged (its epoch is told)
  130  interrupted; the run directory is valid and holds what was measured";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network, measure its layers, write the run directory and the figures
    Run(Run),
    /// List the published experiments, or print one as a TOML file to copy and change
    #[command(after_help = "Example:\n  infoplane presets saxe2018-relu > mine.toml")]
    Presets {
        /// Print this preset's TOML
        name: Option<String>,
    },
    /// Say what a run directory holds
    #[command(after_help = "Example:\n  infoplane info runs/tishby2017")]
    Info {
        /// The run directory
        run: PathBuf,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Draw the figures of a run again, from what its directory holds
    #[command(after_help = "Example:\n  infoplane report runs/tishby2017")]
    Report {
        /// The run directory
        run: PathBuf,
    },
    /// Estimate information from files of activations
    #[command(subcommand)]
    Estimate(Estimate),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infoplane run
  infoplane run saxe2018-relu --seeds 3 --out relu
  infoplane run mine.toml --set training.epochs=500 --set training.optimizer.learning_rate=0.001
  infoplane run saxe2018-mnist --set dataset.source.directory=mnist --set training.epochs=10")]
pub struct Run {
    /// A preset (see `infoplane presets`) or a TOML file
    #[arg(default_value = "tishby2017", value_name = "PRESET|FILE.toml")]
    pub experiment: String,
    /// Change one key: the path through the tables, lists counted from 0 (estimators.0.bins=50)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How many trainings, each with a seed of its own; the same as --set seeds=N
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// The run directory; new or empty [default: runs/NAME, or runs/NAME-2, … if taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Threads to use; 0 is one for each core. The numbers do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: u16,
    /// One JSON object instead of the summary table
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Estimate {
    /// I(X;T) and I(T;Y) of one layer's activations
    Layer(Layer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EstimatorName {
    /// Gaussian noise of known variance: Kullback–Leibler upper and Bhattacharyya lower bound
    Kde,
    /// Bins: the symbol of a row is the bins of its values
    Binned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// BINS edges evenly spaced over the range, as in the published programs
    Edges,
    /// BINS bins of equal width over the range
    Equal,
    /// ⌊t / BIN_WIDTH⌋, unbounded
    Floor,
    /// BINS bins with equally many values in each (--range layer or unit)
    Quantile,
    /// The float bits themselves
    Exact,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Files: .npy, .npz, .csv, .mat, .safetensors, IDX; one array of several is named after a colon, acts.npz:T3.
X is which row it is, so H(X) = log2 N, unless --inputs says which rows have equal inputs.

Examples:
  infoplane estimate layer T.npy --labels y.npy --estimator kde --noise-variance 0.001
  infoplane estimate layer acts.npz:T3 --labels acts.npz:y --estimator binned --bins 30 --range -1,1 --rule edges
  infoplane estimate layer T.npy --labels y.npy --estimator binned --rule floor --bin-width 0.07 --json")]
pub struct Layer {
    /// The activations: a row per sample, a column per unit
    pub activations: String,
    /// The class of each sample, Y
    #[arg(long, value_name = "FILE")]
    pub labels: String,
    /// The inputs, X, if some are repeated: rows that are equal count as one input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    /// The method
    #[arg(long, value_enum)]
    pub estimator: EstimatorName,
    /// Variance of the Gaussian noise, for kde; in the squared unit of the activations
    #[arg(long, value_name = "V", allow_negative_numbers = true)]
    pub noise_variance: Option<f64>,
    /// How values become symbols, for binned
    #[arg(long, value_enum)]
    pub rule: Option<Rule>,
    /// The number of bins, or of edges
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub bins: Option<i64>,
    /// The width of a bin, with --rule floor
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub bin_width: Option<f64>,
    /// What the bins cover: LOW,HIGH, or `layer` or `unit` for the range of the activations
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
