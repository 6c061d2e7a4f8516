//! Which epochs were measured, in words.

use super::{ReportData, words as caption};
use crate::Bound;
use crate::math;
use crate::schedule::{
    DeltaConfig, DistanceScale, MeasuredEpoch, Reason, ScheduleConfig, WhenFar, WitnessConfig,
    WitnessSettings,
};

/// Which epochs of a run were measured, and by which rule.
///
/// The default says nothing: no figure of the schedule is drawn and the summary is silent about it.
#[derive(Debug, Clone, Default)]
pub struct ScheduleData<'a> {
    /// The measured epochs of all seeds, in any order; may be empty.
    pub measured: &'a [MeasuredEpoch],
    /// The schedule and its settings in one line, as [`schedule_setting`] gives it.
    pub setting: String,
    /// How far apart the schedule lets neighbours be, if it looks at that at all.
    pub delta: Option<f64>,
    /// The unit of δ and of the distances: `bits`, or `of the entropies`.
    pub distance_unit: String,
    /// Whether only epochs that another program saved could be measured: then nothing is said of the others.
    pub recorded: bool,
}

impl ScheduleData<'_> {
    /// δ, if it is a distance at all.
    pub(super) fn usable_delta(&self) -> Option<f64> {
        self.delta.filter(|delta| delta.is_finite() && *delta > 0.0)
    }
}

/// The schedule and its settings in one line, for captions.
///
/// ```
/// use infoplane::report::schedule_setting;
/// use infoplane::schedule::ScheduleConfig;
/// assert_eq!(schedule_setting(&ScheduleConfig::Every { interval: 20, witness: None }), "every 20th epoch");
/// ```
pub fn schedule_setting(config: &ScheduleConfig) -> String {
    let setting = match config {
        ScheduleConfig::Every { interval: 1, .. } => "every epoch".into(),
        ScheduleConfig::Every { interval, .. } => format!("every {}", ordinal(*interval) + " epoch"),
        ScheduleConfig::LogSpaced { points, .. } => format!("log-spaced, {points} points"),
        ScheduleConfig::List { epochs, .. } => {
            let mut epochs = epochs.clone();
            epochs.sort_unstable();
            epochs.dedup();
            match &epochs[..] {
                [] => "the last epoch".into(),
                [epoch] => format!("a list: epoch {epoch}"),
                [first, .., last] => format!("a list of {} epochs, {first} to {last}", epochs.len()),
            }
        }
        ScheduleConfig::DeltaExact(delta) => format!("delta-exact, {}", delta_setting(delta)),
        ScheduleConfig::DeltaApproximate(delta) => format!("delta-approximate, {}", delta_setting(delta)),
    };
    match config.witness() {
        Some(witness) => format!("{setting}, witness {}", witness_setting(witness)),
        None => setting,
    }
}

/// `loss`, or `loss on 256 rows, band 0.1`.
fn witness_setting(witness: &WitnessConfig) -> String {
    let WitnessSettings { rows, band, .. } = witness.settings();
    let rows = rows.map(|rows| format!(" on {rows} rows")).unwrap_or_default();
    let band = band.map(|band| format!(", band {band}")).unwrap_or_default();
    format!("{}{rows}{band}", witness.name())
}

/// The unit of a schedule's distances.
pub fn distance_unit(config: &ScheduleConfig) -> &'static str {
    match config {
        ScheduleConfig::DeltaExact(DeltaConfig { scale: DistanceScale::Bits, .. })
        | ScheduleConfig::DeltaApproximate(DeltaConfig { scale: DistanceScale::Bits, .. }) => "bits",
        _ => "of the entropies",
    }
}

fn delta_setting(config: &DeltaConfig) -> String {
    let unit = match config.scale {
        DistanceScale::Bits => "bits",
        DistanceScale::Entropy => "of the entropies",
    };
    let mut setting = format!("δ = {} {unit}, multiplier {}", config.delta, config.multiplier);
    if config.when_far == WhenFar::Keep {
        setting += ", skip kept where far";
    }
    if let Some(max_skip) = config.max_skip {
        setting += &format!(", skip at most {max_skip}");
    }
    let list = |name: &str, items: Vec<String>| format!(", {name} {} only", items.join(", "));
    if let Some(layers) = &config.layers {
        setting += &list("layers", layers.iter().map(usize::to_string).collect());
    }
    if let Some(estimators) = &config.estimators {
        setting += &list("by", estimators.clone());
    }
    if let Some(bounds) = &config.bounds {
        setting += &list(
            "bounds",
            bounds.iter().map(|choice| choice.bound().map_or("none", Bound::name).to_string()).collect(),
        );
    }
    setting
}

/// `1st`, `22nd`, `113th`.
fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The measured epochs of one training.
pub(super) struct Seed<'a> {
    pub seed: u64,
    /// Ascending, each once, never empty.
    pub epochs: Vec<&'a MeasuredEpoch>,
    /// The last epoch of the training, as far as anything of it was recorded.
    pub last: u64,
}

/// Two measured epochs with none measured between them.
pub(super) struct Neighbors {
    /// The later of the two, and why it was measured.
    pub epoch: u64,
    pub reason: Reason,
    /// How far they are apart, if both have the values.
    pub distance: Option<f64>,
    /// Whether no epoch lies between them.
    pub adjacent: bool,
}

impl Seed<'_> {
    pub(super) fn neighbors(&self) -> impl Iterator<Item = Neighbors> + '_ {
        self.epochs.windows(2).map(|pair| Neighbors {
            epoch: pair[1].epoch,
            reason: pair[1].reason,
            distance: pair[1].distance.filter(|distance| distance.is_finite()),
            adjacent: pair[1].epoch - pair[0].epoch == 1,
        })
    }
}

/// The measured epochs by seed, ascending.
pub(super) fn seeds<'a>(data: &ReportData<'a>) -> Vec<Seed<'a>> {
    let mut measured: Vec<&MeasuredEpoch> = data.schedule.measured.iter().collect();
    // Of two lines about one epoch the first stands.
    measured.sort_by_key(|measured| (measured.seed, measured.epoch));
    measured.dedup_by_key(|measured| (measured.seed, measured.epoch));
    let mut trained = std::collections::BTreeMap::new();
    for stats in data.training {
        let last = trained.entry(stats.seed).or_insert(stats.epoch);
        *last = stats.epoch.max(*last);
    }
    measured
        .chunk_by(|a, b| a.seed == b.seed)
        .map(|epochs| {
            let seed = epochs[0].seed;
            let measured = epochs[epochs.len() - 1].epoch;
            let last = trained.get(&seed).map_or(measured, |&trained| measured.max(trained));
            Seed { seed, epochs: epochs.to_vec(), last }
        })
        .collect()
}

/// How many epochs were measured of how many, why, and how far neighbours are apart: sentences without capital
/// and point.
pub(crate) fn words(data: &ReportData<'_>) -> Vec<String> {
    let seeds = seeds(data);
    if seeds.is_empty() {
        return vec![];
    }
    let mut words = vec![counts(&seeds, data.schedule.recorded)];
    words.extend(distances(data, &seeds));
    words
}

fn counts(seeds: &[Seed<'_>], recorded: bool) -> String {
    let measured = || seeds.iter().map(|seed| seed.epochs.len() as u64);
    let trained = || seeds.iter().map(|seed| seed.last.saturating_add(1));
    let (sum, all) = (measured().sum::<u64>() as f64, trained().map(|n| n as f64).sum::<f64>());
    let share = caption::percent(sum / all);
    // A count that all seeds have, or their mean.
    let reason = |(reason, one, many): (Reason, &str, &str)| {
        let of_seed = |seed: &Seed<'_>| seed.epochs.iter().filter(|e| e.reason == reason).count();
        let counts: Vec<usize> = seeds.iter().map(of_seed).collect();
        match (counts[0], counts.iter().sum::<usize>()) {
            (_, 0) => None,
            (first, _) if counts.iter().all(|&count| count == first) => {
                Some(format!("{first} {}", if first == 1 { one } else { many }))
            }
            (_, sum) => Some(format!("{:.1} {many}", sum as f64 / counts.len() as f64)),
        }
    };
    let reasons = [
        (Reason::Planned, "planned", "planned"),
        (Reason::Section, "section", "sections"),
        (Reason::Filling, "filled", "filled"),
        (Reason::Witness, "of the witness", "of the witness"),
        (Reason::Last, "last", "last"),
    ];
    let reasons = reasons.into_iter().filter_map(reason).collect::<Vec<_>>().join(", ");
    let (measured, trained) = (from_to(measured()), from_to(trained()));
    if recorded {
        let epochs = if measured == "1" { "epoch" } else { "epochs" };
        return format!("measured {measured} saved {epochs}: {reasons}");
    }
    if seeds.len() == 1 {
        return format!("measured {measured} of {trained} epochs ({share}): {reasons}");
    }
    let average = if measured.contains(' ') { "on average " } else { "" };
    format!("measured {measured} of {trained} epochs of each seed ({share}): {average}{reasons}")
}

/// `231`, or `231 to 254`.
fn from_to(numbers: impl Iterator<Item = u64> + Clone) -> String {
    let (low, high) = (numbers.clone().min().unwrap_or(0), numbers.max().unwrap_or(0));
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

fn distances(data: &ReportData<'_>, seeds: &[Seed<'_>]) -> Vec<String> {
    let all: Vec<Neighbors> = seeds.iter().flat_map(Seed::neighbors).collect();
    let largest = |pairs: &[&Neighbors]| {
        pairs.iter().filter_map(|pair| pair.distance).max_by(f64::total_cmp).map(significant)
    };
    let measured: Vec<&Neighbors> = all.iter().filter(|pair| pair.distance.is_some()).collect();
    let unit = match data.schedule.distance_unit.as_str() {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let mut words = Vec::new();
    if measured.is_empty() {
        return words;
    }
    match data.schedule.usable_delta() {
        None => words.extend(
            largest(&measured).map(|largest| format!("largest distance between neighbours {largest}{unit}")),
        ),
        Some(delta) => {
            let further = |pair: &&&Neighbors| pair.distance.is_some_and(|distance| distance > delta);
            let (adjacent, apart): (Vec<&Neighbors>, Vec<&Neighbors>) =
                measured.iter().partition(|pair| pair.adjacent);
            let mut line = match largest(&apart) {
                Some(largest) => format!(
                    "largest distance between neighbours that are not adjacent {largest}{unit} (δ = {delta})"
                ),
                None => format!("all measured neighbours are adjacent epochs (δ = {delta}{unit})"),
            };
            let beyond = apart.iter().filter(further).count();
            if beyond > 0 {
                line += &format!("; {} further apart than δ", pairs(beyond));
            }
            words.push(line);
            let adjacent: Vec<&Neighbors> = adjacent.iter().filter(further).copied().collect();
            if let Some(largest) = largest(&adjacent) {
                words.push(format!(
                    "{} of adjacent epochs further apart than δ, at most {largest}, with nothing between them",
                    pairs(adjacent.len())
                ));
            }
        }
    }
    let unknown = all.len() - measured.len();
    if unknown > 0 {
        words.push(format!(
            "{} of neighbours without a distance: one holds a value that the other lacks",
            pairs(unknown)
        ));
    }
    words
}

fn pairs(n: usize) -> String {
    if n == 1 { "1 pair".into() } else { format!("{n} pairs") }
}

/// Three digits that count.
pub(crate) fn significant(value: f64) -> String {
    let power = math::log10(value.abs()).floor();
    match power {
        p if (-5.0..=5.0).contains(&p) => format!("{value:.0$}", (2.0 - p).max(0.0) as usize),
        _ if value == 0.0 => "0".into(),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_in_one_line() {
        let told = |config: ScheduleConfig| schedule_setting(&config);
        assert_eq!(told(ScheduleConfig::Every { interval: 1, witness: None }), "every epoch");
        assert_eq!(told(ScheduleConfig::Every { interval: 22, witness: None }), "every 22nd epoch");
        assert_eq!(told(ScheduleConfig::Every { interval: 113, witness: None }), "every 113th epoch");
        assert_eq!(told(ScheduleConfig::LogSpaced { points: 60, witness: None }), "log-spaced, 60 points");
        assert_eq!(
            told(ScheduleConfig::List { epochs: vec![9, 3, 3], witness: None }),
            "a list of 2 epochs, 3 to 9"
        );
        assert_eq!(told(ScheduleConfig::List { epochs: vec![], witness: None }), "the last epoch");
    }

    #[test]
    fn distances_have_three_digits() {
        let shown = [0.0, 0.049_12, 1.0, 123.4, 4e-9, 0.5].map(significant);
        assert_eq!(shown, ["0", "0.0491", "1.00", "123", "4.00e-9", "0.500"]);
    }
}
