//! `infoplane serve`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use infoplane_serve::{Access, ServeError, Server};

use crate::failure::Failure;
use crate::terminal::{Screen, note, on_interrupt, say};

/// The first port that is tried unless one is given.
const PORT: u16 = 4617;
/// So many ports are tried.
const TRIED: u16 = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane serve
  infoplane serve runs --port 8000
  infoplane serve sweep
  infoplane serve runs --address 0.0.0.0 --token

Open the address that is printed. Pages of runs that are being written follow them. Only what is in the folder is shown, nothing is \
written, and other machines see nothing unless --address says so; then whoever has the token may look. On a cluster, forward the port \
instead: ssh -L 4617:localhost:4617 HOST.")]
pub struct Args {
    /// The folder with the runs, a run, or the directory of a sweep
    #[arg(value_name = "RUNS_DIR", default_value = "runs")]
    pub folder: PathBuf,
    /// Port to listen on; 0 for any that is free [default: the first free one from 4617]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Address to listen on; any but a loopback one needs --token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub address: IpAddr,
    /// Show nothing to those who do not have this word; without a word, one is made up
    #[arg(long, value_name = "WORD", num_args = 0..=1, default_missing_value = "")]
    pub token: Option<String>,
}

/// Shows the runs in a folder until it is interrupted.
pub fn serve(arguments: &Args) -> Result<ExitCode, Failure> {
    let access = match &arguments.token {
        None => Access::Loopback,
        Some(word) if word.is_empty() => Access::Token(made_up()),
        Some(word) if word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Access::Token(word.clone())
        }
        Some(word) => {
            let told = format!("--token {word:?}: allowed are eight or more letters and digits of ASCII");
            return Err(Failure::input(told).with_advice("give --token without a word, and one is made up"));
        }
    };
    let server = listening(arguments, &access)?;
    let stopped = on_interrupt("ends");
    writeln!(Screen::lock(), "{}", server.url())?;
    note(format_args!("shows the runs in {}; Ctrl-C ends it", arguments.folder.display()));
    server.run_until(move || stopped.load(Ordering::Relaxed)).map_err(Failure::machine)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the run that is about to be written in a directory, as long as this process goes on.
pub fn beside(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::machine(format!("cannot create {}: {error}", directory.display())))?;
    let here =
        Args { folder: directory.into(), port: None, address: IpAddr::from([127, 0, 0, 1]), token: None };
    let server = listening(&here, &Access::Loopback)?;
    note(format_args!("live: {}run?id=.", server.url()));
    std::thread::spawn(move || {
        if let Err(error) = server.run_until(|| false) {
            say(error);
        }
    });
    Ok(())
}

/// A server on the port that was asked for, or on the first that is free.
fn listening(arguments: &Args, access: &Access) -> Result<Server, Failure> {
    let first = arguments.port.unwrap_or(PORT);
    let last = if arguments.port.is_some() { first } else { first + TRIED };
    for port in first..=last {
        let address = SocketAddr::new(arguments.address, port);
        match Server::bind(&arguments.folder, address, access.clone()) {
            Err(ServeError::Listen { source, .. })
                if source.kind() == std::io::ErrorKind::AddrInUse && port < last => {}
            Err(error @ ServeError::NeedsToken(_)) => {
                return Err(Failure::input(error).with_advice("add --token"));
            }
            Err(error @ ServeError::NoFolder(_)) => return Err(Failure::input(error)),
            Err(error) => return Err(Failure::machine(error).with_advice("--port 0 takes any that is free")),
            Ok(server) => return Ok(server),
        }
    }
    unreachable!("the last port gave a server or an error")
}

/// A word that nobody guesses: 128 bits with which the standard library keys its tables.
fn made_up() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}
