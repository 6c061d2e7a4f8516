//! Measures a network of your own while it trains, and draws its planes.
//!
//! `cargo run --release --example own_activations -- [DIRECTORY]`

use infoplane::record::{Recorder, Recording};
use infoplane::report::{self, Options, ReportData};
use infoplane::{Activations, Labels};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or("runs/mine".into(), std::path::PathBuf::from);
    // All patterns of 8 bits; the class is whether more than half of the bits are set.
    let inputs = Array2::from_shape_fn((256, 8), |(i, bit)| if i >> bit & 1 == 1 { 1.0f32 } else { -1.0 });
    let classes: Vec<bool> = inputs.rows().into_iter().map(|x| x.sum() > 0.0).collect();
    // Three tanh units and a logistic output, trained by gradient descent on all patterns.
    let mut w = Array2::from_shape_fn((8, 3), |(i, j)| (1.0 + (3 * i + 5 * j) as f32).sin() * 0.5);
    let mut v = Array2::from_shape_fn((3, 1), |(i, _)| (1.0 + i as f32).cos() * 0.5);

    let layers = [("hidden", 3), ("output", 1)];
    let recording = Recording::new("mine", Labels::from_symbols(&classes), &layers, 1e-3);
    let mut recorder = Recorder::create(&directory, recording)?;
    for epoch in 0..=300 {
        let hidden = inputs.dot(&w).mapv(f32::tanh);
        let output = hidden.dot(&v).mapv(|z| 1.0 / (1.0 + (-z).exp()));
        let error = Array2::from_shape_fn((256, 1), |at| (output[at] - f32::from(classes[at.0])) / 256.0);
        let hidden_error = error.dot(&v.t()) * hidden.mapv(|t| 1.0 - t * t);
        v = v - hidden.t().dot(&error);
        w = w - inputs.t().dot(&hidden_error);
        if recorder.wants(epoch) {
            recorder.record(epoch, &Activations { layers: vec![hidden, output] }, None)?;
        }
    }
    let run = recorder.finish()?;
    let data = ReportData::of(&run);
    print!("{}", report::summary(&data));
    report::write(&data, &Options::default(), &directory.join("report"))?;
    Ok(())
}
