//! How a command fails: a message, and an exit code that a script can tell apart.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use infoplane::dataset::DatasetError;
use infoplane::experiment::ExperimentError;
use infoplane::printable::{printable, printable_path};
use infoplane::record::RecordError;
use infoplane::report::ReportError;
use infoplane::run::RunError;
use infoplane::schedule::ScheduleError;

use crate::flags::schedule::flag;
use crate::terminal::say_lines;

/// Something was wrong with the machine: a file that could not be written, a disk that is full.
pub const FAILED: u8 = 1;
/// Something was wrong with what was given: arguments, a configuration, data.
const BAD_INPUT: u8 = 2;
/// The run is complete, but at least one training diverged.
pub const DIVERGED: u8 = 3;
/// The run is complete, but no method gave a value.
pub const NO_VALUE: u8 = 4;
/// Where a worker of a sweep aborts; only the process that starts it again sees it.
pub const ABORTED: u8 = 134;
/// Stopped by Ctrl-C, as shells number it.
pub const INTERRUPTED: u8 = 130;

/// A message for a person and an exit code for a script.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something was wrong with what was given.
    pub fn input(message: impl fmt::Display) -> Self {
        Failure::of(message, BAD_INPUT)
    }

    /// Something was wrong with the machine.
    pub fn machine(message: impl fmt::Display) -> Self {
        Failure::of(message, FAILED)
    }

    /// With an exit code of its own.
    pub fn coded(message: impl fmt::Display, code: u8) -> Self {
        Failure::of(message, code)
    }

    /// Says what it is about.
    pub fn about(mut self, what: &str) -> Self {
        self.message = format!("{}: {}", printable(what), self.message);
        self
    }

    /// A message of one line: a name in it cannot begin another.
    fn of(message: impl fmt::Display, code: u8) -> Self {
        Failure { message: printable(&message.to_string()).into_owned(), code }
    }

    /// What was wrong with what was given, in several lines, of which the library made each printable.
    pub fn lines(message: impl fmt::Display) -> Self {
        Failure { message: message.to_string(), code: BAD_INPUT }
    }

    /// Tells the message on stderr, if there is one, and gives the exit code.
    pub fn tell(&self) -> ExitCode {
        if !self.message.is_empty() {
            say_lines(&self.message);
        }
        self.exit_code()
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    /// Adds what to do about it.
    pub fn with_advice(mut self, advice: impl fmt::Display) -> Self {
        let advice = advice.to_string();
        if !advice.is_empty() {
            self.message = format!("{}\n{}", self.message, printable(&advice));
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Data that cannot be read; where memory is lacking, it is the machine that fails.
impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        Failure::of(&error, code_of(&error))
    }
}

fn code_of(error: &DatasetError) -> u8 {
    if error.lacks_memory() { FAILED } else { BAD_INPUT }
}

impl From<ExperimentError> for Failure {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Run(error) => error.into(),
            ExperimentError::Interrupted => Failure::of(error, INTERRUPTED),
            ExperimentError::Threads { .. } => Failure::machine(error),
            ExperimentError::Syntax { .. }
            | ExperimentError::Changed { .. }
            | ExperimentError::OtherResult { .. }
            | ExperimentError::DataOfRun { .. } => Failure::lines(error),
            ExperimentError::UnknownKey { .. } => {
                Failure::input(error).with_advice("`infoplane presets --keys` explains every key")
            }
            ExperimentError::Dataset(DatasetError::Io { error: ref source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Failure::input(error).with_advice(
                    "--set dataset.source.directory=DIR, or dataset.source.file=FILE, says where the data are",
                )
            }
            ExperimentError::Dataset(ref data) => Failure::of(&error, code_of(data)),
            _ => Failure::input(error),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Run(error) => error.into(),
            RecordError::Interrupted => Failure::of(error, INTERRUPTED),
            RecordError::Threads(_) => Failure::machine(error),
            RecordError::Moved { .. } => Failure::lines(error),
            RecordError::Data(ref data) => Failure::of(&error, code_of(data)),
            // Keys of the schedule by the flags that set them.
            RecordError::Schedule(ScheduleError { key, given, allowed }) => {
                Failure::input(format!("{} {given}; allowed is {allowed}", flag(key)))
            }
            RecordError::NoSuchEpoch { epoch, nearest } => {
                Failure::input(format!("--at lists {epoch}, which was not saved; the nearest is {nearest}"))
            }
            RecordError::UnknownEnd => Failure::input(
                "--schedule log-spaced needs the last epoch that will be trained: --last EPOCH",
            ),
            RecordError::UnknownRange { .. } => Failure::input(
                "the bins are on the range of all epochs, which is not known before the last; give --range LOW,HIGH or \
                 --rule floor, another --estimator, or record when all epochs are there",
            ),
            RecordError::NoneWithin { .. } => Failure::input(&error)
                .with_advice("start the program that saves the epochs, or allow more with --idle SECONDS"),
            RecordError::NoneUpTo { last, first } => {
                Failure::input(format!("--last {last} is before the first epoch that was saved, {first}"))
            }
            _ => Failure::input(error),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = if matches!(error, RunError::Io { .. } | RunError::Gone(_)) { FAILED } else { BAD_INPUT };
        let failure = match &error {
            // Where a file of TOML is wrong is shown in lines.
            RunError::Malformed { .. } => Failure::lines(&error),
            _ => Failure::of(&error, code),
        };
        match &error {
            RunError::Io { path, source, .. }
                if source.kind() == io::ErrorKind::NotFound && is_file_of_a_run(path) =>
            {
                failure.with_advice(
                    "the run is damaged: `infoplane verify --repair` with its directory computes the file again, if it can; or put it \
                     back from a copy",
                )
            }
            RunError::Io { run: Some(run), .. } | RunError::Occupied(run) => {
                failure.with_advice(format!("`infoplane resume {}` continues it", printable_path(run)))
            }
            _ => failure,
        }
    }
}

/// Whether a file is one that every run directory holds, and its directory is one.
fn is_file_of_a_run(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "toml");
    named && path.parent().is_some_and(|directory| directory.join("manifest.toml").is_file())
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Failure::machine(error)
    }
}

/// What could not be printed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read the output has seen enough: `infoplane presets | head -1`.
            return Failure { message: String::new(), code: 0 };
        }
        Failure::machine(format!("cannot write the result: {error}"))
    }
}
