//! The errors of the methods on samples whose information is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::known::{Sample, Task, Values};
use crate::steps::Steps;
use crate::{
    AnyEstimator, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Labels, Measure,
    Options, Variable,
};

/// The methods, tasks and sample sizes to run.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// The tasks.
    pub tasks: Vec<&'static Task>,
    /// The methods. Where a task has noise, methods for noise take its variance whatever theirs is.
    pub methods: Vec<AnyEstimator>,
    /// Numbers of samples.
    pub n_samples: Vec<usize>,
    /// Samples per task and number.
    pub repeats: usize,
    /// Seed of the first sample; the others follow.
    pub seed: u64,
    /// The time that one estimate may take. A method is excluded where the times for an eighth and a quarter of the
    /// samples predict more.
    pub limit: Duration,
    /// Whether every estimate is made with its standard error and interval, for [`Outcome::coverage`]; it takes up to
    /// 55 estimates more, or 200, for methods without an error of their own.
    pub standard_errors: bool,
}

/// The error of one method on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// The task.
    pub task: &'static str,
    /// The method.
    pub estimator: &'static str,
    /// Samples of each estimate.
    pub n_samples: usize,
    /// The information in nats (the mean, where each sample has its own).
    pub truth: f64,
    /// The errors, or the reason why there are none.
    pub outcome: Result<Outcome, String>,
}

/// Errors and times of repeated estimates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Estimate minus true value for each sample, in nats.
    pub errors: Vec<f64>,
    /// The intervals of those estimates that have one; empty without [`Calibration::standard_errors`].
    pub intervals: Vec<Interval>,
    /// How many estimates are bounds and no values.
    pub bounds: usize,
    /// The median time of one estimate.
    pub time: Duration,
    /// The method that `auto` chose for the first sample, with its setting.
    pub chosen: Option<String>,
}

/// The interval of one estimate, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The standard error.
    pub standard_error: f64,
    /// Whether the interval contains the true value.
    pub covers: bool,
}

impl Outcome {
    /// Returns the share of the intervals that contain the true value; `None` if there are none.
    pub fn coverage(&self) -> Option<f64> {
        let covering = self.intervals.iter().filter(|interval| interval.covers).count();
        (!self.intervals.is_empty()).then(|| covering as f64 / self.intervals.len() as f64)
    }

    /// Returns the mean standard error, in nats; `None` if there are none.
    pub fn mean_standard_error(&self) -> Option<f64> {
        let sum: f64 = self.intervals.iter().map(|interval| interval.standard_error).sum();
        (!self.intervals.is_empty()).then(|| sum / self.intervals.len() as f64)
    }

    /// Returns the mean size of the errors, in nats.
    pub fn mean_absolute_error(&self) -> f64 {
        self.errors.iter().map(|error| error.abs()).sum::<f64>() / self.errors.len() as f64
    }

    /// Returns the mean error, in nats; below zero where estimates are too low.
    pub fn mean_error(&self) -> f64 {
        self.errors.iter().sum::<f64>() / self.errors.len() as f64
    }
}

/// Returns the estimators that need no choice by the user: all with default settings, and those for noise, which take
/// the variance of the task.
///
/// Binning is excluded: the information at a bin width is a different quantity.
pub fn contenders() -> Vec<AnyEstimator> {
    AnyEstimator::ALL.iter().filter_map(|info| contender(info.name)).collect()
}

/// Returns the estimator of that name as a contender; `None` if there is none, or if it needs a choice.
pub fn contender(name: &str) -> Option<AnyEstimator> {
    default_settings(name).or_else(|| with_noise(name, 1.0))
}

/// Returns the estimator of that name with default settings, if these are all that it needs.
fn default_settings(name: &str) -> Option<AnyEstimator> {
    let estimator = AnyEstimator::named(name, serde_json::json!({})).ok().flatten()?;
    estimator.check().is_ok().then_some(estimator)
}

/// Returns the estimator of that name for noise of this variance, if it takes one.
fn with_noise(name: &str, variance: f64) -> Option<AnyEstimator> {
    EstimatorInfo::named(name)?.with_noise.map(|with_noise| with_noise(variance))
}

/// Runs every method on every task, and reports progress before each, and at the end: the results so far, how many there
/// will be, and the task.
///
/// Estimates come one after the other, so that times are those of one estimate with all threads. The values do not
/// depend on the number of threads; a seed always gives the same samples. When `interrupt` is set, the results
/// so far are returned. Where the pool that this runs in can be stopped ([`interrupt`](crate::interrupt)), it stops within an estimate.
///
/// Repeats that would take longer than [`MOST_TIME`](crate::steps::MOST_TIME) are not made: the outcome says how long they would.
///
/// ```
/// use infoplane_estimators::calibrate::{calibrate, contender, Calibration};
/// use infoplane_estimators::known::Task;
/// let calibration = Calibration {
///     tasks: vec![Task::named("normal").expect("a task")],
///     methods: vec![contender("ksg").expect("a method")],
///     n_samples: vec![500],
///     repeats: 3,
///     seed: 0,
///     limit: std::time::Duration::from_secs(3600),
///     standard_errors: false,
/// };
/// let table = calibrate(&calibration, &mut |_, _, _| {}, &std::sync::atomic::AtomicBool::new(false));
/// assert!(table[0].outcome.as_ref().unwrap().mean_absolute_error() < 0.1);
/// ```
pub fn calibrate(
    calibration: &Calibration,
    told: &mut dyn FnMut(&[Accuracy], usize, &str),
    interrupt: &AtomicBool,
) -> Vec<Accuracy> {
    let of = calibration.tasks.len() * calibration.n_samples.len() * calibration.methods.len();
    let mut table = Vec::with_capacity(of);
    let mut sizes = calibration.n_samples.clone();
    sizes.sort_unstable();
    sizes.dedup();
    for task in &calibration.tasks {
        let mut too_slow: Vec<&'static str> = Vec::new();
        for &n in &sizes {
            // Drawn again for each method: to draw takes little beside estimates, and many samples are too many to keep.
            let draw = |repeat: u64| task.draw(n, calibration.seed.wrapping_add(repeat));
            let mut truth = 0.0;
            for repeat in 0..calibration.repeats as u64 {
                if interrupt.load(Ordering::Relaxed) {
                    return table;
                }
                truth += draw(repeat).information.nats();
            }
            let truth = truth / calibration.repeats.max(1) as f64;
            for method in &calibration.methods {
                if interrupt.load(Ordering::Relaxed) {
                    return table;
                }
                told(&table, of, task.name);
                let estimator = method.name();
                let slow = || format!("takes longer than {} s", calibration.limit.as_secs_f64());
                let outcome = if too_slow.contains(&estimator) || foreseen_slow(calibration, task, method, n)
                {
                    too_slow.push(estimator);
                    Err(slow())
                } else {
                    repeated(&draw, calibration, method, interrupt)
                };
                table.push(Accuracy { task: task.name, estimator, n_samples: n, truth, outcome });
            }
        }
    }
    told(&table, of, "");
    table
}

/// Returns whether the times for an eighth and a quarter of the samples, extrapolated, exceed the limit.
fn foreseen_slow(calibration: &Calibration, task: &Task, method: &AnyEstimator, n: usize) -> bool {
    let time = |n: usize| {
        let sample = task.draw(n, calibration.seed);
        let start = Instant::now();
        let _ = estimate(&sample, method, calibration.standard_errors);
        start.elapsed().as_secs_f64()
    };
    if n < 256 {
        return false;
    }
    let limit = calibration.limit.as_secs_f64();
    let eighth = time(n / 8);
    if eighth * 8.0 > limit {
        return true;
    }
    let quarter = time(n / 4);
    // Two doublings more, each at most as dear as for a cubic method; short times say little about growth.
    let growth = if quarter < 0.01 { 8.0 } else { (quarter / eighth).clamp(1.0, 8.0) };
    quarter * growth * growth > limit
}

fn repeated(
    draw: &dyn Fn(u64) -> Sample,
    calibration: &Calibration,
    method: &AnyEstimator,
    interrupt: &AtomicBool,
) -> Result<Outcome, String> {
    let with_error = calibration.standard_errors;
    let mut intervals = Vec::new();
    let mut bounds = 0;
    let (mut errors, mut times) = (Vec::new(), Vec::new());
    let mut chosen = None;
    let steps = Steps::new("repeats", calibration.repeats);
    for repeat in 0..calibration.repeats as u64 {
        if interrupt.load(Ordering::Relaxed) && !errors.is_empty() {
            break;
        }
        let sample = &draw(repeat);
        let start = Instant::now();
        let found = estimate(sample, method, with_error)?;
        times.push(start.elapsed());
        let truth = sample.information;
        errors.push(found.information.nats() - truth.nats());
        bounds += usize::from(matches!(found.kind, EstimateKind::Bound(_)));
        if let (true, Some(error), Some(interval)) = (with_error, found.standard_error, found.interval) {
            let covers = interval.lower <= truth && truth <= interval.upper;
            intervals.push(Interval { standard_error: error.nats(), covers });
        }
        if chosen.is_none() {
            chosen = found.choice.map(|choice| match choice.setting() {
                setting if setting.is_empty() => choice.name().to_string(),
                setting => format!("{}, {setting}", choice.name()),
            });
        }
        steps.step().map_err(|error| error.to_string())?;
    }
    times.sort_unstable();
    let time = times.get(times.len() / 2).copied().ok_or("no sample")?;
    Ok(Outcome { errors, intervals, bounds, time, chosen })
}

/// Returns one estimate, or why there is none.
fn estimate(sample: &Sample, method: &AnyEstimator, with_error: bool) -> Result<Estimate, String> {
    let name = method.name();
    let with_noise = method.info().with_noise;
    let estimator = match (sample.noise_variance, with_noise) {
        (Some(variance), Some(with_noise)) => with_noise(variance),
        (Some(_), None) => return Err("the noise is not in the sample".into()),
        (None, Some(_)) if default_settings(name).is_none() => return Err("needs a noise variance".into()),
        (None, _) => method.clone(),
    };
    let never_repeats =
        |side: &Values| side.variable().symbols().n_labels() > sample.x.variable().n_samples() / 2;
    if estimator.info().family == Family::Counts && (never_repeats(&sample.x) || never_repeats(&sample.y)) {
        return Err("needs rows that repeat".into());
    }
    let pair = |x: Variable<'_>, y: Variable<'_>| match with_error {
        true => estimator.pair_with_error(x, y, Options::default()),
        false => estimator.pair(x, y),
    };
    let found = pair(sample.x.variable(), sample.y.variable());
    // Numbers that repeat are symbols to methods for symbols.
    let found = match found {
        Err(EstimateError::NeedsLabels { .. }) => {
            let few = |symbols: &Labels| symbols.n_labels() <= symbols.len() / 2;
            let (x, y) = (sample.x.variable(), sample.y.variable());
            let (a, b) = (x.symbols(), y.symbols());
            match (few(&a), few(&b)) {
                (true, true) => pair(Variable::Labels(&a), Variable::Labels(&b)),
                (true, false) => pair(Variable::Labels(&a), y),
                (false, true) => pair(x, Variable::Labels(&b)),
                (false, false) => found,
            }
        }
        found => found,
    };
    found.map_err(|error| error.to_string())
}

/// Returns the table as CSV: a line per task, number of samples and method, errors in nats, times in seconds.
pub fn calibration_csv(table: &[Accuracy]) -> String {
    let mut text = String::from(
        "task,n,estimator,truth_nats,mean_absolute_error_nats,mean_error_nats,mean_standard_error_nats,coverage,\
         median_seconds,repeats,bounds,chosen,reason\n",
    );
    let or_nothing = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace('\n', " "));
    for row in table {
        let start = format!("{},{},{},{}", row.task, row.n_samples, row.estimator, row.truth);
        let rest = match &row.outcome {
            Ok(outcome) => format!(
                "{},{},{},{},{},{},{},{},",
                outcome.mean_absolute_error(),
                outcome.mean_error(),
                or_nothing(outcome.mean_standard_error()),
                or_nothing(outcome.coverage()),
                outcome.time.as_secs_f64(),
                outcome.errors.len(),
                outcome.bounds,
                quoted(outcome.chosen.as_deref().unwrap_or_default())
            ),
            Err(reason) => format!(",,,,,0,0,,{}", quoted(reason)),
        };
        text += &format!("{start},{rest}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(tasks: &[&str], methods: &[&str]) -> Calibration {
        Calibration {
            tasks: tasks.iter().map(|name| Task::named(name).unwrap()).collect(),
            methods: methods.iter().map(|name| contender(name).unwrap()).collect(),
            n_samples: vec![300],
            repeats: 2,
            seed: 1,
            // No machine is that slow: what is tested does not depend on the time it took.
            limit: Duration::MAX,
            standard_errors: false,
        }
    }

    #[test]
    fn errors_are_of_the_right_size_and_reasons_are_given() {
        let mut steps = 0;
        let calibration = small(&["normal", "classes", "layer-label"], &["auto", "ksg", "ross", "kde"]);
        let table = calibrate(&calibration, &mut |_, _, _| steps += 1, &AtomicBool::new(false));
        assert_eq!((table.len(), steps), (12, 13));
        let row = |task, estimator| {
            table.iter().find(|row| row.task == task && row.estimator == estimator).unwrap()
        };
        let ksg = row("normal", "ksg").outcome.as_ref().unwrap();
        // About 0.8/√300 = 0.05 for one estimate.
        assert!(ksg.mean_absolute_error() < 0.2 && ksg.errors.len() == 2);
        assert!(ksg.mean_error().abs() <= ksg.mean_absolute_error());
        assert!(
            row("normal", "auto").outcome.as_ref().unwrap().chosen.as_ref().unwrap().starts_with("combined")
        );
        assert!(row("normal", "ross").outcome.as_ref().unwrap_err().contains("labels"));
        assert!(row("normal", "kde").outcome.as_ref().unwrap_err().contains("noise"));
        assert!(row("classes", "ross").outcome.is_ok());
        assert!(row("layer-label", "ksg").outcome.is_err());
        assert!(row("layer-label", "auto").outcome.is_ok());
        let csv = calibration_csv(&table);
        assert_eq!(csv.lines().count(), 13);
        assert!(csv.lines().nth(1).unwrap().starts_with("normal,300,auto,0.413"));
    }

    #[test]
    fn intervals_are_counted_where_they_are_wanted() {
        let mut calibration = small(&["normal"], &["auto", "ksg", "lgde"]);
        calibration.standard_errors = true;
        let table = calibrate(&calibration, &mut |_, _, _| {}, &AtomicBool::new(false));
        for row in &table {
            let outcome = row.outcome.as_ref().unwrap();
            assert_eq!((outcome.intervals.len(), outcome.bounds), (2, 0), "{}", row.estimator);
            let errors = outcome.errors.iter().zip(&outcome.intervals);
            // Within 1.96 standard errors, and not beyond a ceiling or an entropy, which are far here.
            for (error, interval) in errors {
                assert_eq!(interval.covers, error.abs() <= 1.96 * interval.standard_error, "{row:?}");
            }
            assert!(outcome.mean_standard_error().unwrap() > 0.02 && outcome.coverage().is_some());
        }
        calibration.standard_errors = false;
        let table = calibrate(&calibration, &mut |_, _, _| {}, &AtomicBool::new(false));
        assert!(table.iter().all(|row| row.outcome.as_ref().unwrap().coverage().is_none()));
    }

    #[test]
    fn what_would_take_too_long_is_left_out_and_an_interrupt_ends_it() {
        let mut calibration = small(&["normal"], &["ksg"]);
        calibration.limit = Duration::from_nanos(1);
        let table = calibrate(&calibration, &mut |_, _, _| {}, &AtomicBool::new(false));
        assert!(table[0].outcome.as_ref().unwrap_err().contains("takes longer"));
        assert!(calibrate(&calibration, &mut |_, _, _| {}, &AtomicBool::new(true)).is_empty());
    }
}
