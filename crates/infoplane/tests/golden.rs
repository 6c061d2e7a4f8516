//! The published programs' numbers on stored activations, where the folder with them is beside the checkout.

use std::path::PathBuf;

use infoplane::dataset::read::{read_array, read_labels};
use infoplane::estimator::{
    AnyEstimator, BinRange, BinRule, Binned, Correction, Kde, LayerEstimate, LayerRange,
};
use infoplane::{Bound, Labels, Measure};

/// The file, or `None` with a word about it.
fn shared(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(file);
    if !path.exists() {
        eprintln!("skipped: {file} is not beside this checkout");
        return None;
    }
    Some(path)
}

/// Readings of T0 … T5, with X every row and Y the label.
fn readings(config: &AnyEstimator) -> Option<Vec<Vec<LayerEstimate>>> {
    let path = shared("golden/tanh4096.npz")?;
    let y = read_labels(&path, Some("y")).expect("labels");
    let estimator = config.for_layer(&LayerRange::default()).expect("a valid setting");
    let measure = |layer: usize| {
        let t = read_array(&path, Some(&format!("T{layer}"))).expect("activations");
        let x = Labels::distinct(t.n_samples());
        estimator.layer(t.variable(), &[&x, &y]).expect("finite activations")
    };
    Some((0..6).map(measure).collect())
}

/// Compares (I(X;T), I(T;Y)) in bits with printed digits: half a unit of the last is allowed.
fn assert_printed(config: AnyEstimator, bound: Option<Bound>, printed: [(f64, f64); 6], unit: f64) {
    let Some(readings) = readings(&config) else { return };
    for (layer, (readings, expected)) in readings.iter().zip(printed).enumerate() {
        let reading = readings.iter().find(|reading| reading.bound == bound).expect("the bound");
        let [i_xt, i_ty] =
            [0, 1].map(|labels| reading.estimates[labels].as_ref().unwrap().information.bits());
        for (got, expected) in [(i_xt, expected.0), (i_ty, expected.1)] {
            // A hair more than half a unit, as the printed digits were themselves rounded from a double.
            assert!(
                (got - expected).abs() <= 0.5001 * unit,
                "T{layer}, {}: {got} for {expected}",
                reading.setting
            );
        }
    }
}

fn on_minus_one_to_one(rule: BinRule) -> AnyEstimator {
    let range = Some(BinRange::Fixed([-1.0, 1.0]));
    AnyEstimator::Binned(Binned {
        rule,
        bins: Some(30),
        bin_width: None,
        range,
        correction: Correction::PlugIn,
    })
}

#[test]
fn thirty_edges_on_minus_one_to_one() {
    let printed = [
        (12.0, 0.9992),
        (11.9985, 0.9987),
        (11.9149, 0.9778),
        (11.2345, 0.7902),
        (9.6927, 0.4305),
        (2.7701, 0.0675),
    ];
    assert_printed(on_minus_one_to_one(BinRule::Edges), None, printed, 1e-4);
}

#[test]
fn thirty_equal_bins_on_minus_one_to_one() {
    let printed = [
        (12.0, 0.9992),
        (12.0, 0.9992),
        (11.9220, 0.9801),
        (11.2771, 0.8010),
        (9.7685, 0.4603),
        (1.9906, 0.0607),
    ];
    assert_printed(on_minus_one_to_one(BinRule::Equal), None, printed, 1e-4);
}

#[test]
fn floor_bins_of_width_seven_hundredths() {
    let printed = [
        (12.0, 0.9992),
        (11.9985, 0.9982),
        (11.9230, 0.9783),
        (11.3354, 0.8087),
        (9.6805, 0.4286),
        (2.6065, 0.0666),
    ];
    let config = Binned {
        rule: BinRule::Floor,
        bins: None,
        bin_width: Some(0.07),
        range: None,
        correction: Correction::PlugIn,
    };
    assert_printed(AnyEstimator::Binned(config), None, printed, 1e-4);
}

#[test]
fn both_bounds_with_noise_of_one_thousandth() {
    let config = AnyEstimator::Kde(Kde { noise_variances: vec![1e-3] });
    let upper = [
        (12.000000, 0.999157),
        (11.996490, 0.997968),
        (11.851497, 0.962001),
        (10.993639, 0.733234),
        (9.132891, 0.362012),
        (2.077098, 0.062201),
    ];
    let lower = [
        (11.999867, 0.999086),
        (11.965287, 0.989583),
        (11.254212, 0.801972),
        (9.565935, 0.480237),
        (7.038067, 0.167930),
        (1.334287, 0.060043),
    ];
    assert_printed(config.clone(), Some(Bound::Upper), upper, 1e-6);
    assert_printed(config, Some(Bound::Lower), lower, 1e-6);
}
