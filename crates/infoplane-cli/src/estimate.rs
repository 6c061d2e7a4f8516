//! `infoplane estimate`.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::dataset::read::{Array, read_array, read_labels, read_symbols};
use infoplane::estimator::{
    EstimatorConfig, LayerRange, Method, Options, Reading, permutation_test, with_uncertainty,
};
use infoplane::{Estimate, EstimateError, Estimator, Information, Labels, Variable};
use ndarray::Array2;
use serde_json::{Map, Value, json};

use crate::arguments::{Entropy, ErrorFlags, Layer, Pair, TotalCorrelation};
use crate::failure::Failure;
use crate::method::config;

/// A file's rows, as numbers or as symbols.
enum Rows {
    Numbers(Array),
    Symbols(Labels),
}

impl Rows {
    fn read(argument: &str, discrete: bool, flag: &str) -> Result<Rows, Failure> {
        let (file, key) = file_and_key(argument);
        if discrete {
            return read_symbols(&file, key.as_deref()).map(Rows::Symbols).map_err(Failure::input);
        }
        read_array(&file, key.as_deref()).map(Rows::Numbers).map_err(|error| {
            let text = matches!(error, infoplane::dataset::DatasetError::Field { .. });
            let failure = Failure::input(error);
            match text && !flag.is_empty() {
                true => failure.with_advice(format!("{flag} takes rows as symbols, which may be text")),
                false => failure,
            }
        })
    }

    fn variable(&self) -> Variable<'_> {
        match self {
            Rows::Numbers(array) => array.variable(),
            Rows::Symbols(labels) => Variable::Labels(labels),
        }
    }
}

/// Estimates I(X;Y) or I(X;Y|Z) of files.
pub fn pair(arguments: &Pair) -> Result<ExitCode, Failure> {
    let config = config(&arguments.common.estimator, &arguments.common.keys, &arguments.common.set)?;
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
            finish(estimate, estimator.as_ref(), &range, &x, &y, arguments).map_err(told)?
        }
    };
    print(quantity, estimator.as_ref(), &estimate, p_value, arguments.common.json)
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
fn finish(
    estimate: Estimate,
    estimator: &dyn Estimator,
    range: &LayerRange,
    x: &Rows,
    y: &Rows,
    arguments: &Pair,
) -> Result<(Estimate, Option<f64>), EstimateError> {
    let chosen = estimate.routed.as_ref().map(|routed| routed.config.estimator(range)).transpose()?;
    let by = chosen.as_deref().unwrap_or(estimator);
    let as_symbols = |index: usize| {
        estimate.routed.as_ref().is_some_and(|routed| routed.as_symbols.get(index) == Some(&true))
    };
    let x_symbols = as_symbols(0).then(|| x.variable().symbols());
    let y_symbols = as_symbols(1).then(|| y.variable().symbols());
    let x = x_symbols.as_ref().map_or(x.variable(), Variable::Labels);
    let y = y_symbols.as_ref().map_or(y.variable(), Variable::Labels);
    let p_value = match arguments.permutations {
        Some(n) => Some(permutation_test(by, x, y, n as usize, 0)?.p_value),
        None => None,
    };
    let estimate = with_standard_error(estimate, by, x, y, &arguments.error)?;
    Ok((estimate, p_value))
}

/// Adds a standard error where the method has none of its own, unless it is not wanted.
fn with_standard_error(
    mut estimate: Estimate,
    estimator: &dyn Estimator,
    x: Variable<'_>,
    y: Variable<'_>,
    flags: &ErrorFlags,
) -> Result<Estimate, EstimateError> {
    if flags.no_standard_error || estimate.standard_error.is_some() {
        return Ok(estimate);
    }
    let found = match with_uncertainty(estimator, x, y, Options::default()) {
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

/// Estimates the entropy of a file's rows.
pub fn entropy(arguments: &Entropy) -> Result<ExitCode, Failure> {
    let config = config(&arguments.common.estimator, &arguments.common.keys, &arguments.common.set)?;
    let x = Rows::read(&arguments.x, arguments.x_discrete, "--x-discrete")?;
    let told = |error: EstimateError| told(&error, arguments.x.clone());
    let estimator = config.estimator(&observed(&config, &[x.variable()])).map_err(told)?;
    let estimate = estimator.entropy(x.variable()).map_err(told)?;
    print("H(X)", estimator.as_ref(), &estimate, None, arguments.common.json)
}

/// Estimates the total correlation of a file's columns.
pub fn total_correlation(arguments: &TotalCorrelation) -> Result<ExitCode, Failure> {
    let config = config(&arguments.common.estimator, &arguments.common.keys, &arguments.common.set)?;
    let (file, key) = file_and_key(&arguments.x);
    let array = read_array(&file, key.as_deref()).map_err(Failure::input)?;
    let columns: Vec<Array2<f64>> = match &array {
        Array::Single(rows) => {
            rows.columns().into_iter().map(|c| c.mapv(f64::from).insert_axis(ndarray::Axis(1))).collect()
        }
        Array::Double(rows) => {
            rows.columns().into_iter().map(|c| c.to_owned().insert_axis(ndarray::Axis(1))).collect()
        }
    };
    if columns.len() < 2 {
        return Err(Failure::input(format!(
            "{} has one column; a total correlation needs at least two",
            arguments.x
        )));
    }
    let mut parts: Vec<Variable<'_>> = columns.iter().map(|column| Variable::Double(column.view())).collect();
    let symbols: Vec<Labels>;
    if arguments.x_discrete {
        symbols = parts.iter().map(Variable::symbols).collect();
        parts = symbols.iter().map(Variable::Labels).collect();
    }
    let told = |error: EstimateError| told(&error, arguments.x.clone());
    let estimator = config.estimator(&observed(&config, &[array.variable()])).map_err(told)?;
    let estimate = estimator.total_correlation(&parts).map_err(told)?;
    print("total correlation", estimator.as_ref(), &estimate, None, arguments.common.json)
}

/// The range of the first matrix, for bins that depend on it.
fn observed(config: &EstimatorConfig, variables: &[Variable<'_>]) -> LayerRange {
    let mut range = LayerRange::default();
    if config.needs_observed_range()
        && let Some(matrix) = variables.iter().find(|variable| !matches!(variable, Variable::Labels(_)))
    {
        range.observe(matrix.view(), usize::MAX);
    }
    range
}

fn same_length(files: &[(&String, Variable<'_>)]) -> Result<(), Failure> {
    let (first, rows) = (files[0].0, files[0].1.n_samples());
    match files.iter().find(|(_, variable)| variable.n_samples() != rows) {
        None => Ok(()),
        Some((other, variable)) => Err(Failure::input(format!(
            "{first} holds {rows} samples, but {other} holds {}; each sample needs a row in both",
            variable.n_samples()
        ))),
    }
}

/// An error with the files it is about, unless it is about the settings.
fn told(error: &EstimateError, files: String) -> Failure {
    match error {
        EstimateError::Setting { .. } => Failure::input(error),
        EstimateError::NotOffered { .. } => Failure::input(error).with_advice(
            "`infoplane estimators` says what each method estimates; `auto` takes one that does",
        ),
        EstimateError::Undetermined { .. } => Failure::input(format!("{files}: {error}")).with_advice(
            "--noise-variance V or --bin-width W make it finite; --estimator NAME takes a method anyway",
        ),
        _ => Failure::input(format!("{files}: {error}")),
    }
}

/// Prints an estimate with all that comes with it.
fn print(
    quantity: &str,
    estimator: &dyn Estimator,
    estimate: &Estimate,
    p_value: Option<f64>,
    json: bool,
) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    let (name, setting, reason) = by(estimator, estimate);
    if json {
        let mut object = details(estimate);
        object.insert("estimator".into(), json!(name));
        object.insert("setting".into(), json!(setting));
        object.insert("p_value".into(), json!(p_value));
        object.insert("reason".into(), json!(reason));
        writeln!(out, "{}", Value::Object(object))?;
        return Ok(ExitCode::SUCCESS);
    }
    let nats = estimate.information.nats();
    let error = estimate.standard_error.map(|error| format!(" ± {:.6}", error.nats())).unwrap_or_default();
    writeln!(out, "{quantity} = {nats:.6}{error} nats = {:.6} bits", estimate.information.bits())?;
    if let Some(interval) = estimate.interval {
        let (lower, upper) = (interval.lower.nats(), interval.upper.nats());
        writeln!(out, "  95 % interval  {lower:.6} to {upper:.6} nats")?;
    }
    let dims: Vec<String> = estimate.dims.iter().map(usize::to_string).collect();
    let setting = if setting.is_empty() { String::new() } else { format!(", {setting}") };
    writeln!(out, "  estimator      {name}{setting}")?;
    if let Some(reason) = reason {
        writeln!(out, "  chosen for     {reason}")?;
    }
    writeln!(out, "  kind           {}", estimate.kind)?;
    writeln!(out, "  samples        {} of {} columns", estimate.n_samples, dims.join(" + "))?;
    if let Some(ceiling) = estimate.ceiling {
        writeln!(out, "  ceiling        {:.6} nats", ceiling.nats())?;
    }
    if let Some(p_value) = p_value {
        writeln!(out, "  p-value        {p_value:.6} for independence, by permutation")?;
    }
    for warning in &estimate.warnings {
        writeln!(out, "  warning        {warning}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The method's name and setting, and why it was chosen.
fn by(estimator: &dyn Estimator, estimate: &Estimate) -> (&'static str, String, Option<String>) {
    match &estimate.routed {
        Some(routed) => (routed.estimator(), routed.setting(), Some(routed.reason.clone())),
        None => (estimator.name(), estimator.setting(), None),
    }
}

/// What comes with a number, but for the method's name.
fn details(estimate: &Estimate) -> Map<String, Value> {
    let warnings: Vec<String> = estimate.warnings.iter().map(ToString::to_string).collect();
    let value = json!({
        "nats": estimate.information.nats(),
        "bits": estimate.information.bits(),
        "standard_error_nats": estimate.standard_error.map(Information::nats),
        "interval_nats": estimate.interval.map(|i| [i.lower.nats(), i.upper.nats()]),
        "kind": estimate.kind.to_string(),
        "n": estimate.n_samples,
        "dims": estimate.dims,
        "ties": estimate.ties,
        "dropped": estimate.dropped,
        "ceiling_nats": estimate.ceiling.map(Information::nats),
        "warnings": warnings,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Estimates I(X;T) and I(T;Y) of a file of activations.
pub fn layer(arguments: &Layer) -> Result<ExitCode, Failure> {
    let config = config(&arguments.common.estimator, &arguments.common.keys, &arguments.common.set)?;
    let (file, key) = file_and_key(&arguments.activations);
    let matrix = read_array(&file, key.as_deref()).map_err(Failure::input)?;
    let t = matrix.variable();
    let (file, key) = file_and_key(&arguments.labels);
    let y = read_labels(&file, key.as_deref()).map_err(Failure::input)?;
    let x = match &arguments.inputs {
        None => Labels::distinct(t.n_samples()),
        Some(inputs) => {
            let (file, key) = file_and_key(inputs);
            match read_array(&file, key.as_deref()).map_err(Failure::input)?.variable().symbols() {
                x if x.len() == t.n_samples() => x,
                x => {
                    return Err(Failure::input(format!(
                        "{inputs} holds {} inputs, but {} holds {} samples",
                        x.len(),
                        arguments.activations,
                        t.n_samples()
                    )));
                }
            }
        }
    };
    let told = |error: EstimateError| match error {
        EstimateError::LengthMismatch { .. } => Failure::input(format!("{}: {error}", arguments.labels)),
        _ => told(&error, arguments.activations.clone()),
    };
    let estimator = config.estimator(&observed(&config, &[t])).map_err(told)?;
    let readings = estimator.layer(t.view(), &[&x, &y]).map_err(told)?;
    // One of the two is worth telling; that neither can be had is a failure.
    if let Some(error) = readings.iter().find_map(|reading| match &reading.estimates[..] {
        [Err(error), others @ ..] if others.iter().all(Result::is_err) => Some(error.clone()),
        _ => None,
    }) {
        return Err(told(error));
    }
    let mut out = stdout().lock();
    if arguments.common.json {
        writeln!(out, "{}", layer_json(estimator.as_ref(), &readings, t, &x, &y))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} on {} samples of width {}", estimator.name(), t.n_samples(), t.width())?;
    writeln!(out, "H(X) = {:.6}, H(Y) = {:.6}", x.entropy(), y.entropy())?;
    for reading in &readings {
        let bound = reading.bound.map(|bound| format!(", {} bound", bound.name())).unwrap_or_default();
        let shown = |estimate: &Result<Estimate, EstimateError>| match estimate {
            Ok(estimate) => match estimate.standard_error {
                Some(error) => format!("{:.6} ± {:.6} bits", estimate.information.bits(), error.bits()),
                None => format!("{:.6}", estimate.information),
            },
            Err(_) => "none".into(),
        };
        let [i_xt, i_ty] = [shown(&reading.estimates[0]), shown(&reading.estimates[1])];
        let setting = format!("{}{bound}", reading.setting);
        let lead = if setting.is_empty() { String::new() } else { format!("{setting}: ") };
        writeln!(out, "{lead}I(X;T) = {i_xt}, I(T;Y) = {i_ty}")?;
        for (name, estimate) in ["I(X;T)", "I(T;Y)"].iter().zip(&reading.estimates) {
            match estimate {
                Err(error) => writeln!(out, "  {name}: {error}")?,
                Ok(estimate) => {
                    if estimate.routed.is_some() {
                        let (method, setting, reason) = by(estimator.as_ref(), estimate);
                        let setting = if setting.is_empty() { setting } else { format!(", {setting}") };
                        writeln!(out, "  {name} by {method}{setting}: {}", reason.unwrap_or_default())?;
                    }
                    for warning in &estimate.warnings {
                        writeln!(out, "  {name}: {warning}")?;
                    }
                }
            }
        }
        if reading.out_of_range > 0 {
            let values = t.n_samples() * t.width();
            writeln!(out, "  {} of {values} values lie outside the bins", reading.out_of_range)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The two informations, by bound where the method has bounds.
fn layer_json(
    estimator: &dyn Estimator,
    readings: &[Reading],
    t: Variable<'_>,
    x: &Labels,
    y: &Labels,
) -> Value {
    let units = |information: Information| json!({"nats": information.nats(), "bits": information.bits()});
    let value = |reading: &Reading, labelling: usize| match &reading.estimates[labelling] {
        Ok(estimate) => {
            let (name, setting, reason) = by(estimator, estimate);
            let mut object = details(estimate);
            object.insert("estimator".into(), json!(name));
            object.insert("setting".into(), json!(setting));
            object.insert("reason".into(), json!(reason));
            Value::Object(object)
        }
        Err(error) => json!({"nats": null, "bits": null, "reason": error.to_string()}),
    };
    let of = |labelling: usize| -> Value {
        let by_bound: Map<String, Value> = readings
            .iter()
            .filter_map(|reading| Some((reading.bound?.name().to_string(), value(reading, labelling))))
            .collect();
        match readings.iter().find(|reading| reading.bound.is_none()) {
            // A method with a value and bounds on it: the bounds stand beside the value.
            Some(reading) => {
                let mut found = value(reading, labelling);
                if let Value::Object(object) = &mut found {
                    object.extend(by_bound);
                }
                found
            }
            None => Value::Object(by_bound),
        }
    };
    json!({
        "estimator": estimator.name(),
        "setting": readings[0].setting,
        "n_samples": t.n_samples(),
        "width": t.width(),
        "h_x": units(x.entropy()),
        "h_y": units(y.entropy()),
        "i_xt": of(0),
        "i_ty": of(1),
        "out_of_range": readings[0].out_of_range,
    })
}

/// `acts.npz:T3` is the array T3 of acts.npz; a file that has a colon in its name is itself.
fn file_and_key(argument: &str) -> (PathBuf, Option<String>) {
    match argument.rsplit_once(':') {
        Some((file, key)) if !Path::new(argument).exists() && !key.is_empty() && !file.is_empty() => {
            (file.into(), Some(key.into()))
        }
        _ => (argument.into(), None),
    }
}
