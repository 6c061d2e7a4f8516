//! Recorded regression networks: Y is a target of numbers.

use std::fs;

use infoplane::estimator::known::{Task, Values};
use infoplane::estimator::{
    AnyEstimator, BinRule, Binned, Edge, EstimateKind, EstimatorInfo, Family, Gcmi, Kde, Ksg, LabelSides,
    Quantity, Ross, Uncertainty,
};
use infoplane::figure::figures;
use infoplane::measure::LayerSource;
use infoplane::quantity::QuantityConfig;
use infoplane::record::{RecordError, Recorder, Recording};
use infoplane::report::{self, Options, ReportData};
use infoplane::run::{Run, State};
use infoplane::schedule::{DeltaConfig, DistanceScale, ScheduleConfig, WitnessConfig, WitnessSettings};
use infoplane::{
    Activations, Bound, Estimate, EstimateError, Estimator, Information, Labels, Measure, Variable,
};
use ndarray::{Array2, s};

const N: usize = 500;

/// A normal layer of five units and a target of five columns that share −2 log2 √(1 − 0.8²) = 1.474 bits.
fn sample() -> (Array2<f64>, Array2<f64>) {
    let sample = Task::named("normal-5x5").unwrap().draw(N, 3);
    let numbers = |side: &Values| {
        let variable = side.variable();
        Array2::from_shape_fn((N, 5), |(row, column)| variable.column(column)[row])
    };
    (numbers(&sample.x), numbers(&sample.y))
}

/// Two layers that come nearer to the first with every epoch.
fn activations(t: &Array2<f64>, epoch: u64) -> Activations {
    let far = 2.0 / (1.0 + epoch as f64);
    let noisy = |stream: usize| {
        Array2::from_shape_fn((N, 2), |(row, column)| {
            let noise = ((row * 7 + column * 3 + stream) as f64 * 12.9898).sin() * 43_758.545;
            (t[(row, column)] + far * (noise - noise.floor() - 0.5)) as f32
        })
    };
    Activations { layers: vec![noisy(1), noisy(2)] }
}

fn recording(target: &Array2<f64>, estimators: Vec<AnyEstimator>) -> Recording {
    Recording::of_target("regression", target.clone(), &[("first", 2), ("second", 2)], estimators)
}

fn recorded(path: &std::path::Path, recording: Recording, t: &Array2<f64>, epochs: u64) -> Run {
    let mut recorder = Recorder::create(path, recording).unwrap();
    for epoch in 0..epochs {
        if recorder.wants(epoch) {
            recorder.record(epoch, &activations(t, epoch), None).unwrap();
        }
    }
    recorder.end(epochs - 1);
    recorder.finish().unwrap()
}

#[test]
fn rows_of_a_target_are_the_pairs_and_figures_have_no_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let (t, target) = sample();
    let estimators: Vec<AnyEstimator> =
        vec![Gcmi::default().into(), Ksg::default().into(), Edge::default().into()];
    let run = recorded(&path, recording(&target, estimators.clone()), &t, 3);
    assert_eq!(run.state(), State::Finished);
    assert_eq!(run.plane().len(), 3 * 2 * 3);
    for row in run.plane().rows() {
        let layer = &activations(&t, row.epoch).layers[row.layer - 1];
        let method = estimators.iter().find(|method| method.name() == row.method.estimator).unwrap();
        let pair = method.pair(layer, &target).unwrap().information.bits();
        assert_eq!(row.i_ty_bits, Some(pair));
        // Inputs that are all different: only cells have a finite I(X;T).
        assert_eq!(row.i_xt_bits.is_some(), row.method.estimator == "edge");
        assert_eq!(row.missing.is_some(), row.i_xt_bits.is_none());
    }
    let manifest = run.manifest();
    assert_eq!((manifest.data.h_y_bits, manifest.data.i_xy_bits), (None, None));
    assert_eq!((manifest.data.target_width, manifest.data.n_samples), (Some(5), N));
    let text = fs::read_to_string(path.join("manifest.toml")).unwrap();
    assert!(!text.to_lowercase().contains("nan") && !text.contains("label_shares"), "{text}");
    assert!(run.schedule()[1].distance.is_some_and(|distance| distance > 0.0));

    let data = ReportData::of(&run);
    assert!(data.h_y.bits().is_nan() && data.schedule.distance_unit == "bits");
    let shown = figures(&data);
    let of = |kind: &str| shown.iter().filter(|figure| figure.id.starts_with(kind)).collect::<Vec<_>>();
    assert_eq!((of("plane-").len(), of("information-").len()), (1, 3));
    for figure in &shown {
        assert!(figure.panels.iter().all(|panel| panel.limits.iter().all(|limit| limit.name != "H(Y)")));
        let axes = figure.panels.iter().flat_map(|panel| [&panel.x, &panel.y]);
        axes.for_each(|axis| assert!(axis.low.is_finite() && axis.high.is_finite(), "{}", figure.id));
    }
    let files = report::write(&data, &Options::default(), &folder.path().join("report")).unwrap();
    assert!(!files.is_empty());
    for text in [report::summary(&data), fs::read_to_string(folder.path().join("report/summary.md")).unwrap()]
    {
        assert!(
            text.contains("H(Y) not known") && text.contains("Y is a target of numbers, 5 columns"),
            "{text}"
        );
        assert!(!text.contains("NaN"), "{text}");
    }
}

#[test]
fn a_recording_of_a_target_goes_on_and_no_other_target_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let (t, target) = sample();
    let recording = recording(&target, vec![Gcmi::default().into()]);
    let mut recorder = Recorder::create(&path, recording.clone()).unwrap();
    recorder.record(0, &activations(&t, 0), None).unwrap();
    drop(recorder);
    let mut other = target.clone();
    other[(0, 0)] += 1e-9;
    let changed = Recording { target: Some(other), ..recording.clone() };
    let error = Recorder::resume(&path, changed).err().unwrap().to_string();
    assert!(error.contains("its target or inputs are others"), "{error}");
    // The same numbers in other columns are another target.
    let flat = target.to_shape((N * 5, 1)).unwrap().slice(s![..N, ..]).to_owned();
    assert!(Recorder::resume(&path, Recording { target: Some(flat), ..recording.clone() }).is_err());
    let mut recorder = Recorder::resume(&path, recording).unwrap();
    assert!(!recorder.wants(0));
    recorder.record(1, &activations(&t, 1), None).unwrap();
    assert_eq!(recorder.finish().unwrap().plane().len(), 4);
}

#[test]
fn a_schedule_that_skips_compares_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (t, target) = sample();
    let delta = DeltaConfig { scale: DistanceScale::Bits, ..DeltaConfig::new(0.4) };
    let schedule = ScheduleConfig::DeltaApproximate(delta.clone());
    let of_target = recording(&target, vec![Gcmi::default().into()]);
    let in_bits = Recording { schedule, planned_epochs: Some(20), ..of_target.clone() };
    let run = recorded(&folder.path().join("bits"), in_bits, &t, 21);
    // I(T;Y) rises fast, and later hardly: not every epoch is measured, the first few are.
    let epochs: Vec<u64> = run.schedule().iter().map(|measured| measured.epoch).collect();
    assert!(epochs.starts_with(&[0, 1]) && epochs.ends_with(&[20]) && epochs.len() < 15, "{epochs:?}");
    let refused = |schedule: ScheduleConfig| {
        let recording = Recording { schedule, planned_epochs: Some(20), ..of_target.clone() };
        Recorder::create(&folder.path().join("refused"), recording).err().unwrap().to_string()
    };
    let scaled = DeltaConfig::new(0.05);
    assert!(refused(ScheduleConfig::DeltaExact(scaled)).contains("give scale = \"bits\""));
    let witness = |band| Some(WitnessConfig::Loss(WitnessSettings { band, ..WitnessSettings::default() }));
    let watched = |band| ScheduleConfig::LogSpaced { points: 3, witness: witness(band) };
    assert!(refused(watched(None)).contains("give band"));
    let banded = Recording { schedule: watched(Some(0.1)), planned_epochs: Some(20), ..of_target };
    assert!(Recorder::create(&folder.path().join("banded"), banded).is_ok());
}

#[test]
fn what_cannot_be_measured_of_numbers_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (_, target) = sample();
    let of_target = recording(&target, vec![Gcmi::default().into()]);
    let refused =
        |recording: Recording| Recorder::create(&folder.path().join("refused"), recording).err().unwrap();
    let of_classes: Vec<AnyEstimator> =
        vec![Ross::default().into(), Kde::new([0.1]).into(), Binned::new(BinRule::Exact).into()];
    for method in of_classes {
        let estimators = vec![Gcmi::default().into(), method.clone()];
        let error = refused(Recording { estimators, ..of_target.clone() });
        let source = EstimateError::NeedsClasses { estimator: method.name() };
        assert!(
            matches!(&error, RecordError::Estimator { index: 1, source: given } if *given == source),
            "{error}"
        );
        assert!(error.to_string().contains("those that measure it of numbers are auto, "), "{error}");
    }
    let told = |recording: Recording, words: &str| {
        let error = refused(recording).to_string();
        assert!(error.contains(words), "{error}");
    };
    told(Recording { labels: Labels::distinct(N), ..of_target.clone() }, "there are labels, too");
    told(Recording { target: Some(Array2::zeros((N, 0))), ..of_target.clone() }, "no columns");
    told(Recording { target: Some(Array2::zeros((0, 1))), ..of_target.clone() }, "no target");
    let mut holes = target.clone();
    holes[(3, 1)] = f64::INFINITY;
    told(Recording { target: Some(holes), ..of_target.clone() }, "inf at row 3, column 1");
    let units = vec![QuantityConfig::Similarity {}, QuantityConfig::Units { groups: None }];
    told(Recording { quantities: units, ..of_target.clone() }, "quantities[1] (units)");
    told(Recording { inputs: Some(Labels::distinct(7)), ..of_target.clone() }, "7 samples");
    let similar = Recording { quantities: vec![QuantityConfig::Similarity {}], ..of_target };
    let (t, _) = sample();
    let run = recorded(&folder.path().join("similar"), similar, &t, 1);
    assert_eq!(run.quantities().len(), 2);
}

#[test]
fn a_layer_that_holds_its_target_has_a_reason_and_no_value() {
    let t = Array2::from_shape_fn((200, 1), |(row, _)| (row as f64 * 0.618).fract());
    let (x, source) = (Labels::distinct(200), LayerSource::from(Variable::Double(t.view())));
    let readings = source.readings_with_target(&Ksg::default(), &x, Variable::Double(t.view())).unwrap();
    let told = readings[0].estimates[1].as_ref().unwrap_err().to_string();
    assert!(told.starts_with("ksg gave no value but that it is at least "), "{told}");
    assert!(told.contains("without noise"), "{told}");
    // A bound by definition stays one.
    let readings = source.readings_with_target(&AtLeast, &x, Variable::Double(t.view())).unwrap();
    assert_eq!(readings[0].estimates[1].as_ref().unwrap().information.nats(), 0.5);
}

/// As a critic: at least half a nat of anything.
struct AtLeast;

impl Estimator for AtLeast {
    fn info(&self) -> &'static EstimatorInfo {
        &EstimatorInfo {
            name: "at-least",
            title: "at least",
            family: Family::Predictions,
            estimates: "a lower bound",
            when: "never",
            cost: "O(1)",
            offers: &[Quantity::Information],
            labels: LabelSides::None,
            uncertainty: Uncertainty::None,
            with_noise: None,
            reference: "none",
        }
    }

    fn setting(&self) -> String {
        String::new()
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let half = Information::from_nats(0.5);
        Ok(Estimate::new(half, EstimateKind::Bound(Bound::Lower), &[x.view(), y.view()]))
    }
}
