//! `infoplane reproduce`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanDuration;
use infoplane::printable::printable_path;
use infoplane::reproduce::{
    FIGURES, Figure, ReproduceError, ReproduceOptions, Setup, Size, figure, reproduce as make,
};
use infoplane::sweep::expected_cpu_seconds;

use serde_json::{Value, json};

use crate::failure::{Failure, INTERRUPTED};
use crate::flags::machine::MachineFlags;
use crate::output::print_json;
use crate::terminal::{FiguresMeter, Screen, on_interrupt, say, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each training run is done once, even if several figures show it, and kept: the same command continues \
after an interruption, and redraws what is complete. Several workers may share the directory. The page shows all sizes that were made \
there side by side. Without a name it lists the figures.

Examples:
  infoplane reproduce --list
  infoplane reproduce saxe-nonlinearities --quick
  infoplane reproduce --all --quick --mnist mnist --out results")]
pub struct Args {
    /// Names of figures
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Every figure
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Fewer seeds and points: all figures in ten minutes on two cores, instead of a night
    #[arg(long)]
    pub quick: bool,
    /// Directory for runs, figures and the page of results
    #[arg(long, value_name = "DIR", default_value = "reproduced")]
    pub out: PathBuf,
    /// Directory of the four MNIST files, for the figures that need them
    #[arg(long, value_name = "DIR")]
    pub mnist: Option<PathBuf>,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// List the figures with their expected time
    #[arg(long)]
    pub list: bool,
    /// Draw what is there; train nothing
    #[arg(long)]
    pub only_draw: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Makes the published figures again.
pub fn reproduce(arguments: &Args) -> Result<ExitCode, Failure> {
    let size = if arguments.quick { Size::Quick } else { Size::Full };
    let setup = Setup { size, mnist: arguments.mnist.clone() };
    if arguments.list || (arguments.names.is_empty() && !arguments.all) {
        return list(&setup, arguments.list, arguments.json);
    }
    let figures: Vec<&'static Figure> = match arguments.all {
        true => FIGURES.iter().collect(),
        false => arguments
            .names
            .iter()
            .map(|name| figure(name))
            .collect::<Result<_, _>>()
            .map_err(Failure::input)?,
    };
    let options = ReproduceOptions {
        out: arguments.out.clone(),
        setup,
        run: arguments.machine.options(),
        only_draw: arguments.only_draw,
        to_repeat,
    };
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let meter = FiguresMeter::new();
    let outcomes = make(&figures, &options, &meter, &interrupt);
    meter.finish();
    let page = options.out.join("results.md");
    let outcomes = match outcomes {
        Err(ReproduceError::Interrupted) => {
            say("interrupted; the same command continues where it stopped");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        // Of what an error of a run says in lines each is printable.
        outcomes => outcomes.map_err(|error| Failure::machine(error.to_string().replace('\n', "; ")))?,
    };
    let missing = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    let incomplete = || Failure::input(format!("{missing} of {} figures are missing", outcomes.len()));
    if arguments.json {
        let figures: Vec<Value> = outcomes
            .iter()
            .map(|outcome| {
                let reason = outcome.result.as_ref().err();
                json!({ "name": outcome.name, "files": outcome.result.as_ref().ok(), "reason": reason })
            })
            .collect();
        print_json("reproduce", json!({ "figures": figures, "page": page }))?;
        return if missing > 0 { Err(incomplete()) } else { Ok(ExitCode::SUCCESS) };
    }
    let mut out = Screen::lock();
    for outcome in &outcomes {
        match &outcome.result {
            Ok(files) => {
                for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")) {
                    writeln!(out, "figure   {}", printable_path(file))?;
                }
            }
            Err(why) => writeln!(out, "missing  {}: {}", outcome.name, advised(why))?,
        }
    }
    writeln!(out, "page     {}", printable_path(page))?;
    if missing > 0 {
        return Err(incomplete());
    }
    Ok(ExitCode::SUCCESS)
}

/// The command that makes a figure again.
fn to_repeat(figure: &Figure, setup: &Setup) -> String {
    let quick = if setup.size == Size::Quick { " --quick" } else { "" };
    let needs_mnist = figure.plan(&Setup { mnist: None, ..setup.clone() }).is_err();
    let mnist = if needs_mnist { " --mnist DIR" } else { "" };
    format!("`infoplane reproduce {}{quick}{mnist}`", figure.name)
}

/// Names the flag that helps.
fn advised(why: &str) -> String {
    match why {
        _ if why.starts_with("needs MNIST") => format!("{why}; name the directory of its files with --mnist"),
        _ if why.ends_with("is not complete") => format!("{why}; without --only-draw it is trained"),
        _ => why.to_string(),
    }
}

/// The figures with what they are expected to take.
fn list(setup: &Setup, asked: bool, as_json: bool) -> Result<ExitCode, Failure> {
    let seconds: Vec<f64> = FIGURES
        .iter()
        .map(|figure| {
            let mnist = setup.mnist.clone().or(Some("mnist".into()));
            let plan = figure.plan(&Setup { mnist, ..setup.clone() }).map_err(Failure::input)?;
            Ok(plan.iter().map(expected_cpu_seconds).sum())
        })
        .collect::<Result<_, Failure>>()?;
    let listed = FIGURES.iter().zip(seconds);
    if as_json {
        let figures: Vec<Value> = listed
            .map(|(figure, seconds)| {
                json!({
                    "name": figure.name,
                    "title": figure.title,
                    "paper": figure.paper,
                    "expected_cpu_seconds": seconds,
                })
            })
            .collect();
        print_json("reproduce", json!({ "figures": figures }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    let width = width();
    for (figure, seconds) in listed {
        let time = HumanDuration(std::time::Duration::from_secs_f64(seconds.max(1.0)));
        let lead = |text: &str| format!("{text:<22} ");
        writeln!(out, "{}", wrapped(&lead(figure.name), figure.title, width))?;
        let about = format!("{}; about {time} of one core", figure.paper);
        writeln!(out, "{}", wrapped(&lead(""), &about, width))?;
    }
    if !asked {
        writeln!(out, "\nName the figures, or give --all; --quick takes minutes, the full size hours.")?;
    }
    Ok(ExitCode::SUCCESS)
}
