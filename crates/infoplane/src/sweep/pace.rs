//! How fast a sweep goes on, and which machines are at it, by the times of files in its store.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::store::{CLAIMS, TIMES};
use super::{CellList, CellState, Store};

/// How many cells were completed lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The cells.
    pub cells: usize,
    /// In how much time: the last hour, or since the first cell was completed.
    pub over: Duration,
    /// How long what is left takes at that pace; cells that failed are not left.
    pub left: Duration,
}

/// A machine that cells are claimed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    /// Its name; empty where it did not say that.
    pub host: String,
    /// How many cells.
    pub cells: usize,
    /// How long nothing was heard of it. Workers tell that they go on several times within a lease. Where the clocks of this machine and of
    /// the file system differ, that is in it.
    pub silent: Duration,
}

const LATELY: Duration = Duration::from_secs(3600);

impl CellList {
    /// How fast cells are completed, where at least two were lately; `states` are those of the store.
    pub fn pace(&self, store: &Store, states: &[CellState]) -> Option<Pace> {
        let written = written(&store.directory().join(TIMES));
        let is_complete = |state: &CellState| *state == CellState::Complete;
        let cells = self.cells().iter().zip(states).filter(|(_, state)| is_complete(state));
        let mut times: Vec<SystemTime> =
            cells.filter_map(|(cell, _)| written.get(&format!("{}.toml", cell.id)).copied()).collect();
        times.sort();
        // The clock of the file system may be ahead of that of this machine.
        let now = SystemTime::now().max(*times.last()?);
        let since = |time: &SystemTime| now.duration_since(*time).unwrap_or_default();
        let first = times.partition_point(|time| since(time) > LATELY);
        // What came before the first is not known: the time until then is not counted, and neither is the cell.
        let (cells, over) = match first {
            0 => (times.len() - 1, since(&times[0])),
            first => (times.len() - first, LATELY),
        };
        let left = states.iter().filter(|state| !is_complete(state) && state.name() != "failed").count();
        let seconds = over.as_secs_f64() / cells as f64 * left as f64;
        let left = Duration::try_from_secs_f64(seconds).ok()?;
        Some(Pace { cells, over, left }).filter(|pace| pace.cells > 0)
    }

    /// The machines that cells are claimed by, in the order of their names; `states` are those of the store.
    pub fn at_work(&self, store: &Store, states: &[CellState]) -> Vec<AtWork> {
        let mut last: HashMap<String, SystemTime> = HashMap::new();
        for (name, time) in written(&store.directory().join(CLAIMS)) {
            let id = name.rsplit_once('.').map_or(&name[..], |(id, _)| id);
            let known = last.entry(id.into()).or_insert(time);
            *known = time.max(*known);
        }
        let mut hosts: BTreeMap<&str, (usize, Option<SystemTime>)> = BTreeMap::new();
        for (cell, state) in self.cells().iter().zip(states) {
            let CellState::Running { host } = state else { continue };
            let (cells, heard) = hosts.entry(host).or_default();
            *cells += 1;
            *heard = last.get(&cell.id).copied().max(*heard);
        }
        let now = SystemTime::now();
        let silent = |heard: Option<SystemTime>| {
            heard.and_then(|heard| now.duration_since(heard).ok()).unwrap_or_default()
        };
        let of_host =
            |(host, (cells, heard)): (&str, _)| AtWork { host: host.into(), cells, silent: silent(heard) };
        hosts.into_iter().map(of_host).collect()
    }
}

/// When the files of a directory were written last, by their names.
fn written(directory: &Path) -> HashMap<String, SystemTime> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let time = |entry: &std::fs::DirEntry| entry.metadata().and_then(|data| data.modified()).ok();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.to_string(), time(&entry)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::ListedCell;

    #[test]
    fn the_pace_is_that_of_the_last_hour_and_silent_machines_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let cell = |n: usize| ListedCell { id: format!("cell-{n}"), label: n.to_string(), values: vec![] };
        let list = CellList::new("list".into(), vec![], (0..12).map(cell).collect()).unwrap();
        let write = |name: &str, minutes: u64| {
            let path = folder.path().join(name);
            std::fs::write(&path, "seconds = 1.0").unwrap();
            let time = SystemTime::now() - Duration::from_secs(60 * minutes);
            std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        let mut states = vec![CellState::Missing; 12];
        assert_eq!(list.pace(&store, &states), None);
        // Completed 30, 20, 10 and 0 minutes ago: three in half an hour; seven are left, one failed.
        for (n, minutes) in [30, 20, 10, 0].into_iter().enumerate() {
            write(&format!("times/cell-{n}.toml"), minutes);
            states[n] = CellState::Complete;
        }
        states[4] = CellState::Failed { why: String::new() };
        for n in [5, 6, 7] {
            states[n] = CellState::Running { host: if n == 7 { "b" } else { "a" }.into() };
        }
        let pace = list.pace(&store, &states).unwrap();
        let minutes = |duration: Duration| (duration.as_secs_f64() / 60.0).round();
        assert_eq!((pace.cells, minutes(pace.over), minutes(pace.left)), (3, 30.0, 70.0));
        // One that was completed before the last hour gives the whole hour: four cells.
        write("times/cell-8.toml", 100);
        states[8] = CellState::Complete;
        let pace = list.pace(&store, &states).unwrap();
        assert_eq!((pace.cells, minutes(pace.over), minutes(pace.left)), (4, 60.0, 90.0));
        // The last of several claims counts, and the machine by the cell of which it was heard last.
        for (claim, minutes) in [("cell-5.1", 50), ("cell-5.2", 4), ("cell-6.1", 9), ("cell-7.1", 0)] {
            write(&format!("claims/{claim}"), minutes);
        }
        let told: Vec<_> = list.at_work(&store, &states);
        let told: Vec<_> = told.iter().map(|at| (&at.host[..], at.cells, minutes(at.silent))).collect();
        assert_eq!(told, [("a", 2, 4.0), ("b", 1, 0.0)]);
    }
}
