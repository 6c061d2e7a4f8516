//! A run directory, read for a report.

use infoplane::experiment::Experiment;
use infoplane::report::{
    FailedSeed, LimitCurve, ReportData, ScheduleData, distance_unit, failed_seeds, schedule_setting,
};
use infoplane::run::{DataFacts, Manifest, RunDir, SeedOutcome};
use infoplane::schedule::MeasuredEpoch;
use infoplane::train::EpochStats;
use infoplane::{Information, InformationPlane};

use crate::failure::Failure;

/// What a run directory holds, read for a report.
pub struct Loaded {
    manifest: Manifest,
    plane: InformationPlane,
    training: Vec<EpochStats>,
    schedule: Vec<MeasuredEpoch>,
    failed: Vec<FailedSeed>,
    only_learned: bool,
    complete: bool,
    limit: Option<LimitCurve>,
    notes: Vec<String>,
}

impl Loaded {
    pub fn read(run: &RunDir, manifest: Manifest, only_learned: bool) -> Result<Self, Failure> {
        let outcome = run.outcome()?;
        let complete = outcome.is_some();
        let planned = planned_epochs(&manifest);
        let notes = match &outcome {
            None => vec!["run not complete: what is here is what there is so far".to_string()],
            Some(outcome) => outcome.seeds.iter().filter_map(|seed| ended_otherwise(seed, planned)).collect(),
        };
        let (plane, training, schedule) = (run.plane()?, run.training()?, run.schedule()?);
        let failed = failed_seeds(&manifest, &training, outcome.as_ref());
        // As with the schedule below, what this version does not know leaves out a line and no figure.
        let experiment = Experiment::from_table("manifest.toml", manifest.experiment.clone());
        let limit = experiment.ok().and_then(|experiment| LimitCurve::of(&experiment.dataset.source).ok());
        let limit = limit.flatten();
        Ok(Loaded { manifest, plane, training, schedule, failed, only_learned, complete, limit, notes })
    }

    /// The seeds that did not learn.
    pub fn failed(&self) -> &[FailedSeed] {
        &self.failed
    }

    pub fn report(&self) -> ReportData<'_> {
        let Manifest { data, layers, .. } = &self.manifest;
        ReportData {
            title: name(&self.manifest).to_string(),
            dataset: data.name.clone(),
            n_samples: data.n_measured,
            h_x: Information::from_bits(data.h_x_bits),
            h_y: Information::from_bits(data.h_y_bits),
            layers: layers.clone(),
            plane: &self.plane,
            training: &self.training,
            schedule: self.schedule(),
            failed: self.failed.clone(),
            only_learned: self.only_learned,
            complete: self.complete,
            limit: self.limit.clone(),
            notes: self.notes.clone(),
        }
    }

    /// Which epochs were measured, and by which rule.
    fn schedule(&self) -> ScheduleData<'_> {
        // A manifest by another version may hold what this one does not know; the figures need not fail for that.
        match Experiment::from_table("manifest.toml", self.manifest.experiment.clone()) {
            Ok(Experiment { schedule, .. }) => ScheduleData {
                measured: &self.schedule,
                setting: schedule_setting(&schedule),
                delta: schedule.delta(),
                distance_unit: distance_unit(&schedule).into(),
            },
            Err(_) => ScheduleData { measured: &self.schedule, ..ScheduleData::default() },
        }
    }
}

/// The epochs that were planned for each training.
pub fn planned_epochs(manifest: &Manifest) -> u64 {
    let epochs = manifest.experiment.get("training").and_then(|training| training.get("epochs"));
    epochs.and_then(|epochs| epochs.as_integer()).and_then(|epochs| u64::try_from(epochs).ok()).unwrap_or(0)
}

/// What is to be said of a training that did not go to its planned end.
pub fn ended_otherwise(seed: &SeedOutcome, planned: u64) -> Option<String> {
    let reason = match seed.status == SeedOutcome::FINISHED {
        true if seed.last_epoch < planned => &seed.ended,
        true => return None,
        false => &seed.status,
    };
    Some(format!("seed {}: {reason}", seed.seed))
}

/// What the experiment is called.
pub fn name(manifest: &Manifest) -> &str {
    manifest.experiment.get("name").and_then(|name| name.as_str()).unwrap_or("run")
}

/// The seeds that did not learn, for JSON.
pub fn seed_numbers(failed: &[FailedSeed]) -> Vec<u64> {
    failed.iter().map(|failed| failed.seed).collect()
}

/// The entropies of the data, and p(y).
pub fn data_lines(data: &DataFacts) -> [String; 2] {
    let rule = data.i_xy_rule_bits.map(|bits| format!(" (of the rule {bits:.4})")).unwrap_or_default();
    let shares: Vec<String> = data.label_shares.iter().take(10).map(|share| format!("{share:.4}")).collect();
    let more = if data.label_shares.len() > 10 { ", …" } else { "" };
    [
        format!(
            "H(X) = {:.4} bits, H(Y) = {:.4} bits, I(X;Y) = {:.4} bits{rule}",
            data.h_x_bits, data.h_y_bits, data.i_xy_bits
        ),
        format!("p(y) = {}{more}", shares.join(", ")),
    ]
}
