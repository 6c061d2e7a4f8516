//! Schedules over the epochs that were saved, which may be a few of all.

use super::RecordError;
use crate::PlaneRow;
use crate::plane::Entropies;
use crate::schedule::{Ask, Schedule, ScheduleConfig, Wanted};

/// A schedule whose epochs are among `epochs`, ascending and not empty.
///
/// A list of epochs must be there; other schedules that know their epochs beforehand take the nearest that are; those
/// that skip by δ go from saved epoch to saved epoch, and call two saved epochs adjacent if none lies between them.
pub(super) fn schedule_on(
    config: &ScheduleConfig,
    epochs: &[u64],
    entropies: Entropies,
) -> Result<Box<dyn Schedule>, RecordError> {
    let last = epochs.last().copied().unwrap_or(0);
    if let Some(chosen) = chosen(config, epochs)? {
        return Ok(ScheduleConfig::List { epochs: chosen, witness: None }.schedule(last, entropies)?);
    }
    let inner = config.schedule(epochs.len().saturating_sub(1) as u64, entropies)?;
    Ok(Box::new(OnGrid { inner, epochs: epochs.to_vec() }))
}

/// The saved epochs that are measured, if they are known beforehand.
pub(super) fn chosen(config: &ScheduleConfig, epochs: &[u64]) -> Result<Option<Vec<u64>>, RecordError> {
    let last = epochs.last().copied().unwrap_or(0);
    if let ScheduleConfig::Every { interval: 1, witness: None } = config {
        return Ok(Some(epochs.to_vec()));
    }
    if let ScheduleConfig::List { epochs: listed, .. } = config
        && let Some(&epoch) = listed.iter().find(|epoch| epochs.binary_search(epoch).is_err())
    {
        return Err(RecordError::NoSuchEpoch { epoch, nearest: nearest(epochs, epoch) });
    }
    let Some(planned) = config.epochs(last)? else { return Ok(None) };
    let mut chosen: Vec<u64> = planned.into_iter().map(|epoch| nearest(epochs, epoch)).collect();
    chosen.dedup();
    Ok(Some(chosen))
}

/// The nearest of `epochs`, of two equally near the earlier.
fn nearest(epochs: &[u64], epoch: u64) -> u64 {
    let after = epochs.partition_point(|&other| other < epoch);
    let candidates = epochs[after.saturating_sub(1)..].iter().take(2);
    candidates.copied().min_by_key(|&other| other.abs_diff(epoch)).unwrap_or(epoch)
}

/// A schedule that counts saved epochs, for whoever counts epochs.
struct OnGrid {
    inner: Box<dyn Schedule>,
    epochs: Vec<u64>,
}

impl OnGrid {
    fn epoch(&self, place: u64) -> u64 {
        usize::try_from(place).ok().and_then(|place| self.epochs.get(place)).copied().unwrap_or(u64::MAX)
    }
}

impl Schedule for OnGrid {
    fn ask(&mut self) -> Ask {
        match self.inner.ask() {
            Ask::Epochs(wanted) => {
                let on_grid = |Wanted { epoch, reason }| Wanted { epoch: self.epoch(epoch), reason };
                Ask::Epochs(wanted.into_iter().map(on_grid).collect())
            }
            other => other,
        }
    }

    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) {
        if let Ok(place) = self.epochs.binary_search(&epoch) {
            self.inner.tell(place as u64, rows);
        }
    }

    fn end(&mut self, last: u64) {
        self.inner.end(self.epochs.partition_point(|&epoch| epoch <= last).saturating_sub(1) as u64);
    }

    fn earliest(&self) -> u64 {
        self.epoch(self.inner.earliest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_epochs_become_the_nearest_saved_ones() {
        let saved = [0, 10, 20, 35, 100];
        let of = |config| chosen(&config, &saved).unwrap().unwrap();
        assert_eq!(of(ScheduleConfig::Every { interval: 1, witness: None }), saved);
        assert_eq!(of(ScheduleConfig::Every { interval: 50, witness: None }), [0, 35, 100]);
        assert_eq!(of(ScheduleConfig::List { epochs: vec![20, 0], witness: None }), [0, 20, 100]);
        assert_eq!(of(ScheduleConfig::LogSpaced { points: 4, witness: None }), [0, 10, 100]);
        let error = chosen(&ScheduleConfig::List { epochs: vec![19], witness: None }, &saved)
            .unwrap_err()
            .to_string();
        assert!(error.contains("lists 19") && error.contains("nearest is 20"), "{error}");
    }
}
