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
use infoplane::dataset::DatasetError;
use infoplane::experiment::ExperimentError;
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

    /// Sets what the data of a file may take.
    pub fn allow_memory(&self) {
        if let Args::Run(arguments) = self {
            arguments.machine.allow();
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
            SweepError::Experiment(error) => of_experiment(*error),
            SweepError::Write { .. } | SweepError::Report(_) => Failure::machine(error),
            SweepError::Interrupted => Failure::coded(error, INTERRUPTED),
            SweepError::Missing { .. } => Failure::coded(error, INCOMPLETE)
                .with_advice("`infoplane sweep run FILE --store STORE --missing` computes them; --allow-missing collects what there is"),
            SweepError::DataChanged { .. } => Failure::input(error),
            SweepError::OtherSweep { .. } => Failure::input(error)
                .with_advice("another version of the program has other cells: its numbers may differ in their last digits"),
            SweepError::Cell { cell, source } => Failure::from(*source).about(&cell),
            // Where a file of TOML is wrong is shown in lines.
            SweepError::Damaged { .. } => Failure::lines(error),
            _ => Failure::input(error),
        }
    }
}

/// What is wrong with the experiments of a sweep, with what can be done about it in its file.
fn of_experiment(error: ExperimentError) -> Failure {
    match &error {
        ExperimentError::Dataset(DatasetError::Io { error: source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Failure::input(&error).with_advice(
                "\"dataset.source.directory\" = \"DIR\", or \"dataset.source.file\" = \"FILE\", under [set] in the file of the sweep \
                 says where the data are",
            )
        }
        _ => error.into(),
    }
}

/// `about 3 hours`, of seconds.
fn about(seconds: f64) -> String {
    format!("about {}", HumanDuration(Duration::from_secs_f64(seconds.max(1.0))))
}
