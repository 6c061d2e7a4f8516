//! What a command may use of the machine.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytesize::ByteSize;
use clap::Args;
use infoplane::experiment::RunOptions;
use infoplane::memory::{self, address_space};

use crate::failure::Failure;

/// How many threads. The results do not depend on it.
#[derive(Debug, Clone, Args)]
pub struct ThreadFlags {
    /// Threads to use; 0 means one per core. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = crate::flags::whole_from(0u16, 1024))]
    pub threads: u16,
}

/// Threads and memory. The results depend on neither.
#[derive(Debug, Clone, Args)]
pub struct MachineFlags {
    #[command(flatten)]
    pub threads: ThreadFlags,
    /// Memory for kept networks and activations, such as 512MiB or 4GiB; data may take as much if it is more than half of
    /// what is available, else that half. Results do not depend on it [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<ByteSize>,
}

impl MachineFlags {
    pub fn options(&self) -> RunOptions {
        let memory = self.memory.unwrap_or(ByteSize::gib(1)).as_u64();
        RunOptions { threads: STARTED.load(Ordering::Relaxed), memory }
    }

    /// Sets what the data of a file may take. Little memory for networks, which only takes time, forbids no data.
    pub fn allow(&self) {
        memory::allow_more(self.memory.map(|memory| memory.as_u64()), MORE);
    }
}

/// Memory of a command that keeps nothing but what it reads.
#[derive(Debug, Clone, Args)]
pub struct MemoryFlags {
    /// Refuse a file whose data need more memory than this, such as 512MiB or 4GiB, and an estimate that needs more beside
    /// them [default: half of what is available for data, what the process and the machine have for an estimate]
    #[arg(long, display_order = 502, value_name = "SIZE", value_parser = size)]
    pub memory: Option<ByteSize>,
}

impl MemoryFlags {
    /// Sets what the data of a file may take.
    pub fn allow(&self) {
        memory::allow(self.memory.map(|memory| memory.as_u64()), MORE);
    }
}

/// How more memory is allowed.
const MORE: &str = "allow more with --memory";

/// A number of bytes.
pub fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "allowed is a number of bytes, usually with a unit: 512MiB, 4GiB, 0".to_string())
}

/// How many threads compute.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// What a thread takes of a limited address space: the stacks of the pools of a run, and what the system sets aside for what
/// a thread allocates.
const OF_A_THREAD: u64 = 72 << 20;

/// How many threads compute.
pub fn started() -> usize {
    STARTED.load(Ordering::Relaxed).max(1)
}

/// Starts `asked` threads, or one for each core if that is 0, for everything that is computed from here on.
///
/// Where the system gives fewer than there are cores, fewer compute. Threads that would be started when they are first
/// needed could only panic where there are none.
pub fn start(asked: u16) -> Result<(), Failure> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let mut threads = match (asked, address_space()) {
        (0, None) => cores(),
        // Half of what there is.
        (0, Some(left)) => cores().min(usize::try_from(left / 2 / OF_A_THREAD).unwrap_or(usize::MAX)).max(1),
        (asked, _) => asked.into(),
    };
    while let Err(error) = can_start(threads) {
        if threads == 1 || asked > 0 {
            return Err(refused(threads, &error));
        }
        threads /= 2;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|error| refused(threads, &error))?;
    STARTED.store(threads, Ordering::Relaxed);
    Ok(())
}

/// Whether so many threads can be there at once.
fn can_start(threads: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        // None ends before all are there.
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let started = (0..threads).try_for_each(|_| {
            let wait = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(closed);
        started
    })
}

fn refused(threads: usize, error: &dyn std::fmt::Display) -> Failure {
    let count = if threads == 1 { "a thread".to_string() } else { format!("{threads} threads") };
    let left = address_space().map(|left| {
        format!("; of the memory that this process may have {} are left", ByteSize::b(left).display().iec())
    });
    let fewer = if threads > 1 { ", or fewer threads with --threads" } else { "" };
    Failure::machine(format!("cannot start {count}: {error}{}", left.unwrap_or_default()))
        .with_advice(format!("allow more memory (ulimit -v) or more processes (ulimit -u){fewer}"))
}
