//! One file for each command: its arguments, and what it does.

mod as_if_random;
mod bottleneck;
mod calibrate;
mod estimate;
mod estimators;
mod info;
mod presets;
mod record;
mod report;
mod reproduce;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Measures what a neural network's layers know while it learns.
///
/// `infoplane run` trains the 12-bit task's network, measures I(X;T) and I(T;Y) of every layer, and draws the
/// information plane.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the machine failed: a file could not be written, a disk is full
  2    what was given is wrong: arguments, a configuration, data
  3    the run is complete, but a training diverged (its epoch is told)
  130  interrupted; the run directory is valid and holds what was measured";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network, measure its layers, write the run directory and the figures
    Run(Box<run::Args>),
    /// Measure the activations that another program saved: the planes of a network of your own
    Record(Box<record::Args>),
    /// Measure activations as another program saves them: record --follow
    Watch(Box<record::Args>),
    /// List the published experiments, or print one as a TOML file to copy and change
    Presets(presets::Args),
    /// Say what a run directory holds
    Info(info::Args),
    /// Draw the figures of a run again, from what its directory holds
    Report(report::Args),
    /// Take late weights, or many trainings, as draws of one distribution, and measure the layers as random
    AsIfRandom(Box<as_if_random::Args>),
    /// Estimate information from files of activations
    #[command(subcommand)]
    Estimate(Box<estimate::Args>),
    /// List the methods of estimating, or the keys of one
    Estimators(estimators::Args),
    /// Try methods on samples whose information is known
    Calibrate(calibrate::Args),
    /// Make the published figures again, and a page that compares them with their papers
    Reproduce(reproduce::Args),
    /// The most that any T can know of Y for what it knows of X, where p(x, y) is known
    Bottleneck(bottleneck::Args),
}

impl Command {
    /// Does what was asked.
    pub fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Command::Run(arguments) => run::run(arguments),
            Command::Record(arguments) => record::record(arguments, false),
            Command::Watch(arguments) => record::record(arguments, true),
            Command::Presets(arguments) => presets::presets(arguments),
            Command::Info(arguments) => info::info(arguments),
            Command::Report(arguments) => report::report(arguments),
            Command::AsIfRandom(arguments) => as_if_random::as_if_random(arguments),
            Command::Estimate(arguments) => estimate::estimate(arguments),
            Command::Estimators(arguments) => estimators::estimators(arguments),
            Command::Calibrate(arguments) => calibrate::calibrate(arguments),
            Command::Reproduce(arguments) => reproduce::reproduce(arguments),
            Command::Bottleneck(arguments) => bottleneck::bottleneck(arguments),
        }
    }
}
