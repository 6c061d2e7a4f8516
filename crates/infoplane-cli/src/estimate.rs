//! `infoplane estimate`.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::dataset::read::{Array, read_array, read_labels};
use infoplane::estimator::{
    BinRange, BinRule, BinnedConfig, Correction, EstimatorConfig, KdeConfig, LayerRange, Method, RangeScope,
    Reading,
};
use infoplane::{EstimateError, Information, Labels, Variable};
use serde_json::{Map, Value, json};

use crate::arguments::{EstimatorName, Layer, Rule};
use crate::failure::Failure;

/// Estimates I(X;T) and I(T;Y) of a file of activations.
pub fn layer(arguments: &Layer) -> Result<ExitCode, Failure> {
    let config = config(arguments)?;
    let matrix = matrix(&arguments.activations)?;
    let t = matrix.variable();
    let (file, key) = file_and_key(&arguments.labels);
    let y = read_labels(&file, key.as_deref()).map_err(Failure::input)?;
    let x = match &arguments.inputs {
        None => Labels::distinct(t.n_samples()),
        Some(inputs) => match matrix_labels(inputs)? {
            x if x.len() == t.n_samples() => x,
            x => {
                return Err(Failure::input(format!(
                    "{inputs} holds {} inputs, but {} holds {} samples",
                    x.len(),
                    arguments.activations,
                    t.n_samples()
                )));
            }
        },
    };
    let mut range = LayerRange::default();
    if config.needs_observed_range() {
        range.observe(t, usize::MAX);
    }
    let told = |error: EstimateError| match error {
        EstimateError::Setting { .. } => Failure::input(error),
        EstimateError::LengthMismatch { .. } => Failure::input(format!("{}: {error}", arguments.labels)),
        _ => Failure::input(format!("{}: {error}", arguments.activations)),
    };
    let estimator = config.estimator(&range).map_err(told)?;
    let readings = estimator.layer(t.view(), &[&x, &y]).map_err(told)?;
    for estimate in readings.iter().flat_map(|reading| &reading.estimates) {
        estimate.as_ref().map_err(|error| told(error.clone()))?;
    }
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", as_json(estimator.name(), &readings, t, &x, &y))?;
    } else {
        writeln!(out, "{} on {} samples of width {}", estimator.name(), t.n_samples(), t.width())?;
        writeln!(out, "H(X) = {:.6}, H(Y) = {:.6}", x.entropy(), y.entropy())?;
        for reading in &readings {
            let bound = reading.bound.map(|bound| format!(", {} bound", bound.name())).unwrap_or_default();
            let [i_xt, i_ty] = [value(reading, 0), value(reading, 1)];
            writeln!(out, "{}{bound}: I(X;T) = {i_xt:.6}, I(T;Y) = {i_ty:.6}", reading.setting)?;
            if reading.out_of_range > 0 {
                let values = t.n_samples() * t.width();
                writeln!(out, "  {} of {values} values lie outside the bins", reading.out_of_range)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The information with a labelling; that there is one has been checked.
fn value(reading: &Reading, labelling: usize) -> Information {
    reading.estimates[labelling].as_ref().map_or(Information::ZERO, |estimate| estimate.information)
}

/// The two informations, by bound where the method has bounds.
fn as_json(name: &str, readings: &[Reading], t: Variable<'_>, x: &Labels, y: &Labels) -> Value {
    let units = |information: Information| json!({"nats": information.nats(), "bits": information.bits()});
    let of = |labelling: usize| -> Value {
        let by_bound: Map<String, Value> = readings
            .iter()
            .filter_map(|reading| Some((reading.bound?.name().to_string(), units(value(reading, labelling)))))
            .collect();
        match by_bound.is_empty() {
            true => units(value(&readings[0], labelling)),
            false => Value::Object(by_bound),
        }
    };
    json!({
        "estimator": name,
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

/// The estimator that the flags describe; flags that do not belong to it are refused.
fn config(arguments: &Layer) -> Result<EstimatorConfig, Failure> {
    let superfluous = |flag: &str, given: bool, estimator: &str| match given {
        true => Err(Failure::input(format!("{flag} is not for --estimator {estimator}"))),
        false => Ok(()),
    };
    let config = match arguments.estimator {
        EstimatorName::Kde => {
            superfluous("--rule", arguments.rule.is_some(), "kde")?;
            superfluous("--bins", arguments.bins.is_some(), "kde")?;
            superfluous("--bin-width", arguments.bin_width.is_some(), "kde")?;
            superfluous("--range", arguments.range.is_some(), "kde")?;
            let variance = arguments.noise_variance.ok_or_else(|| {
                Failure::input(
                    "--estimator kde needs --noise-variance, a choice that decides the result: the published \
                     figures use 0.001 (12-bit task) and 0.1 (MNIST)",
                )
            })?;
            EstimatorConfig::Kde(KdeConfig { noise_variances: vec![variance] })
        }
        EstimatorName::Binned => {
            superfluous("--noise-variance", arguments.noise_variance.is_some(), "binned")?;
            let rule = match arguments.rule {
                Some(Rule::Edges) => BinRule::Edges,
                Some(Rule::Equal) => BinRule::Equal,
                Some(Rule::Floor) => BinRule::Floor,
                Some(Rule::Quantile) => BinRule::Quantile,
                Some(Rule::Exact) => BinRule::Exact,
                None => {
                    return Err(Failure::input(
                        "--estimator binned needs --rule edges, equal, floor, quantile or exact",
                    ));
                }
            };
            // A negative number of bins is as wrong as none; `check` tells what is allowed.
            let bins = arguments.bins.map(|bins| usize::try_from(bins).unwrap_or(0));
            let range = arguments.range.as_deref().map(range).transpose()?;
            EstimatorConfig::Binned(BinnedConfig {
                rule,
                bins,
                bin_width: arguments.bin_width,
                range,
                correction: Correction::PlugIn,
            })
        }
    };
    config.check().map_err(Failure::input)?;
    Ok(config)
}

fn range(given: &str) -> Result<BinRange, Failure> {
    match given {
        "layer" => return Ok(BinRange::Scope(RangeScope::Layer)),
        "unit" => return Ok(BinRange::Scope(RangeScope::Unit)),
        _ => {}
    }
    given
        .split_once(',')
        .and_then(|(low, high)| Some([low.trim().parse().ok()?, high.trim().parse().ok()?]))
        .map(BinRange::Fixed)
        .ok_or_else(|| {
            Failure::input(format!("--range {given}; allowed are LOW,HIGH (as in -1,1), `layer` or `unit`"))
        })
}

fn matrix(argument: &str) -> Result<Array, Failure> {
    let (file, key) = file_and_key(argument);
    read_array(&file, key.as_deref()).map_err(Failure::input)
}

/// Which rows of a file are equal.
fn matrix_labels(argument: &str) -> Result<Labels, Failure> {
    Ok(match matrix(argument)? {
        Array::Single(rows) => Labels::from_rows(rows.view()),
        Array::Double(rows) => {
            let bits: Vec<Vec<u64>> = rows
                .rows()
                .into_iter()
                .map(|row| row.iter().map(|v| (v + 0.0).to_bits()).collect())
                .collect();
            Labels::from_symbols(&bits)
        }
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
