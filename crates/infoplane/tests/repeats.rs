//! What a report says of many seeds, and of those that did not learn.

#[allow(dead_code)] // the rest of it is for other tests
mod made_up;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use infoplane::plane::{Mean, MethodDescription, Missing, PlaneQuantity};
use infoplane::report::{self, Options, ReportData};
use infoplane::run::{FailedSeed, TrainingFailure};
use infoplane::schedule::{MeasuredEpoch, Reason};
use infoplane::table::TableFormat;
use infoplane::{InformationPlane, PlaneRow};
use made_up::{MadeUp, Run, Skipped, make_up};

fn of_seeds(n_seeds: u64) -> Run {
    make_up(&MadeUp { widths: vec![4, 2], n_seeds, last_epoch: 60, with_test_set: true })
}

fn did_not_learn(seed: u64) -> FailedSeed {
    let failure = TrainingFailure::NotLearned { epoch: 60, train_accuracy: 0.52, guessing_accuracy: 0.518 };
    FailedSeed { seed, failure }
}

/// The files of a report that are text, by name.
fn texts(data: &ReportData<'_>) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = report::write(data, &Options::default(), directory.path()).expect("a report");
    let texts = paths.into_iter().filter(|path| path.extension().is_some_and(|kind| kind != "png"));
    texts
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            (name, fs::read_to_string(path).expect("text"))
        })
        .collect()
}

fn csv_of(data: &ReportData<'_>) -> String {
    String::from_utf8(data.repeats().bytes(TableFormat::Csv)).expect("text")
}

fn schedule(seeds: u64, ends: impl Fn(u64) -> u64) -> Skipped {
    let measured = (1..=seeds).flat_map(|seed| {
        [0, 1, ends(seed)].map(|epoch| MeasuredEpoch { seed, epoch, reason: Reason::Planned, distance: None })
    });
    Skipped { measured: measured.collect(), ..Skipped::default() }
}

#[test]
fn the_table_of_repeats_holds_what_a_hand_computes() {
    let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
    let refused = Missing { quantity: Some(PlaneQuantity::ITy), ..Missing::both("undetermined", "refused") };
    let row = |seed, i_xt_bits, i_ty_bits: Option<f64>| PlaneRow {
        i_ty_bits,
        missing: i_ty_bits.is_none().then(|| Arc::new(refused.clone())),
        ..PlaneRow::new(seed, 7, (2, 3), &binned, (i_xt_bits, 0.0))
    };
    // I(X;T) 1, 3, 5, 7, 9: mean 5, variance 10, standard error √(10/5); percentile p at 1 + 8p.
    let rows = [(1, 5.0, Some(0.5)), (2, 1.0, None), (3, 9.0, None), (4, 3.0, None), (5, 7.0, None)];
    let plane: InformationPlane = rows.into_iter().map(|(s, x, y)| row(s, x, y)).collect();
    let run = of_seeds(1);
    let failed = vec![did_not_learn(3), did_not_learn(4)];
    let data = ReportData { plane: &plane, training: &[], failed, ..run.data() };
    let csv = csv_of(&ReportData { all_seeds: true, ..data.clone() });
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "method,estimator,setting,bound,part,layer,layer_name,epoch,\
         i_xt_n_seeds,i_xt_mean_bits,i_xt_standard_error_bits,\
         i_xt_p5_bits,i_xt_p25_bits,i_xt_p50_bits,i_xt_p75_bits,i_xt_p95_bits,\
         i_ty_n_seeds,i_ty_mean_bits,i_ty_standard_error_bits,\
         i_ty_p5_bits,i_ty_p25_bits,i_ty_p50_bits,i_ty_p75_bits,i_ty_p95_bits,\
         seeds_not_learned,seeds_left_out"
    );
    assert_eq!(
        lines[1..],
        [
            "binned-30-equal-on-1-1,binned,\"30 equal on [-1, 1]\",,,2,T2,7,5,5,1.4142135623730951,1.4,3,5,7,8.6,1,0.5,,0.5,0.5,0.5,0.5,0.5,3 4,"
        ]
    );
    // Without 9 and 3: of 1, 5, 7 percentile p lies at place 2p.
    let csv = csv_of(&data);
    let line = csv.lines().nth(1).unwrap();
    assert!(line.contains(",\"30 equal on [-1, 1]\",,,2,T2,7,3,4.333333333333333,"), "{line}");
    assert!(line.contains(",1.4,3,5,6,6.8,1,0.5,"), "{line}");
    assert!(line.ends_with(",,3 4"), "{line}");
}

#[test]
fn seeds_that_did_not_learn_are_dotted_and_named_and_in_no_mean() {
    let mut run = of_seeds(3);
    run.schedule = schedule(3, |_| 60);
    let failed = vec![did_not_learn(2)];
    let without_failures = texts(&run.data());
    let texts = texts(&ReportData { failed, ..run.data() });
    let named = "eed 2 did not learn (training accuracy 0.52, guessing gives 0.52).";
    let mut figures = 0;
    for (name, text) in texts.iter().filter(|(name, _)| !name.ends_with(".csv")) {
        assert!(text.contains(named), "{name} does not name the seed");
        assert!(!without_failures[name].contains("did not learn"), "{name}");
        if name == "schedule.svg" {
            assert!(text.contains("3 seeds"));
            continue;
        }
        assert!(text.contains("Mean of 2 of 3 seeds; seed 2"), "{name}");
        if name.ends_with(".svg") {
            figures += 1;
            assert!(text.contains("mean of 2 of 3 seeds"), "{name}");
            assert!(text.contains("Dotted, with a cross at the end"), "{name}");
            assert!(text.contains("stroke-dasharray=\"0.9 2.1\""), "{name} draws no dotted line");
        }
    }
    assert_eq!(figures, 7);
    // The table of rows is what was measured, whatever is drawn.
    assert_eq!(texts["plane.csv"].lines().count(), run.plane.len() + 1);

    let of_others = |row: &PlaneRow| row.method.estimator == "binned" && row.layer == 2 && row.seed != 2;
    let last: Vec<f64> = run
        .plane
        .rows()
        .filter(of_others)
        .filter(|row| row.epoch == 60)
        .filter_map(|row| row.i_xt_bits)
        .collect();
    let mean = Mean::of(&last).unwrap();
    let line = format!("binned,\"30 equal on [-1, 1]\",,,2,T2,60,2,{},", mean.mean);
    assert!(texts["repeats.csv"].contains(&line), "no line {line}");
}

#[test]
fn all_seeds_are_in_the_mean_when_asked_and_every_figure_says_so() {
    let run = of_seeds(3);
    let failed = vec![did_not_learn(2)];
    let data = ReportData { failed, all_seeds: true, ..run.data() };
    let (all, none_failed) = (texts(&data), texts(&run.data()));
    for (name, text) in all.iter().filter(|(name, _)| !name.ends_with(".csv")) {
        assert!(text.contains("Mean of all 3 seeds; seed 2 did not learn"), "{name}");
        assert!(!text.contains("mean of 2 of 3"), "{name}");
    }
    assert!(report::summary(&data).contains("Mean of all 3 seeds; seed 2 did not learn"));
    let numbers = |text: &str| text.replace(",2,\n", ",,\n");
    assert_eq!(numbers(&all["repeats.csv"]), none_failed["repeats.csv"]);
}

#[test]
fn where_no_seed_learned_the_means_are_over_all() {
    let run = of_seeds(2);
    let failed = vec![did_not_learn(1), did_not_learn(2)];
    let data = ReportData { failed, ..run.data() };
    let (none, all) = (texts(&data), texts(&run.data()));
    let said = "No seed learned: seeds 1, 2 did not learn (training accuracy 0.52, guessing gives 0.52). The mean is over all";
    assert!(none["summary.md"].contains(said), "{}", none["summary.md"]);
    assert_eq!(none["repeats.csv"].replace(",1 2,\n", ",,\n"), all["repeats.csv"]);
}

#[test]
fn bands_take_the_place_of_seeds_from_eight_on_and_the_figure_says_which() {
    for (n_seeds, bands) in [(7, false), (8, true)] {
        let run = of_seeds(n_seeds);
        let texts = texts(&run.data());
        for figure in ["information-binned-30-equal-on-1-1.svg", "training.svg"] {
            let text = &texts[figure];
            assert_eq!(text.contains("Bands: "), bands, "{figure}, {n_seeds} seeds");
            assert_eq!(text.contains("Thin: each seed"), !bands, "{figure}, {n_seeds} seeds");
        }
    }
}

#[test]
fn the_room_that_a_seed_leaves_on_its_strip_is_labelled() {
    let mut run = of_seeds(2);
    run.training.retain(|stats| stats.seed != 2 || stats.epoch <= 5);
    run.schedule = schedule(2, |seed| if seed == 2 { 5 } else { 60 });
    let figure = |complete| texts(&ReportData { complete, ..run.data() }).remove("schedule.svg").unwrap();
    assert_eq!(figure(true).matches("ended at epoch 5").count(), 1);
    // Of a run that goes on nobody knows where its seeds end.
    assert!(!figure(false).contains("ended at"));
}
