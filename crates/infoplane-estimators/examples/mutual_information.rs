//! Estimates mutual information of samples: with an estimator that fits the data, with one of your choice, and of a layer.
//!
//! `cargo run --release -p infoplane-estimators --example mutual_information`

use infoplane_estimators::ndarray::{Array2, Axis, stack};
use infoplane_estimators::{Kde, Ksg, Labels, Measure, Options, mutual_information};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A uniform variable, and the same with another one added: I(X;Y) is ½ nat.
    let uniform = |i: i32, factor: f64| ((f64::from(i) * factor).sin() * 43758.5453).rem_euclid(1.0);
    let x: Vec<f64> = (1..=1000).map(|i| uniform(i, 12.9898)).collect();
    let y: Vec<f64> = x.iter().zip(1..).map(|(x, i)| x + uniform(i, 78.233)).collect();

    // The estimator that fits the data, its reason, and what to know before the number is quoted.
    let estimate = mutual_information(&x, &y)?;
    println!("I(X;Y) = {:.3} nats, {}", estimate.information.nats(), estimate.kind);
    println!("because {}", estimate.choice.as_ref().ok_or("no choice")?.reason);
    for warning in &estimate.warnings {
        println!("note: {warning}");
    }
    assert!((estimate.information.nats() - 0.5).abs() < 0.15);

    // One of your choice, with a standard error, and a test of independence.
    let ksg = Ksg { k: 5, ..Ksg::default() };
    let estimate = ksg.pair_with_error(&x, &y, Options::default())?;
    let error = estimate.standard_error.ok_or("no standard error")?;
    println!("KSG: {:.3} ± {:.3} bits", estimate.information.bits(), error.bits());
    let test = ksg.permutation_test(&x, &y, 99, 1)?;
    println!("independent with p = {:.2}", test.p_value);

    // A layer of two units against two labellings at once: which input, and the class. Both bounds for each noise.
    let t: Array2<f64> = stack(Axis(1), &[(&x[..]).into(), (&y[..]).into()])?;
    let inputs = Labels::distinct(1000);
    let classes = Labels::from_symbols(&x.iter().map(|&x| x > 0.5).collect::<Vec<_>>());
    for reading in (Kde { noise_variances: vec![1e-2] }).layer(&t, &[&inputs, &classes])? {
        let bits = |of: usize| reading.estimates[of].clone().map(|estimate| estimate.information.bits());
        println!("{}: {:.2} and {:.2} bits", reading.setting, bits(0)?, bits(1)?);
    }
    Ok(())
}
