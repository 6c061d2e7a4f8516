//! Runs that somebody looks at, read as far as they are written.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use infoplane::figure::{Arrangement, Comparison, ReportData};
use infoplane::page::Page;
use infoplane::run::Run;

use crate::listing::{self, Listed};

/// So many runs are kept in memory; of more, one that was not asked for lately is forgotten.
const MOST_KEPT: usize = 32;

/// The runs of a folder.
pub(crate) struct Followed {
    pub folder: PathBuf,
    kept: Mutex<HashMap<String, Arc<Mutex<Kept>>>>,
}

/// A run as it was read.
struct Kept {
    run: Run,
    /// When its manifest was written: another run in the same directory has another.
    begun: Option<SystemTime>,
    /// Grows with everything that is new.
    version: u64,
    /// The values of its page, and of which version they are.
    page: Option<(u64, Arc<str>)>,
}

impl Followed {
    pub fn new(folder: PathBuf) -> Followed {
        Followed { folder, kept: Mutex::default() }
    }

    /// All runs, and of those that are being written how far they are.
    pub fn list(&self) -> Vec<Listed> {
        let mut found = listing::list(&self.folder);
        for run in found.iter_mut().filter(|run| run.state == "running") {
            run.measured = self.measured(&run.id).ok();
        }
        found
    }

    fn measured(&self, id: &str) -> Result<usize, String> {
        let kept = self.kept(id)?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_on(id, &mut kept)?;
        Ok(kept.run.schedule().len())
    }

    /// The version of a run as it is now.
    pub fn version(&self, id: &str) -> Result<u64, String> {
        let kept = self.kept(id)?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_on(id, &mut kept)?;
        Ok(kept.version)
    }

    /// The values of the page of a run as it is now, and their version.
    pub fn page(&self, id: &str) -> Result<(u64, Arc<str>), String> {
        let kept = self.kept(id)?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_on(id, &mut kept)?;
        if let Some((version, page)) = &kept.page
            && *version == kept.version
        {
            return Ok((*version, Arc::clone(page)));
        }
        let page: Arc<str> = Page::of_run(&kept.run, &ReportData::of(&kept.run)).json().into();
        kept.page = Some((kept.version, Arc::clone(&page)));
        Ok((kept.version, page))
    }

    /// The values of the page of several runs beside each other.
    pub fn comparison(&self, ids: &[String]) -> Result<String, String> {
        let read = |id: &String| {
            let path = listing::find(&self.folder, id).ok_or_else(|| no_run(id))?;
            Run::read(&path).map_err(|error| error.to_string())
        };
        let runs = ids.iter().map(read).collect::<Result<Vec<Run>, String>>()?;
        let again = ids.iter().map(read).collect::<Result<Vec<Run>, String>>()?;
        let comparison = Comparison::of_runs(runs, None, false).map_err(|error| error.to_string())?;
        let members: Vec<(&Run, ReportData<'_>)> =
            again.iter().map(|run| (run, ReportData::of(run))).collect();
        Ok(Page::of_comparison(&comparison, Arrangement::SideBySide, &members).json())
    }

    /// The run that is kept, or read now.
    fn kept(&self, id: &str) -> Result<Arc<Mutex<Kept>>, String> {
        let path = listing::find(&self.folder, id).ok_or_else(|| no_run(id));
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let path = path.inspect_err(|_| {
            all.remove(id);
        })?;
        let begun = std::fs::metadata(path.join("manifest.toml")).and_then(|file| file.modified()).ok();
        if let Some(kept) = all.get(id)
            && kept.lock().unwrap_or_else(PoisonError::into_inner).begun == begun
        {
            return Ok(Arc::clone(kept));
        }
        let run = Run::read(&path).map_err(|error| error.to_string())?;
        if all.len() >= MOST_KEPT
            && let Some(oldest) =
                all.iter().find(|(_, kept)| Arc::strong_count(kept) == 1).map(|(id, _)| id.clone())
        {
            all.remove(&oldest);
        }
        let kept = Arc::new(Mutex::new(Kept { run, begun, version: first_version(), page: None }));
        all.insert(id.into(), Arc::clone(&kept));
        Ok(kept)
    }

    /// Reads what was written since; a run that cannot be read any more is read anew the next time.
    fn read_on(&self, id: &str, kept: &mut Kept) -> Result<(), String> {
        let state = kept.run.state();
        let forget = |error: &infoplane::run::RunError| {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            error.to_string()
        };
        let found = kept.run.follow().map_err(|error| forget(&error))?;
        if !found.is_empty() || kept.run.state() != state {
            kept.version += 1;
        }
        Ok(())
    }
}

/// Of a server that was started again, versions are others: a page that was left open asks for everything.
fn first_version() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |time| time.as_millis() as u64) << 12
}

fn no_run(id: &str) -> String {
    format!("there is no run at {id:?}; it may have been moved or removed")
}
