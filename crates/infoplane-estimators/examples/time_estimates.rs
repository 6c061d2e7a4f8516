//! Times single estimates inside Rust, for `python/benchmarks/overhead.py` to compare with the same through Python.
//!
//! `cargo build --release -p infoplane-estimators --example time_estimates`, then `time_estimates X.f64 Y.f64 THREADS`: two
//! variables of one column in files of little-endian doubles. Each line `ESTIMATOR CALLS` on the standard input is answered
//! with a line `NANOSECONDS VALUE`: the median of so many calls, and the estimate in nats.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use infoplane_estimators::ndarray::Array2;
use infoplane_estimators::{BinRule, Binned, EstimateError, Kde, Ksg, Labels, LayerEstimate, Measure};

fn column(path: &str) -> Result<Array2<f64>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let values =
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    let values: Vec<f64> = values.collect();
    Ok(Array2::from_shape_vec((values.len(), 1), values)?)
}

/// I(T;Y) of the first setting, in nats.
fn of_label(readings: Result<Vec<LayerEstimate>, EstimateError>) -> Result<f64, EstimateError> {
    let estimate = readings?.swap_remove(0).estimates.swap_remove(1)?;
    Ok(estimate.information.nats())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [x, y, threads] = &arguments[..] else {
        return Err("usage: time_estimates X.f64 Y.f64 THREADS".into());
    };
    let (x, y, threads) = (column(x)?, column(y)?, threads.parse::<usize>()?);
    let t = x.mapv(|x| x as f32);
    let classes = Labels::from_symbols(&y.iter().map(|&y| i64::from(y > 0.0)).collect::<Vec<_>>());
    let inputs = Labels::distinct(t.nrows());
    let ksg = Ksg { k: 3, ..Ksg::default() };
    let kde = Kde::new([0.1]);
    let binned = Binned { bin_width: Some(0.5), ..Binned::new(BinRule::Floor) };

    let estimate = |name: &str| match name {
        "ksg" => ksg.pair(&x, &y).map(|estimate| estimate.information.nats()),
        "kde" => of_label(kde.layer(&t, &[&inputs, &classes])),
        _ => of_label(binned.layer(&t, &[&inputs, &classes])),
    };

    // Threads as the Python package has them, with the stack that trees of neighbours need.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(8 << 20).build()?;
    for line in stdin().lock().lines() {
        let line = line?;
        let (name, calls) = line.split_once(' ').ok_or("a line is ESTIMATOR CALLS")?;
        let mut nanoseconds = Vec::new();
        let mut value = 0.0;
        for _ in 0..calls.parse::<usize>()?.max(1) {
            let start = Instant::now();
            value = black_box(pool.install(|| estimate(name))?);
            nanoseconds.push(start.elapsed().as_nanos());
        }
        nanoseconds.sort_unstable();
        println!("{} {value:?}", nanoseconds[nanoseconds.len() / 2]);
        stdout().flush()?;
    }
    Ok(())
}
