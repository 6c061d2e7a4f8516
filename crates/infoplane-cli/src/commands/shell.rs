//! `infoplane completions` and `infoplane man`.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use infoplane::printable::printable_path;

use super::Arguments;
use crate::failure::Failure;
use crate::terminal::Screen;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane completions bash \\
      > ~/.local/share/bash-completion/completions/infoplane
  infoplane completions zsh > ~/.zfunc/_infoplane
  infoplane completions fish > ~/.config/fish/completions/infoplane.fish")]
pub struct CompletionsArgs {
    /// Shell to complete for
    pub shell: Shell,
}

/// Prints the script of a shell.
pub fn completions(arguments: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "infoplane", &mut script);
    stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane man --out ~/.local/share/man/man1
  man infoplane-run")]
pub struct ManArgs {
    /// Directory for the pages: infoplane.1, infoplane-run.1, …
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Writes a page for the program and one for each command.
pub fn man(arguments: &ManArgs) -> Result<ExitCode, Failure> {
    let out = &arguments.out;
    let failed =
        |error| Failure::machine(format!("cannot write manual pages to {}: {error}", printable_path(out)));
    std::fs::create_dir_all(out).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), out).map_err(failed)?;
    writeln!(Screen::lock(), "wrote manual pages to {}", printable_path(out))?;
    Ok(ExitCode::SUCCESS)
}
