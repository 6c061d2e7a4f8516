//! `infoplane info`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::LayerDescription;
use infoplane::experiment::AsIfRandomResult;
use infoplane::printable::{printable, printable_path};
use infoplane::record::{FolderConfig, Followed};
use infoplane::report::{failed_in_words, schedule_setting};
use infoplane::run::{FoundArray, FoundEpochs, LayerOrder, Manifest, Origin, Run, State};
use serde_json::json;

use super::as_if_random;
use super::run::counted;
use crate::describe::{data_lines, middle, part_lines, seed_numbers};
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, end_on_interrupt, titled, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infoplane info runs/tishby2017\n  infoplane info runs/tishby2017 --json"
)]
pub struct Args {
    /// Directory of a run, or of an as-if-random result
    pub run: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Says what a run directory holds.
pub fn info(arguments: &Args) -> Result<ExitCode, Failure> {
    let path = arguments.run.as_path();
    if AsIfRandomResult::is_in(path) {
        return as_if_random::info(path, arguments.json);
    }
    end_on_interrupt("interrupted", Vec::new());
    let mut clock = Clock::new("reading");
    let run = Run::read(path)?;
    clock.finish();
    let (manifest, outcome, state) = (run.manifest(), run.outcome(), run.state());
    let failed = run.failed_seeds();
    let (measured, rows) = (run.schedule().len(), run.plane().len());
    let layer = |(index, layer): (usize, &LayerDescription)| {
        let named = format!("{} {} {}", manifest.layer_name(index + 1), layer.width, layer.nonlinearity);
        printable(named.trim_end()).into_owned()
    };
    let layers = shortened(manifest.layers.iter().enumerate().map(layer).collect(), "layer");
    // A schedule that adapts does not know beforehand.
    let planned = manifest.planned_epochs.map(|planned| manifest.schedule.epochs(planned));
    let planned = planned.transpose().map_err(Failure::input)?.flatten();
    let wanted = planned.map(|epochs| manifest.seeds.len() * epochs.len());

    let mut out = Screen::lock();
    if arguments.json {
        let object = json!({
            "run": path,
            "state": state.name(),
            "manifest": manifest,
            "rows": rows,
            "measured": measured,
            "to_measure": wanted,
            "outcome": outcome,
            "seeds_not_learned": seed_numbers(&failed),
        });
        print_json("info", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = &manifest.data;
    writeln!(
        out,
        "{}",
        titled("run         ", format_args!("{} (infoplane {})", run.name(), manifest.infoplane_version))
    )?;
    let of = wanted.filter(|_| outcome.is_none()).map(|wanted| format!(" of {wanted}")).unwrap_or_default();
    writeln!(out, "state       {}: {measured}{of} epochs measured, {rows} rows", state.name())?;
    match state {
        State::Running { process: Some(process) } => {
            writeln!(out, "            process {process} is writing to it")?
        }
        State::Running { process: None } | State::Finished | State::Failed => {}
        State::Interrupted => {
            writeln!(out, "            `infoplane resume {}` continues it", printable_path(path))?;
        }
    }
    writeln!(out, "{}", titled("schedule    ", schedule_setting(&manifest.schedule)))?;
    writeln!(
        out,
        "{}",
        titled(
            "data        ",
            format_args!(
                "{}, {} samples, measured on {} (digest {})",
                data.name, data.n_samples, data.n_measured, data.digest
            )
        )
    )?;
    for line in data_lines(data).into_iter().chain(part_lines(data)) {
        writeln!(out, "{}", titled("            ", line))?;
    }
    for (number, line) in source_lines(manifest).into_iter().enumerate() {
        let heading = if number == 0 { "source" } else { "" };
        writeln!(out, "{}", wrapped(&format!("{heading:<12}"), &line, width()))?;
    }
    writeln!(out, "{}", titled("layers      ", layers.join(", ")))?;
    let (first, last) = (manifest.seeds.first().unwrap_or(&0), manifest.seeds.last().unwrap_or(&0));
    let epochs = manifest.planned_epochs.map(|epochs| format!(", {epochs} epochs planned for each"));
    let epochs = epochs.unwrap_or_default();
    writeln!(
        out,
        "{}",
        titled("seeds       ", format_args!("{} ({first} to {last}){epochs}", manifest.seeds.len()))
    )?;
    for method in &manifest.methods {
        writeln!(out, "{}", titled("measured    ", &method.title))?;
    }
    for ended in run.early_ends() {
        writeln!(out, "{}", titled("ended       ", ended))?;
    }
    if !failed.is_empty() {
        writeln!(out, "{}", titled("failed      ", failed_in_words(&failed)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the activations of a recording lie, and how they were understood; nothing for other runs.
fn source_lines(manifest: &Manifest) -> Vec<String> {
    let Origin::Recorded(recorded) = &manifest.origin else { return vec![] };
    let Some(folder) = FolderConfig::of(manifest) else {
        let class = recorded.class.as_ref().map(|class| format!(", {class}")).unwrap_or_default();
        return vec![format!("activations handed over by {}{class}", recorded.by)];
    };
    let mut lines = vec![printable_path(&folder.source)];
    let found = recorded.found.as_ref();
    lines.extend(found.map(|found| found.layout.describe().to_string()));
    if let Some(FoundEpochs { count, first, last }) = found.and_then(|found| found.epochs) {
        lines.push(format!("epochs {first} to {last}: {} found", counted(count as u64, "epoch")));
    }
    if let Some(Followed { last, idle_seconds }) = Followed::of(manifest) {
        let last = last.map(|last| format!(", until epoch {last}"));
        let idle = idle_seconds.map(|seconds| format!(", until {seconds} seconds bring nothing new"));
        lines.push(format!("epochs are followed{}{}", last.unwrap_or_default(), idle.unwrap_or_default()));
    }
    let n_classes = manifest.data.label_shares.len();
    let classes = if n_classes == 1 { "class" } else { "classes" };
    lines.push(format!("labels {}: {n_classes} {classes}", folder.labels));
    if let Some(inputs) = &folder.inputs {
        let distinct = found.and_then(|found| found.distinct_inputs);
        let distinct = distinct.map(|n| format!(": {n} different of {}", manifest.data.n_samples));
        lines.push(format!("inputs {inputs}{}", distinct.unwrap_or_default()));
    }
    lines.extend(folder.statistics.map(|table| format!("statistics {}", printable_path(table))));
    if let Some(found) = found {
        let array = |array: &FoundArray| {
            let shape: Vec<String> = array.shape.iter().map(usize::to_string).collect();
            format!("{} ({})", printable(&array.name), shape.join(", "))
        };
        let arrays = shortened(found.arrays.iter().map(array).collect(), "array");
        lines.push(format!("arrays {}; in the order of {}", arrays.join(", "), order(found.order)));
        if found.arrays.iter().any(|array| array.shape.len() > 2) {
            lines.push(format!("feature maps and sequences: {}", folder.positions.describe()));
        }
        if found.skipped > 0 {
            lines.push(format!("{} taken for no layer", counted(found.skipped as u64, "array")));
        }
    }
    lines
}

fn order(order: LayerOrder) -> String {
    match order {
        LayerOrder::Given => "--layers".into(),
        other => other.describe().into(),
    }
}

/// A list without its middle, if it is long.
fn shortened(mut names: Vec<String>, what: &str) -> Vec<String> {
    let left_out = middle(names.len());
    if !left_out.is_empty() {
        let told = format!("… {} …", counted(left_out.len() as u64, &format!("more {what}")));
        names.splice(left_out, [told]);
    }
    names
}
