//! `infoplane resume`.

use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::experiment::AsIfRandomResult;

use super::as_if_random;
use super::run::{Shown, go_on};
use crate::failure::Failure;
use crate::flags::figures::FigureFlags;
use crate::flags::machine::MachineFlags;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What was measured is kept, and the result is the same to the last bit as without the interruption. Paths \
of data start where the run was begun; if the data have moved, name the experiment with their new place.

Examples:
  infoplane resume runs/saxe2018-tanh
  infoplane resume runs/tishby2017/as-if-random
  infoplane resume runs/mnist --experiment saxe2018-mnist \\
      --set dataset.source.directory=/data/mnist")]
pub struct Args {
    /// Directory of the run, or of an as-if-random result
    pub run: PathBuf,
    /// Preset or TOML file that the run must hold; an error if it holds another experiment
    #[arg(long, value_name = "PRESET|FILE.toml")]
    pub experiment: Option<String>,
    /// Key that the run must have with this value; of dataset.source, where the data are now
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub figures: FigureFlags,
}

/// Goes on with a run, or an as-if-random result, that was stopped.
pub fn resume(arguments: &Args) -> Result<ExitCode, Failure> {
    let Args { run, experiment, set, machine, json, figures } = arguments;
    if AsIfRandomResult::is_in(run) {
        return as_if_random::resume(run, experiment.as_deref(), set, machine, figures, *json);
    }
    let shown = Shown { command: "resume", figures, json: *json };
    go_on(run, experiment.as_deref(), set, machine, &shown)
}
