//! Run directories.

use infoplane::figure::{Arrangement, Comparison, first_plane};
use infoplane::page::Page;
use infoplane::report::{self, Characters, Format, Formats, Options, ReportData};
use infoplane::run::{Run, RunDir};
use infoplane::table::{TableFormat, TableName};
use infoplane::train::{Keyframe, KeyframeError};

use super::place;

/// The directory of a finished run.
const MANIFEST: &str = include_str!("../seeds/manifest/run.toml");
const OUTCOME: &str = include_str!("../seeds/outcome/run.toml");
const TABLES: &[u8] = include_bytes!("../seeds/tables/run");
/// The manifest of a run that goes on, whose journal is that of the seeds.
const STOPPED: &str = include_str!("../seeds/manifest/stopped.toml");
const NAMES: [&str; 4] = ["plane.jsonl", "training.jsonl", "schedule.jsonl", "quantities.jsonl"];

/// The tables of a finished run, whose outcome has their digests.
pub fn tables(bytes: &[u8]) {
    finished(MANIFEST.as_bytes(), None, bytes);
}

pub fn manifest(bytes: &[u8]) {
    finished(bytes, None, TABLES);
}

pub fn outcome(bytes: &[u8]) {
    finished(MANIFEST.as_bytes(), Some(bytes), TABLES);
}

fn finished(manifest: &[u8], outcome: Option<&[u8]>, tables: &[u8]) {
    let folder = place::folder("run");
    let tables = place::parts(tables, NAMES);
    let mut of_tables = OUTCOME.to_owned();
    for (table, name) in tables.iter().zip(NAMES) {
        place::write(&folder.join(name), table);
        let key = format!("\n{} = \"", name.trim_end_matches(".jsonl"));
        let place = of_tables.find(&key).expect("a digest for each table") + key.len();
        let digest = place::digest(table);
        of_tables.replace_range(place..place + digest.len(), &digest);
    }
    place::write(&folder.join("manifest.toml"), manifest);
    place::write(&folder.join("outcome.toml"), outcome.unwrap_or(of_tables.as_bytes()));
    if let Ok(run) = Run::read(&folder) {
        show(&run, &[manifest, outcome.unwrap_or_default(), &tables.concat()].concat());
    }
}

/// The journal of a run that goes on; every line gets its checksum.
pub fn journal(bytes: &[u8]) {
    let folder = place::folder("run");
    let seal = crc32fast::hash(STOPPED.as_bytes());
    let mut journal = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let mut sum = crc32fast::Hasher::new_with_initial(seal);
        sum.update(line);
        journal.extend(format!("{:08x} ", sum.finalize()).bytes());
        journal.extend(line);
        journal.push(b'\n');
    }
    place::write(&folder.join("manifest.toml"), STOPPED.as_bytes());
    place::write(&folder.join("journal.jsonl"), &journal);
    if let Ok(run) = Run::read(&folder) {
        show(&run, bytes);
    }
    // As `infoplane resume` begins.
    if place::is_one_of(4, bytes)
        && let Ok((directory, ..)) = RunDir::resume(&folder, Default::default())
    {
        let _ = directory.outcome();
    }
}

/// Everything that is printed, drawn and written of a run; what takes long not for every input.
fn show(run: &Run, bytes: &[u8]) {
    let data = ReportData::of(run);
    let _ = report::summary(&data);
    for table in TableName::ALL.into_iter().filter_map(|name| name.of_run(run)) {
        let _ = table.bytes(TableFormat::Csv);
    }
    if let Some(figure) = first_plane(&data) {
        let _ = report::plane_in_characters(&figure, 80, Characters::Braille);
    }
    if place::is_one_of(16, bytes) {
        for table in TableName::ALL.into_iter().filter_map(|name| name.of_run(run)) {
            let _ = (table.bytes(TableFormat::Jsonl), table.bytes(TableFormat::Arrow));
        }
        let _ = Page::of_run(run, &data).json();
        // The files of a report, in a directory of any content.
        let formats = if place::is_one_of(256, bytes) { &Format::ALL[..3] } else { &[Format::Svg] };
        let options = Options::default().formats(Formats::of(formats));
        let _ = report::write(&data, &options, &run.path().join("report"));
        let data = ReportData { all_seeds: true, ..data };
        let _ = report::summary(&data);
        let runs: Vec<Run> = (0..2).filter_map(|_| Run::read(run.path()).ok()).collect();
        if let Ok(comparison) = Comparison::of_runs::<&str>(&runs, &[], false) {
            let _ = report::comparison_summary(&comparison);
            let _ = comparison.figures(Arrangement::OnePanel);
            let _ = comparison.table().bytes(TableFormat::Csv);
        }
    }
}

/// A keyframe; its digest is made the right one.
pub fn keyframe(bytes: &[u8]) {
    let mut read = Keyframe::from_safetensors(bytes);
    if let Err(KeyframeError::Digest { written, found }) = &read
        && written.len() == found.len()
        && let Some(place) = bytes.windows(written.len()).position(|part| part == written.as_bytes())
    {
        let mut bytes = bytes.to_vec();
        bytes[place..place + found.len()].copy_from_slice(found.as_bytes());
        read = Keyframe::from_safetensors(&bytes);
    }
    let Ok(keyframe) = read else { return };
    let again = Keyframe::from_safetensors(&keyframe.to_safetensors());
    assert!(again.is_ok_and(|again| again == keyframe), "another keyframe comes back");
    let inputs =
        ndarray::Array2::zeros((2, keyframe.network.layers.first().map_or(0, |layer| layer.weights.ncols())));
    let _ = keyframe.network.activations(inputs.view());
}
