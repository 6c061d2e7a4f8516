//! Loss, accuracy, weights and gradients against the epoch.

use super::failed::LEAST_FOR_BANDS;
use super::information_figure::{LEGEND_STEP, legend};
use super::{ReportData, caption, failed};
use crate::draw::{Color, Mark, Panel, Scale, Scene, Text, layer_color};
use crate::plane::{Mean, mean_over_seeds};
use crate::train::{EpochStats, LayerStats};

const WIDTH: f64 = 960.0;
const TOP: f64 = 70.0;
const PANEL: (f64, f64) = (232.0, 200.0);
const LEFTS: [f64; 3] = [70.0, 388.0, 704.0];
/// From the top of a panel to the top of the panel below.
const ROW: f64 = 268.0;
const DASHES: &[f32] = &[4.0, 2.2];

/// One quantity: a line per seed.
struct Curve {
    seeds: Vec<Vec<(u64, f64)>>,
    /// For each of them, whether it did not learn.
    marked: Vec<bool>,
    color: Color,
    dashes: &'static [f32],
}

/// What is left of a series to draw.
type Line = Vec<(f64, f64)>;

/// The lines of a curve: the seeds, or the edges of a band where there are many; those that did not learn; the mean.
struct Drawn {
    seeds: Vec<Line>,
    band: Option<[Line; 2]>,
    marked: Vec<Line>,
    mean: Line,
}

/// The figure of the training; nothing if there are no statistics.
pub(super) fn draw(data: &ReportData<'_>) -> Option<Scene> {
    let n_layers = data.training.iter().map(|stats| stats.layers.len()).max()?;
    let mut stats: Vec<&EpochStats> = data.training.iter().collect();
    stats.sort_by_key(|stats| (stats.seed, stats.epoch));
    stats.dedup_by_key(|stats| (stats.seed, stats.epoch));
    let seeds: Vec<Vec<&EpochStats>> =
        stats.chunk_by(|a, b| a.seed == b.seed).map(<[&EpochStats]>::to_vec).collect();
    let figure = Figure { data, seeds, x: Scale::epochs(stats.iter().map(|stats| stats.epoch)) };
    // The legend stands above the third panel of the second row.
    let rows = [TOP, TOP + ROW.max(LEGEND_STEP * (n_layers as f64 + 2.0) + 28.0)];
    let notes = notes(data, figure.seeds.len());
    let notes = caption::note_lines(&notes, WIDTH - 2.0 * 24.0);
    let bottom = rows[1] + PANEL.1 + 58.0;
    let mut scene = Scene::new(WIDTH, bottom + caption::note_height(&notes) + 10.0);
    let subtitle = caption::samples_and_seeds(data, figure.seeds.len());
    caption::write_title(&mut scene, LEFTS[0], &format!("Training – {}", data.title), &subtitle);

    let black = Color::INK;
    let loss = [
        figure.curve(|stats| stats.train_loss, black, &[]),
        figure.curve(|stats| stats.test_loss, black, DASHES),
    ];
    figure.panel(&mut scene, (LEFTS[0], rows[0]), "loss", &loss, Y::Linear);
    let accuracy = [
        figure.curve(|stats| stats.train_accuracy, black, &[]),
        figure.curve(|stats| stats.test_accuracy, black, DASHES),
    ];
    figure.panel(&mut scene, (LEFTS[1], rows[0]), "accuracy", &accuracy, Y::Linear);
    let norm = figure.layers(n_layers, |layer| Some(layer.weight_norm), None);
    figure.panel(&mut scene, (LEFTS[0], rows[1]), "weight norm  ‖W‖", &norm, Y::Linear);
    // In the panel of gradients dashes mean noise, so there colour alone tells the layers.
    let mut gradient = figure.layers(n_layers, |layer| layer.gradient_mean, Some(&[]));
    gradient.extend(figure.layers(n_layers, |layer| layer.gradient_standard_deviation, Some(DASHES)));
    figure.panel(&mut scene, (LEFTS[1], rows[1]), "norm of the gradient", &gradient, Y::Logarithmic);
    let ratio = figure.layers(n_layers, LayerStats::gradient_snr, None);
    figure.panel(&mut scene, (LEFTS[2], rows[1]), "gradient signal / noise", &ratio, Y::Logarithmic);

    let has_test = data.training.iter().any(|stats| stats.test_loss.is_some());
    figure.legend(&mut scene, n_layers, has_test);
    caption::write_notes(&mut scene, 24.0, bottom, &notes);
    Some(scene)
}

fn notes(data: &ReportData<'_>, n_seeds: usize) -> Vec<String> {
    let mut notes: Vec<String> =
        failed::reading(data, n_seeds, "Bands: 25 to 75% of the seeds.").into_iter().collect();
    notes.extend(failed::note(data));
    notes.push(
        "Every point is the mean of the epochs that share a point of the axis. Gradient: norm of the mean and \
         of the standard deviation of an epoch's mini-batch gradients; their ratio is signal / noise."
            .to_string(),
    );
    notes
}

#[derive(Clone, Copy, PartialEq)]
enum Y {
    Linear,
    Logarithmic,
}

struct Figure<'a> {
    data: &'a ReportData<'a>,
    /// Ascending in epochs, each once.
    seeds: Vec<Vec<&'a EpochStats>>,
    x: Scale,
}

impl Figure<'_> {
    fn curve(
        &self,
        value: impl Fn(&EpochStats) -> Option<f32>,
        color: Color,
        dashes: &'static [f32],
    ) -> Curve {
        // A diverged epoch has no place in a figure; the curve ends before it.
        let point = |stats: &&EpochStats| {
            let value = value(stats).filter(|value| value.is_finite())?;
            Some((stats.epoch, f64::from(value)))
        };
        let seeds = self.seeds.iter().map(|seed| {
            let marked = seed.first().is_some_and(|stats| self.data.is_marked(stats.seed));
            (seed.iter().filter_map(point).collect::<Vec<_>>(), marked)
        });
        let (seeds, marked) = seeds.filter(|(seed, _)| !seed.is_empty()).unzip();
        Curve { seeds, marked, color, dashes }
    }

    fn layers(
        &self,
        n_layers: usize,
        value: impl Fn(&LayerStats) -> Option<f32>,
        fixed: Option<&'static [f32]>,
    ) -> Vec<Curve> {
        (0..n_layers)
            .map(|index| {
                let (color, dashes) = layer_color(index, n_layers);
                let dashes = fixed.unwrap_or(dashes);
                self.curve(|stats| value(stats.layers.get(index)?), color, dashes)
            })
            .collect()
    }

    fn panel(&self, scene: &mut Scene, (left, top): (f64, f64), name: &str, curves: &[Curve], y: Y) {
        let mut panel = Panel {
            left,
            top,
            width: PANEL.0,
            height: PANEL.1,
            x: self.x,
            y: Scale::Linear { low: 0.0, high: 1.0 },
        };
        let drawn: Vec<Drawn> = curves.iter().map(|curve| self.drawn(curve)).collect();
        let lines = |curve: &'_ Drawn| -> Vec<(f64, f64)> {
            let Drawn { seeds, band, marked, mean } = curve;
            seeds.iter().chain(band.iter().flatten()).chain(marked).chain([mean]).flatten().copied().collect()
        };
        let values = drawn.iter().flat_map(lines);
        let values = values.map(|(_, value)| value);
        panel.y = match y {
            Y::Linear => Scale::linear(values, 0.06),
            Y::Logarithmic => Scale::logarithmic(values),
        };
        panel.grid(scene);
        for (curve, drawn) in curves.iter().zip(&drawn) {
            if let Some([lower, upper]) = &drawn.band {
                let places = lower.iter().rev().chain(upper).filter_map(|&(x, y)| panel.at(x, y));
                let points = places.collect();
                scene.marks.push(Mark::Shape { points, fill: curve.color, opacity: 0.15, outline: None });
            }
            for seed in &drawn.seeds {
                panel.curve(scene, seed.iter().copied(), curve.color, 0.6, 0.3, &[]);
            }
        }
        for (curve, drawn) in curves.iter().zip(&drawn) {
            for seed in &drawn.marked {
                panel.curve(scene, seed.iter().copied(), curve.color, 0.9, 0.7, failed::DOTS);
                failed::cross(scene, &panel, seed.iter().copied(), curve.color);
            }
        }
        for (curve, drawn) in curves.iter().zip(&drawn) {
            panel.curve(scene, drawn.mean.iter().copied(), curve.color, 1.5, 1.0, curve.dashes);
        }
        panel.axes(scene, "epoch", name);
        if drawn.iter().all(|curve| curve.mean.is_empty()) {
            let text = Text::new(left + 12.0, top + 22.0, 11.0, "not recorded");
            scene.text(text.color(Color::QUIET));
        }
    }

    fn drawn(&self, curve: &Curve) -> Drawn {
        let mean = mean_over_seeds(&curve.seeds);
        let line = |value: fn(&Mean) -> f64| {
            self.averaged(mean.iter().map(|(epoch, mean)| (*epoch, value(mean))), 1.0)
        };
        let n_seeds = curve.seeds.len();
        let chosen = |marked: bool| {
            let seeds = curve.seeds.iter().zip(&curve.marked);
            let seeds = seeds.filter(move |&(_, &is)| n_seeds > 1 && is == marked);
            seeds.map(|(seed, _)| self.averaged(seed.iter().copied(), 2.0))
        };
        // The inner bands only: with a dozen curves on a panel the outer ones would cover each other.
        let bands = n_seeds >= LEAST_FOR_BANDS;
        Drawn {
            seeds: if bands { vec![] } else { chosen(false).collect() },
            band: bands.then(|| [line(|mean| mean.percentiles.p25), line(|mean| mean.percentiles.p75)]),
            marked: chosen(true).collect(),
            mean: line(|mean| mean.mean),
        }
    }

    /// One point for all epochs within `points` of the axis, at their mean: thousands of epochs fall on few
    /// hundred places, and drawing each would thicken noise to a bar.
    fn averaged(&self, values: impl Iterator<Item = (u64, f64)>, points: f64) -> Line {
        let mut averaged: Vec<(i64, f64, f64, f64)> = Vec::new();
        for (epoch, value) in values {
            let Some(share) = self.x.share(epoch as f64) else { continue };
            // The last epoch alone would fall on a place of its own, noisier than its neighbours.
            let place = (share * PANEL.0 / points).floor().min(PANEL.0 / points - 1.0) as i64;
            match averaged.last_mut() {
                Some((last, epochs, sum, n)) if *last == place => {
                    *epochs += epoch as f64;
                    *sum += value;
                    *n += 1.0;
                }
                _ => averaged.push((place, epoch as f64, value, 1.0)),
            }
        }
        averaged.into_iter().map(|(_, epochs, sum, n)| (epochs / n, sum / n)).collect()
    }

    fn legend(&self, scene: &mut Scene, n_layers: usize, has_test: bool) {
        let x = LEFTS[2] - 24.0;
        let mut y = TOP + 8.0;
        let mut entry = |scene: &mut Scene, dashes: &'static [f32], name: &str| {
            scene.dashed(vec![(x, y), (x + 22.0, y)], Color::INK, 1.8, 1.0, dashes);
            scene.text(Text::new(x + 28.0, y + 4.0, 11.5, name));
            y += LEGEND_STEP;
        };
        if has_test {
            entry(scene, &[], "training set; gradient mean");
            entry(scene, DASHES, "test set; gradient deviation");
        } else {
            entry(scene, &[], "training set (no test set); gradient mean");
            entry(scene, DASHES, "gradient deviation");
        }
        let names: Vec<String> =
            (1..=n_layers).map(|layer| self.data.layer_name(layer, self.width(layer))).collect();
        legend(scene, x, y + 8.0, &names);
    }

    /// The width of a layer that is not described, from the rows that measured it.
    fn width(&self, layer: usize) -> usize {
        self.data.plane.rows().find(|row| row.layer == layer).map_or(0, |row| row.width)
    }
}
