//! `infoplane sweep`.

mod collect;
mod plan;
mod run;
mod slurm;
mod status;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use indicatif::HumanDuration;
use infoplane::sweep::SweepError;

use crate::failure::{Failure, INTERRUPTED};

pub use worker::is_worker;

/// Some cells are not complete.
const INCOMPLETE: u8 = 5;

#[derive(Debug, Subcommand)]
pub enum Args {
    /// List the cells of a sweep, and say what time and memory they will take
    Plan(plan::Args),
    /// Compute cells of a sweep: all of them, or a shard; what is complete is left as it is
    Run(run::Args),
    /// Say how many cells of a sweep are complete, running, failed, missing
    Status(status::Args),
    /// Put the results of all cells into one table and one page
    Collect(collect::Args),
    /// Write the scripts that compute a sweep on a cluster with Slurm
    Slurm(slurm::Args),
}

impl Args {
    /// How many threads compute.
    pub fn threads(&self) -> u16 {
        match self {
            Args::Run(arguments) => arguments.machine.threads.threads,
            _ => 0,
        }
    }
}

/// Plans and computes sweeps.
pub fn sweep(arguments: &Args) -> Result<ExitCode, Failure> {
    match arguments {
        Args::Plan(arguments) => plan::plan(arguments),
        Args::Run(arguments) => run::run(arguments),
        Args::Status(arguments) => status::status(arguments),
        Args::Collect(arguments) => collect::collect(arguments),
        Args::Slurm(arguments) => slurm::slurm(arguments),
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Experiment(error) => (*error).into(),
            SweepError::Write { .. } | SweepError::Report(_) => Failure::machine(error),
            SweepError::Interrupted => Failure::coded(error, INTERRUPTED),
            SweepError::Missing { .. } => Failure::coded(error, INCOMPLETE)
                .with_advice("`infoplane sweep run FILE --store STORE --missing` computes them; --allow-missing collects what there is"),
            SweepError::DataChanged { .. } => Failure::input(error),
            SweepError::OtherSweep { .. } => Failure::input(error)
                .with_advice("a sweep that changes is another sweep, also where the program has another version"),
            SweepError::Cell { cell, source } => Failure::from(*source).about(&cell),
            _ => Failure::input(error),
        }
    }
}

/// `about 3 hours`, of seconds.
fn about(seconds: f64) -> String {
    format!("about {}", HumanDuration(Duration::from_secs_f64(seconds.max(1.0))))
}
