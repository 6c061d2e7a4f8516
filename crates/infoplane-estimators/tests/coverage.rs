//! How often 95 % intervals contain the true value, by simulation.
//!
//! Takes hours on two cores:
//!
//! ```sh
//! cargo test --release -p infoplane-estimators --test coverage -- --ignored --nocapture
//! ```

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use infoplane_estimators::calibrate::{Calibration, calibrate, contender};
use infoplane_estimators::known::{TASKS, Task};

/// Tasks that `auto` cannot resolve with 1000 samples, as `docs/accuracy.md` says: its intervals are of no use there.
const BEYOND: [&str; 4] = ["spiral-3x3", "spiral-25x25", "xor-5", "xor-20"];

fn coverages(tasks: Vec<&'static Task>, n: usize, repeats: usize) -> Vec<(&'static str, usize, Option<f64>)> {
    let calibration = Calibration {
        tasks,
        methods: vec![contender("auto").expect("a method")],
        n_samples: vec![n],
        repeats,
        seed: 10_000,
        limit: Duration::MAX,
        standard_errors: true,
    };
    calibrate(&calibration, &mut |_, _, _| {}, &AtomicBool::new(false))
        .into_iter()
        .map(|row| match row.outcome {
            Ok(outcome) => (row.task, outcome.intervals.len(), outcome.coverage()),
            Err(reason) => panic!("{}: {reason}", row.task),
        })
        .collect()
}

#[test]
#[ignore = "takes hours"]
fn intervals_of_auto_contain_the_truth_nine_times_in_ten() {
    // What identifies the input is refused, and needs a noise variance.
    let needs_noise = ["layer-input", "layer-label"];
    let tasks = TASKS.iter().filter(|task| !needs_noise.contains(&task.name)).collect();
    let mut low = Vec::new();
    for (task, intervals, coverage) in coverages(tasks, 1000, 200) {
        let shown = coverage.map_or("no intervals".into(), |share| format!("{:.1} %", 100.0 * share));
        println!("{task:24} {intervals:4} {shown}");
        // Three standard deviations of a share of .9 in so many draws.
        let chance = 3.0 * (0.09 / intervals.max(1) as f64).sqrt();
        if coverage.is_some_and(|share| share < 0.9 - chance) && !BEYOND.contains(&task) {
            low.push((task, coverage));
        }
    }
    assert!(low.is_empty(), "{low:?}");
}

/// The same for a few draws of an easy task, so that the count itself is tested.
#[test]
fn intervals_of_a_normal_pair_contain_the_truth() {
    let task = Task::named("normal").expect("a task");
    let [(_, intervals, Some(coverage))] = coverages(vec![task], 300, 20)[..] else { panic!("one row") };
    assert!(intervals == 20 && coverage >= 0.8, "{coverage}");
}
