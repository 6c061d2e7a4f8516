//! Stores of sweeps.

use std::fs;
use std::sync::atomic::AtomicBool;

use infoplane::sweep::{CollectOptions, Store};
use twox_hash::XxHash3_128;

use super::place;

const NAMES: [&str; 4] = ["sweep.toml", "cells.csv", "times.toml", "memory.toml"];

/// What a store says of its sweep, whose list has the right digests.
pub fn sweep(bytes: &[u8]) {
    let folder = place::folder("store");
    let [description, cells, times, memory] = place::parts(bytes, NAMES);
    // The program waits for a file that is no TOML: another process may be writing it.
    let Some(mut table) =
        std::str::from_utf8(description).ok().and_then(|text| text.parse::<toml::Table>().ok())
    else {
        return;
    };
    let list = format!("{:032x}", XxHash3_128::oneshot(cells));
    let mut ids = XxHash3_128::new();
    let records = csv::Reader::from_reader(cells).into_records();
    let records: Vec<csv::StringRecord> = records.filter_map(Result::ok).collect();
    for record in &records {
        ids.write(record.get(0).unwrap_or_default().as_bytes());
        ids.write(b"\n");
    }
    for (key, value) in [("list", list.clone()), ("digest", format!("{:032x}", ids.finish_128()))] {
        table.insert(key.into(), value.into());
    }
    if table.get("cells").is_some_and(toml::Value::is_integer) {
        table.insert("cells".into(), (records.len() as i64).into());
    }
    let is_text = |key| table.get(key).is_some_and(toml::Value::is_str);
    let has_axes = table
        .get("axes")
        .and_then(toml::Value::as_array)
        .is_some_and(|axes| axes.iter().all(toml::Value::is_str));
    if !(is_text("name") && is_text("infoplane_version") && table.contains_key("cells") && has_axes) {
        return;
    }
    place::write(&folder.join("sweep.toml"), table.to_string().as_bytes());
    place::write(&folder.join("memory.toml"), memory);
    for part in ["cells", "times", "runs", "failed", "claims"] {
        fs::create_dir(folder.join(part)).expect("a new folder");
    }
    place::write(&folder.join("cells").join(format!("{list}.csv")), cells);
    if let Some(id) = records.first().and_then(|record| record.get(0)).filter(|id| is_plain(id)) {
        place::write(&folder.join("times").join(format!("{id}.toml")), times);
    }
    let Ok((store, list)) = Store::read(&folder) else { return };
    let states = store.states(&list);
    let _ = list.pace(&store, &states);
    let _ = list.at_work(&store, &states);
    let _ = store.memory();
    let _ = list.csv();
    let options = CollectOptions { allow_missing: true, ..CollectOptions::default() };
    let _ = list.collect(&store, &place::folder("collected"), &options, &|_| (), &AtomicBool::new(false));
}

fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() < 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
