//! `infoplane report`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::experiment::AsIfRandomResult;
use infoplane::report::ReportData;
use infoplane::run::Run;
use serde_json::{Value, json};

use super::as_if_random;
use crate::describe::seed_numbers;
use crate::failure::Failure;
use crate::flags::figures::FigureFlags;
use crate::output::print_json;
use crate::terminal::Screen;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane report runs/tishby2017
  infoplane report runs/saxe2018-relu --all-seeds
  infoplane report runs/tishby2017 --format pdf --style slides --title Compression --out slides
  infoplane report runs/*")]
pub struct Args {
    /// Directories of runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Directory for figures and tables; with several runs, each gets a directory of its name in it [default: RUN/report]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub figures: FigureFlags,
}

/// What was drawn of a run.
struct Drawn {
    summary: String,
    object: Value,
    files: Vec<PathBuf>,
}

/// Draws the figures of runs again.
pub fn report(arguments: &Args) -> Result<ExitCode, Failure> {
    let places = places(arguments)?;
    let drawn: Vec<Drawn> = arguments
        .runs
        .iter()
        .zip(&places)
        .map(|(run, out)| one(run, out.as_deref(), &arguments.figures))
        .collect::<Result<_, _>>()?;
    if arguments.json {
        let object = match <[Drawn; 1]>::try_from(drawn) {
            Ok([only]) => only.object,
            Err(several) => json!({ "runs": several.into_iter().map(|run| run.object).collect::<Vec<_>>() }),
        };
        print_json("report", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    for run in drawn {
        writeln!(out, "{}", run.summary)?;
        for file in run.files {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the figures of each run go, if not into its own directory.
fn places(arguments: &Args) -> Result<Vec<Option<PathBuf>>, Failure> {
    let runs = &arguments.runs;
    let Some(out) = &arguments.out else { return Ok(vec![None; runs.len()]) };
    if let [_] = &runs[..] {
        return Ok(vec![Some(out.clone())]);
    }
    let names: Vec<_> = runs.iter().map(|run| run.file_name().unwrap_or(run.as_os_str())).collect();
    if let Some((place, name)) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name))
    {
        return Err(Failure::input(format!(
            "{} and another run are both called {}, so they cannot both go into {}; report them one at a time",
            runs[place].display(),
            name.to_string_lossy(),
            out.display()
        )));
    }
    Ok(names.into_iter().map(|name| Some(out.join(name))).collect())
}

fn one(path: &Path, out: Option<&Path>, flags: &FigureFlags) -> Result<Drawn, Failure> {
    if AsIfRandomResult::is_in(path) {
        let (summary, files) = as_if_random::draw(path, flags, out)?;
        return Ok(Drawn { summary, object: json!({ "run": path, "files": files }), files: figures(files) });
    }
    let run = Run::read(path)?;
    let data = ReportData { all_seeds: flags.all_seeds, ..ReportData::of(&run) };
    let place = out.map_or_else(|| run.directory().report_path(), Path::to_path_buf);
    let files = infoplane::report::write(&data, &flags.options(), &place)?;
    let object = json!({
        "run": path,
        "all_seeds": flags.all_seeds,
        "seeds_not_learned": seed_numbers(&data.failed),
        "files": files,
    });
    Ok(Drawn { summary: infoplane::report::summary(&data), object, files })
}

fn figures(files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")).collect()
}
