//! Inputs of the fuzz targets: the seeds, and those that once went wrong (`fuzz/regressions/TARGET`).

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

#[test]
fn no_input_that_once_went_wrong_does_so_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut inputs = 0;
    for part in ["seeds", "regressions"] {
        for (target, _) in fuzz::TARGETS {
            let Ok(entries) = fs::read_dir(folder.join(part).join(target)) else { continue };
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            for path in paths {
                // Shown if the target panics, and by a process that is ended.
                eprintln!("{}", path.display());
                fuzz::run(target, &fs::read(&path).unwrap());
                inputs += 1;
            }
        }
    }
    assert!(inputs > 30, "{inputs} inputs");
}

#[test]
fn every_target_has_a_program_and_a_seed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (target, _) in fuzz::TARGETS {
        assert!(folder.join(format!("fuzz_targets/{target}.rs")).is_file(), "{target}");
        assert!(
            fs::read_dir(folder.join("seeds").join(target)).is_ok_and(|mut seeds| seeds.next().is_some()),
            "{target}"
        );
    }
    assert_eq!(fs::read_dir(folder.join("fuzz_targets")).unwrap().count(), fuzz::TARGETS.len());
}

#[test]
fn the_seeds_are_read() {
    // A seed that is refused at its first byte would leave the reader untried.
    let read = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(name)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in [
        ("npy/f4.npy", "a.npy"),
        ("mat/plain.mat", "a.mat"),
        ("hdf5/latest.h5", "a.h5"),
        ("npz/packed.npz", "a.npz"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, read(seed)).unwrap();
        let file = infoplane::dataset::read::ArrayFile::open(&path);
        assert!(file.and_then(|mut file| file.arrays()).is_ok_and(|arrays| !arrays.is_empty()), "{seed}");
    }
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("manifest.toml"), read("manifest/run.toml")).unwrap();
    fs::write(run.join("outcome.toml"), read("outcome/run.toml")).unwrap();
    let tables = String::from_utf8(read("tables/run")).unwrap();
    for part in tables.split("#### ").skip(1) {
        let (name, table) = part.split_once('\n').unwrap();
        fs::write(run.join(name), table).unwrap();
    }
    let read_run = infoplane::run::Run::read(&run).unwrap();
    assert!(!read_run.plane().is_empty() && !read_run.quantities().is_empty());
    assert!(infoplane::train::Keyframe::from_safetensors(&read("keyframe/epoch")).is_ok());
}
