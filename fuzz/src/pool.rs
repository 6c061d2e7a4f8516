//! Directories of pooled networks.

use infoplane::experiment::{AsIfRandomResult, Experiment};
use infoplane::figure::pool_figures;
use infoplane::page::Page;
use infoplane::report::{self, Format, Formats, Options};
use infoplane::table::{TableFormat, TableName};

use super::place;

const NAMES: [&str; 5] = ["as-if-random.toml", "pool.jsonl", "drift.jsonl", "window.jsonl", "overlap.jsonl"];

/// A complete result, whose outcome has the digests of its tables.
pub fn pool(bytes: &[u8]) {
    let folder = place::folder("pool");
    let parts = place::parts(bytes, NAMES);
    let mut outcome = "[digests]\n".to_owned();
    for (part, name) in parts.iter().zip(NAMES) {
        place::write(&folder.join(name), part);
        if let Some(table) = name.strip_suffix(".jsonl") {
            outcome += &format!("{table} = \"{}\"\n", place::digest(part));
        }
    }
    outcome += "\n[[seeds]]\nseed = 1\n\n[[seeds]]\nseed = 2\n";
    place::write(&folder.join("outcome.toml"), outcome.as_bytes());
    let _ = Experiment::of_as_if_random(&folder);
    let Ok(result) = AsIfRandomResult::read(&folder) else { return };
    let _ = report::as_if_random_summary(&result);
    for table in TableName::ALL.into_iter().filter_map(|name| result.table(name)) {
        let _ = table.bytes(TableFormat::Csv);
    }
    if place::is_one_of(16, bytes) {
        for table in TableName::ALL.into_iter().filter_map(|name| result.table(name)) {
            let _ = (table.bytes(TableFormat::Jsonl), table.bytes(TableFormat::Arrow));
        }
        let _ = Page::of_figures("pool", pool_figures(&result)).json();
        let formats = if place::is_one_of(256, bytes) { &Format::ALL[..3] } else { &[Format::Svg] };
        let options = Options::default().formats(Formats::of(formats));
        let _ = report::write_as_if_random(&result, &options, &folder);
    }
}
