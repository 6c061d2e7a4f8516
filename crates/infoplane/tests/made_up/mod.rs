//! A made-up run of the 12-bit task: wide layers stay at 12 bits, narrow ones fit and then compress.

use std::collections::BTreeMap;
use std::sync::Arc;

use infoplane::plane::MethodDescription;
use infoplane::report::{ReportData, ScheduleData};
use infoplane::schedule::{MeasuredEpoch, Reason};
use infoplane::train::{EpochStats, LayerStats};
use infoplane::{Bound, Information, InformationPlane, LayerDescription, PlaneRow};

/// What to make up.
#[derive(Clone)]
pub struct MadeUp {
    pub widths: Vec<usize>,
    pub n_seeds: u64,
    pub last_epoch: u64,
    pub with_test_set: bool,
}

/// A made-up run and its description.
pub struct Run {
    pub plane: InformationPlane,
    pub training: Vec<EpochStats>,
    pub layers: Vec<LayerDescription>,
    pub schedule: Skipped,
}

/// Which epochs were measured, and by which rule; empty unless a test wants it.
#[derive(Default)]
pub struct Skipped {
    pub measured: Vec<MeasuredEpoch>,
    pub setting: String,
    pub delta: Option<f64>,
    pub distance_unit: String,
}

impl Skipped {
    pub fn data(&self) -> ScheduleData<'_> {
        ScheduleData {
            measured: &self.measured,
            setting: self.setting.clone(),
            delta: self.delta,
            distance_unit: self.distance_unit.clone(),
            recorded: false,
        }
    }
}

impl Run {
    /// Changes the rows of the plane.
    pub fn edit_rows(&mut self, edit: impl FnOnce(&mut Vec<PlaneRow>)) {
        let mut rows = self.plane.rows().collect();
        edit(&mut rows);
        self.plane = rows.into_iter().collect();
    }

    pub fn data(&self) -> ReportData<'_> {
        ReportData {
            title: "tishby2017".into(),
            dataset: "symmetric12".into(),
            n_samples: 4096,
            h_x: Information::from_bits(12.0),
            h_y: Information::from_bits(0.9992),
            parts: vec![],
            is_chain: true,
            layers: self.layers.clone(),
            quantities: &[],
            plane: &self.plane,
            training: &self.training,
            schedule: self.schedule.data(),
            failed: vec![],
            all_seeds: false,
            complete: true,
            limit: None,
            notes: vec![],
        }
    }
}

/// Log-spaced epochs, 0 and the last among them.
pub fn epochs(last: u64) -> Vec<u64> {
    let mut epochs: Vec<u64> =
        (0..60).map(|i| ((f64::from(i) / 59.0 * (last as f64).ln_1p()).exp_m1()).round() as u64).collect();
    epochs.dedup();
    epochs
}

/// A number in −1…1 that depends on nothing but its arguments.
fn noise(seed: u64, layer: u64, epoch: u64) -> f64 {
    let mut z = seed.wrapping_mul(0x9e3779b97f4a7c15) ^ layer.wrapping_mul(0xbf58476d1ce4e5b9) ^ epoch;
    for _ in 0..3 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^= z >> 31;
    }
    z as f64 / u64::MAX as f64 * 2.0 - 1.0
}

/// The path of a layer: how much it knows at the start, at its best and at the end.
fn path(width: usize, epoch: u64, bound: Option<Bound>) -> (f64, f64) {
    let (start, best, end) = match width {
        0..=2 => (1.25, 4.08, 1.79),
        3 => (5.92, 7.39, 3.68),
        4 => (8.56, 9.72, 8.81),
        5 => (11.2, 11.6, 11.1),
        6..=7 => (11.99, 12.0, 12.0),
        _ => (12.0, 12.0, 12.0),
    };
    let e = epoch as f64;
    let fit = 1.0 - (-e / 12.0).exp();
    let compress = 1.0 / (1.0 + (-((e + 1.0).ln() - 6.3) * 1.6).exp());
    let mut x: f64 = start + (best - start) * fit + (end - best) * compress;
    let known = 0.62 * fit + 0.36 * (1.0 / (1.0 + (-((e + 1.0).ln() - 5.0) * 1.2).exp()));
    let y0 = ((start - 1.0) / 11.0f64).powi(2);
    let mut y = (y0 + (1.0 - y0) * known - 0.02 / width as f64).min(0.9992);
    match bound {
        Some(Bound::Lower) => {
            x -= 0.22 * (12.0 - x) + 0.02;
            y -= 0.3 * (1.0 - y);
        }
        Some(Bound::Upper) => x -= 0.06 * (12.0 - x),
        None => {}
    }
    (x.clamp(0.0, 12.0), y.clamp(0.0, 0.9992))
}

/// The rows of one epoch of a seed.
pub fn rows_at(widths: &[usize], seed: u64, epoch: u64, rows: &mut Vec<PlaneRow>) {
    let settings = [
        ("binned", "30 equal on [-1, 1]", None),
        ("kde", "noise_variance=0.001", Some(Bound::Upper)),
        ("kde", "noise_variance=0.001", Some(Bound::Lower)),
    ];
    for (index, &width) in widths.iter().enumerate() {
        for (estimator, setting, bound) in settings {
            let (x, y) = path(width, epoch, bound);
            let spread = (12.0 - x) * 0.06;
            // Half of it stays with the seed, half changes from epoch to epoch.
            let push =
                |salt| noise(seed, index as u64 + salt, 0) + 0.25 * noise(seed, index as u64 + salt, epoch);
            let i_xt = (x + spread * push(0)).clamp(0.0, 12.0);
            let i_ty = (y + 0.5 * (1.0 - y) * 0.2 * push(50)).clamp(0.0, 0.9992);
            let method = Arc::new(MethodDescription::new(estimator, setting, bound));
            rows.push(PlaneRow::new(seed, epoch, (index + 1, width), &method, (i_xt, i_ty)));
        }
    }
}

/// The rows and the statistics of training.
pub fn make_up(what: &MadeUp) -> Run {
    let mut rows = Vec::new();
    for seed in 1..=what.n_seeds {
        for epoch in epochs(what.last_epoch) {
            rows_at(&what.widths, seed, epoch, &mut rows);
        }
    }
    let mut training = Vec::new();
    for seed in 1..=what.n_seeds {
        for epoch in 0..=what.last_epoch {
            training.push(stats(what, seed, epoch));
        }
    }
    let layers = what
        .widths
        .iter()
        .enumerate()
        .map(|(index, &width)| LayerDescription {
            name: format!("T{}", index + 1),
            width,
            nonlinearity: if index + 1 == what.widths.len() { "softmax" } else { "tanh" }.into(),
        })
        .collect();
    Run { plane: rows.into_iter().collect(), training, layers, schedule: Skipped::default() }
}

fn stats(what: &MadeUp, seed: u64, epoch: u64) -> EpochStats {
    let e = epoch as f64;
    let learned = 1.0 - 1.0 / (1.0 + e / 20.0).powf(0.9);
    let layers = (0..what.widths.len()).map(|index| {
        let i = index as f64;
        let drift = 1.0 / (1.0 + (-((e + 1.0).ln() - 5.5) * 1.5).exp());
        let mean = (0.2 / (1.0 + i)) * (1.0 - 0.97 * drift) * (0.25 * noise(seed, index as u64, epoch)).exp();
        let deviation = 0.05
            * (1.0 + 0.4 * i)
            * (1.0 - 0.5 * drift)
            * (0.25 * noise(seed, index as u64 + 20, epoch)).exp();
        LayerStats {
            weight_norm: (2.5
                + i * 0.4
                + 0.9 * (e + 1.0).ln() * (1.0 - i * 0.1)
                + 0.1 * noise(seed, index as u64, 0)) as f32,
            gradient_mean: (epoch > 0).then_some(mean as f32),
            gradient_standard_deviation: (epoch > 0).then_some(deviation as f32),
        }
    });
    let test = |value: f64| what.with_test_set.then_some(value as f32);
    EpochStats {
        seed,
        epoch,
        train_loss: Some((0.69 * (1.0 - 0.97 * learned) + 0.01 * noise(seed, 99, epoch)).max(0.001) as f32),
        test_loss: test(0.70 * (1.0 - 0.9 * learned) + 0.012 * noise(seed, 98, epoch) + 0.02),
        train_accuracy: Some((0.55 + 0.45 * learned + 0.003 * noise(seed, 97, epoch)).min(1.0) as f32),
        test_accuracy: test((0.54 + 0.435 * learned + 0.004 * noise(seed, 96, epoch)).min(1.0)),
        layers: layers.collect(),
        scalars: BTreeMap::new(),
    }
}

/// A made-up curve that moves fast, then slowly, then by a jump.
fn curve(seed: u64, epoch: u64) -> f64 {
    let e = epoch as f64;
    let jump = 1.0 / (1.0 + (-(e - 2000.0 - 150.0 * seed as f64) / 30.0).exp());
    3.0 * (1.0 - (-e / 4.0).exp()) + (e / 50.0).ln_1p() + 0.8 * jump + 0.004 * noise(seed, 7, epoch)
}

/// What a schedule measures that keeps neighbours within δ of one another where it can.
pub fn skipped(n_seeds: u64, last: u64, delta: f64) -> Skipped {
    let mut measured = Vec::new();
    for seed in 1..=n_seeds {
        let mut reasons = std::collections::BTreeMap::from([(0, Reason::Section)]);
        let (mut at, mut skip) = (0, 1u64);
        let far = |a, b| (curve(seed, b) - curve(seed, a)).abs() > delta;
        while at < last {
            let next = (at + skip).min(last);
            reasons.insert(next, if next == last { Reason::Last } else { Reason::Section });
            let mut sections = vec![(at, next)];
            while let Some((from, to)) = sections.pop() {
                if to - from > 1 && far(from, to) {
                    let middle = from + (to - from) / 2;
                    reasons.insert(middle, Reason::Filling);
                    sections.extend([(from, middle), (middle, to)]);
                }
            }
            skip = if far(at, next) { skip } else { skip * 2 };
            at = next;
        }
        let mut before = None;
        for (epoch, reason) in reasons {
            let distance = before.map(|before: u64| (curve(seed, epoch) - curve(seed, before)).abs());
            measured.push(MeasuredEpoch { seed, epoch, reason, distance });
            before = Some(epoch);
        }
    }
    let setting = format!("delta-exact, δ = {delta} of the entropies, multiplier 2");
    Skipped { measured, setting, delta: Some(delta), distance_unit: "of the entropies".into() }
}
