//! `infoplane estimate pair --normalised`.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use infoplane::estimator::{AnyEstimator, EstimateKind, Normalisation, NormalisedInformation};
use infoplane::{Estimate, EstimateError, Estimator, Variable};
use serde_json::{Map, Value, json};

use super::{Common, Tested, object, write};
use crate::failure::Failure;
use crate::flags::files::Inputs;
use crate::output::print_json;
use crate::terminal::{Screen, titled};

/// What the information is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Share {
    Joint,
    Max,
    Sum,
    Sqrt,
    Min,
    /// All that symbols have.
    All,
    /// √(1 − e^−2I).
    Linfoot,
}

/// The shares of one estimate.
pub enum Shares {
    Of(NormalisedInformation, Vec<Normalisation>),
    /// `None` where there is only a bound.
    Linfoot(Option<f64>),
}

/// Returns the shares of an estimate.
pub fn of(
    share: Share,
    estimator: &AnyEstimator,
    estimate: &Estimate,
    [x, y]: [Variable<'_>; 2],
) -> Result<Shares, EstimateError> {
    let by = match share {
        Share::Joint => vec![Normalisation::Joint],
        Share::Max => vec![Normalisation::Max],
        Share::Sum => vec![Normalisation::Sum],
        Share::Sqrt => vec![Normalisation::Sqrt],
        Share::Min => vec![Normalisation::Min],
        Share::All => Normalisation::ALL.to_vec(),
        Share::Linfoot => {
            let is_value = !matches!(estimate.kind, EstimateKind::Bound(_));
            return Ok(Shares::Linfoot(is_value.then(|| estimate.information.linfoot_correlation())));
        }
    };
    Ok(Shares::Of(NormalisedInformation::of(estimator, estimate, x, y)?, by))
}

/// Why there is no share.
const NO_ENTROPY: &str = "H = 0: a variable that never changes has no entropy to have a share of";

/// Prints an estimate with its shares.
pub fn print(
    shares: &Shares,
    estimator: &dyn Estimator,
    estimate: &Estimate,
    tested: Option<&Tested>,
    (common, inputs): (&Common, &Inputs),
) -> Result<ExitCode, Failure> {
    if common.json {
        let mut object = object(estimator, estimate, tested.map(|tested| &tested.test));
        match shares {
            Shares::Of(found, by) => {
                let value = |by: &Normalisation| (by.name().to_owned(), json!(found.value(*by)));
                let all: Map<String, Value> = by.iter().map(value).collect();
                if all.values().any(Value::is_null) {
                    object.insert("normalised_reason".into(), json!(NO_ENTROPY));
                }
                object.insert("normalised".into(), Value::Object(all));
                object.insert("h_x_nats".into(), json!(found.entropy_x.nats()));
                object.insert("h_y_nats".into(), json!(found.entropy_y.nats()));
                object.insert("h_xy_nats".into(), json!(found.joint_entropy().nats()));
            }
            Shares::Linfoot(value) => {
                object.insert("linfoot_correlation".into(), json!(value));
            }
        }
        object.insert("read".into(), inputs.json());
        print_json("estimate pair", Value::Object(object))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    match shares {
        Shares::Of(found, by) => {
            let [x, y] = [found.entropy_x, found.entropy_y].map(|entropy| entropy.nats());
            let joint = found.joint_entropy().nats();
            for by in by {
                let (name, formula) = (by.name(), by.formula());
                match found.value(*by) {
                    Some(value) => writeln!(out, "{name:<6} {formula:<18} = {value:.6}")?,
                    None => writeln!(
                        out,
                        "{}",
                        titled("", format_args!("{name:<6} {formula} is undefined, {NO_ENTROPY}"))
                    )?,
                }
            }
            writeln!(out, "H(X) = {x:.6}, H(Y) = {y:.6}, H(X,Y) = {joint:.6} nats")?;
        }
        Shares::Linfoot(Some(value)) => writeln!(out, "Linfoot's correlation √(1 − e^−2I) = {value:.6}")?,
        Shares::Linfoot(None) => {
            writeln!(
                out,
                "{}",
                titled("", "Linfoot's correlation: no value, as there is only a bound on I(X;Y)")
            )?;
        }
    }
    write(&mut out, "I(X;Y)", estimator, estimate, tested)?;
    Ok(ExitCode::SUCCESS)
}
