//! `infoplane estimate layer`.

use infoplane::estimator::Measure;
use std::io::Write;
use std::process::ExitCode;

use infoplane::dataset::read::{file_and_name, read_array, read_labels};
use infoplane::estimator::LayerEstimate;
use infoplane::{Estimate, EstimateError, Estimator, Information, Labels, Variable};
use serde_json::{Map, Value, json};

use super::{Common, FINITE, by, details, told};
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files: .npy, .npz, .csv, .mat, .safetensors, .h5, IDX; one array of several is named after a colon, \
acts.npz:T3. X is the index of the row, so H(X) = log2 N, unless --inputs shows which rows have equal \
inputs.

Examples:
  infoplane estimate layer T.npy --labels y.npy --estimator kde \\
      --noise-variance 0.001
  infoplane estimate layer acts.npz:T3 --labels acts.npz:y \\
      --estimator binned --bins 30 --range -1,1 --rule edges
  infoplane estimate layer T.npy --labels y.npy --estimator binned \\
      --rule floor --bin-width 0.07 --json
  infoplane estimate layer T.npy --labels y.npy --noise-variance 0.001")]
pub struct Args {
    /// Activations: one row per sample, one column per unit
    pub activations: String,
    /// Class of each sample, Y
    #[arg(long, value_name = "FILE")]
    pub labels: String,
    /// Inputs, X, if some repeat: equal rows count as one input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates I(X;T) and I(T;Y) of a file of activations.
pub fn layer(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let (file, key) = file_and_name(&arguments.activations);
    let matrix = read_array(&file, key.as_deref()).map_err(Failure::input)?;
    let t = matrix.variable();
    let (file, key) = file_and_name(&arguments.labels);
    let y = read_labels(&file, key.as_deref()).map_err(Failure::input)?;
    let x = match &arguments.inputs {
        None => Labels::distinct(t.n_samples()),
        Some(inputs) => {
            let (file, key) = file_and_name(inputs);
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
    arguments.common.check_memory(&estimator, &[t], 1)?;
    clock.begin("estimating", 0);
    let told = |error: EstimateError| match error {
        EstimateError::LengthMismatch { .. } => Failure::input(format!("{}: {error}", arguments.labels)),
        _ => told(&error, arguments.activations.clone(), FINITE),
    };
    let readings = estimator.layer(t.view(), &[&x, &y]).map_err(told)?;
    // One of the two is worth telling; that neither can be had is a failure.
    if let Some(error) = readings.iter().find_map(|reading| match &reading.estimates[..] {
        [Err(error), others @ ..] if others.iter().all(Result::is_err) => Some(error.clone()),
        _ => None,
    }) {
        return Err(told(error));
    }
    clock.clear();
    let mut out = Screen::lock();
    if arguments.common.json {
        print_json("estimate layer", layer_json(&estimator, &readings, t, &x, &y))?;
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
        writeln!(out, "{}", fitted(&format!("{lead}I(X;T) = {i_xt}, I(T;Y) = {i_ty}"), width()))?;
        for (name, estimate) in ["I(X;T)", "I(T;Y)"].iter().zip(&reading.estimates) {
            match estimate {
                Err(error) => writeln!(out, "{}", fitted(&format!("  {name}: {error}"), width()))?,
                Ok(estimate) => {
                    if estimate.choice.is_some() {
                        let (method, setting, reason) = by(&estimator, estimate);
                        let setting = if setting.is_empty() { setting } else { format!(", {setting}") };
                        let reason = reason.unwrap_or_default();
                        let told = format!("  {name} by {method}{setting}: {reason}");
                        writeln!(out, "{}", fitted(&told, width()))?;
                    }
                    for warning in &estimate.warnings {
                        writeln!(out, "{}", fitted(&format!("  {name}: {warning}"), width()))?;
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
    readings: &[LayerEstimate],
    t: Variable<'_>,
    x: &Labels,
    y: &Labels,
) -> Value {
    let units = |information: Information| json!({"nats": information.nats(), "bits": information.bits()});
    let value = |reading: &LayerEstimate, labelling: usize| match &reading.estimates[labelling] {
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
