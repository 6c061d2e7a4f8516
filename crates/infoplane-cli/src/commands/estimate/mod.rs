//! `infoplane estimate`.

mod entropy;
mod inputs;
mod lagged;
mod layer;
mod layers;
mod normalised;
mod pair;
mod rank;
mod total_correlation;
mod transfer;
mod units;

use std::io::Write;
use std::process::ExitCode;

use clap::{Arg, Subcommand};
use infoplane::estimator::steps::observed;
use infoplane::estimator::{
    AnyEstimator, BlockLength, Bound, EstimateKind, EstimatorInfo, Family, Inference, Options,
    PermutationScheme, PermutationTest, Resampling, Uncertainty, Warning,
};
use infoplane::{Estimate, EstimateError, Estimator, Information, Variable};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::flags::files::{As, Asked, Inputs, TableFlags};
use crate::flags::machine::MemoryFlags;
use crate::flags::method::{self, METHOD_KEYS, MethodFlags};
use crate::memory::{self, Size};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, end_on_interrupt, titled};

#[derive(Debug, Subcommand)]
pub enum Args {
    /// Mutual information I(X;Y) of two files, or I(X;Y|Z) of three
    Pair(pair::Args),
    /// Entropy of the rows of a file
    Entropy(entropy::Args),
    /// Total correlation of the columns of a file
    TotalCorrelation(total_correlation::Args),
    /// I(X;T) and I(T;Y) of the activations of one layer
    Layer(layer::Args),
    /// What single units of a layer tell of a label, alone and beyond the others
    #[command(mut_arg("estimator", with_cells))]
    Units(units::Args),
    /// What the layers of a network share: information, similarity (CKA), and the rank of each
    Layers(layers::Args),
    /// What a layer tells of each feature or pixel of the inputs
    #[command(mut_arg("estimator", with_cells))]
    Inputs(inputs::Args),
    /// Transfer entropy between two series, in both directions
    Transfer(transfer::Args),
    /// Information between two series at each of several lags
    Lagged(lagged::Args),
    /// The columns of a table by what each tells of one of them
    Rank(rank::Args),
}

/// No estimator of layers and units fits all data: bins are a choice.
fn with_cells(estimator: Arg) -> Arg {
    let help = "Estimator that has cells: binned, or one of counts such as plug-in";
    estimator.required(true).default_value(None::<&str>).help(help)
}

impl Args {
    /// How many threads compute, 0 for one on each core.
    pub fn threads(&self) -> u16 {
        match self {
            Args::Pair(arguments) => arguments.common.threads,
            Args::Entropy(arguments) => arguments.common.threads,
            Args::TotalCorrelation(arguments) => arguments.common.threads,
            Args::Layer(arguments) => arguments.common.threads,
            Args::Units(arguments) => arguments.common.threads,
            Args::Layers(arguments) => arguments.common.threads,
            Args::Inputs(arguments) => arguments.common.threads,
            Args::Transfer(arguments) => arguments.common.threads,
            Args::Lagged(arguments) => arguments.common.threads,
            Args::Rank(arguments) => arguments.threads,
        }
    }

    /// What memory may be taken.
    pub fn memory(&self) -> &MemoryFlags {
        match self {
            Args::Pair(arguments) => &arguments.common.memory,
            Args::Entropy(arguments) => &arguments.common.memory,
            Args::TotalCorrelation(arguments) => &arguments.common.memory,
            Args::Layer(arguments) => &arguments.common.memory,
            Args::Units(arguments) => &arguments.common.memory,
            Args::Layers(arguments) => &arguments.common.memory,
            Args::Inputs(arguments) => &arguments.common.memory,
            Args::Transfer(arguments) => &arguments.common.memory,
            Args::Lagged(arguments) => &arguments.common.memory,
            Args::Rank(arguments) => &arguments.memory,
        }
    }
}

/// Estimates information from files.
pub fn estimate(arguments: &Args) -> Result<ExitCode, Failure> {
    end_on_interrupt("interrupted; nothing was written", Vec::new());
    let clock = Clock::new("reading");
    let estimated = || match arguments {
        Args::Pair(arguments) => pair::pair(arguments, &clock),
        Args::Entropy(arguments) => entropy::entropy(arguments, &clock),
        Args::TotalCorrelation(arguments) => total_correlation::total_correlation(arguments, &clock),
        Args::Layer(arguments) => layer::layer(arguments, &clock),
        Args::Units(arguments) => units::units(arguments, &clock),
        Args::Layers(arguments) => layers::layers(arguments, &clock),
        Args::Inputs(arguments) => inputs::inputs(arguments, &clock),
        Args::Transfer(arguments) => transfer::transfer(arguments, &clock),
        Args::Lagged(arguments) => lagged::lagged(arguments, &clock),
        Args::Rank(arguments) => rank::rank(arguments, &clock),
    };
    observed(clock.observer(), estimated)
}

/// What every way of estimating takes.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Estimator; `auto` chooses one that fits the data and gives the reason
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub estimator: String,
    /// Print one JSON object instead of text
    // Shown after the flags that one way has of its own.
    #[arg(long, display_order = 500)]
    pub json: bool,
    // Beside --json; a heading of its own would otherwise be the last one opened.
    #[arg(long, display_order = 501, value_name = "N", default_value_t = 0,
          value_parser = crate::flags::whole_from(0u16, 1024))]
    /// Threads to use; 0 means one per core. Results do not depend on it
    pub threads: u16,
    #[command(flatten)]
    pub memory: MemoryFlags,
    #[command(flatten)]
    pub tables: TableFlags,
    #[command(flatten)]
    pub keys: MethodFlags,
    /// Any other key of the estimator
    #[arg(long, value_name = "KEY=VALUE", help_heading = METHOD_KEYS)]
    pub set: Vec<String>,
}

impl Common {
    /// The method with the settings that were given.
    fn config(&self) -> Result<AnyEstimator, Failure> {
        method::config(&self.estimator, &self.keys, &self.set)
    }

    /// The same of a method that takes rows for symbols; another one is refused whatever its settings are.
    fn config_with_cells(&self) -> Result<AnyEstimator, Failure> {
        let info = EstimatorInfo::named(&self.estimator);
        match info.filter(|info| !matches!(info.family, Family::Bins | Family::Counts)) {
            Some(info) => Err(Failure::input(EstimateError::NeedsCells { estimator: info.name }).with_advice(
                "--estimator binned --rule floor --bin-width 0.5 makes bins; --estimator plug-in takes values as they are",
            )),
            None => self.config(),
        }
    }

    /// Refuses an estimate of these variables that needs more memory than there is.
    fn check_memory(
        &self,
        estimator: &AnyEstimator,
        variables: &[Variable<'_>],
        at_once: usize,
    ) -> Result<(), Failure> {
        let width = |variable: &Variable<'_>| match variable {
            Variable::Labels(_) => 0,
            matrix => matrix.width(),
        };
        let widths: Vec<usize> = variables.iter().map(width).collect();
        let n_samples = variables.first().map_or(0, Variable::n_samples);
        memory::check(estimator, Size { n_samples, widths: &widths, at_once }, self.memory.memory)
    }
}

/// What makes the information of two variables finite.
const FINITE: &str =
    "--noise-variance V or --bin-width W make it finite; --estimator NAME uses an estimator anyway";

/// An error with the files it is about, unless it is about the settings; `advice` for what has no answer.
fn told(error: &EstimateError, files: String, advice: &'static str) -> Failure {
    match error {
        EstimateError::Setting { .. } => Failure::input(error),
        EstimateError::NotOffered { .. } => Failure::input(error).with_advice(
            "`infoplane estimators` lists what each one estimates; `auto` chooses one that does",
        ),
        EstimateError::Undetermined { .. } => Failure::input(format!("{files}: {error}")).with_advice(advice),
        _ => Failure::input(format!("{files}: {error}")),
    }
}

/// How an estimate is made.
struct Manner {
    permutations: Option<u32>,
    scheme: PermutationScheme,
    block_length: Option<BlockLength>,
    standard_error: bool,
    /// Whether it is one of several, of which it is shown how many are done.
    one_of_several: bool,
}

/// An estimate, with a standard error and a test as asked for; or why there is none.
type Measured = Result<(Estimate, Option<PermutationTest>), EstimateError>;

/// Returns the estimate of I(X;Y), or of I(X;Y|Z).
fn measured(
    estimator: &AnyEstimator,
    [x, y]: [Variable<'_>; 2],
    z: Option<Variable<'_>>,
    manner: &Manner,
    (common, clock): (&Common, &Clock),
) -> Result<Measured, Failure> {
    let shown = |done: usize, of: usize, what: &str| {
        if !manner.one_of_several {
            clock.set(done, of, what);
        }
    };
    let permuted = |done: usize, of: usize| shown(done, of, "permutations");
    let repeated = |done: usize, of: usize| shown(done, of, "standard error, estimates");
    let begin = |what: &str| {
        if !manner.one_of_several {
            clock.begin(what, 0);
        }
    };
    // Before an estimate that may take long.
    let checked = manner.permutations.map_or(Ok(()), |_| manner.scheme.check(&x, &y));
    let checked = checked.and_then(|()| match manner.block_length {
        Some(length) if manner.standard_error => length.check(x.n_samples()),
        _ => Ok(()),
    });
    if let Err(error) = checked {
        return Ok(Err(error));
    }
    let resampling = match &z {
        Some(z) => Resampling::conditional(estimator, x.view(), y.view(), z.view()),
        None => Resampling::new(estimator, x.view(), y.view()),
    };
    let resampling = match resampling {
        Ok(resampling) => resampling.with_progress(&permuted),
        Err(error) => return Ok(Err(error)),
    };
    // Estimates of permutations and draws are made side by side.
    let check_memory = || {
        let by = resampling.estimate().choice.as_ref().map_or(estimator, |choice| &choice.estimator);
        common.check_memory(by, &resampling.variables(), rayon::current_num_threads())
    };
    let test = match manner.permutations {
        Some(n) => {
            check_memory()?;
            begin("permutations");
            match resampling.restricted_permutation_test(manner.scheme, n as usize, 0) {
                Ok(test) => Some(test),
                Err(error) => return Ok(Err(error)),
            }
        }
        None => None,
    };
    if !manner.standard_error {
        return Ok(Ok((resampling.estimate().clone(), test)));
    }
    if resampling.uncertainty() == Uncertainty::Bootstrap {
        check_memory()?;
    }
    begin("standard error, estimates");
    let options = Options { block_length: manner.block_length, ..Options::default() };
    let estimate = resampling.with_progress(&repeated).with_error(options);
    Ok(estimate.map(|estimate| (estimate, test)))
}

/// A test of independence, and how it permuted.
struct Tested {
    scheme: PermutationScheme,
    /// What is independent of what if nothing is shared: "independence", "no transfer".
    of: &'static str,
    /// What is given.
    given: Option<&'static str>,
    /// What was moved.
    moved: &'static str,
    test: PermutationTest,
}

impl Tested {
    /// What the p-value is of, by what, and what was compared if it is not the estimate.
    fn of(&self, estimator: &str) -> String {
        match self.test.statistic {
            same if same == estimator => self.by(),
            other => format!("{}; {other} was compared", self.by()),
        }
    }

    fn by(&self) -> String {
        let Tested { of, moved, .. } = self;
        let n = self.test.permutations;
        let least = self.test.least_p_value();
        match (self.scheme, self.given) {
            (PermutationScheme::Free, Some(given)) => {
                format!("for {of} given {given}, by permutation of {moved} among similar {given}")
            }
            (PermutationScheme::Free, None) => format!("for {of}, by permutation"),
            (PermutationScheme::Rotated, _) => {
                let word = if n == 1 { "rotation" } else { "rotations" };
                format!("for {of}, by {n} {word} of {moved}; the least possible is {least:.6}")
            }
            (PermutationScheme::Blocks(_), _) => {
                format!("for {of}, by {n} orders of blocks of {moved}; the least possible is {least:.6}")
            }
        }
    }
}

/// A warning in words, with the flag to use.
fn in_words(warning: &Warning) -> String {
    match warning {
        Warning::SerialDependence { of: Inference::Error, .. } => format!("{warning} (--block-length auto)"),
        Warning::SerialDependence { of: Inference::Test, .. } => {
            format!("{warning} (--permutation-scheme rotated)")
        }
        warning => warning.to_string(),
    }
}

/// Prints an estimate with all that comes with it.
fn print(
    quantity: &str,
    estimator: &dyn Estimator,
    estimate: &Estimate,
    tested: Option<&Tested>,
    command: &str,
    (common, inputs): (&Common, &Inputs),
) -> Result<ExitCode, Failure> {
    if common.json {
        let mut object = object(estimator, estimate, tested.map(|tested| &tested.test));
        object.insert("read".into(), inputs.json());
        print_json(command, Value::Object(object))?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&mut Screen::lock(), quantity, estimator, estimate, tested)?;
    Ok(ExitCode::SUCCESS)
}

/// An estimate with all that comes with it, for programs.
fn object(
    estimator: &dyn Estimator,
    estimate: &Estimate,
    test: Option<&PermutationTest>,
) -> Map<String, Value> {
    let (name, setting, reason) = by(estimator, estimate);
    let mut object = details(estimate);
    if let Some(Value::Array(warnings)) = object.get_mut("warnings") {
        warnings.extend(doubt(test).map(Value::from));
    }
    object.insert("estimator".into(), json!(name));
    object.insert("setting".into(), json!(setting));
    object.insert("p_value".into(), json!(test.map(|test| test.p_value)));
    object.insert("permutations".into(), json!(test.map(|test| test.permutations)));
    object.insert("statistic".into(), json!(test.map(|test| test.statistic)));
    object.insert("reason".into(), json!(reason));
    object
}

/// What is to be said of a test.
fn doubt(test: Option<&PermutationTest>) -> Option<String> {
    test.and_then(|test| test.warning.as_ref()).map(in_words)
}

/// What rounds to 0 in steps of so much is printed without a sign.
fn unsigned(value: f64, step: f64) -> f64 {
    if value.abs() < 0.5 * step { 0.0 } else { value }
}

/// Writes an estimate with all that comes with it, for people.
fn write(
    out: &mut impl Write,
    quantity: &str,
    estimator: &dyn Estimator,
    estimate: &Estimate,
    tested: Option<&Tested>,
) -> std::io::Result<()> {
    let (name, setting, reason) = by(estimator, estimate);
    let nats = unsigned(estimate.information.nats(), 1e-6);
    let error = estimate.standard_error.map(|error| format!(" ± {:.6}", error.nats())).unwrap_or_default();
    let bits = unsigned(estimate.information.bits(), 1e-6);
    match estimate.kind {
        EstimateKind::Bound(Bound::Lower) => {
            writeln!(out, "{quantity}: no value; at least {nats:.6}{error} nats = {bits:.6} bits")?;
        }
        EstimateKind::Bound(Bound::Upper) => {
            writeln!(out, "{quantity}: no value; at most {nats:.6}{error} nats = {bits:.6} bits")?;
        }
        _ => writeln!(out, "{quantity} = {nats:.6}{error} nats = {bits:.6} bits")?,
    }
    if let Some(interval) = estimate.interval {
        let (lower, upper) = (interval.lower.nats(), interval.upper.nats());
        writeln!(out, "  95 % interval  {lower:.6} to {upper:.6} nats")?;
    }
    let dims: Vec<String> = estimate.dims.iter().map(usize::to_string).collect();
    let setting = if setting.is_empty() { String::new() } else { format!(", {setting}") };
    writeln!(out, "{}", titled("  estimator      ", format_args!("{name}{setting}")))?;
    if let Some(reason) = reason {
        writeln!(out, "{}", titled("  chosen for     ", reason))?;
    }
    writeln!(out, "{}", titled("  kind           ", &estimate.kind))?;
    let columns = if estimate.dims == [1] { "column" } else { "columns" };
    writeln!(out, "  samples        {} of {} {columns}", estimate.n_samples, dims.join(" + "))?;
    if let Some(ceiling) = estimate.ceiling {
        writeln!(out, "  ceiling        {:.6} nats", ceiling.nats())?;
    }
    if let Some(tested) = tested {
        let told = format_args!("{:.6} {}", tested.test.p_value, tested.of(name));
        writeln!(out, "{}", titled("  p-value        ", told))?;
    }
    for warning in &estimate.warnings {
        let title = if warning.is_caveat() { "  warning        " } else { "  measured       " };
        writeln!(out, "{}", titled(title, in_words(warning)))?;
    }
    if let Some(doubt) = doubt(tested.map(|tested| &tested.test)) {
        writeln!(out, "{}", titled("  warning        ", doubt))?;
    }
    Ok(())
}

/// The method's name and setting, and why it was chosen.
fn by(estimator: &dyn Estimator, estimate: &Estimate) -> (&'static str, String, Option<String>) {
    match &estimate.choice {
        Some(choice) => (choice.name(), choice.setting(), Some(choice.reason.clone())),
        None => (estimator.name(), estimator.setting(), None),
    }
}

/// What comes with a number, but for the method's name.
fn details(estimate: &Estimate) -> Map<String, Value> {
    let (warnings, measured): (Vec<&Warning>, Vec<&Warning>) =
        estimate.warnings.iter().partition(|warning| warning.is_caveat());
    let warnings: Vec<String> = warnings.into_iter().map(in_words).collect();
    let measured: Vec<String> = measured.into_iter().map(in_words).collect();
    let bound = |wanted| (estimate.kind == EstimateKind::Bound(wanted)).then(|| estimate.information.nats());
    let value = (!matches!(estimate.kind, EstimateKind::Bound(_))).then_some(estimate.information);
    let value = json!({
        "nats": value.map(Information::nats),
        "bits": value.map(Information::bits),
        "at_least_nats": bound(Bound::Lower),
        "at_most_nats": bound(Bound::Upper),
        "standard_error_nats": estimate.standard_error.map(Information::nats),
        "interval_nats": estimate.interval.map(|i| [i.lower.nats(), i.upper.nats()]),
        "kind": estimate.kind.to_string(),
        "n": estimate.n_samples,
        "dims": estimate.dims,
        "ties": estimate.ties,
        "dropped": estimate.dropped,
        "ceiling_nats": estimate.ceiling.map(Information::nats),
        "warnings": warnings,
        "measured": measured,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What is asked of the files of X and Y: each a file, and whether its rows are symbols.
fn sides<'a>((x, x_discrete): (&'a str, bool), (y, y_discrete): (&'a str, bool)) -> [Asked<'a>; 2] {
    [
        Asked { argument: x, kind: rows_as(x_discrete), role: "X", flag: Some("--x-discrete") },
        Asked { argument: y, kind: rows_as(y_discrete), role: "Y", flag: Some("--y-discrete") },
    ]
}

/// How rows are read that are symbols, or numbers.
fn rows_as(discrete: bool) -> As {
    if discrete { As::Symbols } else { As::Numbers }
}
