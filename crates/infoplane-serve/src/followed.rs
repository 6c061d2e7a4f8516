//! Runs that somebody looks at, read as far as they are written.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use infoplane::figure::{Arrangement, Comparison, ComparisonError, ReportData};
use infoplane::page::Page;
use infoplane::run::Run;

use crate::listing::{self, Listed};
use crate::sweep::FollowedSweep;

/// So many runs are kept in memory; of more, one that was not asked for lately is forgotten.
const MOST_KEPT: usize = 32;

/// The runs of a folder.
pub(crate) struct Followed {
    pub folder: PathBuf,
    kept: Mutex<HashMap<String, Entry>>,
    /// The sweep, if the folder is the store of one.
    pub sweep: FollowedSweep,
}

/// A run with the time of its manifest: another run in the same directory has another.
type Entry = (Option<SystemTime>, Arc<Mutex<Kept>>);

/// A run as it was read.
struct Kept {
    run: Run,
    /// Grows with everything that is new.
    version: u64,
    /// The values of its page, and of which version they are.
    page: Option<(u64, Arc<str>)>,
}

impl Followed {
    pub fn new(folder: PathBuf) -> Followed {
        Followed { sweep: FollowedSweep::of(&folder), folder, kept: Mutex::default() }
    }

    /// All runs, and of those that are being written how far they are.
    pub fn list(&self) -> Vec<Listed> {
        if let Some(cells) = self.sweep.runs() {
            return cells;
        }
        let mut found = listing::list(&self.folder);
        for run in found.iter_mut().filter(|run| run.state == "running") {
            run.measured = self.measured(&run.id).ok();
        }
        found
    }

    fn measured(&self, id: &str) -> Result<usize, String> {
        self.with(id, |kept| kept.run.schedule().len())
    }

    /// The version of a run as it is now.
    pub fn version(&self, id: &str) -> Result<u64, String> {
        self.with(id, |kept| kept.version)
    }

    /// The values of the page of a run as it is now, and their version.
    pub fn page(&self, id: &str) -> Result<(u64, Arc<str>), String> {
        self.with(id, |kept| {
            if let Some((version, page)) = &kept.page
                && *version == kept.version
            {
                return (*version, Arc::clone(page));
            }
            let page: Arc<str> = Page::of_run(&kept.run, &ReportData::of(&kept.run)).json().into();
            kept.page = Some((kept.version, Arc::clone(&page)));
            (kept.version, page)
        })
    }

    /// The values of the page of several runs beside each other, in groups by the values of keys.
    pub fn comparison(&self, ids: &[String], keys: &[String]) -> Result<String, String> {
        let read = |id: &String| {
            let path = listing::find(&self.folder, id).ok_or_else(|| no_run(id))?;
            Run::read(&path).map_err(|error| error.to_string())
        };
        let runs = ids.iter().map(read).collect::<Result<Vec<Run>, String>>()?;
        // Whoever looks needs not know where the folder lies.
        let within =
            |error: ComparisonError| error.to_string().replace(&format!("{}/", self.folder.display()), "");
        let comparison = Comparison::of_runs(&runs, keys, false).map_err(within)?;
        let members: Vec<(&Run, ReportData<'_>)> =
            runs.iter().map(|run| (run, ReportData::of(run))).collect();
        Ok(Page::of_comparison(&comparison, Arrangement::SideBySide, &members).json())
    }

    /// What `read` makes of a run as it is now. A run that cannot be read any more is read anew the next time.
    fn with<T>(&self, id: &str, read: impl FnOnce(&mut Kept) -> T) -> Result<T, String> {
        let kept = self.kept(id)?;
        let found = {
            let mut kept = lock(&kept);
            kept.read_on().map(|()| read(&mut kept))
        };
        // Whoever holds the list never waits for a run, or the two would wait for each other.
        found.inspect_err(|_| {
            lock(&self.kept).remove(id);
        })
    }

    /// The run that is kept, or read now; the list is not held while it is read.
    fn kept(&self, id: &str) -> Result<Arc<Mutex<Kept>>, String> {
        let Some(path) = listing::find(&self.folder, id) else {
            lock(&self.kept).remove(id);
            return Err(no_run(id));
        };
        let begun = std::fs::metadata(path.join("manifest.toml")).and_then(|file| file.modified()).ok();
        let known = lock(&self.kept).get(id).map(|(of, kept)| (*of, Arc::clone(kept)));
        if let Some((of, kept)) = known
            && of == begun
        {
            return Ok(kept);
        }
        let run = Run::read(&path).map_err(|error| error.to_string())?;
        let kept = Arc::new(Mutex::new(Kept { run, version: first_version(), page: None }));
        let mut all = lock(&self.kept);
        // Of two that read it at once the first is kept, so that both tell the same versions.
        if let Some((of, other)) = all.get(id)
            && *of == begun
        {
            return Ok(Arc::clone(other));
        }
        if all.len() >= MOST_KEPT
            && let Some(idle) =
                all.iter().find(|(_, (_, kept))| Arc::strong_count(kept) == 1).map(|(id, _)| id.clone())
        {
            all.remove(&idle);
        }
        all.insert(id.into(), (begun, Arc::clone(&kept)));
        Ok(kept)
    }
}

impl Kept {
    /// Reads what was written since.
    fn read_on(&mut self) -> Result<(), String> {
        let state = self.run.state();
        let found = self.run.follow().map_err(|error| error.to_string())?;
        if !found.is_empty() || self.run.state() != state {
            self.version += 1;
        }
        Ok(())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of a server that was started again, versions are others: a page that was left open asks for everything.
pub(crate) fn first_version() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |time| time.as_millis() as u64) << 12
}

fn no_run(id: &str) -> String {
    format!("there is no run at {id:?}; it may have been moved or removed")
}
