//! Which worker computes a cell, on file systems that machines share.
//!
//! A claim is a file that is made only if it is not there, which every file system of several machines does for one of them; locks
//! they do not all have, and their clocks differ. Whoever holds a claim writes another number into it every few seconds. A worker that
//! finds the same number there for the time of a lease, by its own clock, takes the cell over by making the claim that follows: claims
//! of a cell are numbered, and the last one counts. On one machine a worker that has ended is known to have at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::slurm::job_of_slurm;
use crate::directory::{Disk, place};

/// A claim that is not told to be held for so long may be taken over.
pub const LEASE: Duration = Duration::from_secs(60);

/// A holder tells so many times within a lease that it goes on.
const BEATS: u32 = 6;

/// What a claim holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    /// Tells this worker from all others.
    worker: String,
    /// For messages: the machine.
    host: String,
    /// Where the process is, as far as the system says it.
    process: Option<Process>,
    /// How long the holder may be silent, in milliseconds.
    lease: u64,
    /// Grows as long as the holder goes on. As many digits as there may be: the file stays as long as it is.
    beat: String,
}

/// A process, by what no other one shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// The start of the system that it runs on, and the space in which its number is one.
    place: String,
    number: u32,
    /// When it began.
    started: String,
}

impl Process {
    /// This process, where the system says enough of it.
    fn own() -> Option<Process> {
        let number = std::process::id();
        let stat = std::fs::read_to_string(format!("{PROCESSES}/{number}/stat")).ok()?;
        Some(Process { place: place()?, number, started: started(&stat)? })
    }

    /// Whether it is known to have ended. Of a process of another machine, or of another container, nothing is known.
    fn has_ended(&self) -> bool {
        place().is_some_and(|place| place == self.place) && self.has_ended_in(Path::new(PROCESSES))
    }

    /// As [`Process::has_ended`], by the table of processes of its own system.
    fn has_ended_in(&self, processes: &Path) -> bool {
        let own = processes.join(self.number.to_string());
        match std::fs::read_to_string(own.join("stat")) {
            Ok(stat) => started(&stat).is_none_or(|started| started != self.started),
            // Systems may hide the processes of other users, the first of all among them.
            Err(_) => !own.exists() && processes.join("1").exists(),
        }
    }
}

/// Where Linux shows its processes.
const PROCESSES: &str = "/proc";

/// When a process began, in ticks since the system did; nothing of one that has ended and that nobody waited for.
fn started(stat: &str) -> Option<String> {
    // The name of the program, in brackets, may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    (!matches!(*fields.first()?, "Z" | "X")).then(|| fields.get(19).map(|started| (*started).to_string()))?
}

/// The claims of a store, as one worker makes and sees them.
#[derive(Debug)]
pub(super) struct Claims {
    directory: PathBuf,
    disk: Disk,
    worker: String,
    process: Option<Process>,
    lease: Duration,
    /// Claims of others as they were seen last, and since when they have been so.
    seen: Mutex<HashMap<PathBuf, (Vec<u8>, Instant)>>,
    held: Arc<Held>,
    beating: Mutex<Option<JoinHandle<()>>>,
}

/// The claims that this worker holds, for the thread that tells it goes on.
#[derive(Debug, Default)]
struct Held {
    claims: Mutex<Vec<Weak<Inner>>>,
    /// Whether the thread is to end.
    ended: Mutex<bool>,
    changed: Condvar,
}

/// What came of an attempt to claim a cell.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It is this worker's. `follows` says what is known of whoever had it before.
    Yes(Claim, Follows),
    /// Another worker is at it.
    No {
        /// The machine that it runs on, where it said so.
        host: String,
    },
}

/// Who had a cell before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nobody, or one that gave it back or is known to have ended: nobody writes to what it left.
    Nobody,
    /// One that was silent for a lease. It may only have been asleep.
    SilentHolder,
}

/// A cell that this worker computes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Claim(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    next: PathBuf,
    /// Its number among the claims of the cell, from 1.
    number: u64,
    holder: Mutex<Holder>,
    /// Another worker took the cell over.
    lost: AtomicBool,
    disk: Disk,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claims {
    pub fn new(directory: PathBuf, disk: Disk, lease: Duration) -> Claims {
        let mut random = RandomState::new().build_hasher();
        random.write_u32(std::process::id());
        let worker = format!("{:016x}", random.finish());
        Claims {
            directory,
            disk,
            worker,
            process: Process::own(),
            lease,
            seen: Mutex::default(),
            held: Arc::default(),
            beating: Mutex::default(),
        }
    }

    /// What tells this worker from others.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// How long a worker may be silent.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    fn path(&self, id: &str, number: u64) -> PathBuf {
        self.directory.join(format!("{id}.{number}"))
    }

    /// Claims a cell, unless another worker is at it.
    pub fn claim(&self, id: &str) -> io::Result<Claimed> {
        let mut follows = Follows::Nobody;
        let mut number = 1;
        loop {
            let path = self.path(id, number);
            let holder = Holder {
                worker: self.worker.clone(),
                host: host(),
                process: self.process.clone(),
                lease: self.lease.as_millis() as u64,
                beat: beat(0),
            };
            match self.disk.create_new(&path) {
                Ok(file) => {
                    if let Err(error) = self.disk.write(&file, text(&holder).as_bytes()) {
                        // Nobody is to wait for whoever could not say who it is.
                        let _ = self.disk.remove_file(&path);
                        return Err(error);
                    }
                    let claim = Claim(Arc::new(Inner {
                        next: self.path(id, number + 1),
                        path,
                        number,
                        holder: Mutex::new(holder),
                        lost: AtomicBool::new(false),
                        disk: self.disk.clone(),
                    }));
                    self.keep(&claim);
                    return Ok(Claimed::Yes(claim, follows));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            // Who follows it counts, if anybody does; whoever was silent may still write.
            if self.path(id, number + 1).exists() {
                if self.may_go_on(&path)? {
                    follows = Follows::SilentHolder;
                }
                number += 1;
                continue;
            }
            match self.look(&path)? {
                Looked::Gone => {}
                Looked::Held { host } => return Ok(Claimed::No { host }),
                Looked::Ended => number += 1,
                Looked::Silent => {
                    lock(&self.seen).remove(&path);
                    follows = Follows::SilentHolder;
                    number += 1;
                }
            }
        }
    }

    /// How many claims of a cell there are. All but the last, and that one too where nobody is at the cell, are of workers that ended
    /// without giving it back, or were silent for a lease.
    pub fn count(&self, id: &str) -> u64 {
        (1..).find(|&number| !self.path(id, number).exists()).unwrap_or(1) - 1
    }

    /// Whether the holder of a claim is not known to have ended.
    fn may_go_on(&self, path: &Path) -> io::Result<bool> {
        match std::fs::read(path) {
            Ok(bytes) => {
                Ok(!holder(&bytes).and_then(|holder| holder.process).is_some_and(|it| it.has_ended()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What is known of the holder of a claim.
    fn look(&self, path: &Path) -> io::Result<Looked> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Looked::Gone),
            Err(error) => return Err(error),
        };
        let holder = holder(&bytes);
        if holder.as_ref().and_then(|holder| holder.process.as_ref()).is_some_and(Process::has_ended) {
            return Ok(Looked::Ended);
        }
        let lease =
            holder.as_ref().map_or(self.lease, |holder| Duration::from_millis(holder.lease).max(self.lease));
        let mut seen = lock(&self.seen);
        let (known, since) = seen.entry(path.into()).or_insert_with(|| (bytes.clone(), Instant::now()));
        if *known != bytes {
            (*known, *since) = (bytes, Instant::now());
        }
        if since.elapsed() >= lease {
            return Ok(Looked::Silent);
        }
        Ok(Looked::Held { host: holder.map(|holder| holder.host).unwrap_or_default() })
    }

    /// The machine of whoever holds the claim of that number, the last of the cell, as far as is known.
    pub fn holder(&self, id: &str, number: u64) -> Option<String> {
        match self.look(&self.path(id, number)) {
            Ok(Looked::Held { host }) => Some(host),
            _ => None,
        }
    }

    /// Removes all claims of a cell that is complete. Whoever finds one later finds the cell first.
    pub fn clear(&self, id: &str) {
        let mut number = 1;
        while self.path(id, number).exists() {
            // What is left takes some room, and misleads nobody.
            let _ = self.disk.remove_file(&self.path(id, number));
            number += 1;
        }
    }

    /// Tells from now on that the claim is held.
    fn keep(&self, claim: &Claim) {
        lock(&self.held.claims).push(Arc::downgrade(&claim.0));
        let mut beating = lock(&self.beating);
        if beating.is_none() {
            let (held, pause) = (Arc::clone(&self.held), self.lease / BEATS);
            *beating = Some(std::thread::spawn(move || held.tell(pause)));
        }
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        *lock(&self.held.ended) = true;
        self.held.changed.notify_all();
        if let Some(thread) = lock(&self.beating).take() {
            // A panic there is told there.
            let _ = thread.join();
        }
    }
}

enum Looked {
    /// It was removed since.
    Gone,
    /// Somebody may be at it.
    Held { host: String },
    /// Its process has ended.
    Ended,
    /// Nothing was heard of it for a lease.
    Silent,
}

impl Held {
    /// Tells again and again that the claims are held, until that is to end.
    fn tell(&self, pause: Duration) {
        let mut ended = lock(&self.ended);
        while !*ended {
            let waited = self.changed.wait_timeout(ended, pause).unwrap_or_else(PoisonError::into_inner);
            ended = waited.0;
            let mut claims = lock(&self.claims);
            claims.retain(|claim| claim.upgrade().inspect(|claim| claim.beat()).is_some());
        }
    }
}

impl Inner {
    /// Whether no other worker has taken the cell over, and none has completed it, who then removes all claims.
    fn is_held(&self) -> bool {
        if self.next.exists() || !self.path.exists() {
            self.lost.store(true, Ordering::Relaxed);
        }
        !self.lost.load(Ordering::Relaxed)
    }

    /// Writes the next number, or finds out that the cell was taken over.
    fn beat(&self) {
        if !self.is_held() {
            return;
        }
        let mut holder = lock(&self.holder);
        holder.beat = beat(holder.beat.parse::<u64>().unwrap_or(0) + 1);
        // Into the file as it is: one that was removed is not to be there again. A number that cannot be written is one less; whoever
        // waits for a lease hears of the next.
        let _ = self
            .disk
            .open_to_write(&self.path)
            .and_then(|file| self.disk.write(&file, text(&holder).as_bytes()));
    }
}

impl Claim {
    /// Whether no other worker has taken the cell over or completed it.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// Whether another worker was found to have taken the cell over, when this one last told that it goes on.
    pub fn was_lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// How many workers had the cell before and ended without giving it back, or were silent for a lease.
    pub fn follows(&self) -> u64 {
        self.0.number - 1
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The claim of another is its own.
        if self.is_held() {
            let _ = self.0.disk.remove_file(&self.0.path);
        }
    }
}

/// What a claim says; nothing where it was torn.
fn holder(bytes: &[u8]) -> Option<Holder> {
    toml::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

fn text(holder: &Holder) -> String {
    toml::to_string(holder).unwrap_or_default()
}

/// A number with all its digits.
fn beat(number: u64) -> String {
    format!("{number:020}")
}

/// The name of this machine, and of the job of Slurm that this process is in.
pub(super) fn host() -> String {
    let names = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let named = names.iter().find_map(|path| std::fs::read_to_string(path).ok());
    let named = named.map(|name| name.trim().to_string()).filter(|name| !name.is_empty());
    let job = job_of_slurm(|name| std::env::var(name).ok());
    named.into_iter().chain(job).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_hidden_is_not_taken_for_one_that_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let process = Process { place: String::new(), number: 7, started: "42".into() };
        let ended = || process.has_ended_in(folder.path());
        let stat = |state: &str, started: &str| {
            std::fs::create_dir_all(folder.path().join("7")).unwrap();
            let fields = vec!["0"; 18].join(" ");
            std::fs::write(folder.path().join("7/stat"), format!("7 (a) b) {state} {fields} {started} 0"))
                .unwrap();
        };
        // A system that shows no process of another user shows neither the first nor this one.
        assert!(!ended());
        std::fs::create_dir(folder.path().join("1")).unwrap();
        assert!(ended());
        // One may show that it is there, and no more.
        std::fs::create_dir(folder.path().join("7")).unwrap();
        assert!(!ended());
        stat("S", "42");
        assert!(!ended());
        stat("Z", "42");
        assert!(ended());
        stat("R", "43");
        assert!(ended());
    }
}
