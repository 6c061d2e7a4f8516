//! What may be written on the command line.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};

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
    Run(Box<Run>),
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
    #[command(after_help = "\
Examples:
  infoplane report runs/tishby2017
  infoplane report runs/saxe2018-relu --only-learned")]
    Report {
        /// The run directory
        run: PathBuf,
        /// Leave seeds that did not learn out of means, bands and figures, which say so; the run keeps their data
        #[arg(long)]
        only_learned: bool,
    },
    /// Take late weights, or many trainings, as draws of one distribution, and measure the layers as random
    AsIfRandom(Box<AsIfRandom>),
    /// Estimate information from files of activations
    #[command(subcommand)]
    Estimate(Box<Estimate>),
    /// List the methods of estimating, or the keys of one
    Estimators(Estimators),
    /// Try methods on samples whose information is known
    Calibrate(Calibrate),
    /// Make the published figures again, and a page that compares them with their papers
    Reproduce(Reproduce),
    /// The most that any T can know of Y for what it knows of X, where p(x, y) is known
    Bottleneck(Bottleneck),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infoplane run
  infoplane run saxe2018-relu --seeds 3 --out relu
  infoplane run mine.toml --set training.epochs=500 --set training.optimizer.learning_rate=0.001
  infoplane run saxe2018-mnist --set dataset.source.directory=mnist --set training.epochs=10
  infoplane run saxe2018-tanh --schedule delta-exact --delta 0.05
  infoplane run saxe2018-tanh --schedule log-spaced --points 100
  infoplane run --resume runs/saxe2018-tanh")]
pub struct Run {
    /// A preset (see `infoplane presets`) or a TOML file [default: tishby2017]
    #[arg(value_name = "PRESET|FILE.toml")]
    pub experiment: Option<String>,
    /// Go on with a run that was stopped; what it had measured is kept. An experiment given too must be the same
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
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
    /// Memory for networks kept to be measured later and for activations: 512MiB, 4GiB. The numbers do not depend on it
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: ByteSize,
    /// Leave seeds that did not learn out of means, bands and figures, which say so; the run keeps their data
    #[arg(long)]
    pub only_learned: bool,
    /// One JSON object instead of the summary table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub schedule: ScheduleFlags,
}

/// Which epochs are measured, in place of the experiment's own schedule.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which epochs are measured (keys of [schedule])")]
pub struct ScheduleFlags {
    /// every, log-spaced, list, delta-exact or delta-approximate
    #[arg(long, value_name = "KIND")]
    pub schedule: Option<String>,
    /// every: epochs from one measurement to the next
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub interval: Option<String>,
    /// log-spaced: how many epochs are measured
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub points: Option<String>,
    /// list: the epochs, separated by commas; the last of the training is measured too
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub epochs: Option<String>,
    /// delta-*: how far measured neighbours may be apart, as a share of H(X) and H(Y)
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub delta: Option<String>,
    /// delta-*: what the skip is multiplied with while neighbours are near [default: 2]
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub multiplier: Option<String>,
    /// delta-*: the longest skip, in epochs [default: any]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_skip: Option<String>,
    /// delta-*: what becomes of the skip where neighbours are too far apart: shrink or keep [default: shrink]
    #[arg(long, value_name = "HOW")]
    pub when_far: Option<String>,
    /// delta-*: the unit of D: entropy (a share of H(X) and H(Y)) or bits [default: entropy]
    #[arg(long, value_name = "UNIT")]
    pub scale: Option<String>,
}

/// A number as TOML writes it: `.1`, `5e-2` and `NaN` are none there. What is no number is left for the refusal.
fn number(text: &str) -> String {
    text.parse::<f64>().map_or(text.to_string(), |number| match number.is_nan() {
        true => "nan".to_string(),
        false => format!("{number:?}"),
    })
}

/// A number of bytes.
fn memory(text: &str) -> Result<ByteSize, String> {
    text.parse()
        .map_err(|_| "allowed is a number of bytes, with a unit as a rule: 512MiB, 4GiB, 0".to_string())
}

impl ScheduleFlags {
    /// The flags as overrides of the experiment's keys. A kind replaces the whole schedule; keys alone change it.
    pub fn overrides(&self) -> Vec<String> {
        let quoted = |text: &String| format!("{text:?}");
        let list = self.epochs.as_ref().map(|epochs| format!("[{epochs}]"));
        let keys = [
            ("interval", self.interval.clone()),
            ("points", self.points.clone()),
            ("epochs", list),
            ("delta", self.delta.as_deref().map(number)),
            ("multiplier", self.multiplier.as_deref().map(number)),
            ("max_skip", self.max_skip.clone()),
            ("when_far", self.when_far.as_ref().map(quoted)),
            ("scale", self.scale.as_ref().map(quoted)),
        ];
        let kind = self.schedule.iter().map(|kind| format!("schedule={{ kind = {} }}", quoted(kind)));
        let keys = keys.into_iter().filter_map(|(key, value)| Some(format!("schedule.{key}={}", value?)));
        kind.chain(keys).collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each input has as many activations as networks are pooled, so I(X;T) = H(T) − H(T|X) may be less than H(X) though every
single network tells all inputs apart. Given the directory of a run, only the stretch from the last keyframe before the
window is trained again. A directory that holds the result of the same is read, not computed anew.

Examples:
  infoplane as-if-random runs/tishby2017
  infoplane as-if-random saxe2018-relu --window 64 --stride 4 --out relu
  infoplane as-if-random runs/tishby2017 --steps --window 512 --inputs 1024
  infoplane as-if-random tishby2017 --across-seeds --seeds 50 --epoch 1000
  infoplane as-if-random runs/tishby2017 --estimator noise --noise-variance 0.01 --out noise")]
pub struct AsIfRandom {
    /// The directory of a run, a preset (see `infoplane presets`) or a TOML file
    #[arg(value_name = "RUN|PRESET|FILE.toml")]
    pub experiment: String,
    /// How many networks of each training are pooled [default: 256, for noise and kde 64]
    #[arg(long, value_name = "M", conflicts_with = "across_seeds")]
    pub window: Option<usize>,
    /// Epochs (with --steps: steps) from one network to the next [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "across_seeds")]
    pub stride: Option<u64>,
    /// Pool networks after single steps of one mini-batch instead of whole epochs
    #[arg(long, conflicts_with = "across_seeds")]
    pub steps: bool,
    /// The epoch that the window ends at [default: the last of each training]
    #[arg(long, value_name = "E", conflicts_with = "across_seeds")]
    pub last: Option<u64>,
    /// Pool the networks of all seeds at one epoch instead
    #[arg(long)]
    pub across_seeds: bool,
    /// That epoch [default: the last of each training]
    #[arg(long, value_name = "E", requires = "across_seeds")]
    pub epoch: Option<u64>,
    /// Measure so many of the inputs, evenly spaced [default: all]
    #[arg(long, value_name = "N")]
    pub inputs: Option<usize>,
    /// How many trainings, each with a seed of its own; the same as --set seeds=N
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// The directory of the result; new, empty, or with this very result
    /// [default: RUN/as-if-random or runs/NAME-as-if-random, or …-2, … if taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Threads to use; 0 is one for each core. The numbers do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: u16,
    /// Memory for the pooled activations and weights: 512MiB, 4GiB. The numbers do not depend on it
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: ByteSize,
    /// One JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    /// The method; without it 30 equal bins on the range of each layer over the whole pool
    #[arg(long, value_name = "NAME")]
    pub estimator: Option<String>,
    /// Change one key of the experiment: the path through the tables (training.epochs=500), or of the method
    /// (estimator.bounds=true)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub keys: MethodKeys,
}

#[derive(Debug, Subcommand)]
pub enum Estimate {
    /// I(X;Y) of two files, or I(X;Y|Z) of three
    Pair(Pair),
    /// The entropy of a file's rows
    Entropy(Entropy),
    /// The total correlation of a file's columns, each column a part
    TotalCorrelation(TotalCorrelation),
    /// I(X;T) and I(T;Y) of one layer's activations
    Layer(Layer),
}

const FILES: &str = "\
Files: .npy, .npz, .csv, .mat, .safetensors, IDX; one array of several, or one column of a CSV file, is named after a
colon: acts.npz:T3, table.csv:age. Rows are samples; an array of one axis is one column. The first line of a CSV
file is taken for names of columns unless all its fields are numbers.
`infoplane estimators` lists the methods, `infoplane estimators NAME` the keys of one.";

const PAIR_EXAMPLES: &str = "\
Examples:
  infoplane estimate pair x.npy y.npy
  infoplane estimate pair x.npy y.npy --estimator ksg --k 3 --json
  infoplane estimate pair T.npy animals.csv --y-discrete --permutations 999
  infoplane estimate pair table.csv:height table.csv:weight --given table.csv:age --estimator ksg";

const ENTROPY_EXAMPLES: &str = "\
Examples:
  infoplane estimate entropy x.npy
  infoplane estimate entropy words.csv --x-discrete --estimator nsb";

const TOTAL_CORRELATION_EXAMPLES: &str = "\
Example:
  infoplane estimate total-correlation x.npy --estimator ksg --k 5";

/// What every way of estimating takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The method; `auto` takes the one that fits the data and says why
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub estimator: String,
    /// One JSON object instead of text
    // Shown after the flags that one way has of its own.
    #[arg(long, display_order = 500)]
    pub json: bool,
    #[command(flatten)]
    pub keys: MethodKeys,
    /// Any other key of the method
    #[arg(long, value_name = "KEY=VALUE", help_heading = METHOD_KEYS)]
    pub set: Vec<String>,
}

const METHOD_KEYS: &str = "Keys of methods (a method refuses those it does not take)";

/// The method and its keys, as flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = METHOD_KEYS)]
pub struct MethodKeys {
    /// Neighbours of each point
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub k: Option<String>,
    /// What is done to each column first: none, standardized or normal-scores
    #[arg(long, value_name = "HOW")]
    pub scaling: Option<String>,
    /// Variance of the Gaussian noise, in the squared unit of the data
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub noise_variance: Option<String>,
    /// How values become symbols: edges, equal, floor, quantile or exact
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// The number of bins, or of edges
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub bins: Option<String>,
    /// The width of a bin, in the unit of the data
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    pub bin_width: Option<String>,
    /// What the bins cover: LOW,HIGH, or `layer` or `unit` for the range of the data
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// A correction for the bias of counts
    #[arg(long, value_name = "NAME")]
    pub correction: Option<String>,
    /// α, the order of a Rényi entropy or a threshold, as the method says
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    pub alpha: Option<String>,
    /// The order of a local polynomial
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub order: Option<String>,
    /// Neighbours that a local fit takes into account
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub neighbors: Option<String>,
    /// The width of a kernel, or the rule for it
    #[arg(long, value_name = "H", allow_hyphen_values = true)]
    pub bandwidth: Option<String>,
    /// Random draws per sample
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub draws: Option<String>,
    /// Seed of the random numbers
    #[arg(long, value_name = "SEED", allow_hyphen_values = true)]
    pub seed: Option<String>,
    /// Hash functions
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub hashes: Option<String>,
    /// Random projections
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub projections: Option<String>,
    /// Gaussian surrogates
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub surrogates: Option<String>,
    /// Samples per batch
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub batch: Option<String>,
}

impl MethodKeys {
    /// The keys that were given, each with its flag and its value as written.
    pub fn given(&self) -> Vec<(&'static str, &'static str, &str)> {
        let flags = [
            ("k", "--k", &self.k),
            ("scaling", "--scaling", &self.scaling),
            ("noise_variance", "--noise-variance", &self.noise_variance),
            ("rule", "--rule", &self.rule),
            ("bins", "--bins", &self.bins),
            ("bin_width", "--bin-width", &self.bin_width),
            ("range", "--range", &self.range),
            ("correction", "--correction", &self.correction),
            ("alpha", "--alpha", &self.alpha),
            ("order", "--order", &self.order),
            ("neighbors", "--neighbors", &self.neighbors),
            ("bandwidth", "--bandwidth", &self.bandwidth),
            ("draws", "--draws", &self.draws),
            ("seed", "--seed", &self.seed),
            ("hashes", "--hashes", &self.hashes),
            ("projections", "--projections", &self.projections),
            ("surrogates", "--surrogates", &self.surrogates),
            ("batch", "--batch", &self.batch),
        ];
        flags.into_iter().filter_map(|(key, flag, value)| Some((key, flag, value.as_deref()?))).collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{PAIR_EXAMPLES}"))]
pub struct Pair {
    /// X: a row per sample
    pub x: String,
    /// Y: a row per sample
    pub y: String,
    /// Z, for the conditional information I(X;Y|Z)
    #[arg(long, value_name = "Z")]
    pub given: Option<String>,
    /// Take the rows of X as symbols; text is allowed
    #[arg(long)]
    pub x_discrete: bool,
    /// Take the rows of Y as symbols; text is allowed
    #[arg(long)]
    pub y_discrete: bool,
    /// Take the rows of Z as symbols; text is allowed
    #[arg(long, requires = "given")]
    pub given_discrete: bool,
    /// Add a p-value for independence from so many permutations of Y
    // Shown after the method. The flags in common must come last all the same: they end with a heading of their own,
    // under which all that follows would stand.
    #[arg(long, display_order = 400, value_name = "N", conflicts_with = "given",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub permutations: Option<u32>,
    #[command(flatten)]
    pub error: ErrorFlags,
    #[command(flatten)]
    pub common: Common,
}

/// Whether to add a standard error to methods that have none of their own.
#[derive(Debug, Args)]
pub struct ErrorFlags {
    /// Add a standard error, by parts of the samples or by drawing them again, where the method has none (the default)
    #[arg(long, display_order = 401, overrides_with = "no_standard_error")]
    pub standard_error: bool,
    /// Only what the method itself gives; saves up to 200 estimates
    #[arg(long, display_order = 402, overrides_with = "standard_error")]
    pub no_standard_error: bool,
}

#[derive(Debug, Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{ENTROPY_EXAMPLES}"))]
pub struct Entropy {
    /// X: a row per sample
    pub x: String,
    /// Take the rows of X as symbols; text is allowed
    #[arg(long)]
    pub x_discrete: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{TOTAL_CORRELATION_EXAMPLES}"))]
pub struct TotalCorrelation {
    /// X: a row per sample, a column per part
    pub x: String,
    /// Take the values of each column as symbols
    #[arg(long)]
    pub x_discrete: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Files: .npy, .npz, .csv, .mat, .safetensors, IDX; one array of several is named after a colon, acts.npz:T3.
X is which row it is, so H(X) = log2 N, unless --inputs says which rows have equal inputs.

Examples:
  infoplane estimate layer T.npy --labels y.npy --estimator kde --noise-variance 0.001
  infoplane estimate layer acts.npz:T3 --labels acts.npz:y --estimator binned --bins 30 --range -1,1 --rule edges
  infoplane estimate layer T.npy --labels y.npy --estimator binned --rule floor --bin-width 0.07 --json
  infoplane estimate layer T.npy --labels y.npy --noise-variance 0.001")]
pub struct Layer {
    /// The activations: a row per sample, a column per unit
    pub activations: String,
    /// The class of each sample, Y
    #[arg(long, value_name = "FILE")]
    pub labels: String,
    /// The inputs, X, if some are repeated: rows that are equal count as one input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infoplane estimators
  infoplane estimators ksg")]
pub struct Estimators {
    /// Show this method's keys, with their defaults
    pub name: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Every method is tried on samples whose information is known; a dash says why a method does not apply. Errors are in
nats, times are of one estimate. Writes calibration.csv, calibration.svg and calibration.png with --out.

Examples:
  infoplane calibrate
  infoplane calibrate --estimators ksg,lnc,auto --tasks normal,linear-0.01 --n 1000,10000 --out calibration")]
pub struct Calibrate {
    /// The methods, with their default settings, separated by commas [default: all that need no choice, and auto]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub estimators: Vec<String>,
    /// The tasks, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub tasks: Vec<String>,
    /// Numbers of samples, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1000],
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub n: Vec<u32>,
    /// Samples per task and number
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub repeats: u32,
    /// Seed of the first sample
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Seconds that one estimate may take; what is foreseen to take longer is left out
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub limit: f64,
    /// Where to write the table and the figure
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Every training is run once, also where several figures show it, and kept: the same command goes on where it was stopped,
and draws again what is complete. Without a name it lists the figures.

Examples:
  infoplane reproduce --list
  infoplane reproduce saxe-nonlinearities --quick
  infoplane reproduce --all --quick --mnist mnist --out results")]
pub struct Reproduce {
    /// The figures
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All figures
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Few seeds and points: all figures in ten minutes on two cores, instead of a night
    #[arg(long)]
    pub quick: bool,
    /// Where runs, figures and the page are kept
    #[arg(long, value_name = "DIR", default_value = "reproduced")]
    pub out: PathBuf,
    /// The directory of MNIST's four files, for the figures that need it
    #[arg(long, value_name = "DIR")]
    pub mnist: Option<PathBuf>,
    /// Threads to use; 0 is one for each core. The numbers do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: u16,
    /// Memory for networks kept to be measured later and for activations. The numbers do not depend on it
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: ByteSize,
    /// List the figures, and what each is expected to take
    #[arg(long)]
    pub list: bool,
    /// Draw what is there and train nothing
    #[arg(long)]
    pub only_draw: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The joint distribution is the rule of an experiment on the 12-bit task, or a table: a row for each x, a column for
each y, of probabilities that sum to 1 or of counts. Without noise, an experiment is taken with a sigmoid of gain 1000,
which leaves the published 0.99 bits. beta is the trade at a point: I(T;Y) - I(X;T)/beta is greatest there. clusters
says how many values T needs, gap how far at most the curve is above the point. Writes bottleneck.csv, bottleneck.svg
and bottleneck.png with --out.

Examples:
  infoplane bottleneck
  infoplane bottleneck tishby2017 --gain 10 --points 40 --out bottleneck
  infoplane bottleneck joint.csv --json")]
pub struct Bottleneck {
    /// A preset or TOML file on the 12-bit task, or a table p(x, y): .csv, .tsv, .npy, .mat [default: tishby2017]
    #[arg(value_name = "PRESET|FILE")]
    pub joint: Option<String>,
    /// Gain of the sigmoid that makes the labels noisy, per standard deviation of the rule [default: the experiment's, or 1000]
    #[arg(long, value_name = "GAIN", allow_hyphen_values = true)]
    pub gain: Option<f64>,
    /// How many points at most; straight pieces take fewer
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub points: u16,
    /// Where to write the table and the figure
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}
