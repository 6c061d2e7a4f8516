//! The training and the test part measured in one run are what a run on each of them measures.

use std::path::Path;
use std::sync::Arc;

use super::tests::{ONE, never, small};
use crate::PlaneRow;
use crate::figure::{ReportData, figures};
use crate::plane::Part;
use crate::run::{PartFacts, Run};

const LISTED: &str = "schedule={ kind = \"list\", epochs = [0, 3, 17, 20] }";

fn run(folder: &Path, measured_on: &str, changes: &[&str]) -> Run {
    let path = folder.join(measured_on);
    let measured_on = format!("dataset.measured_on={measured_on}");
    let seeds = if changes.iter().any(|change| change.starts_with("seeds")) { &[][..] } else { &["seeds=2"] };
    let changes = [&[LISTED, "training.epochs=20", measured_on.as_str()], seeds, changes].concat();
    small(folder, &changes).run(&path, ONE, &(), &never()).unwrap();
    Run::read(&path).unwrap()
}

/// The rows of a part, with the methods as a run on that part alone has them.
fn rows_of(both: &Run, part: Part, alone: &Run) -> Vec<PlaneRow> {
    let of_part = both.plane().rows().filter(|row| row.method.part == Some(part));
    of_part
        .map(|row| {
            let plain = alone.plane().methods().iter().find(|method| method.of_part(part) == *row.method);
            PlaneRow { method: Arc::clone(plain.expect("both have the same methods")), ..row }
        })
        .collect()
}

#[test]
fn both_parts_in_one_run_are_two_runs_in_one() {
    for changes in [&[][..], &["dataset.scaling=standardize"], &["network.quantised_bits=4"]] {
        let folder = tempfile::tempdir().unwrap();
        let both = run(folder.path(), "train-and-test", changes);
        for (part, place) in [(Part::Train, 0), (Part::Test, 1)] {
            let alone = run(folder.path(), part.name(), changes);
            assert!(alone.plane().methods().iter().all(|method| method.part.is_none()));
            let rows = rows_of(&both, part, &alone);
            assert!(rows.iter().any(|row| row.i_xt_bits.is_some_and(|bits| bits > 0.5)));
            assert_eq!(rows, alone.plane().rows().collect::<Vec<_>>(), "{changes:?}, {part:?}");
            assert_eq!(both.training(), alone.training());
            let (facts, data) = (&both.manifest().data.parts[place], &alone.manifest().data);
            let expected = PartFacts {
                part,
                n_measured: data.n_measured,
                h_x_bits: data.h_x_bits,
                h_y_bits: data.h_y_bits.unwrap(),
                i_xy_bits: data.i_xy_bits.unwrap(),
            };
            assert_eq!((facts, data.parts.len()), (&expected, 0));
        }
        // 64 inputs, of which 48 train.
        let data = &both.manifest().data;
        assert_eq!((data.n_measured, data.h_x_bits, data.parts[0].n_measured), (64, 6.0, 48));
    }
}

#[test]
fn rows_of_a_layer_stand_together_and_name_their_part() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "train-and-test", &["seeds=1"]);
    let ids: Vec<String> = run.manifest().methods.iter().map(|method| method.id.clone()).collect();
    // Two bounds of `kde` and one binning, on both parts.
    assert_eq!(ids.len(), 6);
    assert!(
        ids[..3].iter().all(|id| id.ends_with("-train")) && ids[3..].iter().all(|id| id.ends_with("-test"))
    );
    let rows: Vec<(u64, usize, String)> =
        run.plane().rows().map(|row| (row.epoch, row.layer, row.method.id.clone())).collect();
    let expected = [0, 3, 17, 20]
        .into_iter()
        .flat_map(|epoch| (1..=3).flat_map(move |layer| (0..6).map(move |method| (epoch, layer, method))))
        .map(|(epoch, layer, method)| (epoch, layer, ids[method].clone()));
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn figures_and_tables_of_a_part_show_its_own_samples_and_limits() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), "train-and-test", &[]);
    let data = ReportData::of(&run);
    let figures = figures(&data);
    for (part, n, h_x) in [(Part::Train, 48, 48f64.log2()), (Part::Test, 16, 4.0)] {
        for kind in ["plane", "information"] {
            let of_part = figures
                .iter()
                .find(|figure| figure.id.starts_with(kind) && figure.id.ends_with(part.name()))
                .unwrap();
            assert!(of_part.facts[0].ends_with(part.title()), "{:?}", of_part.facts);
            assert!(of_part.facts.contains(&format!("n = {n}")), "{:?}", of_part.facts);
            let limit = of_part.panels[0].limits.iter().find(|limit| limit.name == "H(X)").unwrap();
            assert!((limit.value - h_x).abs() < 1e-12, "{part:?}: {}", limit.value);
        }
    }
    let summary = crate::report::summary(&data);
    assert!(summary.contains("data, training part, n = 48, H(X) = 5.5850 bits"), "{summary}");
    assert!(summary.contains("data, test part, n = 16, H(X) = 4.0000 bits"), "{summary}");
    let repeats = String::from_utf8(data.repeats().bytes(crate::table::TableFormat::Csv)).unwrap();
    assert!(repeats.starts_with("method,estimator,setting,bound,part,layer,layer_name,epoch,"));
    assert!(repeats.lines().any(|line| line.contains(",upper,test,1,T1,0,")), "{repeats}");
}

#[test]
fn bins_that_depend_on_the_data_are_the_same_for_both_parts() {
    let folder = tempfile::tempdir().unwrap();
    let binned = "estimators=[{ kind = \"binned\", rule = \"equal\", bins = 6, range = \"unit\" }]";
    let both = run(folder.path(), "train-and-test", &[binned]);
    assert!(both.plane().rows().all(|row| row.out_of_range == 0));
    // On its own the test part has bins of its own, which differ as it covers less.
    let alone = run(folder.path(), "test", &[binned]);
    assert_ne!(rows_of(&both, Part::Test, &alone), alone.plane().rows().collect::<Vec<_>>());
}

#[test]
fn both_parts_need_a_test_part() {
    let folder = tempfile::tempdir().unwrap();
    for measured_on in ["test", "train-and-test"] {
        let measured = format!("dataset.measured_on={measured_on}");
        let split = "dataset.split={ kind = \"shuffled\", train_fraction = 1.0 }";
        let path = folder.path().join(measured_on);
        let error = small(folder.path(), &[&measured, split]).run(&path, ONE, &(), &never()).unwrap_err();
        let expected = format!("dataset.measured_on = \"{measured_on}\", but the split holds back no rows");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}
