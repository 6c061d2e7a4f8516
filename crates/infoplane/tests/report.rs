//! What a report leaves in its directory.

mod made_up;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use infoplane::figure::{self, Figure};
use infoplane::plane::{MethodDescription, Missing};
use infoplane::report::{self, Format, Formats, Options, ReportData, ReportError, ScheduleData};
use infoplane::schedule::{MeasuredEpoch, Reason};
use infoplane::train::EpochStats;
use infoplane::{Bound, Information, InformationPlane, PlaneRow};
use made_up::{MadeUp, Run, Skipped, make_up, rows_at, skipped};

fn small() -> MadeUp {
    MadeUp { widths: vec![10, 4, 2], n_seeds: 3, last_epoch: 200, with_test_set: true }
}

/// The files of the report, by name.
fn written(data: &ReportData<'_>) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().expect("a directory");
    let paths = report::write(data, &Options::default(), directory.path()).expect("a report");
    let mut files = read(directory.path());
    for path in paths {
        assert!(files.contains_key(path.file_name().unwrap().to_str().unwrap()), "{path:?} is not there");
    }
    files.retain(|name, _| {
        assert!(!name.ends_with(".partial"), "{name} was left behind");
        true
    });
    files
}

fn read(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("the directory");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

/// Every SVG is whole and holds numbers only; every PNG can be decoded.
fn check_pictures(files: &BTreeMap<String, Vec<u8>>) -> usize {
    let mut figures = 0;
    for (name, bytes) in files {
        if name.ends_with(".svg") {
            let svg = std::str::from_utf8(bytes).expect("UTF-8");
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{name}");
            for word in ["NaN", "\"inf", ",inf", "-inf"] {
                assert!(!svg.contains(word), "{name} holds {word}");
            }
            assert_eq!(svg.matches('<').count(), svg.matches('>').count(), "{name}");
            assert!(files.contains_key(&name.replace(".svg", ".png")), "{name} has no PNG");
            figures += 1;
        }
        if name.ends_with(".png") {
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a header");
            let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
            let info = reader.next_frame(&mut pixels).expect("pixels");
            assert!(info.width >= 1600 && info.height >= 800, "{name}: {}×{}", info.width, info.height);
            let dark = pixels.iter().filter(|&&value| value < 60).count();
            assert!(dark > 10_000, "{name} is blank");
        }
    }
    figures
}

#[test]
fn the_same_data_give_the_same_bytes_for_any_number_of_threads() {
    let run = make_up(&small());
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| written(&run.data()))
    };
    let (one, eight) = (with_threads(1), with_threads(8));
    assert_eq!(one.keys().collect::<Vec<_>>(), eight.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(bytes == &eight[name], "{name} differs");
    }
}

#[test]
fn figures_come_in_the_forms_that_are_asked_for() {
    let run = make_up(&small());
    let data = run.data();
    for (formats, link) in
        [("pdf", "(training.pdf)"), ("png,pdf", "(training.png)"), ("svg", "(training.svg)")]
    {
        let formats: Formats = formats.parse().expect("formats");
        let directory = tempfile::tempdir().expect("a directory");
        report::write(&data, &Options::default().formats(formats), directory.path()).expect("a report");
        let files = read(directory.path());
        let figures = |end: &str| files.keys().filter(|name| name.ends_with(end)).count();
        let expected = |format| if formats.contains(format) { 7 } else { 0 };
        for format in Format::ALL {
            assert_eq!(figures(&format!(".{}", format.name())), expected(format), "{formats}: {format:?}");
        }
        assert!(String::from_utf8_lossy(&files["summary.md"]).contains(link), "{formats}");
        for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".pdf")) {
            assert!(bytes.starts_with(b"%PDF-") && bytes.len() < 300_000, "{name}: {}", bytes.len());
        }
    }
}

#[test]
fn every_figure_states_what_it_shows() {
    let run = make_up(&small());
    let files = written(&run.data());
    assert_eq!(check_pictures(&files), 7);
    let says = |name: &str, words: &[&str]| {
        let svg = String::from_utf8(files[name].clone()).expect("UTF-8");
        for word in words {
            assert!(svg.contains(word), "{name} does not say {word}");
        }
    };
    for figure in ["plane", "information"] {
        let kde = format!("{figure}-kde-noise-variance-0.001-upper.svg");
        let common = ["n = 4096", "3 seeds", "T₁ (10, tanh)", "T₃ (2, softmax)"];
        says(&kde, &common);
        says(&kde, &["KDE, noise variance 0.001, upper bound", "difference of two upper bounds"]);
        let binned = format!("{figure}-binned-30-equal-on-1-1.svg");
        says(&binned, &common);
        says(&binned, &["binned, 30 equal on [−1, 1]", "no value lies outside the bins"]);
    }
    says("plane-binned-30-equal-on-1-1.svg", &["H(X) = 12.00", "H(Y) =", "0.999", "epoch"]);
    says("training.svg", &["loss", "accuracy", "weight norm", "signal / noise", "3 seeds"]);
    let summary = String::from_utf8(files["summary.md"].clone()).expect("UTF-8");
    for (name, _) in files.iter().filter(|(name, _)| name.ends_with(".png")) {
        assert!(summary.contains(&format!("({name})")), "no link to {name}");
    }
}

#[test]
fn values_outside_the_bins_and_rises_between_layers_are_stated() {
    let mut run = make_up(&small());
    run.edit_rows(|rows| {
        for row in rows {
            if row.layer == 2 && row.epoch == 200 {
                row.out_of_range = 4096;
            }
            if row.layer == 3 {
                row.i_xt_bits = Some(11.0);
            }
        }
    });
    let summary = report::summary(&run.data());
    // 3 seeds × 4096 values at one epoch of layer 2, a quarter of its 4 × 4096 values there.
    assert!(summary.contains("Out of range: 12288 values"), "{summary}");
    assert!(summary.contains("at most 25.00%, in T₂ at epoch 200"), "{summary}");
    assert!(summary.contains("Data processing inequality"), "{summary}");
    assert!(summary.contains("(T₂ to T₃, epoch"), "{summary}");
}

#[test]
fn shuffled_labels_have_a_column_and_a_note_where_they_are_there() {
    let mut run = make_up(&small());
    let without = report::summary(&run.data());
    assert!(!without.contains("labels shuffled") && !without.contains("Shuffled labels"), "{without}");
    let last = run.plane.rows().map(|row| row.epoch).max();
    run.edit_rows(|rows| {
        for row in rows.iter_mut().filter(|row| row.method.estimator == "binned") {
            // Seeds 1, 2, 3: mean .3, standard error .1/√3 at the last epoch of layer 2.
            let at_last = Some(row.epoch) == last && row.layer == 2;
            row.i_ty_shuffled_bits = Some(if at_last { 0.1 + 0.1 * row.seed as f64 } else { 0.01 });
            row.alone = Some(1024);
        }
    });
    let summary = report::summary(&run.data());
    assert!(summary.contains("last, labels shuffled"), "{summary}");
    let row = summary.lines().find(|line| line.contains("T₂") && line.ends_with("0.300 ± 0.058"));
    assert!(row.is_some(), "{summary}");
    assert!(summary.contains("I(T;Y) is up to 0.40 of 1.00 bits, in T₂ at epoch"), "{summary}");
    assert!(summary.contains("(25.00% of the samples alone in their cell)"), "{summary}");
    let files = written(&run.data());
    let svg = String::from_utf8(files["plane-binned-30-equal-on-1-1.svg"].clone()).expect("UTF-8");
    assert!(svg.contains("Shuffled labels"));
    let page = String::from_utf8(files["summary.md"].clone()).expect("UTF-8");
    assert!(
        page.contains("| last | last, labels shuffled |") && page.contains("| 0.300 ± 0.058 |"),
        "{page}"
    );
}

#[test]
fn a_seed_that_diverged_is_drawn_as_far_as_it_came() {
    let mut run = make_up(&small());
    run.edit_rows(|rows| {
        for row in rows.iter_mut().filter(|row| row.seed == 2 && row.epoch > 50) {
            (row.i_xt_bits, row.i_ty_bits) = (None, None);
            row.missing = Some(Arc::new(Missing::both("diverged", "diverged")));
        }
    });
    run.training.retain(|stats| stats.seed != 2 || stats.epoch <= 50);
    let files = written(&run.data());
    assert_eq!(check_pictures(&files), 7);
    let summary = report::summary(&run.data());
    assert!(summary.contains("rows without values, of T₁ from epoch "), "{summary}");
    assert!(summary.contains(": diverged)."), "{summary}");
    assert!(summary.contains("Ended early: seed 2 at epoch"), "{summary}");
    assert!(summary.contains("2 of 3 seeds came this far"), "{summary}");
}

#[test]
fn odd_runs_have_figures_too() {
    let of = |widths: &[usize], n_seeds, last_epoch, with_test_set| {
        make_up(&MadeUp { widths: widths.to_vec(), n_seeds, last_epoch, with_test_set })
    };
    let twelve = [1024, 512, 128, 64, 20, 20, 10, 7, 5, 4, 3, 2];
    assert_eq!(check_pictures(&written(&of(&twelve, 2, 40, true).data())), 7);
    assert_eq!(check_pictures(&written(&of(&[3], 1, 40, false).data())), 7);
    assert_eq!(check_pictures(&written(&of(&[3], 12, 3, false).data())), 7);

    let mut one_epoch = of(&[5, 3], 2, 40, true);
    one_epoch.edit_rows(|rows| rows.retain(|row| row.epoch == 0));
    one_epoch.training.retain(|stats| stats.epoch == 0);
    assert_eq!(check_pictures(&written(&one_epoch.data())), 7);

    // Layers that nobody described, limits that nobody knows, names of any kind.
    let run = of(&[5, 3], 2, 40, true);
    let nobody = Information::from_nats(f64::NAN);
    let title = "a <title> & \u{0}more 漢字 ".repeat(20);
    let data = ReportData { layers: vec![], h_x: nobody, h_y: nobody, n_samples: 0, title, ..run.data() };
    assert_eq!(check_pictures(&written(&data)), 7);
}

#[test]
fn no_number_breaks_a_figure() {
    let strange =
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 0.0, 1e-320, 1e300, -1e300, f64::MAX, f64::MIN];
    for (case, &value) in strange.iter().enumerate() {
        let mut run =
            make_up(&MadeUp { widths: vec![4, 2], n_seeds: 2, last_epoch: 12, with_test_set: true });
        run.edit_rows(|rows| {
            rows.retain(|row| row.method.estimator == "binned");
            for (index, row) in rows.iter_mut().enumerate() {
                if index % 7 == case % 7 {
                    row.i_xt_bits = Some(value);
                    row.out_of_range = u64::MAX / 1_000_000;
                }
                if index % 11 == 0 {
                    row.i_ty_bits = Some(value);
                }
            }
        });
        for (index, stats) in run.training.iter_mut().enumerate() {
            if index % 3 == 0 {
                stats.train_loss = Some(value as f32);
                stats.layers[0].gradient_mean = Some(value as f32);
                stats.layers[1].gradient_standard_deviation = Some(0.0);
            }
        }
        run.training[1].epoch = u64::MAX;
        check_pictures(&written(&run.data()));
        report::summary(&run.data());
    }
}

#[test]
fn a_plane_without_values_gives_no_plane_and_says_so() {
    let mut run: Run = make_up(&small());
    run.plane = InformationPlane::default();
    let files = written(&run.data());
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["plane.csv", "repeats.csv", "summary.md", "training.png", "training.svg"]
    );
    assert!(report::summary(&run.data()).contains("nothing was measured"));

    run.training = vec![];
    let directory = tempfile::tempdir().expect("a directory");
    let refused = report::write(&run.data(), &Options::default(), directory.path());
    assert!(matches!(refused, Err(ReportError::Empty)), "{refused:?}");
}

#[test]
fn what_cannot_be_written_is_named_and_leaves_nothing() {
    let run = make_up(&small());
    let directory = tempfile::tempdir().expect("a directory");
    // A directory stands where a figure should go.
    fs::create_dir(directory.path().join("training.svg")).expect("a directory");
    let refused = report::write(&run.data(), &Options::default(), directory.path()).expect_err("no report");
    assert!(refused.to_string().contains("training.svg"), "{refused}");
    assert!(read_names(directory.path()).iter().all(|name| !name.contains("partial")));
}

fn read_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

#[test]
fn the_summary_gives_first_largest_and_last() {
    let kde = Arc::new(MethodDescription::new("kde", "noise_variance=0.1", Some(Bound::Upper)));
    let row = |seed, epoch, i_xt, i_ty| PlaneRow::new(seed, epoch, (1, 3), &kde, (i_xt, i_ty));
    // Means over the two seeds: 6, 8, 4; standard error of (5, 7) is 1, of (8, 8) 0, of (3, 5) 1.
    let plane = InformationPlane::from_iter([
        row(1, 0, 5.0, 0.1),
        row(1, 30, 8.0, 0.7),
        row(1, 400, 3.0, 1.0),
        row(2, 0, 7.0, 0.1),
        row(2, 30, 8.0, 0.7),
        row(2, 400, 5.0, 1.0),
    ]);
    let stats = |seed, accuracy| EpochStats {
        seed,
        epoch: 400,
        train_loss: Some(0.1),
        train_accuracy: Some(accuracy),
        ..EpochStats::default()
    };
    let training = [stats(1, 0.5), stats(2, 1.0)];
    let data = ReportData {
        title: "two seeds".into(),
        dataset: "coins".into(),
        n_samples: 256,
        h_x: Information::from_bits(8.0),
        h_y: Information::from_bits(1.0),
        parts: vec![],
        is_chain: true,
        layers: vec![],
        quantities: &[],
        plane: &plane,
        training: &training,
        schedule: ScheduleData::default(),
        failed: vec![],
        all_seeds: false,
        complete: true,
        limit: None,
        notes: vec!["seed 3 diverged at epoch 7".into()],
    };
    let expected = "\
two seeds
coins, n = 256, H(X) = 8.0000 bits, H(Y) = 1.0000 bits

KDE, noise variance 0.1, upper bound – bits, 2 seeds, mean ± standard error
  I(X;T)        first      largest  at epoch         last
  T₁ (3)  6.00 ± 1.00  8.00 ± 0.00        30  4.00 ± 1.00
  I(T;Y)          first  at largest I(X;T)           last
  T₁ (3)  0.100 ± 0.000      0.700 ± 0.000  1.000 ± 0.000
  I(X;T) is an upper bound; I(T;Y) is the difference of two upper bounds, hence not itself a bound.

accuracy at epoch 400: training 0.7500 ± 0.2500, no test set
seed 3 diverged at epoch 7
T₁ (3 units) loses 4.0 ± 1.0 bits of the upper bound on I(X;T) from epoch 30 on (KDE, noise variance 0.1, upper bound; mean of 2 seeds ± standard error).
";
    assert_eq!(report::summary(&data), expected);
}

/// A run whose epochs were measured in this way.
fn with_schedule(schedule: Skipped, last_epoch: u64) -> Run {
    let mut run = make_up(&MadeUp { widths: vec![3], n_seeds: 1, last_epoch: 3, with_test_set: true });
    for stats in &mut run.training {
        stats.epoch = if stats.epoch == 3 { last_epoch } else { stats.epoch };
    }
    run.schedule = schedule;
    run
}

fn planned(epochs: &[u64]) -> Skipped {
    let measured = |&epoch: &u64| MeasuredEpoch { seed: 1, epoch, reason: Reason::Planned, distance: None };
    let measured = epochs.iter().map(measured).collect();
    Skipped { measured, setting: format!("log-spaced, {} points", epochs.len()), ..Skipped::default() }
}

#[test]
fn the_measured_epochs_have_a_figure_that_states_the_schedule() {
    let run = with_schedule(skipped(1, 10_000, 0.05), 10_000);
    let files = written(&run.data());
    assert_eq!(check_pictures(&files), 8);
    let svg = String::from_utf8(files["schedule.svg"].clone()).expect("UTF-8");
    for words in [
        "delta-exact, δ = 0.05 of the entropies",
        "distance  [of the entropies]",
        "δ = 0.05<",
        "end of a section",
        "filled by backtracking",
        "nothing between them",
        "of 10001 epochs",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    let summary = String::from_utf8(files["summary.md"].clone()).expect("UTF-8");
    assert!(summary.contains("(schedule.png)") && summary.contains("of 10001 epochs"), "{summary}");
}

#[test]
fn ten_planned_epochs_are_ten_ticks_and_without_distances_one_strip() {
    let epochs = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000];
    let run = with_schedule(planned(&epochs), 10_000);
    let files = written(&run.data());
    let svg = String::from_utf8(files["schedule.svg"].clone()).expect("UTF-8");
    // The colour of planned epochs; one more stands in the legend.
    assert_eq!(svg.matches("stroke=\"#009e73\"").count(), 11);
    assert!(!svg.contains("distance") && !svg.contains("NaN"), "{svg}");
}

#[test]
fn thousands_of_epochs_and_dozens_of_seeds_make_no_large_file() {
    let every: Vec<u64> = (0..=10_000).collect();
    for schedule in [planned(&every), skipped(30, 10_000, 0.05)] {
        let files = written(&with_schedule(schedule, 10_000).data());
        assert!(files["schedule.svg"].len() < 600_000, "{}", files["schedule.svg"].len());
    }
    let summary = report::summary(&with_schedule(skipped(30, 10_000, 0.05), 10_000).data());
    assert!(summary.contains("epochs of each seed"), "{summary}");
}

#[test]
fn many_seeds_with_epochs_of_their_own_make_no_large_file() {
    let schedule = skipped(25, 10_000, 0.05);
    let mut run = with_schedule(Skipped::default(), 10_000);
    run.edit_rows(|rows| {
        rows.clear();
        for measured in &schedule.measured {
            rows_at(&[4, 3], measured.seed, measured.epoch, rows);
        }
        rows.retain(|row| row.method.estimator == "binned");
    });
    let n_epochs = {
        let mut epochs: Vec<u64> = schedule.measured.iter().map(|measured| measured.epoch).collect();
        epochs.sort_unstable();
        epochs.dedup();
        epochs.len()
    };
    let layer = &run.plane.groups()[0].layers()[0];
    assert!(n_epochs > 1000 && layer.mean.len() == n_epochs, "{n_epochs}");
    let files = written(&run.data());
    assert!(files["information-binned-30-equal-on-1-1.svg"].len() < 200_000);
    assert!(files["plane-binned-30-equal-on-1-1.svg"].len() < 600_000);
}

#[test]
fn the_plane_of_fifty_seeds_and_four_hundred_epochs_stays_below_a_megabyte() {
    let widths = [10, 7, 5, 4, 3, 2];
    let mut run =
        make_up(&MadeUp { widths: widths.to_vec(), n_seeds: 1, last_epoch: 3, with_test_set: false });
    run.edit_rows(|rows| {
        rows.clear();
        for seed in 1..=50 {
            (0..400).for_each(|epoch| rows_at(&widths, seed, epoch, rows));
        }
        rows.retain(|row| row.method.estimator == "binned");
    });
    let files = written(&run.data());
    let size = files["plane-binned-30-equal-on-1-1.svg"].len();
    assert!(size < 1_000_000 && size > 100_000, "{size}");
}

#[test]
fn the_figures_of_a_run_can_be_written_down_and_read_again() {
    let mut run = make_up(&small());
    run.schedule = skipped(3, 10_000, 0.05);
    let figures = figure::figures(&run.data());
    assert_eq!(figures.len(), 8);
    let text = serde_json::to_string(&figures).expect("JSON");
    let read: Vec<Figure> = serde_json::from_str(&text).expect("the same figures");
    assert_eq!(read, figures);
    // No place on paper and no colour, but seeds, epochs, units and names.
    for word in
        ["\"seed\":2", "\"epoch\":200", "\"unit\":\"bits\"", "T₂ (4, tanh)", "\"code\":\"bound\"", "filling"]
    {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn the_summary_counts_measured_epochs_and_tells_adjacent_neighbours_from_others() {
    let measured = |epoch, reason, distance| MeasuredEpoch { seed: 1, epoch, reason, distance };
    let schedule = Skipped {
        measured: vec![
            measured(0, Reason::Section, None),
            measured(1, Reason::Section, Some(0.31)),
            measured(9, Reason::Section, Some(0.04)),
            measured(5, Reason::Filling, Some(0.049)),
            measured(200, Reason::Last, None),
        ],
        setting: "delta-exact".into(),
        delta: Some(0.05),
        distance_unit: "of the entropies".into(),
    };
    let mut run = with_schedule(schedule, 200);
    let summary = report::summary(&run.data());
    let expected = "measured 5 of 201 epochs (2.49%): 3 sections, 1 filled, 1 last; \
                    largest distance between neighbours that are not adjacent 0.0490 of the entropies \
                    (δ = 0.05); 1 pair of adjacent epochs further apart than δ, at most 0.310, with nothing \
                    between them; 1 pair of neighbours without a distance: one holds a value that the other \
                    lacks\n";
    assert!(summary.contains(expected), "{summary}");

    run.schedule.measured[2].distance = Some(0.06);
    let summary = report::summary(&run.data());
    assert!(
        summary.contains("0.0600 of the entropies (δ = 0.05); 1 pair further apart than δ;"),
        "{summary}"
    );
}

#[test]
fn no_distance_breaks_the_figure_of_the_schedule() {
    let strange = [f64::NAN, f64::INFINITY, -3.0, 0.0, 1e-320, 1e300, f64::MAX];
    for distance in strange {
        for delta in [None, Some(0.05), Some(f64::NAN), Some(1e-300), Some(f64::MAX)] {
            let mut schedule = skipped(2, 300, 0.2);
            schedule.delta = delta;
            schedule.measured.iter_mut().step_by(3).for_each(|m| m.distance = Some(distance));
            schedule.measured.last_mut().expect("an epoch").epoch = u64::MAX;
            let mut run = with_schedule(schedule, 300);
            run.plane = InformationPlane::default();
            check_pictures(&written(&run.data()));
            report::summary(&run.data());
        }
    }
}
