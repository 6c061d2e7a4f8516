//! Draws a report from a hand-made table: the figures that a run leaves, without running anything.
//!
//! `cargo run --release --example report -- DIRECTORY`

use std::path::PathBuf;

use infoplane::report;

#[allow(dead_code)] // the rest of it is for tests
#[path = "../tests/made_up/mod.rs"]
mod made_up;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or(PathBuf::from("report"), PathBuf::from);
    let mut run = made_up::make_up(&made_up::MadeUp {
        widths: vec![10, 7, 5, 4, 3, 2],
        n_seeds: 5,
        last_epoch: 8000,
        with_test_set: true,
    });
    run.schedule = made_up::skipped(5, 8000, 0.05);
    let data = run.data();
    print!("{}", report::summary(&data));
    let options = report::Options::default().formats("svg,png,pdf".parse()?);
    for path in report::write(&data, &options, &directory)? {
        println!("{}", path.display());
    }
    Ok(())
}
