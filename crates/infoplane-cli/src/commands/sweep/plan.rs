//! `infoplane sweep plan`.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use bytesize::ByteSize;
use infoplane::printable::{printable, printable_path};
use infoplane::sweep::{Basis, CellList, Foreseen, Store, Sweep};
use serde_json::{Value, json};

use super::about;
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, note, on_interrupt, titled, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
FILE describes the sweep in TOML:

  base = \"saxe2018-tanh\"                # a preset, or the file of an experiment
  seeds = 50                            # 0 to 49; or a list
  [set]                                 # keys for all cells
  \"training.epochs\" = 4000
  [axes]                                # a cell for each combination
  \"network.nonlinearity\" = [\"tanh\", \"relu\"]
  \"training.batch_size\" = [64, 256]

Keys that change together are cases, each with a name: [[cases]] name = \"wide\" and their keys. A list estimators takes the \
place of the experiment's; a table [as-if-random] pools the networks of each cell.

Examples:
  infoplane sweep plan sweep.toml
  infoplane sweep plan sweep.toml --cells > cells.csv
  infoplane sweep plan sweep.toml --store sweep --no-measure")]
pub struct Args {
    /// The file of the sweep
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Directory of the sweep, if it was begun: what is complete tells the time of what is left
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Measure no cell; foresee its time by rates that are built in, to a factor of three
    #[arg(long)]
    pub no_measure: bool,
    /// Print all cells as CSV, with their ids and values, and nothing else
    #[arg(long, conflicts_with_all = ["json", "store", "no_measure"])]
    pub cells: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Cells that are listed without being asked for.
const LISTED: usize = 24;

/// Lists the cells of a sweep, and foresees what they take.
pub fn plan(arguments: &Args) -> Result<ExitCode, Failure> {
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let mut clock = Clock::new("planning");
    let sweep = Sweep::read(&arguments.file)?;
    let list = sweep.list();
    if arguments.cells {
        clock.finish();
        stdout().lock().write_all(&list.csv())?;
        return Ok(ExitCode::SUCCESS);
    }
    let store = match &arguments.store {
        Some(path) if path.exists() => Some(opened(&sweep, path)?),
        Some(path) => {
            clock.note(&format!("{} is not there yet: all cells are counted as left", printable_path(path)));
            None
        }
        None => None,
    };
    clock.begin("measuring a cell", 0);
    let foreseen = sweep.foresee(store.as_ref(), !arguments.no_measure, &interrupt)?;
    clock.finish();
    foreseen.notes.iter().for_each(note);
    if arguments.json {
        let cells: Vec<Value> = list
            .cells()
            .iter()
            .map(|cell| json!({ "id": cell.id, "label": cell.label, "values": cell.values }))
            .collect();
        print_json(
            "sweep plan",
            json!({
                "name": list.name(),
                "axes": list.axes(),
                "digest": list.digest(),
                "cells": cells,
                "left": foreseen.left,
                "processor_seconds": foreseen.processor_seconds,
                "longest_seconds": foreseen.longest,
                "memory_bytes": foreseen.memory,
                "basis": basis_name(&foreseen.basis),
                "notes": foreseen.notes,
            }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    writeln!(
        out,
        "{}",
        titled("sweep    ", format_args!("{}: {}", list.name(), counted_cells(list.cells().len())))
    )?;
    for (place, axis) in list.axes().iter().enumerate() {
        writeln!(out, "{}", titled("axis     ", format_args!("{axis}: {}", values(list, place))))?;
    }
    write_foreseen(&mut out, &foreseen)?;
    writeln!(out)?;
    for cell in list.cells().iter().take(LISTED) {
        writeln!(out, "{}", listed(&cell.label, width()))?;
    }
    if list.cells().len() > LISTED {
        writeln!(out, "… and {} more; --cells lists all, with their ids", list.cells().len() - LISTED)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A label in lines that fit the window; what does not fit into the first is indented, so that each cell is told from the next.
fn listed(label: &str, width: usize) -> String {
    const INDENT: &str = "\n  ";
    wrapped("", &printable(label), width - 2).replace('\n', INDENT)
}

/// The store of a sweep, which it must be, to be read.
fn opened(sweep: &Sweep, path: &std::path::Path) -> Result<Store, Failure> {
    let (store, _) = Store::read(path)?;
    sweep.list().check(&store)?;
    Ok(store)
}

pub fn counted_cells(n: usize) -> String {
    format!("{n} cell{}", if n == 1 { "" } else { "s" })
}

/// The different values on an axis.
fn values(list: &CellList, place: usize) -> String {
    const MOST: usize = 12;
    let mut found: Vec<&str> = Vec::new();
    for cell in list.cells() {
        let value = cell.values[place].as_str();
        if found.len() <= MOST && !found.contains(&value) {
            found.push(value);
        }
    }
    if found.len() <= MOST {
        return found.join(", ");
    }
    let last = list.cells().last().map_or("", |cell| cell.values[place].as_str());
    format!("{}, …, {last}", found[..3].join(", "))
}

pub fn write_foreseen(out: &mut impl Write, foreseen: &Foreseen) -> std::io::Result<()> {
    let Foreseen { cells, left, processor_seconds, longest, memory, basis, .. } = foreseen;
    if *left == 0 {
        return writeln!(out, "time     none: all cells are complete");
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    // No cell is shared by workers.
    let here = (processor_seconds / processors as f64).max(*longest);
    let of = if left < cells { format!(" for {left} cells that are left") } else { String::new() };
    writeln!(
        out,
        "{}",
        titled(
            "time     ",
            format_args!(
                "{} of one processor{of}; {} on the {processors} of this machine",
                about(*processor_seconds),
                about(here)
            )
        )
    )?;
    let text = match basis {
        Basis::Rates => "by rates that are built in, to a factor of three".to_string(),
        Basis::Measured { label, epochs, seconds } => {
            format!(
                "by {epochs} epochs of `{label}`, measured up to three times, which took {seconds:.1} s here"
            )
        }
        Basis::Complete { cells } => format!("by the time of {cells} cells that are complete"),
    };
    writeln!(out, "{}", titled("         ", text))?;
    if let Some(memory) = memory {
        let memory = ByteSize(*memory).display().iec();
        let text = format!("{memory} for each job of a worker, and what --memory lets it keep");
        writeln!(out, "{}", titled("memory   ", text))?;
    }
    Ok(())
}

fn basis_name(basis: &Basis) -> &'static str {
    match basis {
        Basis::Rates => "rates",
        Basis::Measured { .. } => "measured",
        Basis::Complete { .. } => "complete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stays_one_cell_in_lines_that_fit() {
        let label = "a name\nof two lines, optimizer { kind = \"sgd\", learning_rate = 0.1 }, seed 3";
        let lines = "a name\\nof two lines, optimizer { kind\n  = \"sgd\", learning_rate = 0.1 }, seed 3";
        assert_eq!(listed(label, 40), lines);
        assert!(listed(label, 40).lines().all(|line| line.chars().count() <= 40));
    }
}
