//! `infoplane sweep collect`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::printable::printable_path;
use infoplane::sweep::{CollectOptions, Store};
use infoplane::table::{TableFormat, TableName};
use serde_json::{Value, json};

use super::INCOMPLETE;
use super::plan::counted_cells;
use crate::failure::Failure;
use crate::flags::files::check_outside_runs;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, note, on_interrupt, titled};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes the table as CSV and as an Arrow file (Feather version 2), each row with the id of its cell and its value on each axis, and \
index.html, a page that compares the cells: one group for each choice on all axes but that of seeds. The bytes do not depend on \
who computed the cells, when, or in which order. Cells that are not complete are an error, with exit code 5.

The rows of the table repeats are means over the seeds of such a group, where seeds are an axis.

Examples:
  infoplane sweep collect sweep --out results
  infoplane sweep collect sweep --out results --allow-missing
  infoplane sweep collect sweep --out results --table training --format arrow")]
pub struct Args {
    /// Directory of the sweep
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// Directory for the table and the page
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The table: plane, repeats, training, layers, schedule, methods; of quantities units, synergy, pairs,
    /// similarity, ranks, inputs; of pooled networks pool, drift, window, overlap, methods
    /// [default: plane or pool]
    #[arg(long, value_name = "TABLE")]
    pub table: Option<TableName>,
    /// Kinds of files for the table, separated by commas: csv, jsonl, arrow
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "csv,arrow")]
    pub format: Vec<TableFormat>,
    /// Collect what there is, and name what is missing
    #[arg(long)]
    pub allow_missing: bool,
    /// Keep seeds that did not learn in the means of the page and of the table repeats
    #[arg(long)]
    pub all_seeds: bool,
    /// Write no page
    #[arg(long)]
    pub no_page: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Missing cells that are named.
const NAMED: usize = 10;

/// Puts the results of all cells into one table and one page.
pub fn collect(arguments: &Args) -> Result<ExitCode, Failure> {
    let interrupt = on_interrupt("interrupted; files that were not finished are as they were before");
    check_outside_runs(&arguments.out, None)?;
    let (store, list) = Store::read(&arguments.store)?;
    let options = CollectOptions {
        table: arguments.table,
        formats: arguments.format.clone(),
        allow_missing: arguments.allow_missing,
        all_seeds: arguments.all_seeds,
        page: !arguments.no_page,
    };
    let mut clock = Clock::new("collecting");
    let told = |done: usize| clock.set(done, list.cells().len(), "collecting cells");
    let collected = list.collect(&store, &arguments.out, &options, &told, &interrupt);
    clock.finish();
    let collected = collected?;
    collected.notes.iter().for_each(note);
    let code = if collected.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) };
    if arguments.json {
        let missing: Vec<Value> = collected
            .missing
            .iter()
            .map(|(label, state)| json!({ "cell": label, "state": state.name() }))
            .collect();
        print_json(
            "sweep collect",
            json!({
                "store": arguments.store,
                "files": collected.files,
                "cells": collected.cells,
                "rows": collected.rows,
                "missing": missing,
                "notes": collected.notes,
            }),
        )?;
        return Ok(code);
    }
    let mut out = Screen::lock();
    writeln!(out, "cells    {} of {}, {} rows", collected.cells, list.cells().len(), collected.rows)?;
    if !collected.missing.is_empty() {
        writeln!(out, "missing  {}", counted_cells(collected.missing.len()))?;
        for (label, state) in collected.missing.iter().take(NAMED) {
            writeln!(out, "{}", titled("  ", format_args!("{label}: {}", state.name())))?;
        }
        if collected.missing.len() > NAMED {
            writeln!(
                out,
                "  … and {} more; `infoplane sweep status` names all",
                collected.missing.len() - NAMED
            )?;
        }
    }
    for file in &collected.files {
        writeln!(out, "file     {}", printable_path(file))?;
    }
    Ok(code)
}
