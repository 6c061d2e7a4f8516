//! One file for each command: its arguments, and what it does.

mod as_if_random;
mod bottleneck;
mod calibrate;
mod estimate;
mod estimators;
mod export;
mod info;
mod presets;
mod record;
mod report;
mod reproduce;
mod resume;
mod run;
mod serve;
mod shell;
mod sweep;
mod verify;

pub use sweep::is_worker as is_sweep_worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::flags::machine;

/// Measures the information plane of a neural network: I(X;T) and I(T;Y) of every layer T during training.
///
/// `infoplane run` trains the network of the 12-bit task (Shwartz-Ziv & Tishby 2017), measures every layer, and draws
/// the information plane.
#[derive(Debug, Parser)]
#[command(name = "infoplane", version = env!("INFOPLANE_VERSION"), after_help = EXIT_CODES)]
pub struct Arguments {
    /// Show no progress and no notices on stderr
    #[arg(short, long, global = true, display_order = 900)]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    system error: a file could not be written, a disk is full, memory or threads are lacking
  2    invalid input: arguments, a configuration, data
  3    the run is complete, but a training run diverged (its epoch is reported)
  4    the run is complete, but no estimator gave a value (the reason is reported)
  5    cells of a sweep failed or are missing (they are named)
  130  interrupted by Ctrl-C, SIGTERM or SIGHUP; the run directory is valid and holds what was measured";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network, measure its layers, write the run directory and the figures
    Run(Box<run::Args>),
    /// Measure activations that another program saved: the planes of a network of your own
    Record(Box<record::Args>),
    /// Measure activations while another program still saves them (record --follow)
    #[command(mut_arg("follow", |flag| flag.hide(true)))]
    #[command(mut_arg("last", |flag| flag.help("Complete the run once this epoch is measured")))]
    #[command(mut_arg("idle", |flag| flag.help("Complete the run after this many seconds without anything new")))]
    Watch(Box<record::Args>),
    /// Resume a run or an as-if-random result that was stopped
    Resume(resume::Args),
    /// List the published experiments, print one as TOML to copy and edit, or explain the keys
    Presets(presets::Args),
    /// Summarise a run
    Info(info::Args),
    /// Compare the files of finished runs with what was written, and mend what is damaged
    Verify(verify::Args),
    /// Redraw the figures of runs
    Report(report::Args),
    /// Show runs in a browser, live while they are written
    Serve(serve::Args),
    /// Write a table of a run as CSV, JSON lines or an Arrow file, or explain its columns
    Export(export::Args),
    /// Treat late weights (or many seeds) as samples of one distribution and measure the pooled layers
    AsIfRandom(Box<as_if_random::Args>),
    /// Estimate information from files
    #[command(subcommand)]
    Estimate(Box<estimate::Args>),
    /// List the estimators, or explain one and its keys
    Estimators(estimators::Args),
    /// Compare estimators on samples of known information
    Calibrate(calibrate::Args),
    /// Reproduce published figures, with a page that compares them with their papers
    Reproduce(reproduce::Args),
    /// Compute many experiments that differ in some keys, on one machine or on a cluster
    #[command(subcommand)]
    Sweep(Box<sweep::Args>),
    /// Information-bottleneck curve of a known p(x, y)
    Bottleneck(bottleneck::Args),
    /// Print a script that completes commands and flags in a shell
    Completions(shell::CompletionsArgs),
    /// Write manual pages
    Man(shell::ManArgs),
}

impl Command {
    /// How many threads compute, 0 for one on each core; `None` if nothing is computed.
    fn threads(&self) -> Option<u16> {
        match self {
            Command::Run(arguments) => Some(arguments.machine.threads.threads),
            Command::Record(arguments) | Command::Watch(arguments) => Some(arguments.machine.threads.threads),
            Command::Resume(arguments) => Some(arguments.machine.threads.threads),
            Command::AsIfRandom(arguments) => Some(arguments.machine.threads.threads),
            Command::Verify(arguments) => Some(arguments.machine.threads.threads),
            Command::Reproduce(arguments) => Some(arguments.machine.threads.threads),
            Command::Estimate(arguments) => Some(arguments.threads()),
            Command::Sweep(arguments) => Some(arguments.threads()),
            Command::Calibrate(arguments) => Some(arguments.threads.threads),
            Command::Bottleneck(arguments) => Some(arguments.threads.threads),
            Command::Info(_) | Command::Report(_) | Command::Serve(_) | Command::Export(_) => Some(0),
            Command::Presets(_) | Command::Estimators(_) | Command::Completions(_) | Command::Man(_) => None,
        }
    }

    /// Sets what the data of a file may take.
    fn allow_memory(&self) {
        match self {
            Command::Run(arguments) => arguments.machine.allow(),
            Command::Record(arguments) | Command::Watch(arguments) => arguments.machine.allow(),
            Command::Resume(arguments) => arguments.machine.allow(),
            Command::Verify(arguments) => arguments.machine.allow(),
            Command::AsIfRandom(arguments) => arguments.machine.allow(),
            Command::Reproduce(arguments) => arguments.machine.allow(),
            Command::Estimate(arguments) => arguments.memory().allow(),
            Command::Bottleneck(arguments) => arguments.memory.allow(),
            Command::Sweep(arguments) => arguments.allow_memory(),
            _ => {}
        }
    }

    /// Does what was asked.
    pub fn run(&self) -> Result<ExitCode, Failure> {
        if let Some(threads) = self.threads() {
            machine::start(threads)?;
        }
        self.allow_memory();
        match self {
            Command::Run(arguments) => run::run(arguments),
            Command::Record(arguments) => record::record(arguments, false),
            Command::Watch(arguments) => record::record(arguments, true),
            Command::Resume(arguments) => resume::resume(arguments),
            Command::Presets(arguments) => presets::presets(arguments),
            Command::Info(arguments) => info::info(arguments),
            Command::Verify(arguments) => verify::verify(arguments),
            Command::Report(arguments) => report::report(arguments),
            Command::Serve(arguments) => serve::serve(arguments),
            Command::Export(arguments) => export::export(arguments),
            Command::AsIfRandom(arguments) => as_if_random::as_if_random(arguments),
            Command::Estimate(arguments) => estimate::estimate(arguments),
            Command::Estimators(arguments) => estimators::estimators(arguments),
            Command::Calibrate(arguments) => calibrate::calibrate(arguments),
            Command::Reproduce(arguments) => reproduce::reproduce(arguments),
            Command::Sweep(arguments) => sweep::sweep(arguments),
            Command::Bottleneck(arguments) => bottleneck::bottleneck(arguments),
            Command::Completions(arguments) => shell::completions(arguments),
            Command::Man(arguments) => shell::man(arguments),
        }
    }
}
