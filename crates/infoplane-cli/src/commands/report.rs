//! `infoplane report`.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::experiment::AsIfRandomResult;
use infoplane::report::ReportData;
use infoplane::run::Run;

use super::as_if_random;
use crate::failure::Failure;
use crate::flags::figures::FigureFlags;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane report runs/tishby2017
  infoplane report runs/saxe2018-relu --all-seeds
  infoplane report runs/tishby2017 --format pdf --style slides --title Compression")]
pub struct Args {
    /// The run directory
    pub run: PathBuf,
    #[command(flatten)]
    pub figures: FigureFlags,
}

/// Draws the figures of a run again.
pub fn report(arguments: &Args) -> Result<ExitCode, Failure> {
    let path = arguments.run.as_path();
    if AsIfRandomResult::is_in(path) {
        return as_if_random::report(path);
    }
    let run = Run::read(path)?;
    let data = ReportData { all_seeds: arguments.figures.all_seeds, ..ReportData::of(&run) };
    let files =
        infoplane::report::write(&data, &arguments.figures.options(), &run.directory().report_path())?;
    let mut out = stdout().lock();
    writeln!(out, "{}", infoplane::report::summary(&data))?;
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
