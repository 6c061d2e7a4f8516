//! `infoplane report`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::experiment::AsIfRandomResult;
use infoplane::figure::{Arrangement, Comparison, ComparisonError, first_plane, pool_figures};
use infoplane::page::Page;
use infoplane::printable::{printable, printable_path};
use infoplane::report::{
    Characters, ReportData, as_if_random_summary, comparison_summary, plane_in_characters, write_comparison,
    write_page,
};
use infoplane::run::Run;
use serde_json::{Value, json};

use super::as_if_random;
use crate::describe::seed_numbers;
use crate::failure::Failure;
use crate::flags::figures::FigureFlags;
use crate::flags::files::check_outside_runs;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, end_on_interrupt, fitted, say, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane report runs/tishby2017
  infoplane report runs/saxe2018-relu --all-seeds
  infoplane report runs/tishby2017 --format pdf --style slides \\
      --title Compression --out slides
  infoplane report runs/*
  infoplane report runs/tishby2017 --html
  infoplane report runs/saxe2018-tanh runs/saxe2018-relu --out compared
  infoplane report runs/* --by training.batch_size --one-panel \\
      --out batch-sizes
  infoplane report runs/* --by data.name --by network.nonlinearity \\
      --html --out grid

With --html a run has one page, index.html, that needs no other file: a slider of epochs, hover, zoom, files of every figure. \
Several runs with --out are compared: their planes side by side or in one panel, and for each layer the \
information over epochs with standard errors and percentiles. Without --out each is redrawn into its own \
directory.")]
pub struct Args {
    /// Directories of runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Directory for figures and tables; several runs are compared in it [default: RUN/report for each]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Compare groups of runs: those with the same value of this key of their configuration are one group. Given twice or
    /// more, planes stand in rows and columns, a column for each value of the last key
    #[arg(long, value_name = "KEY", requires = "out", help_heading = "Comparing runs")]
    pub by: Vec<String>,
    /// Compare planes in one panel, with a colour for each group, instead of side by side
    #[arg(long, requires = "out", help_heading = "Comparing runs")]
    pub one_panel: bool,
    /// Write one interactive page, index.html, instead of figures and tables
    #[arg(long, conflicts_with_all = ["format", "style", "title"])]
    pub html: bool,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub figures: FigureFlags,
}

/// What was drawn of a run.
struct Drawn {
    summary: String,
    /// The plane of the first method in characters, where there is one.
    plane: Option<String>,
    object: Value,
    files: Vec<PathBuf>,
}

/// What is said of files when a command that writes them ends in the middle.
pub const UNFINISHED: &str = "interrupted; files that were not finished are as they were before";

/// Draws the figures of runs again.
pub fn report(arguments: &Args) -> Result<ExitCode, Failure> {
    if let (Some(out), [_, _, ..]) = (&arguments.out, &arguments.runs[..]) {
        return compare(arguments, out);
    }
    if !arguments.by.is_empty() || arguments.one_panel {
        return Err(Failure::input("--by and --one-panel compare runs: name two or more"));
    }
    let mut places: Vec<PathBuf> = arguments.out.iter().cloned().collect();
    places.extend(arguments.runs.iter().flat_map(|run| [run.clone(), run.join("report")]));
    end_on_interrupt(UNFINISHED, places);
    let mut clock = Clock::new("reading and drawing");
    let drawn: Vec<Drawn> = arguments.runs.iter().map(|run| one(run, arguments)).collect::<Result<_, _>>()?;
    clock.finish();
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
        writeln!(out, "{}", fitted(&run.summary, width()))?;
        if let Some(plane) = run.plane {
            writeln!(out, "{plane}")?;
        }
        for file in run.files {
            writeln!(out, "{}", printable_path(file))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws runs beside each other.
fn compare(arguments: &Args, out: &Path) -> Result<ExitCode, Failure> {
    if let Some(pooled) = arguments.runs.iter().find(|path| AsIfRandomResult::is_in(path)) {
        return Err(Failure::input(format!(
            "{} holds an as-if-random result, which is not a run; leave it out of the comparison",
            printable_path(pooled)
        )));
    }
    let options = arguments.figures.look.still("figures that compare runs")?;
    check_outside_runs(out, None)?;
    end_on_interrupt(UNFINISHED, vec![out.to_path_buf()]);
    let mut clock = Clock::new("reading and drawing");
    let runs = arguments.runs.iter().map(|path| Run::read(path)).collect::<Result<Vec<_>, _>>()?;
    arguments.runs.iter().zip(&runs).for_each(|(path, run)| tell_other_version(path, run));
    let flags = &arguments.figures;
    let comparison = Comparison::of_runs(&runs, &arguments.by, flags.all_seeds);
    let comparison = comparison.map_err(|error| {
        let one_group = matches!(error, ComparisonError::OneGroup(_));
        let failure = Failure::input(error);
        match (one_group, &arguments.by[..]) {
            (true, [_, ..]) => {
                let keys: Vec<String> = arguments.by.iter().map(|key| format!("`{key}`")).collect();
                failure.with_advice(format!("all runs have the same {}", keys.join(" and ")))
            }
            _ => failure,
        }
    })?;
    comparison.warnings().iter().for_each(say);
    let arrangement = if arguments.one_panel { Arrangement::OnePanel } else { Arrangement::SideBySide };
    let files = if arguments.html {
        let data = |run| ReportData { all_seeds: flags.all_seeds, ..ReportData::of(run) };
        let runs: Vec<(&Run, ReportData<'_>)> = runs.iter().map(|run| (run, data(run))).collect();
        let page = Page::of_comparison(&comparison, arrangement, &runs).made_by(command(arguments));
        vec![write_page(&page, out)?]
    } else {
        write_comparison(&comparison, arrangement, &options, out)?
    };
    clock.finish();
    if arguments.json {
        let object = json!({ "runs": arguments.runs, "groups": comparison.names(), "files": files });
        print_json("report", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut screen = Screen::lock();
    writeln!(screen, "{}", fitted(&comparison_summary(&comparison), width()))?;
    for file in files {
        writeln!(screen, "{}", printable_path(file))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The command as a page shows it: without folders that only this machine has.
fn command(arguments: &Args) -> String {
    let plain = |path: &Path| {
        let shown = if path.is_absolute() { Path::new(path.file_name().unwrap_or_default()) } else { path };
        let text = printable_path(shown).to_string();
        if text.contains(char::is_whitespace) { format!("'{text}'") } else { text }
    };
    let mut words: Vec<String> = vec!["infoplane report".into()];
    words.extend(arguments.runs.iter().map(|run| plain(run)));
    words.push("--html".into());
    words.extend(arguments.out.iter().map(|out| format!("--out {}", plain(out))));
    words.extend(arguments.by.iter().map(|key| format!("--by {key}")));
    let flags = [(arguments.one_panel, "--one-panel"), (arguments.figures.all_seeds, "--all-seeds")];
    words.extend(flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_string()));
    words.join(" ")
}

fn one(path: &Path, arguments: &Args) -> Result<Drawn, Failure> {
    let (out, flags) = (arguments.out.as_deref(), &arguments.figures);
    if let Some(out) = out {
        check_outside_runs(out, Some(path))?;
    }
    if AsIfRandomResult::is_in(path) && arguments.html {
        return pooled_page(path, arguments);
    }
    if AsIfRandomResult::is_in(path) {
        let (summary, files) = as_if_random::draw(path, flags, out)?;
        return Ok(Drawn {
            summary,
            plane: None,
            object: json!({ "run": path, "files": files }),
            files: listed(files, flags),
        });
    }
    let run = Run::read(path)?;
    tell_other_version(path, &run);
    let data = ReportData { all_seeds: flags.all_seeds, ..ReportData::of(&run) };
    let place = out.map_or_else(|| run.directory().report_path(), Path::to_path_buf);
    let files = if arguments.html {
        vec![write_page(&Page::of_run(&run, &data).made_by(command(arguments)), &place)?]
    } else {
        infoplane::report::write(&data, &flags.look.options(), &place)?
    };
    let object = json!({
        "run": path,
        "all_seeds": flags.all_seeds,
        "seeds_not_learned": seed_numbers(&data.failed),
        "files": files,
    });
    // For programs there is the object alone.
    let plane = (!arguments.json).then(|| first_plane(&data)).flatten().and_then(|figure| {
        let drawn = plane_in_characters(&figure, width(), characters())?;
        Some(format!("{}\n{drawn}", printable(&figure.heading)))
    });
    Ok(Drawn { summary: infoplane::report::summary(&data), plane, object, files })
}

/// The page of pooled networks.
fn pooled_page(path: &Path, arguments: &Args) -> Result<Drawn, Failure> {
    let result = as_if_random::shown(path, &arguments.figures)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let page = Page::of_figures(name, pool_figures(&result)).made_by(command(arguments));
    let files = vec![write_page(&page, arguments.out.as_deref().unwrap_or(path))?];
    let object = json!({ "run": path, "files": files });
    Ok(Drawn { summary: as_if_random_summary(&result), plane: None, object, files })
}

/// Numbers depend on the version of the program, and on nothing else that a run does not name.
fn tell_other_version(path: &Path, run: &Run) {
    let (then, now) = (&run.manifest().infoplane_version, env!("CARGO_PKG_VERSION"));
    if then != now {
        say(format_args!(
            "{} was begun by infoplane {then}; numbers of infoplane {now} may differ",
            path.display()
        ));
    }
}

/// What the terminal can show, as far as the locale says it.
fn characters() -> Characters {
    let mut set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    Characters::of_locale(&set.find(|locale| !locale.is_empty()).unwrap_or_default())
}

/// One form of each figure.
fn listed(files: Vec<PathBuf>, flags: &FigureFlags) -> Vec<PathBuf> {
    let is_listed = |file: &PathBuf| match (file.extension(), flags.look.listed()) {
        (Some(ending), Some(listed)) => ending == listed,
        _ => false,
    };
    files.into_iter().filter(is_listed).collect()
}
