//! The sweep in a folder that is the store of one: where its cells stand, and their comparison, which grows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use infoplane::figure::Arrangement;
use infoplane::page::Page;
use infoplane::sweep::{CellKind, CellList, CellState, GrowingComparison, ListedCell, Store, SweepError};
use serde::Serialize;

use crate::followed::{first_version, lock};
use crate::listing::Listed;

/// So many failed and running cells are named.
const MOST_NAMED: usize = 200;
/// The page is made anew after so many times of what it took, so that a server does little else.
const REST: u32 = 4;

/// Looks at the store of a sweep, once there is one.
#[derive(Debug)]
pub(crate) struct FollowedSweep {
    folder: PathBuf,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    store: Store,
    list: Arc<CellList>,
    growing: GrowingComparison,
    first_version: u64,
    /// The values of the page, of how many cells, when it was made, and how long that took.
    page: Option<(usize, Arc<str>, Instant, Duration)>,
}

/// Where the cells of a sweep stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct SweepStatus {
    pub name: String,
    pub cells: usize,
    pub complete: usize,
    pub running: usize,
    pub failed: usize,
    pub interrupted: usize,
    pub missing: usize,
    /// Whether there is a page that compares the complete cells.
    pub compared: bool,
    /// What is to be said of the sweep beside that: why there is no such page, or that what the store says of it is damaged.
    pub note: Option<String>,
    /// The labels of failed cells with the reasons.
    pub failures: Vec<(String, String)>,
    /// The labels of cells that are computed, with the machine.
    pub at_work: Vec<(String, String)>,
}

impl FollowedSweep {
    pub fn of(folder: &Path) -> FollowedSweep {
        FollowedSweep { folder: folder.into(), kept: Mutex::default() }
    }

    /// What `look` makes of the sweep, or why there is none; `None` where the folder does not say that it is the store of one.
    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> Option<Result<T, String>> {
        let mut kept = lock(&self.kept);
        // A sweep that was extended has another list.
        if kept.as_ref().is_some_and(|kept| !kept.list.is_that_of(&kept.store)) {
            *kept = None;
        }
        if kept.is_none() {
            if !Store::is_in(&self.folder) {
                return None;
            }
            match Store::read(&self.folder) {
                // The folder of the file of a sweep, for one.
                Err(SweepError::NoSweep { .. }) => return None,
                Err(error) => return Some(Err(error.to_string())),
                Ok((store, list)) => {
                    let growing = GrowingComparison::new(&list);
                    *kept = Some(Kept {
                        store,
                        list: Arc::new(list),
                        growing,
                        first_version: first_version(),
                        page: None,
                    });
                }
            }
        }
        kept.as_mut().map(|kept| Ok(look(kept)))
    }

    /// As [`FollowedSweep::with`]; without a sweep an error.
    fn with_any<T>(&self, look: impl FnOnce(&mut Kept) -> Result<T, String>) -> Result<T, String> {
        self.with(look).unwrap_or_else(|| Err("this folder is not the store of a sweep".into()))?
    }

    /// Where the cells stand; of a store that is damaged, that it is.
    pub fn status(&self) -> Option<SweepStatus> {
        let status = self.with(|kept| {
            let states = kept.store.states(&kept.list);
            let count = |name: &str| states.iter().filter(|state| state.name() == name).count();
            let told = |of: fn(&CellState) -> Option<&String>| -> Vec<(String, String)> {
                let cells = kept.list.cells().iter().zip(&states);
                let found = cells.filter_map(|(cell, state)| Some((cell.label.clone(), of(state)?.clone())));
                found.take(MOST_NAMED).collect()
            };
            let pooled = kept.is_pooled(&states);
            SweepStatus {
                name: kept.list.name().into(),
                compared: !pooled && count("complete") > 0,
                note: pooled.then(|| POOLED.into()),
                cells: states.len(),
                complete: count("complete"),
                running: count("running"),
                failed: count("failed"),
                interrupted: count("interrupted"),
                missing: count("missing"),
                failures: told(|state| if let CellState::Failed { why } = state { Some(why) } else { None }),
                at_work: told(
                    |state| if let CellState::Running { host } = state { Some(host) } else { None },
                ),
            }
        })?;
        Some(status.unwrap_or_else(|why| SweepStatus {
            name: "Sweep".into(),
            note: Some(why),
            ..SweepStatus::default()
        }))
    }

    /// The cells that there is something of, as runs: thousands of manifests are not read for it.
    pub fn runs(&self) -> Option<Vec<Listed>> {
        // Of a damaged store the status says so; its runs are listed like those of any folder.
        self.with(|kept| {
            let states = kept.store.states(&kept.list);
            let pooled = kept.is_pooled(&states);
            let cells = kept.list.cells().iter().zip(&states);
            cells.filter_map(|(cell, state)| listed(&self.folder, cell, state, pooled)).collect()
        })?
        .ok()
    }

    /// The version of the comparison: another once cells were completed.
    pub fn version(&self) -> Result<u64, String> {
        self.with_any(|kept| match &kept.page {
            Some((cells, _, made, took)) if made.elapsed() < REST * *took => {
                Ok(kept.first_version + *cells as u64)
            }
            _ => Ok(kept.first_version + n_complete(&kept.store.states(&kept.list)) as u64),
        })
    }

    /// The values of the page that compares the complete cells, and their version.
    pub fn page(&self) -> Result<(u64, Arc<str>), String> {
        self.with_any(|kept| {
            let states = kept.store.states(&kept.list);
            let complete = n_complete(&states);
            if let Some((cells, page, made, took)) = &kept.page
                && (*cells == complete || made.elapsed() < REST * *took)
            {
                return Ok((kept.first_version + *cells as u64, Arc::clone(page)));
            }
            if kept.is_pooled(&states) {
                return Err(POOLED.into());
            }
            let start = Instant::now();
            kept.growing.read_on(&kept.store, &kept.list, &states).map_err(|error| error.to_string())?;
            let cells = kept.growing.cells();
            if cells == 0 {
                return Err("no cell is complete yet; the comparison begins with the first".into());
            }
            let comparison = kept.growing.comparison(false).map_err(|error| error.to_string())?;
            let title = format!("{}: {cells} of {} cells", kept.list.name(), kept.list.cells().len());
            let page: Arc<str> =
                Page::of_figures(title, comparison.figures(Arrangement::SideBySide)).json().into();
            kept.page = Some((cells, Arc::clone(&page), Instant::now(), start.elapsed()));
            Ok((kept.first_version + cells as u64, page))
        })
    }
}

/// Why a sweep of pools has no page.
const POOLED: &str = "The cells of this sweep are pools of networks, which have no planes over epochs and are not compared here; \
                      `infoplane sweep collect` writes the table of all pools.";

impl Kept {
    /// Whether the cells are pools of networks, as far as one that is complete tells: all are or none.
    fn is_pooled(&self, states: &[CellState]) -> bool {
        let complete = states.iter().position(|state| *state == CellState::Complete);
        complete
            .is_some_and(|place| !self.store.entry(&self.list.cells()[place].id, CellKind::Run).is_complete())
    }
}

/// A cell as a run, if there is something to look at.
fn listed(folder: &Path, cell: &ListedCell, state: &CellState, pooled: bool) -> Option<Listed> {
    let (id, state) = match state {
        // A pool has no page of its own.
        CellState::Complete if pooled => (String::new(), "finished"),
        CellState::Complete => (format!("runs/{}", cell.id), "finished"),
        CellState::Missing => return None,
        other => {
            // Of several directories of workers the one that was written to last.
            let work = format!("work/{}", cell.id);
            let entries = std::fs::read_dir(folder.join(&work)).ok()?.flatten();
            let time = |entry: &std::fs::DirEntry| entry.metadata().and_then(|data| data.modified()).ok();
            let last = entries.max_by_key(time)?.file_name().to_str()?.to_string();
            let id = format!("{work}/{last}");
            let is_run = folder.join(&id).join("manifest.toml").is_file();
            (if is_run { id } else { String::new() }, other.name())
        }
    };
    Some(Listed {
        id,
        name: cell.label.clone(),
        state,
        measured: None,
        planned: None,
        seeds: None,
        layers: None,
        methods: None,
        data: String::new(),
        modified: 0,
    })
}

fn n_complete(states: &[CellState]) -> usize {
    states.iter().filter(|state| **state == CellState::Complete).count()
}
