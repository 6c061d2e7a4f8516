//! Two processes of a worker: one computes, and the other starts it again where a cell ended it.
//!
//! A cell that takes more memory than there is ends the process that computes it, and would end every worker that comes to it. The
//! library computes such a cell last, and gives it up when it has ended several; somebody has to come back as often.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{Read, Write, stdin};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitCode, ExitStatus, Stdio, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::failure::{ABORTED, Failure, INTERRUPTED};
use crate::terminal::{interrupt, leave_signals, pass_interrupts, say};

/// Set for the process that computes.
const WORKER: &str = "INFOPLANE_SWEEP_WORKER";

/// What Rust makes of a panic.
const PANICKED: u8 = 101;

/// Whether this process computes for another that waits for it.
pub fn is_worker() -> bool {
    env::var_os(WORKER).is_some()
}

/// Lets the process that waits tell this one of signals, each by a byte on standard input. Where that ends, so has the process that
/// waited, and this one does.
pub fn listen() -> Result<(), Failure> {
    leave_signals();
    thread::Builder::new().name("told".into()).spawn(|| {
        for byte in stdin().lock().bytes() {
            match byte {
                Ok(_) => interrupt(),
                Err(_) => break,
            }
        }
        exit(INTERRUPTED.into());
    })?;
    Ok(())
}

/// Runs this command in another process, and starts it again as long as a cell ends it. Nothing where no process can be started.
pub fn supervise(store: &Path) -> Option<Result<ExitCode, Failure>> {
    let program = env::current_exe().ok()?;
    let pipe: Arc<Mutex<Option<ChildStdin>>> = Arc::default();
    let interrupted = Arc::new(AtomicBool::new(false));
    let (told, raised) = (Arc::clone(&pipe), Arc::clone(&interrupted));
    pass_interrupts(move || {
        raised.store(true, Ordering::Relaxed);
        tell(&told);
    });
    loop {
        let before = claims(store);
        let mut command = Command::new(&program);
        command.args(env::args_os().skip(1)).env(WORKER, "1").stdin(Stdio::piped());
        let mut child = command.spawn().ok()?;
        *lock(&pipe) = child.stdin.take();
        // Of a signal that came while there was nobody to tell.
        if interrupted.load(Ordering::Relaxed) {
            tell(&pipe);
        }
        let status = match child.wait() {
            Ok(status) => status,
            Err(error) => return Some(Err(error.into())),
        };
        *lock(&pipe) = None;
        let how = match ended_by(status) {
            Ok(code) => return Some(Ok(ExitCode::from(code))),
            Err(how) => how,
        };
        if interrupted.load(Ordering::Relaxed) {
            return Some(Ok(ExitCode::from(INTERRUPTED)));
        }
        // Without a cell that it was at, it would end likewise again.
        if claims(store) == before {
            return Some(Err(Failure::machine(format!("the process that computes {how}"))));
        }
        say(format_args!(
            "the process that computes {how}; another goes on, with the cells that were computed then last"
        ));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the process that computes of a signal. One that has ended needs not be told.
fn tell(pipe: &Mutex<Option<ChildStdin>>) {
    if let Some(pipe) = lock(pipe).as_mut() {
        let _ = pipe.write_all(b"s");
    }
}

/// The exit code, or how a process came to another end.
fn ended_by(status: ExitStatus) -> Result<u8, String> {
    let Some(code) = status.code() else {
        let memory = ", most often because memory did not suffice";
        let memory = if signal(status) == Some(9) { memory } else { "" };
        let number = signal(status).map_or(String::new(), |signal| format!(" {signal}"));
        return Err(format!("was ended by signal{number}{memory}"));
    };
    match u8::try_from(code).unwrap_or(ABORTED) {
        ABORTED => Err("aborted, most often because memory did not suffice".into()),
        PANICKED => Err("panicked, which is a fault of infoplane and not of the sweep".into()),
        code => Ok(code),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// The claims of a store: a worker that is at a cell when it ends leaves one.
fn claims(store: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(store.join("claims")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}
