//! Figures of stored runs are those in `tests/figures`, to the byte.
//!
//! The files are what an earlier version drew, so a change of what is shown or of how it is drawn shows here. Where a
//! change is meant, run this test with `INFOPLANE_KEEP_FIGURES=1`, look at the new files and commit them.

use std::fs;
use std::path::{Path, PathBuf};

use infoplane::experiment::AsIfRandomResult;
use infoplane::report::{self, Format, Formats, Options, ReportData};
use infoplane::run::Run;

fn stored(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

#[test]
fn figures_of_stored_runs_are_drawn_as_before() {
    let mut options = Options::default();
    options.formats = Formats::of(&[Format::Svg]);
    let directory = tempfile::tempdir().unwrap();
    let run = Run::read(&stored("format-2")).unwrap();
    report::write(&ReportData::of(&run), &options, directory.path()).unwrap();
    let pool = AsIfRandomResult::read(&stored("format-1-pool")).unwrap();
    report::write_as_if_random(&pool, &options, directory.path()).unwrap();

    let mut names: Vec<String> = fs::read_dir(stored("figures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 9, "{names:?}");
    let mut different = Vec::new();
    for name in names {
        let now = fs::read(directory.path().join(&name)).unwrap_or_default();
        let path = stored("figures").join(&name);
        if now != fs::read(&path).unwrap() {
            if std::env::var_os("INFOPLANE_KEEP_FIGURES").is_some() {
                fs::write(&path, now).unwrap();
            }
            different.push(name);
        }
    }
    assert!(different.is_empty(), "drawn otherwise than before: {}", different.join(", "));
}
