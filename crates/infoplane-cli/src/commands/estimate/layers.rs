//! `infoplane estimate layers`.

use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::layers::{LayerPairs, LayerRank, LayerSimilarity, effective_rank, linear_cka};
use infoplane::estimator::{Bound, Measure, OwnedVariable};
use infoplane::{EstimateError, Estimator, Variable};
use serde_json::{Value, json};

use super::{Common, told, unsigned};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, Inputs};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

/// Columns of a matrix that stand side by side.
const ACROSS: usize = 7;

/// So many characters of a name are shown.
const NAME: usize = 30;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Of all pairs of layers: the information that they share, I(Ti;Tj), and how alike they are by linear centred kernel \
alignment (CKA), as published and by its unbiased form. Of each layer: the effective rank and the participation ratio.

By cells (--estimator binned, plug-in, or another of counts) the diagonal is H(Ti), and the values with the rows of one \
layer in another order stand beside all: these are chance, and as large where most samples are alone in their cell. With \
noise (--estimator noise or kde) it is independent from layer to layer.

Each file holds a layer, a row for each of the same samples; files are those of `infoplane estimate layer`.

Examples:
  infoplane estimate layers T1.npy T2.npy T3.npy --estimator binned \\
      --rule floor --bin-width 0.5
  infoplane estimate layers acts.npz:T1 acts.npz:T2 --inputs x.npy \\
      --estimator plug-in
  infoplane estimate layers acts.npz:T1 acts.npz:T2 --estimator noise \\
      --noise-variance 0.01 --json")]
pub struct Args {
    /// Activations of each layer: one row per sample, one column per unit
    #[arg(required = true)]
    pub activations: Vec<String>,
    /// Inputs, X, to be compared as the first layer
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

/// What was found of the layers.
struct Found {
    names: Vec<String>,
    widths: Vec<usize>,
    n_samples: usize,
    readings: Vec<LayerPairs>,
    similarities: Vec<LayerSimilarity>,
    ranks: Vec<Result<LayerRank, EstimateError>>,
}

/// Compares the layers of files of activations.
pub fn layers(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config()?;
    let names: Vec<String> = arguments.inputs.iter().chain(&arguments.activations).cloned().collect();
    let asked: Vec<Asked<'_>> = names
        .iter()
        .map(|name| Asked { argument: name, kind: As::Numbers, role: "a layer", flag: None })
        .collect();
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.same_length(&asked)?;
    inputs.several_samples(&asked)?;
    let layers = inputs.variables();
    arguments.common.check_memory(&estimator, &layers, 1)?;
    clock.begin("estimating", 0);
    let files = || names.join(", ");
    // Inputs are symbols where the estimator has cells: bins are those of layers.
    let measured =
        |variable: &Variable<'_>, is_inputs: bool| match is_inputs && estimator.cell_correction().is_some() {
            true => OwnedVariable::Labels(variable.symbols()),
            false => variable.to_owned(),
        };
    let first = arguments.inputs.as_ref().map(|_| measured(&layers[0], true));
    let mut variables: Vec<Variable<'_>> = layers.iter().map(Variable::view).collect();
    if let Some(first) = &first {
        variables[0] = first.variable();
    }
    let readings = estimator.layer_pairs(&variables).map_err(|error| told(&error, files(), ""))?;
    let similarities = linear_cka(&layers).map_err(|error| told(&error, files(), ""))?;
    let ranks = layers.iter().map(|layer| effective_rank(layer.view())).collect();
    clock.clear();
    let found = Found {
        widths: layers.iter().map(Variable::width).collect(),
        n_samples: layers[0].n_samples(),
        names,
        readings,
        similarities,
        ranks,
    };
    if arguments.common.json {
        let mut object = found.json();
        object["estimator"] = json!(estimator.name());
        object["read"] = inputs.json();
        print_json("estimate layers", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    found.print(estimator.name())?;
    Ok(ExitCode::SUCCESS)
}

impl Found {
    fn print(&self, estimator: &str) -> std::io::Result<()> {
        let mut out = Screen::lock();
        let n_layers = self.names.len();
        let word = if n_layers == 1 { "layer" } else { "layers" };
        writeln!(out, "{n_layers} {word} of {} samples", self.n_samples)?;
        writeln!(out)?;
        let shown: Vec<String> =
            (1..).zip(&self.names).map(|(number, name)| format!("{number} {}", short(name))).collect();
        let widest = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        let cells = self.readings.first().and_then(|reading| reading.cells.as_ref());
        let of_cells = if cells.is_some() { "   cells    alone" } else { "" };
        writeln!(out, "{:<widest$}  columns{of_cells}  eff. rank  particip.", "layer")?;
        for (place, name) in shown.iter().enumerate() {
            write!(out, "{name:<widest$}  {:>7}", self.widths[place])?;
            if let Some(cells) = cells.map(|cells| cells[place]) {
                write!(out, "  {:>6}  {:>7}", cells.n_cells, cells.alone)?;
            }
            match &self.ranks[place] {
                Ok(rank) => {
                    writeln!(out, "  {:>9.3}  {:>9.3}", rank.effective_rank, rank.participation_ratio)?;
                }
                Err(_) => writeln!(out, "  {:>9}  {:>9}", "none", "none")?,
            }
        }
        let mut reasons: Vec<String> =
            self.ranks.iter().filter_map(|rank| rank.as_ref().err()).map(ToString::to_string).collect();
        for reading in &self.readings {
            let bound = match reading.bound {
                Some(Bound::Upper) => ", at most",
                Some(Bound::Lower) => ", at least",
                None => "",
            };
            let setting =
                if reading.setting.is_empty() { String::new() } else { format!(", {}", reading.setting) };
            let title = format!("I(Ti;Tj) in bits{bound}, by {estimator}{setting}");
            let value = |pair: usize| {
                reading.pairs[pair].estimate.as_ref().ok().map(|found| found.information.bits())
            };
            matrix(&mut out, &title, n_layers, value)?;
            let errors = reading.pairs.iter().filter_map(|pair| pair.estimate.as_ref().ok()?.standard_error);
            if let Some(most) = errors.map(|error| error.bits()).max_by(f64::total_cmp) {
                writeln!(out, "standard errors are at most {most:.4}")?;
            }
            if reading.cells.is_some() {
                let title = "the same with the rows of one layer in another order, which is chance";
                matrix(&mut out, title, n_layers, |pair| {
                    reading.pairs[pair].shuffled.map(|found| found.bits())
                })?;
            }
            reasons.extend(
                reading.pairs.iter().filter_map(|pair| pair.estimate.as_ref().err()).map(ToString::to_string),
            );
        }
        let similar = &self.similarities;
        matrix(&mut out, "linear CKA", n_layers, |pair| similar[pair].biased.clone().ok())?;
        matrix(&mut out, "linear CKA, unbiased", n_layers, |pair| similar[pair].unbiased.clone().ok())?;
        let missing =
            similar.iter().flat_map(|pair| [pair.biased.as_ref().err(), pair.unbiased.as_ref().err()]);
        reasons.extend(missing.flatten().map(ToString::to_string));
        let mut said: Vec<&String> = Vec::new();
        for reason in &reasons {
            if !said.contains(&reason) {
                writeln!(out)?;
                writeln!(out, "{}", fitted(&format!("none: {reason}"), width()))?;
                said.push(reason);
            }
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let layer = |(place, name): (usize, &String)| {
            let cells =
                self.readings.first().and_then(|reading| reading.cells.as_ref()).map(|cells| cells[place]);
            let rank = &self.ranks[place];
            json!({
                "layer": name,
                "columns": self.widths[place],
                "cells": cells.map(|cells| cells.n_cells),
                "alone": cells.map(|cells| cells.alone),
                "out_of_range": cells.map(|cells| cells.out_of_range),
                "effective_rank": rank.as_ref().ok().map(|rank| rank.effective_rank),
                "participation_ratio": rank.as_ref().ok().map(|rank| rank.participation_ratio),
                "rank_missing": rank.as_ref().err().map(ToString::to_string),
            })
        };
        let pair = |pair: &infoplane::estimator::layers::PairInformation| {
            let found = pair.estimate.as_ref();
            let value = found.ok();
            json!({
                "first": pair.first,
                "second": pair.second,
                "i_nats": value.map(|found| found.information.nats()),
                "i_bits": value.map(|found| found.information.bits()),
                "standard_error_bits": value.and_then(|found| found.standard_error).map(|error| error.bits()),
                "shuffled_bits": pair.shuffled.map(|found| found.bits()),
                "kind": value.map(|found| found.kind.to_string()),
                "warnings": value.map_or(vec![], |found| found.warnings.iter().map(ToString::to_string).collect()),
                "missing": found.err().map(ToString::to_string),
            })
        };
        let reading = |reading: &LayerPairs| {
            json!({
                "setting": reading.setting,
                "bound": reading.bound.map(|bound| bound.name()),
                "pairs": reading.pairs.iter().map(pair).collect::<Vec<_>>(),
            })
        };
        let similarity = |pair: &LayerSimilarity| {
            json!({
                "first": pair.first,
                "second": pair.second,
                "biased": pair.biased.as_ref().ok(),
                "unbiased": pair.unbiased.as_ref().ok(),
                "missing": pair.biased.as_ref().err().or(pair.unbiased.as_ref().err()).map(ToString::to_string),
            })
        };
        json!({
            "n": self.n_samples,
            "layers": self.names.iter().enumerate().map(layer).collect::<Vec<_>>(),
            "information": self.readings.iter().map(reading).collect::<Vec<_>>(),
            "linear_cka": self.similarities.iter().map(similarity).collect::<Vec<_>>(),
        })
    }
}

/// The end of a name tells files apart.
fn short(name: &str) -> String {
    let length = name.chars().count();
    match length > NAME {
        true => format!("…{}", name.chars().skip(length + 1 - NAME).collect::<String>()),
        false => name.to_owned(),
    }
}

/// The upper triangle of a matrix, given by the places of the pairs in order.
fn matrix(
    out: &mut impl Write,
    title: &str,
    n_layers: usize,
    value: impl Fn(usize) -> Option<f64>,
) -> std::io::Result<()> {
    writeln!(out)?;
    writeln!(out, "{}", fitted(title, width()))?;
    for first in (0..n_layers).step_by(ACROSS) {
        let last = (first + ACROSS).min(n_layers);
        write!(out, "    ")?;
        (first..last).try_for_each(|column| write!(out, "  {:>8}", column + 1))?;
        writeln!(out)?;
        for row in 0..last {
            write!(out, "{:>4}", row + 1)?;
            for column in first..last {
                if column < row {
                    write!(out, "  {:>8}", "")?;
                    continue;
                }
                match value(row * (2 * n_layers + 1 - row) / 2 + column - row) {
                    Some(value) => write!(out, "  {:>8.4}", unsigned(value, 1e-4))?,
                    None => write!(out, "  {:>8}", "none")?,
                }
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
