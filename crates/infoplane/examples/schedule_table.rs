//! How well schedules do on runs of which every epoch was measured: the table of `docs/choosing-a-schedule.md`.
//!
//! ```sh
//! infoplane run saxe2018-tanh --seeds 1 --schedule every --interval 1 --out truth
//! cargo run --release --example schedule_table -- truth
//! ```
//!
//! A schedule is asked and told, so it can be tried on what is known already: nothing is trained or measured here.

use std::collections::BTreeMap;
use std::path::Path;

use infoplane::PlaneRow;
use infoplane::plane::{Distance, Entropies};
use infoplane::run::Run;
use infoplane::schedule::{Ask, DeltaConfig, Schedule, ScheduleConfig, WhenFar};

type Truth = BTreeMap<u64, Vec<PlaneRow>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "| run | estimator | δ | schedule | measured | of all | neighbours too far apart | furthest from truth | epochs \
         further than δ |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for directory in std::env::args().skip(1) {
        table(Path::new(&directory))?;
    }
    Ok(())
}

fn table(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let run = Run::read(directory)?;
    let manifest = run.manifest();
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entropies = Entropies { h_x_bits: manifest.data.h_x_bits, h_y_bits: manifest.data.h_y_bits };
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
        for delta in [0.02, 0.05, 0.1] {
            let exact = DeltaConfig::new(delta);
            let keeping = DeltaConfig { when_far: WhenFar::Keep, ..exact.clone() };
            let distance = ScheduleConfig::DeltaExact(exact.clone()).distance(entropies);
            let chosen = tried(&ScheduleConfig::DeltaExact(exact.clone()), last, entropies, &truth)?;
            let points = chosen.len();
            let line = |schedule: &str, chosen: &[u64]| {
                let Judged { apart, worst, at, beyond } = judged(chosen, &truth, &distance, delta);
                println!(
                    "| {name} | {estimator} | {delta} | {schedule} | {} | {:.1} % | {apart} | {:.2} δ, epoch {at} | {beyond} |",
                    chosen.len(),
                    100.0 * chosen.len() as f64 / truth.len() as f64,
                    worst / delta
                );
            };
            line("delta-exact", &chosen);
            line("delta-exact, keep", &tried(&ScheduleConfig::DeltaExact(keeping), last, entropies, &truth)?);
            line(
                "delta-approximate",
                &tried(&ScheduleConfig::DeltaApproximate(exact), last, entropies, &truth)?,
            );
            let interval = last.div_ceil(points as u64 - 1).max(1);
            line(
                "every",
                &tried(&ScheduleConfig::Every { interval, witness: None }, last, entropies, &truth)?,
            );
            line(
                "log-spaced",
                &tried(&ScheduleConfig::LogSpaced { points, witness: None }, last, entropies, &truth)?,
            );
        }
    }
    Ok(())
}

/// The epochs that a schedule measures when it is told the truth, ascending.
fn tried(
    config: &ScheduleConfig,
    last: u64,
    entropies: Entropies,
    truth: &Truth,
) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    let mut schedule: Box<dyn Schedule> = config.schedule(last, entropies)?;
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
