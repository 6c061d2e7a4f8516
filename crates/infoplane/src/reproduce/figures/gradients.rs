//! Shwartz-Ziv & Tishby (2017), figure 4: gradients' mean and deviation, and weight norms, by layer.

use super::common::{self, NONLINEARITIES};
use crate::figure::{Axis, FigureKind, Line, Of, Panel, Role, Series};
use crate::math;
use crate::plane::mean_over_seeds;
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, RunResult, Setup, Shown, compresses, fall_i_xt, layer, over_seeds,
    told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;
use crate::train::LayerStats;

pub(super) const FIGURE: Figure = Figure {
    name: "gradients",
    title: "Gradient signal-to-noise and weight norms, by layer",
    paper: "Shwartz-Ziv & Tishby (2017), figure 4; Saxe et al. (2018), on gradient signal-to-noise",
    says: "Shwartz-Ziv & Tishby: early in training the mean of the gradients exceeds their standard deviation (drift), later it is \
           far below it (diffusion), and the second phase is where layers compress. Saxe et al.: the transition \
           also occurs in networks that do not compress, so it cannot be the cause.",
    here: "The networks of `saxe-nonlinearities`. The mean and the standard deviation of each entry of the \
           gradient of a layer's weights are taken over the 13 mini-batches of an epoch. The figure shows the \
           norms of both, their ratio, and ‖W‖.",
    plan,
    show,
};

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    NONLINEARITIES.iter().map(|nonlinearity| common::contrast(setup, nonlinearity)).collect()
}

/// Means over seeds of one quantity of one layer, by epoch.
fn series(run: &RunResult, layer: usize, value: fn(&LayerStats) -> Option<f32>) -> Vec<(f64, f64)> {
    let seeds: Vec<Vec<(u64, f64)>> = run
        .run
        .training()
        .chunk_by(|a, b| a.seed == b.seed)
        .filter(|seed| run.in_means(seed[0].seed))
        .map(|seed| {
            let points = seed.iter().filter_map(|stats| {
                let value = value(stats.layers.get(layer)?)?;
                (value.is_finite() && value > 0.0).then_some((stats.epoch, f64::from(value)))
            });
            points.collect()
        })
        .collect();
    let mean = mean_over_seeds(&seeds);
    mean.into_iter().map(|(epoch, mean)| (epoch as f64, mean.mean)).collect()
}

/// The largest value up to an epoch.
fn peak(series: &[(f64, f64)], to: f64) -> f64 {
    series.iter().filter(|p| p.0 <= to).map(|p| p.1).fold(f64::NAN, f64::max)
}

/// The geometric mean from an epoch on.
fn level(series: &[(f64, f64)], from: f64) -> f64 {
    let values: Vec<f64> = series.iter().filter(|p| p.0 >= from).map(|p| math::ln(p.1)).collect();
    math::exp(values.iter().sum::<f64>() / values.len() as f64)
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    type Quantity = (&'static str, fn(&LayerStats) -> Option<f32>, bool);
    let quantities: [Quantity; 2] = [
        ("gradient signal / noise", LayerStats::gradient_snr, true),
        ("weight norm  ‖W‖", |stats| Some(stats.weight_norm), false),
    ];
    let tanh = results.run("tanh");
    let n_layers = tanh.run.manifest().layers.len();
    let mut panels = Vec::new();
    for (name, value, logarithmic) in quantities {
        let all: Vec<Vec<Vec<(f64, f64)>>> = NONLINEARITIES
            .iter()
            .map(|nonlinearity| {
                (0..n_layers).map(|l| series(results.run(&common::title(nonlinearity)), l, value)).collect()
            })
            .collect();
        let values = || all.iter().flatten().flatten();
        let y = if logarithmic {
            Axis::logarithmic(name, "", values().map(|p| p.1))
        } else {
            Axis::linear(name, "", values().map(|p| p.1).chain([0.0]), 0.05)
        };
        for layers in all.iter() {
            let shown = layers.iter().enumerate().filter(|(_, points)| !points.is_empty());
            let line = |(l, points): (usize, &Vec<(f64, f64)>)| {
                Series::Line(Line::new(Role::Layer(l + 1), Of::Mean, points.clone()))
            };
            let series: Vec<Series> = shown.map(line).collect();
            panels.push(Panel {
                name: String::new(),
                x: Axis::epochs(values().map(|p| p.0 as u64)),
                y: y.clone(),
                remark: common::no_value(&series),
                series,
                limits: if logarithmic { vec![common::level(1.0, "")] } else { vec![] },
            });
        }
    }
    let mut notes = vec![
        "Curves are means over seeds. Signal / noise: the norm of the mean of an epoch's mini-batch gradients over the norm of their \
         standard deviation; dashed: 1. The batches of an epoch share out the training samples, so at fixed weights their mean is \
         the gradient of the whole set: sampling noise alone sets no lower limit to the ratio."
            .to_string(),
    ];
    notes.extend(common::seed_notes(results));
    let shown = crate::figure::Figure {
        layers: common::shown_layers(tanh),
        ..common::sheet(
            FigureKind::Curves,
            FIGURE.title,
            format!("{} · Adam 4e-4, batches of 256", common::subject(tanh)),
            NONLINEARITIES.iter().map(|nonlinearity| common::title(nonlinearity)).collect(),
            panels,
            notes,
        )
    };

    let mut comparisons = Vec::new();
    for nonlinearity in NONLINEARITIES {
        let run = results.run(&common::title(nonlinearity));
        let last = run.experiment.training.epochs as f64;
        let early_end = (last / 100.0).max(1.0);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for l in 0..n_layers {
            let ratio = series(run, l, LayerStats::gradient_snr);
            early.push(peak(&ratio, early_end));
            late.push(level(&ratio, last / 10.0));
        }
        let list = |values: &[f64]| values.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(", ");
        let crossed = early.iter().zip(&late).filter(|(early, late)| **early > 1.0 && **late < 1.0).count();
        let group = run.group(&common::full_range(30), None)?;
        let fall = layer(&run.layers(&group), 5).and_then(|path| over_seeds(path, fall_i_xt));
        comparisons.push(Comparison::new(
            format!(
                "{}: signal / noise, T₁ to the output: largest up to epoch {:.0}, geometric mean from epoch {:.0} on",
                common::title(nonlinearity),
                early_end,
                last / 10.0
            ),
            "above 1, then below",
            format!("{} → {}", list(&early), list(&late)),
            crossed == n_layers,
        ));
        comparisons.push(Comparison::new(
            format!(
                "{}: fall of I(X;T), 3 units, 30 bins on the full range [bits]",
                common::title(nonlinearity)
            ),
            match nonlinearity {
                "tanh" => "compresses",
                "relu" => "does not (Saxe et al.)",
                _ => "–",
            },
            told(fall, 2),
            compresses(fall)
                .map(|falls| falls == (nonlinearity == "tanh"))
                .filter(|_| nonlinearity != "linear"),
        ));
    }
    Ok(Shown::new(shown, comparisons))
}
