//! `infoplane estimate inputs`.

use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::Measure;
use infoplane::estimator::layers::{InputInformation, InputParts, PartInformation};
use infoplane::{EstimateError, Estimator};
use serde_json::{Value, json};

use super::{Common, told, unsigned};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, Inputs};
use crate::flags::whole_from;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Of each column of the inputs, a feature or a pixel p: what the layer tells of it, I(Xp;T), by the cells of the layer \
(--estimator binned, plug-in, or another of counts). Beside it is the value with the rows of the layer in another order, which is \
chance. Where most samples are alone in their cell, both are H(Xp), whatever the network.

The distinct values of a column are its symbols; --input-bins cuts columns of many values into bins with equally many samples. \
--columns-per-part takes neighbouring columns together: the columns of a position.

Files are those of `infoplane estimate layer`.

Examples:
  infoplane estimate inputs X.npy T.npy --estimator binned \\
      --rule floor --bin-width 0.5
  infoplane estimate inputs images.npy T.npy --estimator binned \\
      --rule equal --bins 4 --range layer --input-bins 4 --map 28
  infoplane estimate inputs table.csv acts.npz:T2 --input-bins 8 \\
      --estimator plug-in --json")]
pub struct Args {
    /// Inputs: one row per sample, one column per feature
    pub inputs: String,
    /// Activations: one row per sample, one column per unit
    pub activations: String,
    /// Cut columns of more values than this into so many bins
    #[arg(long, value_name = "N", value_parser = whole_from(2u32, 65_536))]
    pub input_bins: Option<u32>,
    /// Take so many neighbouring columns as one part
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole_from(1u32, u32::MAX))]
    pub columns_per_part: u32,
    /// Print so many parts, those that the layer tells most of beyond chance first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole_from(0u32, u32::MAX))]
    pub top: u32,
    /// Print a map of all parts, so many in a line: a character for a part, blank for nothing beyond chance, then . to @
    #[arg(long, value_name = "N", value_parser = whole_from(2u32, 76))]
    pub map: Option<u32>,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates what a file of activations tells of the columns of a file of inputs.
pub fn inputs(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config_with_cells()?;
    let asked = [
        Asked { argument: &arguments.inputs, kind: As::Numbers, role: "X", flag: None },
        Asked { argument: &arguments.activations, kind: As::Numbers, role: "T", flag: None },
    ];
    let files = Inputs::read(&asked, &arguments.common.tables, clock)?;
    files.same_length(&asked)?;
    files.several_samples(&asked)?;
    let (x, t) = (files.variable(0), files.variable(1));
    arguments.common.check_memory(&estimator, &[x.view(), t.view()], 1)?;
    clock.begin("estimating", 0);
    let of_inputs = |error: EstimateError| told(&error, arguments.inputs.clone(), "");
    let mut parts = InputParts::of_columns(x.view(), arguments.input_bins.map(|bins| bins as usize))
        .map_err(of_inputs)?;
    let per_part = arguments.columns_per_part as usize;
    if per_part > 1 {
        if x.width() % per_part != 0 {
            return Err(Failure::input(format!(
                "--columns-per-part {per_part}: {} has {} columns, which are no multiple",
                arguments.inputs,
                x.width()
            ))
            .with_advice("name a number that divides it, or leave columns out"));
        }
        let groups: Vec<Vec<usize>> = (0..x.width() / per_part)
            .map(|part| (part * per_part..(part + 1) * per_part).collect())
            .collect();
        parts = parts.together(&groups).map_err(of_inputs)?;
    }
    let of_layer = |error: EstimateError| told(&error, arguments.activations.clone(), "");
    let found = estimator.input_parts(&parts, t.view()).map_err(of_layer)?;
    clock.clear();
    let names = names(files.columns(0), found.parts.len(), per_part);
    if arguments.common.json {
        let mut object = object(&found, &names);
        object["estimator"] = json!(estimator.name());
        object["setting"] = json!(estimator.setting());
        object["read"] = files.json();
        print_json("estimate inputs", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    let setting = estimator.setting();
    let head = format!(
        "{}, {setting}, on {} samples of {} parts of the inputs; H(T) = {:.6}",
        estimator.name(),
        found.n_samples,
        found.parts.len(),
        found.layer_entropy
    );
    writeln!(out, "{}", fitted(&head, width()))?;
    let percent = 100.0 * found.n_alone as f64 / found.n_samples as f64;
    let mut alone =
        format!("{} of {} samples ({percent:.1} %) are alone in their cell", found.n_alone, found.n_samples);
    if percent > 50.0 {
        alone.push_str(": there the layer tells all of any part, whatever the network");
    }
    writeln!(out, "{}", fitted(&alone, width()))?;
    let shown = (arguments.top as usize).min(found.parts.len());
    if shown > 0 {
        table(&mut out, &found.parts, &names, shown)?;
    }
    if let Some(across) = arguments.map {
        map(&mut out, &found.parts, across as usize)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// By what is beyond chance.
fn table(
    out: &mut impl Write,
    parts: &[PartInformation],
    names: &[String],
    shown: usize,
) -> std::io::Result<()> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let beyond = |place: usize| (parts[place].information - parts[place].shuffled).nats();
    order.sort_by(|&a, &b| beyond(b).total_cmp(&beyond(a)));
    order.truncate(shown);
    let widest = order.iter().map(|&place| names[place].chars().count()).max().unwrap_or(0).clamp(4, 24);
    writeln!(out)?;
    writeln!(out, "{:<widest$}  values  H(Xp), bits  I(Xp;T), bits  by chance", "part")?;
    for place in order {
        let part = &parts[place];
        let name: String = names[place].chars().take(widest).collect();
        let [entropy, found, chance] =
            [part.entropy, part.information, part.shuffled].map(|it| unsigned(it.bits(), 1e-6));
        writeln!(
            out,
            "{name:<widest$}  {:>6}  {entropy:>11.6}  {found:>13.6}  {chance:>9.6}",
            part.n_values
        )?;
    }
    if parts.len() > shown {
        writeln!(out, "… and {} more; --top prints more, --json all", parts.len() - shown)?;
    }
    Ok(())
}

/// A character for each part, by its share of the largest value beyond chance.
fn map(out: &mut impl Write, parts: &[PartInformation], across: usize) -> std::io::Result<()> {
    const SHADES: &[u8] = b".:-=+*#%@";
    let beyond: Vec<f64> =
        parts.iter().map(|part| (part.information - part.shuffled).bits().max(0.0)).collect();
    let most = beyond.iter().copied().fold(0.0, f64::max);
    writeln!(out)?;
    if most == 0.0 {
        return writeln!(out, "I(Xp;T) is beyond chance of no part; there is no map");
    }
    writeln!(out, "I(Xp;T) beyond chance: blank is 0, @ is {most:.4} bits")?;
    let shade = |&value: &f64| match value > 0.0 {
        // A hundredth of the largest is taken for nothing.
        true if value >= 0.01 * most => {
            SHADES[((value / most * SHADES.len() as f64) as usize).min(SHADES.len() - 1)]
        }
        _ => b' ',
    };
    for line in beyond.chunks(across) {
        let line: String = line.iter().map(|value| char::from(shade(value))).collect();
        writeln!(out, "  {}", line.trim_end())?;
    }
    Ok(())
}

/// The names of the columns of a table; else numbers from 1.
fn names(columns: &[String], n_parts: usize, per_part: usize) -> Vec<String> {
    match columns.len() == n_parts {
        true => (1..).zip(columns).map(|(number, name)| format!("{number} {name}")).collect(),
        false if per_part > 1 => {
            (0..n_parts).map(|part| format!("{}-{}", part * per_part + 1, (part + 1) * per_part)).collect()
        }
        false => (1..=n_parts).map(|number| number.to_string()).collect(),
    }
}

fn object(found: &InputInformation, names: &[String]) -> Value {
    let part = |(name, part): (&String, &PartInformation)| {
        json!({
            "part": name,
            "values": part.n_values,
            "h_bits": part.entropy.bits(),
            "i_bits": part.information.bits(),
            "shuffled_bits": part.shuffled.bits(),
        })
    };
    json!({
        "n_samples": found.n_samples,
        "correction": found.correction.name(),
        "h_t_bits": found.layer_entropy.bits(),
        "alone": found.n_alone,
        "parts": names.iter().zip(&found.parts).map(part).collect::<Vec<_>>(),
    })
}
