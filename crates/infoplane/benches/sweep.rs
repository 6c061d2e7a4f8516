//! What a store adds to the runs of a sweep: the same twenty runs of a second each, written by themselves and as cells.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use divan::Bencher;
use infoplane::experiment::RunOptions;
use infoplane::sweep::{Store, Sweep, SweepOptions};

fn main() {
    divan::main();
}

const CELLS: usize = 20;

fn sweep() -> Sweep {
    let text = format!(
        "base = 'tishby2017'\nseeds = {CELLS}\n\
         estimators = [{{ kind = 'binned', rule = 'floor', bin_width = 0.5 }}]\n[set]\n'training.epochs' = 700\n\
         'schedule.points' = 40"
    );
    Sweep::from_toml("bench", &text, Path::new("")).expect("a sweep")
}

const ONE_THREAD: RunOptions = RunOptions { threads: 1, memory: 1 << 30 };

#[divan::bench(sample_count = 5, sample_size = 1)]
fn twenty_runs(bencher: Bencher) {
    let sweep = sweep();
    bencher.with_inputs(|| tempfile::tempdir().expect("a folder")).bench_refs(|folder| {
        for place in 0..CELLS {
            let experiment = sweep.cell(place).experiment;
            let path = folder.path().join(place.to_string());
            experiment.run(&path, ONE_THREAD, &(), &AtomicBool::new(false)).expect("a run");
        }
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn twenty_cells(bencher: Bencher) {
    let sweep = sweep();
    bencher.with_inputs(|| tempfile::tempdir().expect("a folder")).bench_refs(|folder| {
        let store = Store::open(folder.path()).expect("a store");
        let options = SweepOptions { run: ONE_THREAD, ..SweepOptions::default() };
        let outcome = sweep.run(&store, &options, &(), &AtomicBool::new(false)).expect("the cells");
        assert_eq!(outcome.computed, CELLS);
    });
}
