//! What Ctrl-C does, and the other signals that end a program.

use std::path::PathBuf;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{note, say};
use crate::failure::INTERRUPTED;

/// What a signal does.
enum Answer {
    /// Ends the process, saying so, if it has anything to say, and leaves no half-written files in these directories.
    End(Option<&'static str>, Vec<PathBuf>),
    /// Raises a flag and says how the command stops; the second signal ends the process at once.
    Stop(Arc<AtomicBool>, &'static str),
    /// Hands it on.
    Pass(Box<dyn FnMut() + Send>),
}

static ANSWER: Mutex<Answer> = Mutex::new(Answer::End(None, Vec::new()));

/// Answers signals from here on: until a command says otherwise the first one ends the process. `is_worker`: another process waits
/// for this one and starts it again.
pub fn watch(is_worker: bool) {
    system::watch(is_worker);
}

/// A flag that Ctrl-C raises, saying `first`; the second time it ends the process at once.
pub fn on_interrupt(first: &'static str) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    set(Answer::Stop(Arc::clone(&flag), first));
    system::raise(&flag);
    flag
}

/// Lets Ctrl-C end the process at once, saying `message`: for work that cannot stop in the middle. What this process
/// has begun to write in `directories`, and not renamed yet, is removed.
pub fn end_on_interrupt(message: &'static str, directories: Vec<PathBuf>) {
    set(Answer::End(Some(message), directories));
}

/// Lets every signal call a function, and nothing else.
pub fn pass_interrupts(pass: impl FnMut() + Send + 'static) {
    set(Answer::Pass(Box::new(pass)));
}

/// Whether signals are for another process, which tells this one of them.
static ARE_FOR_ANOTHER: AtomicBool = AtomicBool::new(false);

/// Leaves signals to another process, which tells this one by [`interrupt`]: those of a terminal come to both.
pub fn leave_signals() {
    ARE_FOR_ANOTHER.store(true, Ordering::Relaxed);
}

/// Does what a signal does.
pub fn interrupt() {
    answer();
}

fn signal() {
    if !ARE_FOR_ANOTHER.load(Ordering::Relaxed) {
        answer();
    }
}

fn set(answer: Answer) {
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = answer;
}

/// What happens at a signal.
fn answer() {
    match &mut *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) {
        Answer::Stop(flag, first) if !flag.swap(true, Ordering::Relaxed) => return note(first),
        Answer::End(message, directories) => {
            directories.iter().for_each(remove_partials);
            message.iter().for_each(say);
        }
        Answer::Stop(..) => {}
        Answer::Pass(pass) => return pass(),
    }
    exit(INTERRUPTED.into());
}

/// Removes the neighbours of files that this process writes: their names end in its number.
fn remove_partials(directory: &PathBuf) {
    let ending = format!(".{}.partial", std::process::id());
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(&ending)) {
        // Whoever cannot remove it says nothing that helps now.
        let _ = std::fs::remove_file(entry.path());
    }
}

#[cfg(unix)]
mod system {
    use std::os::raw::c_int;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::thread;

    use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::flag::{register, register_conditional_shutdown};
    use signal_hook::iterator::Signals;

    use super::signal;
    use crate::failure::{ABORTED, FAILED, INTERRUPTED};

    /// Whether there is no thread that answers.
    static UNANSWERED: AtomicBool = AtomicBool::new(false);

    /// Whoever answers does little.
    const STACK: usize = 128 << 10;

    pub fn watch(is_worker: bool) {
        // A file that grows beyond the limit of its size (`ulimit -f`) would end the process. With any handler the write
        // fails, and what failed is told.
        let _ = register(SIGXFSZ, Arc::default());
        // Where memory ends, the standard library says how much was asked for, and aborts. It is a failure of the
        // machine like a full disk, and the exit code says so; to the process that starts this one again it tells more.
        let code = if is_worker { ABORTED } else { FAILED };
        let _ = register_conditional_shutdown(SIGABRT, code.into(), Arc::new(AtomicBool::new(true)));
        let (ready, is_ready) = mpsc::sync_channel(1);
        // The thread first: without it nobody would answer signals that are caught.
        let spawned = thread::Builder::new().name("signals".into()).stack_size(STACK).spawn(move || {
            let signals = Signals::new(asked());
            let _ = ready.send(signals.is_ok());
            if let Ok(mut signals) = signals {
                signals.forever().for_each(|_| signal());
            }
        });
        let answered = spawned.is_ok() && is_ready.recv().unwrap_or(false);
        UNANSWERED.store(!answered, Ordering::Relaxed);
    }

    /// Where no thread answers, the signals themselves raise the flag, and end the process once it is raised.
    pub fn raise(flag: &Arc<AtomicBool>) {
        if UNANSWERED.load(Ordering::Relaxed) {
            for signal in asked() {
                let _ = register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(flag));
                let _ = register(signal, Arc::clone(flag));
            }
        }
    }

    /// The signals that ask a program to stop, without those that were ignored when it began: `nohup` ignores that of a
    /// closed terminal, and a shell that runs a script those of the keyboard for what it starts in the background.
    fn asked() -> Vec<c_int> {
        let ignored = ignored();
        let mut asked = vec![SIGINT, SIGTERM, SIGHUP];
        match ignored {
            Some(ignored) => asked.retain(|signal| ignored >> (signal - 1) & 1 == 0),
            // Where it is not known what is ignored, a closed terminal ends the program as the system does, unless it is.
            None => asked.retain(|&signal| signal != SIGHUP),
        }
        asked
    }

    /// The ignored signals, a bit for each, the lowest for signal 1; `None` where the system does not list them.
    fn ignored() -> Option<u64> {
        ignored_in(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    fn ignored_in(status: &str) -> Option<u64> {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        // There may be more than 64 signals.
        let mask = mask.trim();
        u64::from_str_radix(mask.get(mask.len().saturating_sub(16)..)?, 16).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ignored_signals_are_read_from_the_status() {
            assert_eq!(
                ignored_in("Name:\tx\nSigIgn:\t0000000000001003\nSigCgt:\t0000000000000000\n"),
                Some(0x1003)
            );
            assert_eq!(ignored_in("SigIgn:\t00000000000000000000000000000001\n"), Some(1));
            assert_eq!(ignored_in("Name:\tx\n"), None);
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    pub fn watch(_is_worker: bool) {
        // Without a handler Ctrl-C still ends the process, only less gently.
        let _ = ctrlc::set_handler(super::signal);
    }

    pub fn raise(_flag: &Arc<AtomicBool>) {}
}
