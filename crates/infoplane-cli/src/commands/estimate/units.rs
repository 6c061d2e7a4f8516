//! `infoplane estimate units`.

use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::units::{Decomposition, LayerUnits, OfLabels};
use infoplane::estimator::{Correction, Measure};
use infoplane::{EstimateError, Estimator, Information, Variable};
use serde_json::{Value, json};

use super::{Common, told, unsigned};
use crate::failure::Failure;
use crate::flags::files::{As, Asked, Inputs};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, width};

/// So many units are shown; --json has all.
const SHOWN: usize = 40;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Of each unit: what it tells of the label alone, I(unit;Y), and beyond all others, I(unit;Y | the others). Their sums over \
I(T;Y) are the degree of redundancy (in how many units a bit is found) and the degree of vulnerability (how many units a bit \
cannot do without). For up to five units I(T;Y) is taken apart by shared exclusions: {1}{23} is what unit 1 tells, and units 2 \
and 3 together; the complexity is how many units must be read for a bit.

Units are symbols: values in bins (--estimator binned), or as they are (--estimator plug-in, or another correction of counts). \
I(T;Y), the degrees and the complexity are shown for shuffled labels, too: what these give is chance. --json has all of them.

Files are those of `infoplane estimate layer`.

Examples:
  infoplane estimate units T.npy --labels y.npy --estimator binned \\
      --rule floor --bin-width 0.5
  infoplane estimate units codes.csv --labels codes.csv:y \\
      --estimator plug-in
  infoplane estimate units acts.npz:T4 --labels acts.npz:y \\
      --estimator binned --rule equal --bins 8 --range -1,1 \\
      --correction chao-wang-jost --json")]
pub struct Args {
    /// Activations: one row per sample, one column per unit
    pub activations: String,
    /// Class of each sample, Y
    #[arg(long, value_name = "FILE")]
    pub labels: String,
    #[command(flatten)]
    pub common: Common,
}

/// Estimates what the units of a file of activations tell of labels.
pub fn units(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let estimator = arguments.common.config_with_cells()?;
    let asked = [
        Asked { argument: &arguments.activations, kind: As::Numbers, role: "T", flag: None },
        Asked { argument: &arguments.labels, kind: As::Labels, role: "the label", flag: None },
    ];
    let inputs = Inputs::read(&asked, &arguments.common.tables, clock)?;
    inputs.several_samples(&asked)?;
    let (t, Variable::Labels(y)) = (inputs.variable(0), inputs.variable(1)) else {
        return Err(Failure::machine("labels were read as numbers"));
    };
    arguments.common.check_memory(&estimator, &[t.view()], 1)?;
    clock.begin("estimating", 0);
    let found = estimator.units(t.view(), y).map_err(|error| match error {
        EstimateError::LengthMismatch { .. } => Failure::input(format!("{}: {error}", arguments.labels)),
        _ => told(&error, arguments.activations.clone(), ""),
    })?;
    clock.clear();
    let names = unit_names(&inputs, t.width());
    if arguments.common.json {
        let mut object = object(&found, &names);
        object["estimator"] = json!(estimator.name());
        object["setting"] = json!(estimator.setting());
        object["h_y"] = amount(y.entropy());
        object["read"] = inputs.json();
        print_json("estimate units", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    let setting = estimator.setting();
    let n_units = names.len();
    let told = format!("{}, {setting}, on {} samples of {n_units} units", estimator.name(), found.n_samples);
    writeln!(out, "{}", fitted(&told, width()))?;
    let (of, shuffled) = (&found.labels.information, &found.shuffled.information);
    let of_y = format!("H(Y) = {:.6}, I(T;Y) = {:.6}", y.entropy(), of.information);
    writeln!(
        out,
        "{}",
        fitted(&format!("{of_y}; with shuffled labels {:.6}", shuffled.information), width())
    )?;
    let percent = 100.0 * of.n_alone as f64 / found.n_samples as f64;
    let alone =
        format!("{} of {} samples ({percent:.1} %) are alone in their cell", of.n_alone, found.n_samples);
    writeln!(out, "{}", fitted(&alone, width()))?;
    if found.is_all_bias {
        let all = "Shuffled labels have nearly all of H(Y), too: nothing below tells anything of the layer";
        writeln!(out, "{}", fitted(all, width()))?;
    }
    writeln!(out)?;
    let widest = names.iter().take(SHOWN).map(|name| name.chars().count()).max().unwrap_or(0).clamp(4, 24);
    writeln!(out, "{:<widest$}  alone, bits  beyond others", "unit")?;
    for ((name, alone), beyond) in names.iter().zip(&of.alone).zip(&of.beyond_others).take(SHOWN) {
        let name: String = name.chars().take(widest).collect();
        let [alone, beyond] = [alone, beyond].map(|it| unsigned(it.bits(), 1e-6));
        writeln!(out, "{name:<widest$}  {alone:>11.6}  {beyond:>13.6}")?;
    }
    if n_units > SHOWN {
        writeln!(out, "… and {} more; --json has all", n_units - SHOWN)?;
    }
    writeln!(out)?;
    writeln!(out, "                              of the labels  shuffled")?;
    let mut row = |name: &str, value: fn(&OfLabels) -> Option<f64>| {
        let shown =
            |of: &OfLabels| value(of).map_or("none".into(), |value| format!("{:.4}", unsigned(value, 1e-4)));
        writeln!(out, "{name:<28}  {:>13}  {:>8}", shown(&found.labels), shown(&found.shuffled))
    };
    row("degree of redundancy", |of| of.information.redundancy_degree())?;
    row("degree of vulnerability", |of| of.information.vulnerability_degree())?;
    if found.labels.decomposition.is_some() {
        row("representational complexity", complexity)?;
    }
    let Some(parts) = &found.labels.decomposition else {
        let advice = match inputs.columns(0).is_empty() {
            true => "save up to five of them, as T[:, :5]",
            false => "name up to five of them",
        };
        let told =
            format!("{n_units} units have too many antichains to take the information apart; {advice}");
        writeln!(out, "{}", fitted(&told, width()))?;
        return Ok(ExitCode::SUCCESS);
    };
    for (degree, part) in (1..).zip(parts.by_degree_of_synergy()) {
        let told = format!("{degree} unit{} at least", if degree == 1 { "" } else { "s" });
        writeln!(out, "  {told:<26}  {:>13.4} bits", unsigned(part.bits(), 1e-4))?;
    }
    if found.correction != Correction::PlugIn {
        let told = format!(
            "Degrees of synergy, complexity and atoms are of counts as they are; all together they have {:.6}",
            parts.information
        );
        writeln!(out, "{}", fitted(&told, width()))?;
    }
    atoms(&mut out, parts)?;
    Ok(ExitCode::SUCCESS)
}

fn complexity(of: &OfLabels) -> Option<f64> {
    of.decomposition.as_ref().and_then(Decomposition::complexity)
}

/// The atoms that matter most.
fn atoms(out: &mut impl Write, parts: &Decomposition) -> std::io::Result<()> {
    /// Of 7579 nobody reads all.
    const MOST: usize = 18;
    let mut by_size: Vec<_> = parts.atoms.iter().enumerate().collect();
    by_size.sort_by(|(_, a), (_, b)| b.information.nats().abs().total_cmp(&a.information.nats().abs()));
    by_size.truncate(MOST);
    by_size.sort_by_key(|&(place, _)| place);
    let shown: Vec<String> = by_size.iter().map(|(_, atom)| atom.antichain.to_string()).collect();
    let widest = shown.iter().map(String::len).max().unwrap_or(0).clamp(4, 40);
    writeln!(out)?;
    writeln!(out, "{:<widest$}       bits  informative  misinformative", "atom")?;
    for (name, (_, atom)) in shown.iter().zip(by_size) {
        let [all, plus, minus] =
            [atom.information, atom.informative, atom.misinformative].map(|it| unsigned(it.bits(), 1e-6));
        let name = if name.len() > widest { format!("{}…", &name[..widest - 1]) } else { name.clone() };
        writeln!(out, "{name:<widest$}  {all:>9.6}  {plus:>11.6}  {minus:>14.6}")?;
    }
    if parts.atoms.len() > MOST {
        writeln!(out, "… and {} smaller ones; --json has all", parts.atoms.len() - MOST)?;
    }
    Ok(())
}

/// The names of the columns of a table; else numbers from 1, as in the names of atoms.
fn unit_names(inputs: &Inputs, n_units: usize) -> Vec<String> {
    let columns = inputs.columns(0);
    match columns.len() == n_units {
        true => (1..).zip(columns).map(|(number, name)| format!("{number} {name}")).collect(),
        false => (1..=n_units).map(|number| number.to_string()).collect(),
    }
}

fn amount(information: Information) -> Value {
    json!({ "nats": information.nats(), "bits": information.bits() })
}

fn object(found: &LayerUnits, names: &[String]) -> Value {
    let of = |of: &OfLabels| {
        let information = &of.information;
        let units = names.iter().zip(&information.alone).zip(&information.beyond_others);
        let units: Vec<Value> = units
            .map(|((name, alone), beyond)| {
                json!({ "unit": name, "i_unit_bits": alone.bits(), "i_unit_given_others_bits": beyond.bits() })
            })
            .collect();
        let parts = of.decomposition.as_ref();
        let atoms = parts.map(|parts| {
            let atom = |atom: &infoplane::estimator::units::Atom| {
                json!({
                    "atom": atom.antichain.to_string(),
                    "bits": atom.information.bits(),
                    "informative_bits": atom.informative.bits(),
                    "misinformative_bits": atom.misinformative.bits(),
                })
            };
            parts.atoms.iter().map(atom).collect::<Vec<_>>()
        });
        let by_degree = parts
            .map(|parts| parts.by_degree_of_synergy().iter().map(|part| part.bits()).collect::<Vec<_>>());
        json!({
            "i_ty": amount(information.information),
            "redundancy_degree": information.redundancy_degree(),
            "vulnerability_degree": information.vulnerability_degree(),
            "representational_complexity": parts.and_then(Decomposition::complexity),
            "bits_by_degree_of_synergy": by_degree,
            "units": units,
            "atoms": atoms,
        })
    };
    let mut object = of(&found.labels);
    object["shuffled"] = of(&found.shuffled);
    object["n_samples"] = json!(found.n_samples);
    object["n_units"] = json!(names.len());
    object["correction"] = json!(found.correction.name());
    object["alone"] = json!(found.labels.information.n_alone);
    object["all_bias"] = json!(found.is_all_bias);
    object
}
