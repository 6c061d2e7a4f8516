//! How well schedules do on runs of which every epoch was measured: the table of `docs/choosing-a-schedule.md`.
//!
//! ```sh
//! infoplane run saxe2018-tanh --seeds 1 --schedule every --interval 1 --out truth
//! cargo run --release --example schedule_table -- truth
//! ```
//!
//! A schedule is asked and told, so it can be tried on what is known already: nothing is trained or measured here. Where the
//! statistics of every epoch are known (`--set 'training.statistics={ kind = "every", interval = 1 }'`), the loss is also tried as
//! a witness. After `--` follow other runs of the same training, of which the measured epochs are judged by the run before it:
//!
//! ```sh
//! infoplane run saxe2018-tanh --seeds 1 --schedule delta-exact --delta 0.05 --witness loss --out watched
//! cargo run --release --example schedule_table -- truth -- watched
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use infoplane::PlaneRow;
use infoplane::plane::{Distance, Entropies};
use infoplane::run::Run;
use infoplane::schedule::{
    Ask, DeltaConfig, Schedule, ScheduleConfig, WhenFar, WitnessConfig, WitnessSettings,
};
use infoplane::train::EpochStats;

type Truth = BTreeMap<u64, Vec<PlaneRow>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "| run | estimator | δ | schedule | measured | of all | neighbours too far apart | furthest from truth | epochs \
         further than δ |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut parts = arguments.splitn(2, |argument| argument == "--");
    let truths = parts.next().unwrap_or_default();
    let runs = parts.next().unwrap_or_default();
    for directory in truths {
        table(Path::new(&directory), runs)?;
    }
    Ok(())
}

/// The mean loss on the measured rows at every epoch, if it is known.
fn losses(run: &Run, last: u64) -> Option<Vec<f64>> {
    let table = run.manifest().experiment()?;
    let dataset = table.get("dataset")?;
    let train = dataset.get("split")?.get("train_fraction").and_then(|share| share.as_float());
    let n_samples = run.manifest().data.n_samples as f64;
    let share = match dataset.get("measured_on")?.as_str()? {
        "train" => 1.0,
        "test" => 0.0,
        _ => (train? * n_samples).round() / n_samples,
    };
    let first_seed = run.manifest().seeds.first();
    let of_first = run.training().iter().filter(|stats| Some(&stats.seed) == first_seed);
    let loss = |stats: &EpochStats| {
        let part = |share: f64, loss: Option<f32>| {
            if share > 0.0 { Some(share * f64::from(loss?)) } else { Some(0.0) }
        };
        Some(part(share, stats.train_loss)? + part(1.0 - share, stats.test_loss)?)
    };
    let losses: Option<Vec<f64>> = of_first.map(loss).collect();
    losses.filter(|losses| losses.len() as u64 == last + 1)
}

fn table(directory: &Path, others: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let run = Run::read(directory)?;
    let manifest = run.manifest();
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entropies = Entropies { h_x_bits: manifest.data.h_x_bits, h_y_bits: manifest.data.h_y().bits() };
    let first_seed = manifest.seeds.first().copied();
    let mut estimators: Vec<&str> =
        run.plane().methods().iter().map(|method| method.estimator.as_str()).collect();
    estimators.sort_unstable();
    estimators.dedup();
    for estimator in estimators {
        let mut truth = Truth::new();
        let of_first = |row: &PlaneRow| Some(row.seed) == first_seed && row.method.estimator == estimator;
        for row in run.plane().rows().filter(of_first) {
            truth.entry(row.epoch).or_default().push(row);
        }
        let last = *truth.keys().next_back().ok_or("nothing was measured")?;
        if truth.len() as u64 != last + 1 {
            return Err(
                format!("{name}: {} of {} epochs measured; all are needed", truth.len(), last + 1).into()
            );
        }
        let losses = losses(&run, last);
        for other in others {
            let other = Run::read(Path::new(other))?;
            let mut chosen: Vec<u64> = other.schedule().iter().map(|measured| measured.epoch).collect();
            chosen.sort_unstable();
            let delta = other.manifest().schedule.delta().unwrap_or(0.05);
            let distance = ScheduleConfig::DeltaExact(DeltaConfig::new(delta)).distance(entropies);
            let setting = infoplane::report::schedule_setting(&other.manifest().schedule);
            print(&name, estimator, delta, &setting, &chosen, &truth, &distance);
        }
        if !others.is_empty() {
            continue;
        }
        for delta in [0.02, 0.05, 0.1] {
            let exact = DeltaConfig::new(delta);
            let keeping = DeltaConfig { when_far: WhenFar::Keep, ..exact.clone() };
            let distance = ScheduleConfig::DeltaExact(exact.clone()).distance(entropies);
            let tried = |config: &ScheduleConfig| tried(config, last, entropies, &truth, losses.as_deref());
            let chosen = tried(&ScheduleConfig::DeltaExact(exact.clone()))?;
            let points = chosen.len();
            let line = |schedule: &str, chosen: &[u64]| {
                print(&name, estimator, delta, schedule, chosen, &truth, &distance);
            };
            line("delta-exact", &chosen);
            line("delta-exact, keep", &tried(&ScheduleConfig::DeltaExact(keeping))?);
            line("delta-approximate", &tried(&ScheduleConfig::DeltaApproximate(exact.clone()))?);
            let interval = last.div_ceil(points as u64 - 1).max(1);
            line("every", &tried(&ScheduleConfig::Every { interval, witness: None })?);
            line("log-spaced", &tried(&ScheduleConfig::LogSpaced { points, witness: None })?);
            if losses.is_none() {
                continue;
            }
            for share in [0.5, std::f64::consts::LN_2, 1.0, 1.5, 2.0] {
                let band = Some(share * delta * entropies.h_y_bits);
                let settings = WitnessSettings { band, ..WitnessSettings::default() };
                let witness = Some(WitnessConfig::Loss(settings));
                let watched = DeltaConfig { witness: witness.clone(), ..exact.clone() };
                let name = |schedule: &str| format!("{schedule}, loss, band {share:.2} δ");
                line(&name("delta-exact"), &tried(&ScheduleConfig::DeltaExact(watched.clone()))?);
                line(&name("delta-approximate"), &tried(&ScheduleConfig::DeltaApproximate(watched))?);
                line(&name("log-spaced"), &tried(&ScheduleConfig::LogSpaced { points, witness })?);
            }
        }
    }
    Ok(())
}

/// A line of the table.
fn print(
    name: &str,
    estimator: &str,
    delta: f64,
    schedule: &str,
    chosen: &[u64],
    truth: &Truth,
    distance: &Distance,
) {
    let Judged { apart, worst, at, beyond } = judged(chosen, truth, distance, delta);
    println!(
        "| {name} | {estimator} | {delta} | {schedule} | {} | {:.1} % | {apart} | {:.2} δ, epoch {at} | {beyond} |",
        chosen.len(),
        100.0 * chosen.len() as f64 / truth.len() as f64,
        worst / delta
    );
}

/// The epochs that a schedule measures when it is told the truth, ascending.
fn tried(
    config: &ScheduleConfig,
    last: u64,
    entropies: Entropies,
    truth: &Truth,
    losses: Option<&[f64]>,
) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    let mut schedule: Box<dyn Schedule> = config.schedule(last, entropies)?;
    for (epoch, loss) in (0..).zip(losses.unwrap_or_default()) {
        schedule.witness(epoch, &[*loss]);
    }
    schedule.end(last);
    let mut chosen = Vec::new();
    loop {
        match schedule.ask() {
            Ask::Done => break,
            Ask::Wait => return Err("the schedule waits, though it was told everything".into()),
            Ask::Epochs(wanted) => {
                for wanted in wanted {
                    schedule.tell(wanted.epoch, &truth[&wanted.epoch]);
                    chosen.push(wanted.epoch);
                }
            }
        }
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// How well the chosen epochs stand for all.
struct Judged {
    /// Measured neighbours further apart than δ with something between them.
    apart: usize,
    /// How far any epoch is from the straight line between the measured epochs around it, and which one it is.
    worst: f64,
    at: u64,
    /// How many epochs are further from that line than δ.
    beyond: usize,
}

fn judged(chosen: &[u64], truth: &Truth, distance: &Distance, delta: f64) -> Judged {
    let mut judged = Judged { apart: 0, worst: 0.0, at: 0, beyond: 0 };
    for pair in chosen.windows(2) {
        let (a, b) = (&truth[&pair[0]], &truth[&pair[1]]);
        if pair[1] - pair[0] > 1 && distance.between(a, b) > delta {
            judged.apart += 1;
        }
        for epoch in pair[0] + 1..pair[1] {
            let share = (epoch - pair[0]) as f64 / (pair[1] - pair[0]) as f64;
            let between = |a: Option<f64>, b: Option<f64>| Some(a? + (b? - a?) * share);
            let line: Vec<PlaneRow> = a
                .iter()
                .zip(b)
                .map(|(a, b)| PlaneRow {
                    i_xt_bits: between(a.i_xt_bits, b.i_xt_bits),
                    i_ty_bits: between(a.i_ty_bits, b.i_ty_bits),
                    ..a.clone()
                })
                .collect();
            let off = distance.between(&truth[&epoch], &line);
            judged.beyond += usize::from(off > delta);
            if off > judged.worst {
                (judged.worst, judged.at) = (off, epoch);
            }
        }
    }
    judged
}
