//! `infoplane sweep slurm`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::printable::printable_path;
use infoplane::sweep::{Foreseen, MOST_ELEMENTS, SlurmJob, Store, Sweep};
use serde_json::json;

use super::{about, plan};
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, note, on_interrupt, titled};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes four scripts: array.sh computes the shards, missing.sh what they left, collect.sh the table and the page of the cells that are there; \
`bash STORE/slurm/submit.sh` submits all three, each after the end of the one before. Without --shards, --time and --mem they follow \
from cells that are complete, else from a short run of one cell here: shards of five minutes, three times what the longest shard \
should take, and memory for as many cells at once as there are processors. A second array of a tenth of the elements does what is \
missing, with the same limits.

A signal of Slurm, at the limit of time or of preemption, stops a worker within a second; whoever comes next goes on. \
Submitting again does what is missing, and tries what failed again.

Examples:
  infoplane sweep slurm sweep.toml --store /shared/sweep
  infoplane sweep slurm sweep.toml --store /shared/sweep --shards 200 \\
      --at-once 50 --time 0:30:00 --mem 2G --partition short --module gcc/12")]
pub struct Args {
    /// The file of the sweep
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Directory of the sweep, which all nodes share; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Elements of the array; each takes Slurm about a second, so each should work for minutes [default: of five minutes each]
    #[arg(long, value_name = "N", value_parser = crate::flags::whole_from(1usize, 1_000_000))]
    pub shards: Option<usize>,
    /// Elements that run at once, at most
    #[arg(long, value_name = "N", value_parser = crate::flags::whole_from(1usize, 1_000_000))]
    pub at_once: Option<usize>,
    /// Processors of an element, each of which computes a cell
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = crate::flags::whole_from(1usize, 1024))]
    pub cpus: usize,
    /// How often a cell may fail until it is left, in one submission
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = crate::flags::whole_from(1u32, 1000))]
    pub attempts: u32,
    /// Limit of the time of an element, as Slurm reads it: 30 (minutes), 1:30:00, 2-12 [default: from the plan]
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Memory of an element, as Slurm reads it: 4G [default: from the plan]
    #[arg(long, value_name = "SIZE")]
    pub mem: Option<String>,
    /// Partition
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Quality of service
    #[arg(long, value_name = "NAME")]
    pub qos: Option<String>,
    /// Module to load, as often as there are modules
    #[arg(long, value_name = "MODULE")]
    pub module: Vec<String>,
    /// One more option of sbatch, as often as there are: --sbatch=--constraint=avx512
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub sbatch: Vec<String>,
    /// The program, as nodes find it: a path, or a name in their PATH [default: this one, by its path]
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// Directory for the scripts [default: STORE/slurm]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Measure no cell; foresee its time by rates that are built in, to a factor of three
    #[arg(long)]
    pub no_measure: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// A shard should work for so many seconds.
const OF_A_SHARD: f64 = 300.0;
/// The limit is so many times what a shard should take: nodes are slower than others, and file systems now and then.
const MARGIN: f64 = 3.0;
/// What a worker may keep of networks, by default.
const KEPT: u64 = 1 << 30;

/// Writes the scripts.
pub fn slurm(arguments: &Args) -> Result<ExitCode, Failure> {
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let absolute = |path: &Path| std::path::absolute(path).map_err(Failure::input);
    let program = match &arguments.program {
        // A name alone is looked for in the PATH of the node. A path starts here, and the scripts start elsewhere.
        Some(program) if program.components().count() > 1 => absolute(program)?,
        Some(program) => program.clone(),
        None => std::env::current_exe().unwrap_or_else(|_| "infoplane".into()),
    };
    let mut job = SlurmJob {
        program,
        at_once: arguments.at_once,
        cpus: arguments.cpus,
        attempts: arguments.attempts,
        time: arguments.time.clone(),
        memory: arguments.mem.clone(),
        partition: arguments.partition.clone(),
        account: arguments.account.clone(),
        qos: arguments.qos.clone(),
        modules: arguments.module.clone(),
        options: arguments.sbatch.clone(),
        ..SlurmJob::new(absolute(&arguments.file)?, absolute(&arguments.store)?)
    };
    // Before a store is made and a cell measured.
    job.check()?;
    let mut clock = Clock::new("planning");
    let sweep = Sweep::read(&arguments.file)?;
    let store = Store::open(&arguments.store)?;
    sweep.list().settle(&store)?;
    let is_given = arguments.shards.is_some() && arguments.time.is_some() && arguments.mem.is_some();
    clock.begin("measuring a cell", 0);
    let foreseen = sweep.foresee(Some(&store), !arguments.no_measure && !is_given, &interrupt)?;
    clock.finish();
    foreseen.notes.iter().for_each(note);
    let cells = sweep.list().cells().len();
    let shards = arguments.shards.unwrap_or_else(|| {
        let wanted = (foreseen.processor_seconds / arguments.cpus as f64 / OF_A_SHARD).ceil() as usize;
        wanted.clamp(1, cells.min(MOST_ELEMENTS))
    });
    if shards > cells {
        note(format_args!("{shards} shards of {cells} cells: {} have nothing to do", shards - cells));
    }
    if shards > MOST_ELEMENTS {
        note(format_args!(
            "clusters allow arrays of {MOST_ELEMENTS} elements unless their MaxArraySize says otherwise; fewer shards do the same"
        ));
    }
    // Each thread of an element computes a cell, as long as there are some.
    let jobs = arguments.cpus.min(cells);
    let of_shard = sweep.longest_shard(&foreseen, shards, jobs);
    job.name = sweep.list().name().into();
    job.shards = shards;
    job.time.get_or_insert_with(|| limit(of_shard));
    job.memory = job.memory.or_else(|| foreseen.memory.map(|of_job| memory(of_job, jobs)));
    if job.memory.is_none() {
        let why = why_no_memory(arguments, &foreseen, sweep.cell(0).pooled.is_some());
        note(format_args!("no --mem is written, because {why}; give --mem"));
    }
    let out = match &arguments.out {
        Some(out) => absolute(out)?,
        None => job.store.join("slurm"),
    };
    let files = job.write(&out)?;
    if arguments.json {
        print_json(
            "sweep slurm",
            json!({
                "files": files,
                "shards": job.shards,
                "time": job.time,
                "mem": job.memory,
                "jobs": jobs,
                "seconds_of_shard": of_shard,
                "notes": foreseen.notes,
            }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = Screen::lock();
    plan::write_foreseen(&mut text, &foreseen)?;
    let limits = [
        job.time.as_ref().map(|time| format!("--time={time}")),
        job.memory.as_ref().map(|memory| format!("--mem={memory}")),
    ];
    let limits = limits.into_iter().flatten().collect::<Vec<_>>().join(", ");
    writeln!(
        text,
        "{}",
        titled(
            "shards   ",
            format_args!(
                "{shards} of {}, the longest {}; {limits}",
                plan::counted_cells(cells),
                about(of_shard)
            )
        )
    )?;
    for file in &files {
        writeln!(text, "script   {}", printable_path(file))?;
    }
    if let Some(submit) = files.last() {
        writeln!(text, "submit   bash {}", printable_path(submit))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Why it is not known what memory a worker takes, where none of the store has told it.
fn why_no_memory(arguments: &Args, foreseen: &Foreseen, is_pooled: bool) -> &'static str {
    if foreseen.left == 0 {
        "all cells are complete and no worker has told what it took"
    } else if is_pooled {
        "pools of networks are not measured and no worker has told yet what it took"
    } else if arguments.no_measure {
        "--no-measure measures no cell and no worker has told yet what it took"
    } else {
        "no cell could be measured here and no worker has told yet what it took"
    }
}

/// Hours, minutes and seconds of a limit, in steps of five minutes.
fn limit(seconds: f64) -> String {
    let minutes = (((MARGIN * seconds / 60.0).ceil() as u64) + 5).next_multiple_of(5);
    format!("{}:{:02}:00", minutes / 60, minutes % 60)
}

/// As Slurm reads it: for so many cells at once, with room for the networks that a worker keeps. Of a cell there is a quarter more, as a
/// short run need not reach what one to the end takes.
fn memory(of_job: u64, jobs: usize) -> String {
    let bytes = of_job.saturating_mul(jobs as u64).saturating_add(KEPT);
    let bytes = bytes.saturating_add(of_job.saturating_mul(jobs as u64) / 4);
    format!("{}M", bytes.div_ceil(1 << 20).next_multiple_of(256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_with_the_cells_at_once() {
        assert_eq!(memory(117 << 20, 1), "1280M");
        assert_eq!(memory(117 << 20, 16), "3584M");
    }
}
