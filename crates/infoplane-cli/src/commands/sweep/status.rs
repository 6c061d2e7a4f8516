//! `infoplane sweep status`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::HumanDuration;
use infoplane::sweep::{AtWork, CellKind, CellState, Pace, Store};
use serde_json::{Value, json};

use super::about;
use super::plan::counted_cells;
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::{Screen, titled};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A cell counts as running while a claim of it is there, unless its worker ran on this machine and is gone; `infoplane sweep run` \
finds out which workers of other machines are. Of each machine it is told when it was last heard of, by the clock of this one: workers \
tell that they go on several times a minute, and of one that has not for its lease, 60 seconds by default, others take the cells over. \
Where a cell runs or failed is named by the machine and the job of Slurm, whose log is STORE/slurm/logs/array-JOB.log or \
missing-JOB.log. `infoplane serve STORE` shows the same in a browser, live.

Examples:
  infoplane sweep status /shared/sweep
  infoplane sweep status /shared/sweep --json")]
pub struct Args {
    /// Directory of the sweep
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Says where the cells of a sweep stand.
pub fn status(arguments: &Args) -> Result<ExitCode, Failure> {
    let (store, list) = Store::read(&arguments.store)?;
    let states = store.states(&list);
    let failed_on = |id: &str| store.entry(id, CellKind::Run).failed_on();
    let at_work = list.at_work(&store, &states);
    // Of a sweep that nobody is at the pace says nothing.
    let pace = if at_work.is_empty() { None } else { list.pace(&store, &states) };
    if arguments.json {
        let cells: Vec<Value> = list
            .cells()
            .iter()
            .zip(&states)
            .map(|(cell, state)| {
                let (reason, on) = match state {
                    CellState::Failed { why } => (Some(why), failed_on(&cell.id)),
                    CellState::Running { host } => (None, Some(host.clone()).filter(|host| !host.is_empty())),
                    _ => (None, None),
                };
                json!({
                    "id": cell.id,
                    "label": cell.label,
                    "values": cell.values,
                    "state": state.name(),
                    "reason": reason,
                    "on": on,
                })
            })
            .collect();
        let machine = |at: &AtWork| json!({ "host": at.host, "cells": at.cells, "silent_seconds": at.silent.as_secs() });
        let pace = pace.map(|pace| {
            json!({
                "cells": pace.cells,
                "seconds": pace.over.as_secs_f64(),
                "seconds_left": pace.left.as_secs_f64(),
            })
        });
        print_json(
            "sweep status",
            json!({
                "name": list.name(),
                "axes": list.axes(),
                "pace": pace,
                "at_work": at_work.iter().map(machine).collect::<Vec<_>>(),
                "cells": cells,
            }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    writeln!(
        out,
        "{}",
        titled("sweep        ", format_args!("{}: {}", list.name(), counted_cells(states.len())))
    )?;
    for name in ["complete", "running", "failed", "interrupted", "missing"] {
        let n = states.iter().filter(|state| state.name() == name).count();
        writeln!(out, "{name:<12} {n}")?;
    }
    if let Some(Pace { cells, over, left }) = pace {
        let text = format!(
            "{} in the last {}; {} for what is left",
            counted_cells(cells),
            HumanDuration(over.max(Duration::from_secs(1))),
            about(left.as_secs_f64())
        );
        writeln!(out, "{}", titled("pace         ", text))?;
    }
    for AtWork { host, cells, silent } in &at_work {
        let host = if host.is_empty() { "unknown machine" } else { host };
        let heard =
            if silent.as_secs() == 0 { "now".into() } else { format!("{} ago", HumanDuration(*silent)) };
        let text = format!("{host}: {}, last heard of {heard}", counted_cells(*cells));
        writeln!(out, "{}", titled("at work      ", text))?;
    }
    for (cell, state) in list.cells().iter().zip(&states) {
        match state {
            CellState::Failed { why } => {
                let on = failed_on(&cell.id).map(|on| format!(" (on {on})")).unwrap_or_default();
                writeln!(out, "{}", titled("failed       ", format_args!("{}: {why}{on}", cell.label)))?;
            }
            CellState::Running { host } if !host.is_empty() => {
                writeln!(out, "{}", titled("running      ", format_args!("{}, on {host}", cell.label)))?;
            }
            _ => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}
