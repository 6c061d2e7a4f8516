//! Directories of as-if-random results that earlier versions wrote are read.
//!
//! Both were written by `infoplane as-if-random tishby2017 --set training.epochs=6 --seeds 2 --window 4 --inputs 16
//! --set network.hidden=[3] --set name=pooled`, at two times before version 0.1.0: first the drift was in `rest.jsonl` and
//! keys had other names, then only the methods were spelled out in every row.

use std::path::{Path, PathBuf};

use infoplane::experiment::{AsIfRandomResult, Experiment};
use infoplane::plane::MethodDescription;
use infoplane::pool::pooled_layers;
use infoplane::report::{Options, as_if_random_summary, write_as_if_random};
use infoplane::run::State;

fn stored(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

fn read(name: &str) -> AsIfRandomResult {
    AsIfRandomResult::read(&stored(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn both_kinds_of_format_1_are_read_as_the_same_result() {
    let (pool, before) = (read("format-1-pool"), read("format-1-pool-rest"));
    assert_eq!(pool, before);
    // Nine subsets and a corrected row, of two layers and two seeds.
    assert_eq!((pool.rows.len(), pool.window.len(), pool.drift.len()), (40, 8, 6));
    assert!(!pool.overlap.is_empty());
    assert!(pool.seeds.iter().all(|seed| seed.ended.is_none() && pool.is_pooled(seed.seed)));
    let setting = "30 equal bins on each layer's range";
    let [plain, corrected]: &[_; 2] = pool.methods.as_slice().try_into().unwrap();
    assert_eq!(**plain, MethodDescription::new("binned", setting, None));
    assert_eq!(corrected.setting, format!("{setting}, chao-wang-jost"));
    assert_eq!(corrected.corrects.as_ref(), Some(&plain.id));
    assert!(pool.overlap.iter().all(|row| row.method.id == plain.id));
    assert!(pool.rows.iter().all(|row| row.missing.is_none()));
    // The rows that only correct others are no layers of their own.
    let layers = pooled_layers(&pool.rows, &pool.drift);
    assert_eq!(layers.len(), 4);
    assert!(layers.iter().all(|layer| layer.corrected_i_xt_bits.is_some()));
}

#[test]
fn a_result_of_format_1_is_complete_and_reported() {
    for name in ["format-1-pool", "format-1-pool-rest"] {
        let path = stored(name);
        assert!(AsIfRandomResult::is_in(&path) && AsIfRandomResult::is_complete_in(&path));
        assert_eq!(AsIfRandomResult::state(&path).unwrap(), State::Finished);
        let (experiment, settings) = Experiment::of_as_if_random(&path).unwrap();
        assert_eq!((experiment.training.epochs, settings.inputs), (6, Some(16)));
        let result = read(name);
        assert!(as_if_random_summary(&result).contains("30 equal bins"));
        let folder = tempfile::tempdir().unwrap();
        let files = write_as_if_random(&result, &Options::default(), folder.path()).unwrap();
        assert!(files.iter().any(|file| file.ends_with("drift.svg")), "{files:?}");
    }
}

#[test]
fn damage_to_a_result_of_format_1_is_told_with_the_name_of_the_file() {
    for (name, table) in [("format-1-pool", "drift.jsonl"), ("format-1-pool-rest", "rest.jsonl")] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(stored(name)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        AsIfRandomResult::read(folder.path()).unwrap();
        let path = folder.path().join(table);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[60] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = AsIfRandomResult::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(table) && error.contains("as-if-random.toml says"), "{error}");
    }
}
