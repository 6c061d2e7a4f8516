//! `infoplane estimate layer`.

use clap::ArgGroup;
use infoplane::estimator::Measure;
use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::{Bound, EstimateKind, LayerEstimate};
use infoplane::{Estimate, EstimateError, Estimator, Information, Labels, Variable};
use serde_json::{Map, Value, json};

use super::{Common, FINITE, by, details, told};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, Inputs, same_file};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("y").required(true).args(["labels", "target"]))]
#[command(after_help = "\
Files: tables (.csv, .tsv, .txt), .npy, .npz, .mat, .safetensors, .h5, IDX; - is standard input. An array of \
several, or columns of a table, follow a colon: acts.npz:T3, table.csv:u1,u2. A table that holds the label too \
leaves it out of the units. X is the index of the row, so H(X) = log2 N, unless --inputs shows which rows have equal \
inputs.

Of a regression network, --target takes Y as numbers: I(T;Y) is then that of `infoplane estimate pair T Y`, by an estimator that \
measures numbers against numbers. There is no H(Y), and no shuffled label beside it.

Examples:
  infoplane estimate layer T.npy --labels y.npy --estimator kde \\
      --noise-variance 0.001
  infoplane estimate layer acts.npz:T3 --labels acts.npz:y \\
      --estimator binned --bins 30 --range -1,1 --rule edges
  infoplane estimate layer T.npy --labels y.npy --estimator binned \\
      --rule floor --bin-width 0.07 --json
  infoplane estimate layer T.npy --labels y.npy --noise-variance 0.001
  infoplane estimate layer T.npy --target y.npy --estimator ksg")]
pub struct Args {
    /// Activations: one row per sample, one column per unit
    pub activations: String,
    /// Class of each sample, Y
    #[arg(long, value_name = "FILE")]
    pub labels: Option<String>,
    /// Target of each sample, Y, as numbers: one column or several
    #[arg(long, value_name = "FILE")]
    pub target: Option<String>,
    /// Inputs, X, if some repeat: equal rows count as one input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates I(X;T) and I(T;Y) of a file of activations.
pub fn layer(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let (y_file, y_kind, role) = match (&arguments.labels, &arguments.target) {
        (Some(labels), _) => (labels, As::Labels, "the label"),
        (None, Some(target)) => (target, As::Numbers, "the target"),
        (None, None) => return Err(Failure::input("--labels or --target must name a file")),
    };
    let mut asked = vec![
        Asked { argument: &arguments.activations, kind: As::Numbers, role: "T", flag: None },
        Asked { argument: y_file, kind: y_kind, role, flag: None },
    ];
    asked.extend(arguments.inputs.as_ref().map(|inputs| Asked {
        argument: inputs,
        kind: As::Symbols,
        role: "X",
        flag: None,
    }));
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.several_samples(&asked)?;
    let y_is_a_unit = || inputs.fields(0).iter().any(|field| inputs.fields(1).contains(field));
    if same_file(&asked[0], &asked[1]) && y_is_a_unit() {
        return Err(Failure::input(format!(
            "{} names {role}, {y_file}, among the units",
            arguments.activations
        ))
        .with_advice(format!(
            "name other columns, or none: {role} is left out of a table that is read whole"
        )));
    }
    let (t, y) = (inputs.variable(0), inputs.variable(1));
    if y_kind == As::Numbers {
        inputs.same_length(&asked[..2])?;
    }
    let distinct;
    let x = match arguments.inputs.as_ref().map(|_| inputs.variable(2)) {
        Some(Variable::Labels(x)) if x.len() != t.n_samples() => {
            return Err(Failure::input(format!(
                "{} holds {} inputs, but {} holds {} samples",
                asked[2].argument,
                x.len(),
                arguments.activations,
                t.n_samples()
            )));
        }
        Some(Variable::Labels(x)) => x,
        _ => {
            distinct = Labels::distinct(t.n_samples());
            &distinct
        }
    };
    let measured = match y {
        Variable::Labels(_) => vec![t.view()],
        _ => vec![t.view(), y.view()],
    };
    arguments.common.check_memory(&estimator, &measured, 1)?;
    clock.begin("estimating", 0);
    let told = |error: EstimateError| {
        match error {
        EstimateError::LengthMismatch { .. } => Failure::input(format!("{y_file}: {error}")),
        EstimateError::NeedsClasses { .. } => Failure::input(&error).with_advice(
            "--estimator auto without a noise variance and bins chooses one for numbers; --labels takes classes, such as bins \
             of the target",
        ),
        _ => told(&error, arguments.activations.clone(), FINITE),
    }
    };
    let readings = match y {
        Variable::Labels(y) => estimator.layer_with_shuffled(t.view(), &[x, y], &y.shuffled()),
        _ => estimator.layer_with_target(t.view(), x, y.view()),
    }
    .map_err(told)?;
    // One of the two is worth telling; that neither can be had is a failure. With a target most methods have no I(X;T), whatever
    // the data: the reason is that of I(T;Y).
    if let Some(error) = readings.iter().find_map(|reading| match &reading.estimates[..] {
        [Err(of_x), Err(of_y)] => Some(if y_kind == As::Numbers { of_y } else { of_x }.clone()),
        _ => None,
    }) {
        return Err(told(error));
    }
    clock.clear();
    let mut out = Screen::lock();
    if arguments.common.json {
        let mut object = layer_json(&estimator, &readings, t, x, &y);
        object["read"] = inputs.json();
        print_json("estimate layer", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} on {} samples of width {}", estimator.name(), t.n_samples(), t.width())?;
    match y {
        Variable::Labels(y) => writeln!(out, "H(X) = {:.6}, H(Y) = {:.6}", x.entropy(), y.entropy())?,
        _ => {
            let columns = if y.width() == 1 { "column" } else { "columns" };
            writeln!(out, "H(X) = {:.6}; Y is a target of {} {columns}", x.entropy(), y.width())?;
        }
    }
    for reading in &readings {
        let bound = reading.bound.map(|bound| format!(", {} bound", bound.name())).unwrap_or_default();
        let shown = |estimate: &Result<Estimate, EstimateError>| match estimate {
            Ok(estimate) => {
                let limit = match estimate.kind {
                    EstimateKind::Bound(Bound::Lower) => "at least ",
                    EstimateKind::Bound(Bound::Upper) => "at most ",
                    _ => "",
                };
                match estimate.standard_error {
                    Some(error) => {
                        format!("{limit}{:.6} ± {:.6} bits", estimate.information.bits(), error.bits())
                    }
                    None => format!("{limit}{:.6}", estimate.information),
                }
            }
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
        for line in bias(reading, t.n_samples(), &y) {
            writeln!(out, "{}", fitted(&format!("  {line}"), width()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How many samples are alone in their cell, and what I(T;Y) is worth beside that of shuffled labels.
fn bias(reading: &LayerEstimate, n_samples: usize, y: &Variable<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(alone) = reading.alone {
        let percent = 100.0 * alone as f64 / n_samples as f64;
        lines.push(format!("{alone} of {n_samples} samples ({percent:.1} %) are alone in their cell"));
    }
    if let (Some(shuffled), Ok(i_ty)) = (reading.shuffled, &reading.estimates[1]) {
        let above = i_ty.information - shuffled;
        let (difference, word) =
            if above.nats() < 0.0 { (shuffled - i_ty.information, "less") } else { (above, "more") };
        let mut line = format!(
            "I(T;Y) with shuffled labels: {shuffled:.6}; of the labels as they are {difference:.6} {word}"
        );
        if is_all_bias(reading, y) {
            line += &format!(
                ". That is {:.0} % of H(Y) or more for any labels: I(T;Y) tells nothing of the layer",
                100.0 * LayerEstimate::ALL_BIAS
            );
        }
        lines.push(line);
    }
    lines
}

/// Whether shuffled labels have nearly all of H(Y); a target of numbers has no H(Y).
fn is_all_bias(reading: &LayerEstimate, y: &Variable<'_>) -> bool {
    matches!(y, Variable::Labels(y) if reading.is_all_bias(y))
}

/// The two informations, by bound where the method has bounds.
fn layer_json(
    estimator: &dyn Estimator,
    readings: &[LayerEstimate],
    t: Variable<'_>,
    x: &Labels,
    y: &Variable<'_>,
) -> Value {
    let units = |information: Information| json!({"nats": information.nats(), "bits": information.bits()});
    let value = |reading: &LayerEstimate, labelling: usize| match &reading.estimates[labelling] {
        Ok(estimate) => {
            let (name, setting, reason) = by(estimator, estimate);
            let mut object = details(estimate);
            object.insert("estimator".into(), json!(name));
            object.insert("setting".into(), json!(setting));
            object.insert("reason".into(), json!(reason));
            if let Some(shuffled) = reading.shuffled.filter(|_| labelling == 1) {
                object.insert("shuffled".into(), units(shuffled));
                object.insert("above_shuffled".into(), units(estimate.information - shuffled));
                object.insert("all_bias".into(), json!(is_all_bias(reading, y)));
            }
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
    let (h_y, target_width) = match y {
        Variable::Labels(y) => (Some(y.entropy()), None),
        _ => (None, Some(y.width())),
    };
    json!({
        "estimator": estimator.name(),
        "setting": readings[0].setting,
        "n_samples": t.n_samples(),
        "width": t.width(),
        "h_x": units(x.entropy()),
        "h_y": h_y.map(units),
        "target_width": target_width,
        "i_xt": of(0),
        "i_ty": of(1),
        "out_of_range": readings[0].out_of_range,
        "alone": readings[0].alone,
    })
}
