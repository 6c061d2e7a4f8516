//! `infoplane estimate transfer`.

use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::AnyEstimator;
use infoplane::estimator::series::{Embedding, History};
use infoplane::{EstimateError, Variable};
use serde_json::{Value, json};

use super::lagged::SeriesFlags;
use super::rank::{LONGEST, cut};
use super::{Common, Measured, Tested, measured, object, rows_as, told, write};
use crate::failure::Failure;
use crate::flags::files::{Asked, FILES, Inputs};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

const EXAMPLES: &str = "\
What the past of the source tells of the target beyond the target's own past:
  T = I(Y_t ; X_(t-u), ..., X_(t-u-l+1) | Y_(t-1), ..., Y_(t-k))
with u = --lag, k = --history and l = --source-history, both ways.

Examples:
  infoplane estimate transfer t.csv --source x --target y
  infoplane estimate transfer t.csv --source x --target y --lag 3 \\
      --history 2 --permutations 199
  infoplane estimate transfer words.csv --source a --target b \\
      --source-discrete --target-discrete --estimator plug-in";

#[derive(Debug, clap::Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{EXAMPLES}"))]
pub struct Args {
    /// Table or array: one row per time, in order
    pub table: String,
    /// Column of the source X, by name or number; several with commas
    #[arg(long, value_name = "COLUMN")]
    pub source: String,
    /// Column of the target Y
    #[arg(long, value_name = "COLUMN")]
    pub target: String,
    /// Rows from the source to the target, u
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = crate::flags::whole_from(1usize, 1_000_000_000))]
    pub lag: usize,
    /// Rows of the target's own past, k
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = crate::flags::whole_from(1usize, 1000))]
    pub history: usize,
    /// Rows of the source's past, l
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = crate::flags::whole_from(1usize, 1000))]
    pub source_history: usize,
    /// Treat the source as discrete symbols (text is allowed)
    #[arg(long)]
    pub source_discrete: bool,
    /// Treat the target as discrete symbols (text is allowed)
    #[arg(long)]
    pub target_discrete: bool,
    #[command(flatten)]
    pub series: SeriesFlags,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates the transfer entropy between two columns, both ways.
pub fn transfer(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let manner = arguments.series.manner()?;
    let history = History { lag: arguments.lag, target: arguments.history, source: arguments.source_history };
    for (flag, column) in [("--source", &arguments.source), ("--target", &arguments.target)] {
        if column.chars().all(|letter| letter == ',' || letter.is_whitespace()) {
            let failure = Failure::input(format!("{flag}: the name of the column is empty"));
            return Err(
                failure.with_advice(format!("name a column of {}, or give its number", arguments.table))
            );
        }
    }
    let names = [&arguments.source, &arguments.target].map(|column| format!("{}:{column}", arguments.table));
    let asked = [
        Asked {
            argument: &names[0],
            kind: rows_as(arguments.source_discrete),
            role: "the source",
            flag: Some("--source-discrete"),
        },
        Asked {
            argument: &names[1],
            kind: rows_as(arguments.target_discrete),
            role: "the target",
            flag: Some("--target-discrete"),
        },
    ];
    let inputs = Inputs::read_series(&asked, &arguments.common.tables, clock)?;
    let columns = [&arguments.source, &arguments.target];
    let told = |error: EstimateError| {
        let files = columns.map(|column| format!("{}:{}", arguments.table, cut(column, LONGEST)));
        short(told(&error, files.join(" and "), ""), &error, "a shorter lag or history")
    };
    let mut found = Vec::new();
    for (from, to) in [(0, 1), (1, 0)] {
        let embedding =
            Embedding::transfer(&inputs.series(from), &inputs.series(to), history).map_err(told)?;
        let embedding = embedding.for_estimator(&estimator);
        let (x, y, z) = embedding.variables();
        let variables: Vec<Variable<'_>> =
            [x.view(), y.view()].into_iter().chain(z.as_ref().map(Variable::view)).collect();
        arguments.common.check_memory(&estimator, &variables, 1)?;
        clock.begin("estimating", 0);
        let measured = measured(&estimator, [x, y], z, &manner, (&arguments.common, clock))?;
        found.push(Direction {
            from,
            to,
            n_dropped: embedding.dropped(),
            n: embedding.times().len(),
            measured,
        });
    }
    clock.clear();
    // One way may have no answer, as where the target is a function of the source.
    if let [Err(error), Err(_)] = [&found[0].measured, &found[1].measured] {
        return Err(told(error.clone()));
    }
    if arguments.common.json {
        let way = |direction: &Direction| direction.json(&estimator, columns);
        let object = json!({
            "lag": history.lag,
            "history": history.target,
            "source_history": history.source,
            "source_to_target": way(&found[0]),
            "target_to_source": way(&found[1]),
            "read": inputs.json(),
        });
        print_json("estimate transfer", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    let rows = |n: usize| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
    let told = format!(
        "transfer entropy at lag {}, given {} of the target's past, from {} of the source's",
        history.lag,
        rows(history.target),
        rows(history.source)
    );
    writeln!(out, "{}", fitted(&told, width()))?;
    for direction in &found {
        let [from, to] = [direction.from, direction.to].map(|at| cut(columns[at], LONGEST));
        let name = format!("{from} to {to}");
        match &direction.measured {
            Ok((estimate, test)) => {
                let tested = test.clone().map(|test| Tested {
                    scheme: manner.scheme,
                    of: "no transfer",
                    given: Some("the target's past"),
                    moved: "the source's past",
                    test,
                });
                let mut lines = Vec::new();
                write(&mut lines, &name, &estimator, estimate, tested.as_ref())?;
                write!(out, "{}", fitted(&String::from_utf8_lossy(&lines), width()))?;
            }
            Err(error) => writeln!(out, "{}", fitted(&format!("{name}: no value; {error}"), width()))?,
        }
        if direction.n_dropped > 0 {
            writeln!(out, "{}", fitted(&format!("  {}", left_out(direction.n_dropped)), width()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error with what can be done about a series that is too short: more rows, or `less`.
pub fn short(failure: Failure, error: &EstimateError, less: &str) -> Failure {
    match error {
        EstimateError::TooFewSamples { estimator: "a series", needed, .. } => {
            failure.with_advice(format!("give {needed} rows or more, or {less}"))
        }
        _ => failure,
    }
}

/// That so many times are not measured.
pub fn left_out(times: usize) -> String {
    match times {
        1 => "1 time is left out, as a row that it needs is missing".into(),
        n => format!("{n} times are left out, as a row that they need is missing"),
    }
}

/// The transfer from one series to the other.
struct Direction {
    from: usize,
    to: usize,
    n: usize,
    n_dropped: usize,
    measured: Measured,
}

impl Direction {
    fn json(&self, estimator: &AnyEstimator, columns: [&String; 2]) -> Value {
        let mut object = match &self.measured {
            Ok((estimate, test)) => Value::Object(object(estimator, estimate, test.as_ref())),
            Err(error) => json!({"nats": null, "bits": null, "reason": error.to_string()}),
        };
        object["source"] = json!(columns[self.from]);
        object["target"] = json!(columns[self.to]);
        object["n"] = json!(self.n);
        object["times_left_out"] = json!(self.n_dropped);
        object
    }
}
