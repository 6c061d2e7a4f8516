//! `infoplane estimate lagged`.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use infoplane::estimator::series::Embedding;
use infoplane::estimator::steps;
use infoplane::estimator::{BlockLength, Bound, EstimateKind};
use infoplane::{Estimate, EstimateError};
use serde_json::json;

use super::pair::{ErrorFlags, Scheme, block_length};
use super::transfer::{left_out, short};
use super::{Common, FINITE, Manner, Measured, by, doubt, in_words, measured, object, sides, told, unsigned};
use crate::failure::Failure;
use crate::flags::files::{FILES, Inputs};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

const EXAMPLES: &str = "\
At lag 3 this is the information between X and what Y is 3 rows later; a
negative lag is that of Y before X.

Examples:
  infoplane estimate lagged t.csv:x t.csv:y --lags 0..10
  infoplane estimate lagged t.csv:x t.csv:y --lags -5..5 --permutations 199
  infoplane estimate lagged t.csv:x t.csv:x --lags 1..20 --json";

#[derive(Debug, clap::Args)]
#[command(after_help = FILES, after_long_help = format!("{FILES}\n\n{EXAMPLES}"))]
pub struct Args {
    /// X: one row per time, in order
    pub x: String,
    /// Y: one row per time
    pub y: String,
    /// Lags: FIRST..LAST, both of them included, or several with commas
    #[arg(long, value_name = "LAGS", default_value = "0..10", allow_hyphen_values = true, value_parser = lags)]
    pub lags: Lags,
    /// Treat the rows of X as discrete symbols (text is allowed)
    #[arg(long)]
    pub x_discrete: bool,
    /// Treat the rows of Y as discrete symbols (text is allowed)
    #[arg(long)]
    pub y_discrete: bool,
    #[command(flatten)]
    pub series: SeriesFlags,
    #[command(flatten)]
    pub common: Common,
}

/// Lags in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lags(Vec<isize>);

/// So many lags are measured at most.
const MOST_LAGS: usize = 10_000;

fn lags(text: &str) -> Result<Lags, String> {
    let allowed = || {
        format!(
            "allowed are FIRST..LAST, as in 0..10 or -5..5, and whole numbers with commas, {MOST_LAGS} at most"
        )
    };
    let whole = |text: &str| text.trim().parse::<i32>().map(|lag| lag as isize).map_err(|_| allowed());
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = match part.split_once("..") {
            Some((first, last)) => (whole(first)?, whole(last.trim_start_matches('='))?),
            None => (whole(part)?, whole(part)?),
        };
        if first > last || (last - first) as usize >= MOST_LAGS {
            return Err(allowed());
        }
        found.extend(first..=last);
        if found.len() > MOST_LAGS {
            return Err(allowed());
        }
    }
    Ok(Lags(found.into_iter().collect()))
}

/// Flags of estimates of series.
#[derive(Debug, clap::Args)]
pub struct SeriesFlags {
    /// Add a p-value, from this many surrogates
    #[arg(long, display_order = 400, value_name = "N", value_parser = crate::flags::whole_from(1u32, 10_000_000))]
    pub permutations: Option<u32>,
    /// How surrogates are made: `rotated` (moved by a random lag), `blocks` (blocks of consecutive rows in another order),
    /// or `free` (any order; for transfer, among samples of similar past)
    #[arg(long, display_order = 400, value_name = "SCHEME", value_enum, default_value_t = Scheme::Rotated,
          requires = "permutations", hide_possible_values = true)]
    pub permutation_scheme: Scheme,
    /// The number of consecutive rows that stay together in the standard error and in `--permutation-scheme blocks`, or
    /// `auto` for four times the correlation length
    #[arg(long, display_order = 403, value_name = "ROWS", default_value = "auto", value_parser = block_length)]
    pub block_length: BlockLength,
    #[command(flatten)]
    pub error: ErrorFlags,
}

impl SeriesFlags {
    pub(super) fn manner(&self) -> Result<Manner, Failure> {
        Ok(Manner {
            permutations: self.permutations,
            scheme: self.permutation_scheme.with(Some(self.block_length)),
            block_length: Some(self.block_length),
            standard_error: !self.error.no_standard_error,
            one_of_several: false,
        })
    }
}

/// What was found at one lag.
struct AtLag {
    lag: isize,
    n: usize,
    n_dropped: usize,
    measured: Measured,
}

/// Estimates the information between two series at several lags.
pub fn lagged(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let manner = arguments.series.manner()?;
    let asked = sides((&arguments.x, arguments.x_discrete), (&arguments.y, arguments.y_discrete));
    let inputs = Inputs::read_series(&asked, &arguments.common.tables, clock)?;
    let told = |error: &EstimateError| {
        let files = format!("{} and {}", arguments.x, arguments.y);
        short(told(error, files, FINITE), error, "a smaller lag in --lags")
    };
    // Before anything is measured: a series may be too short for the largest lag, which needs the most rows.
    let (x, y) = (inputs.series(0), inputs.series(1));
    if let Some(&largest) = arguments.lags.0.iter().max_by_key(|lag| lag.unsigned_abs()) {
        Embedding::lagged(&x, &y, largest).map_err(|error| told(&error))?;
    }
    let embeddings = arguments.lags.0.iter().map(|&lag| {
        let embedding = Embedding::lagged(&x, &y, lag).map_err(|error| told(&error))?;
        Ok((lag, embedding.for_estimator(&estimator)))
    });
    let embeddings: Vec<(isize, Embedding)> = embeddings.collect::<Result<_, Failure>>()?;
    arguments.common.check_memory(&estimator, &inputs.variables(), 1)?;
    clock.begin("estimating", 0);
    let n_lags = embeddings.len();
    let manner = Manner { one_of_several: n_lags > 1, ..manner };
    let mut found = Vec::new();
    let start = Instant::now();
    for (lag, embedding) in &embeddings {
        let (x, y, _) = embedding.variables();
        let at_lag = || measured(&estimator, [x, y], None, &manner, (&arguments.common, clock));
        let measured = match manner.one_of_several {
            true => steps::observed(Arc::new(|_, _, _| {}), at_lag)?,
            false => at_lag()?,
        };
        if manner.one_of_several {
            clock.set(found.len() + 1, n_lags, "lags");
        }
        if found.is_empty() {
            steps::judged("lags", n_lags, 1, start.elapsed()).map_err(Failure::input)?;
        }
        found.push(AtLag { lag: *lag, n: embedding.times().len(), n_dropped: embedding.dropped(), measured });
    }
    clock.clear();
    if let Some(error) = found.iter().find_map(|at| at.measured.as_ref().err())
        && found.iter().all(|at| at.measured.is_err())
    {
        return Err(told(error));
    }
    if arguments.common.json {
        let at_lag = |at: &AtLag| {
            let mut object = match &at.measured {
                Ok((estimate, test)) => {
                    serde_json::Value::Object(object(&estimator, estimate, test.as_ref()))
                }
                Err(error) => json!({"nats": null, "bits": null, "reason": error.to_string()}),
            };
            object["lag"] = json!(at.lag);
            object["n"] = json!(at.n);
            object["times_left_out"] = json!(at.n_dropped);
            object
        };
        let all: Vec<_> = found.iter().map(at_lag).collect();
        let object = json!({
            "lags": all,
            "n_lags": found.len(),
            "p_value_all_lags": p_of_all(&found),
            "read": inputs.json(),
        });
        print_json("estimate lagged", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    table(&found, &estimator, manner.permutations.is_some())?;
    Ok(ExitCode::SUCCESS)
}

/// The p-value of any dependence at these lags: the least times their number.
fn p_of_all(found: &[AtLag]) -> Option<f64> {
    let p_values = found.iter().filter_map(|at| at.measured.as_ref().ok()?.1.as_ref());
    let least = p_values.map(|test| test.p_value).reduce(f64::min)?;
    Some((least * found.len() as f64).min(1.0))
}

/// Prints a line for each lag, and below it what holds of all or some of them.
fn table(found: &[AtLag], estimator: &dyn infoplane::Estimator, has_tests: bool) -> std::io::Result<()> {
    let mut out = Screen::lock();
    let p_title = if has_tests { "   p-value" } else { "" };
    writeln!(out, "   lag     I, nats   ± error     I, bits{p_title}")?;
    let mut said: Vec<(String, Vec<isize>)> = Vec::new();
    let mut say = |text: String, lag: isize| match said.iter_mut().find(|(said, _)| *said == text) {
        Some((_, lags)) => lags.push(lag),
        None => said.push((text, vec![lag])),
    };
    for at in found {
        match &at.measured {
            Ok((estimate, test)) => {
                let (sign, nats, bits) = shown(estimate);
                let error =
                    estimate.standard_error.map_or("-".into(), |error| format!("{:.6}", error.nats()));
                let p = test.as_ref().map(|test| format!("  {:.6}", test.p_value)).unwrap_or_default();
                writeln!(out, "{:>6}  {sign}{nats:>9.6}  {error:>8}  {sign}{bits:>9.6}{p}", at.lag)?;
                let (name, setting, _) = by(estimator, estimate);
                let setting = if setting.is_empty() { setting } else { format!(", {setting}") };
                say(format!("estimator {name}{setting}"), at.lag);
                estimate
                    .warnings
                    .iter()
                    .filter(|warning| warning.is_caveat())
                    .for_each(|w| say(in_words(w), at.lag));
                if let Some(doubt) = doubt(test.as_ref()) {
                    say(doubt, at.lag);
                }
            }
            Err(error) => {
                writeln!(out, "{:>6}  no value", at.lag)?;
                say(error.to_string(), at.lag);
            }
        }
        if at.n_dropped > 0 {
            say(left_out(at.n_dropped), at.lag);
        }
    }
    let rows = (found.iter().map(|at| at.n).min(), found.iter().map(|at| at.n).max());
    if let (Some(least), Some(most)) = rows {
        let told = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        writeln!(out, "rows: {told}")?;
    }
    for (text, lags) in &said {
        let of = match lags.len() {
            all if all == found.len() => String::new(),
            some @ 1..=8 => {
                let lags: Vec<String> = lags.iter().map(isize::to_string).collect();
                format!("lag{} {}: ", if some == 1 { "" } else { "s" }, lags.join(", "))
            }
            some => format!("{some} of the lags: "),
        };
        writeln!(out, "{}", fitted(&format!("{of}{text}"), width()))?;
    }
    if let Some(all) = p_of_all(found)
        && found.len() > 1
    {
        let told =
            format!("p-value of any dependence at these {} lags: {all:.6} at most (Bonferroni)", found.len());
        writeln!(out, "{}", fitted(&told, width()))?;
    }
    Ok(())
}

/// A sign for bounds, and the amount.
fn shown(estimate: &Estimate) -> (&'static str, f64, f64) {
    let sign = match estimate.kind {
        EstimateKind::Bound(Bound::Lower) => "≥",
        EstimateKind::Bound(Bound::Upper) => "≤",
        _ => " ",
    };
    (sign, unsigned(estimate.information.nats(), 1e-6), unsigned(estimate.information.bits(), 1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_ranges_and_lists() {
        let of = |text: &str| lags(text).map(|lags| lags.0);
        assert_eq!(of("0..3"), Ok(vec![0, 1, 2, 3]));
        assert_eq!(of("-2..1"), Ok(vec![-2, -1, 0, 1]));
        assert_eq!(of("5, 1,1..=2"), Ok(vec![1, 2, 5]));
        for text in ["", "3..1", "a", "1.5", "0..99999999", "-2147483648..2147483647", "1..", "0..10000"] {
            assert!(of(text).is_err_and(|told| told.contains("0..10")), "{text}");
        }
    }
}
