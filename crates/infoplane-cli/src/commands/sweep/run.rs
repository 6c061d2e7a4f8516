//! `infoplane sweep run`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use infoplane::printable::printable_path;
use infoplane::sweep::{Shard, Store, Sweep, SweepError, SweepOptions};
use serde_json::{Value, json};

use super::plan::counted_cells;
use super::{INCOMPLETE, worker};
use crate::failure::{Failure, INTERRUPTED};
use crate::flags::machine::{self, MachineFlags};
use crate::output::print_json;
use crate::terminal::{Screen, SweepMeter, note, on_interrupt, say, titled};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Any number of workers share the directory, on one machine or on several: each claims a cell before it computes it, \
goes on with what a killed one left, and gives a complete cell its name at once. The bytes are the same for any number of workers.

A cell that cannot be computed does not stop the others; it is named at the end, the exit code is 5, and --missing tries it again. \
A cell that ends the process, where memory does not suffice, is computed last, then alone, and then counts as one that cannot be \
computed.

Examples:
  infoplane sweep run sweep.toml --store sweep
  infoplane sweep run sweep.toml --store /shared/sweep --shard 3/200
  infoplane sweep run sweep.toml --store /shared/sweep --missing --jobs 4
  infoplane sweep run sweep.toml --store sweep --missing --attempts 2")]
pub struct Args {
    /// The file of the sweep
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Directory of the sweep, which all its workers share; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Compute one of n parts of the cells, which cost about the same: i/n, from 1/n to n/n
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub shard: Shard,
    /// After the cells of the shard, compute those of others that are not complete, and those that failed before once more
    #[arg(long)]
    pub missing: bool,
    /// With --missing, leave cells that failed so often [default: try all again]
    #[arg(long, value_name = "N", requires = "missing", value_parser = crate::flags::whole_from(1u32, 1000))]
    pub attempts: Option<u32>,
    /// Leave cells that others are at to them, once these are known to live; else they are waited for
    #[arg(long)]
    pub no_wait: bool,
    /// Cells to compute at once, which share the threads and the memory [default: one for each thread]
    #[arg(long, value_name = "N", value_parser = crate::flags::whole_from(1usize, 1024))]
    pub jobs: Option<usize>,
    /// Seconds for which a worker on another machine may be silent until its cell is taken over
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = crate::flags::whole_from(1u64, 86_400))]
    pub lease: u64,
    /// So many processes may end while they are at a cell until it counts as one that cannot be computed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = crate::flags::whole_from(1u64, 1_000_000))]
    pub ends: u64,
    /// Compute in this process: where a cell ends it, none is started that goes on
    #[arg(long)]
    pub no_restart: bool,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Computes cells of a sweep.
pub fn run(arguments: &Args) -> Result<ExitCode, Failure> {
    if worker::is_worker() {
        worker::listen()?;
    } else if !arguments.no_restart
        && let Some(done) = worker::supervise(&arguments.store)
    {
        return done;
    }
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let sweep = Sweep::read(&arguments.file)?;
    let store = Store::open_with(&arguments.store, Duration::from_secs(arguments.lease))?;
    let options = SweepOptions {
        shard: arguments.shard,
        missing: arguments.missing,
        ends: arguments.ends,
        attempts: arguments.attempts,
        wait: !arguments.no_wait,
        jobs: arguments.jobs.unwrap_or_else(machine::started),
        run: arguments.machine.options(),
    };
    let meter = SweepMeter::new();
    let outcome = sweep.run(&store, &options, &meter, &interrupt);
    meter.finish();
    let outcome = match outcome {
        Err(SweepError::Interrupted) => {
            say("interrupted; the same command continues where it stopped");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        outcome => outcome?,
    };
    if outcome.computed > 0 {
        // For plans alone: what is computed is complete without it.
        if let Err(error) = store.keep_memory(options.jobs.min(outcome.computed)) {
            note(error);
        }
    }
    let code = if outcome.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) };
    if arguments.json {
        let failed: Vec<Value> =
            outcome.failed.iter().map(|(label, why)| json!({ "cell": label, "reason": why })).collect();
        print_json(
            "sweep run",
            json!({
                "store": arguments.store,
                "shard": arguments.shard.to_string(),
                "complete": outcome.complete,
                "computed": outcome.computed,
                "left": outcome.left,
                "failed": failed,
            }),
        )?;
        return Ok(code);
    }
    let mut out = Screen::lock();
    let before = outcome.complete - outcome.computed;
    let others = if before > 0 { format!(", {before} before or by others") } else { String::new() };
    writeln!(out, "cells    {} complete: {} computed{others}", outcome.complete, outcome.computed)?;
    if outcome.left > 0 {
        writeln!(out, "left     {} to other workers, which are at them", counted_cells(outcome.left))?;
    }
    if !outcome.failed.is_empty() {
        writeln!(out, "failed   {}", counted_cells(outcome.failed.len()))?;
        for (label, why) in &outcome.failed {
            writeln!(out, "{}", titled("  ", format_args!("{label}: {why}")))?;
        }
    }
    writeln!(out, "store    {}", printable_path(&arguments.store))?;
    Ok(code)
}
