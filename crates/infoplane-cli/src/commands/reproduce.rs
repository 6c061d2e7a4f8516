//! `infoplane reproduce`.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanDuration;
use infoplane::reproduce::{
    FIGURES, Figure, ReproduceError, ReproduceOptions, Setup, Size, expected_cpu_seconds, figure,
    reproduce as make,
};

use crate::failure::{Failure, INTERRUPTED};
use crate::flags::machine::MachineFlags;
use crate::terminal::{FiguresBar, on_interrupt, say};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every training is run once, also where several figures show it, and kept: the same command goes on where it was stopped,
and draws again what is complete. Without a name it lists the figures.

Examples:
  infoplane reproduce --list
  infoplane reproduce saxe-nonlinearities --quick
  infoplane reproduce --all --quick --mnist mnist --out results")]
pub struct Args {
    /// The figures
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// All figures
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Few seeds and points: all figures in ten minutes on two cores, instead of a night
    #[arg(long)]
    pub quick: bool,
    /// Where runs, figures and the page are kept
    #[arg(long, value_name = "DIR", default_value = "reproduced")]
    pub out: PathBuf,
    /// The directory of MNIST's four files, for the figures that need it
    #[arg(long, value_name = "DIR")]
    pub mnist: Option<PathBuf>,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// List the figures, and what each is expected to take
    #[arg(long)]
    pub list: bool,
    /// Draw what is there and train nothing
    #[arg(long)]
    pub only_draw: bool,
}

/// Makes the published figures again.
pub fn reproduce(arguments: &Args) -> Result<ExitCode, Failure> {
    let size = if arguments.quick { Size::Quick } else { Size::Full };
    let setup = Setup { size, mnist: arguments.mnist.clone() };
    if arguments.list || (arguments.names.is_empty() && !arguments.all) {
        return list(&setup, arguments.list);
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
    };
    let interrupt = on_interrupt("stopping after the epochs in hand; once more to stop at once");
    let bar = FiguresBar::new();
    let outcomes = make(&figures, &options, &bar, &interrupt);
    bar.finish();
    let page = options.out.join("results.md");
    let outcomes = match outcomes {
        Err(ReproduceError::Interrupted) => {
            say("interrupted; the same command goes on where it stopped");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        outcomes => outcomes.map_err(Failure::machine)?,
    };
    let mut out = stdout().lock();
    let mut missing = 0;
    for outcome in &outcomes {
        match &outcome.result {
            Ok(files) => {
                for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")) {
                    writeln!(out, "figure   {}", file.display())?;
                }
            }
            Err(why) => {
                missing += 1;
                writeln!(out, "missing  {}: {why}", outcome.name)?;
            }
        }
    }
    writeln!(out, "page     {}", page.display())?;
    if missing > 0 {
        return Err(Failure::input(format!("{missing} of {} figures are missing", outcomes.len())));
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures with what they are expected to take.
fn list(setup: &Setup, asked: bool) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    for figure in FIGURES {
        let plan =
            figure.plan(&Setup { mnist: setup.mnist.clone().or(Some("mnist".into())), ..setup.clone() });
        let seconds: f64 = plan.map_err(Failure::input)?.iter().map(expected_cpu_seconds).sum();
        let time = HumanDuration(std::time::Duration::from_secs_f64(seconds.max(1.0)));
        writeln!(
            out,
            "{:<22} {}\n{:<22} {}; about {time} of one core",
            figure.name, figure.title, "", figure.paper
        )?;
    }
    if !asked {
        writeln!(out, "\nName the figures, or give --all; --quick takes minutes, without it hours.")?;
    }
    Ok(ExitCode::SUCCESS)
}
