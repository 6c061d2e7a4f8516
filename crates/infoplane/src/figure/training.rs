//! Loss, accuracy, weights and gradients against the epoch.

use super::axis::epoch_share;
use super::learned::{self, InMean, LEAST_FOR_BANDS};
use super::{
    Axis, AxisScale, Band, BandRange, Figure, FigureKind, Key, LegendEntry, Line, Note, NoteCode, Of, Panel,
    ReportData, Role, Series, words,
};
use crate::plane::{Mean, mean_over_seeds};
use crate::train::{EpochStats, LayerStats};

/// Places of the axis of epochs: all epochs that share one are averaged, for thousands of epochs fall on few hundred
/// places, and drawing each would thicken noise to a bar.
const PLACES: f64 = 232.0;
/// Places for single seeds, whose noise no mean has made smaller.
const PLACES_OF_SEEDS: f64 = PLACES / 2.0;

/// One quantity, by seed.
struct Quantity {
    seeds: Vec<(u64, Vec<(u64, f64)>)>,
    role: Role,
    dashed: bool,
}

/// Values against epochs.
type Points = Vec<(f64, f64)>;

/// The statistics of all seeds.
struct Training<'a> {
    data: &'a ReportData<'a>,
    in_mean: InMean,
    /// Ascending in epochs, each once.
    seeds: Vec<Vec<&'a EpochStats>>,
    n_layers: usize,
    x: Axis,
}

/// The figure of the training; nothing if there are no statistics.
pub(super) fn figure(data: &ReportData<'_>) -> Option<Figure> {
    let n_layers = data.training.iter().map(|stats| stats.layers.len()).max()?;
    let mut stats: Vec<&EpochStats> = data.training.iter().collect();
    stats.sort_by_key(|stats| (stats.seed, stats.epoch));
    stats.dedup_by_key(|stats| (stats.seed, stats.epoch));
    let seeds: Vec<Vec<&EpochStats>> =
        stats.chunk_by(|a, b| a.seed == b.seed).map(<[&EpochStats]>::to_vec).collect();
    let numbers: Vec<u64> = seeds.iter().map(|seed| seed[0].seed).collect();
    let x = Axis::epochs(stats.iter().map(|stats| stats.epoch));
    let training = Training { data, in_mean: data.in_mean(), seeds, n_layers, x };

    let loss =
        [training.network(|stats| stats.train_loss, false), training.network(|stats| stats.test_loss, true)];
    let accuracy = [
        training.network(|stats| stats.train_accuracy, false),
        training.network(|stats| stats.test_accuracy, true),
    ];
    let weights = training.layers(|layer| Some(layer.weight_norm), false);
    let mut gradient = training.layers(|layer| layer.gradient_mean, false);
    let deviation = training.layers(|layer| layer.gradient_standard_deviation, true);
    let (has_mean, has_deviation) = (gradient.iter().any(has), deviation.iter().any(has));
    gradient.extend(deviation);
    let ratio = training.layers(LayerStats::gradient_snr, false);
    let panels = vec![
        training.panel("loss", &loss, AxisScale::Linear),
        training.panel("accuracy", &accuracy, AxisScale::Linear),
        training.panel("weight norm  ‖W‖", &weights, AxisScale::Linear),
        training.panel("norm of the gradient", &gradient, AxisScale::Logarithmic),
        training.panel("gradient signal / noise", &ratio, AxisScale::Logarithmic),
    ];
    // Recorded networks come with what their program kept: what there is nothing of has no panel.
    let panels: Vec<Panel> = panels.into_iter().filter(|panel| !panel.series.is_empty()).collect();
    if panels.is_empty() {
        return None;
    }

    let mut legend = Vec::new();
    let mut entry = |key, name: &str| legend.push(LegendEntry { key, name: name.into() });
    if has(&loss[0]) || has(&accuracy[0]) {
        entry(Key::Line { dashed: false }, "training set");
    }
    if has(&loss[1]) || has(&accuracy[1]) {
        entry(Key::Line { dashed: true }, "test set");
    }
    if has_mean {
        entry(Key::LayerLine { dashed: false }, "gradient: mean");
    }
    if has_deviation {
        entry(Key::LayerLine { dashed: true }, "gradient: standard deviation");
    }

    let mut notes: Vec<Note> = learned::note(data).into_iter().collect();
    notes.extend(learned::reading(data, &numbers, "Bands: 25 to 75 % of the seeds."));
    let mut text =
        "Epochs that lie too close together on the axis to be told apart are one point, at their mean."
            .to_string();
    let statistics = match (has_mean, has_deviation) {
        (true, true) => Some(("the mean and of the standard deviation", "; their ratio is signal / noise")),
        (true, false) => Some(("the mean", "")),
        (false, true) => Some(("the standard deviation", "")),
        (false, false) => None,
    };
    if let Some((of, ratio)) = statistics {
        text += &format!(
            " Gradient: the norm of {of} of an epoch's mini-batch gradients, entry by entry{ratio}."
        );
    }
    // Those with a line of their own.
    let of_layers = [&weights, &gradient, &ratio].into_iter().flatten().filter(|quantity| has(quantity));
    let drawn: Vec<Role> = of_layers.map(|quantity| quantity.role).collect();
    notes.push(Note::reading(NoteCode::Definition, text));
    Some(Figure {
        id: "training".into(),
        kind: FigureKind::Training,
        heading: "Training".into(),
        title: format!("Training – {}", data.title),
        facts: words::facts(data, &numbers),
        layers: (1..=n_layers)
            .filter(|&layer| drawn.contains(&Role::Layer(layer)))
            .map(|layer| data.shown_layer(layer, width(data, layer)))
            .collect(),
        panels,
        grid: None,
        groups: vec![],
        legend,
        notes,
        table: None,
    })
}

fn has(quantity: &Quantity) -> bool {
    quantity.seeds.iter().any(|(_, points)| !points.is_empty())
}

/// The width of a layer that is not described, from the rows that measured it.
fn width(data: &ReportData<'_>, layer: usize) -> usize {
    if data.layers.len() >= layer {
        return 0;
    }
    data.plane.rows().find(|row| row.layer == layer).map_or(0, |row| row.width)
}

impl Training<'_> {
    fn quantity(&self, value: impl Fn(&EpochStats) -> Option<f32>, role: Role, dashed: bool) -> Quantity {
        // A diverged epoch has no place in a figure; the curve ends before it.
        let point = |stats: &&EpochStats| {
            let value = value(stats).filter(|value| value.is_finite())?;
            Some((stats.epoch, f64::from(value)))
        };
        let seeds = self.seeds.iter().map(|seed| (seed[0].seed, seed.iter().filter_map(point).collect()));
        let seeds = seeds.filter(|(_, points): &(u64, Vec<(u64, f64)>)| !points.is_empty()).collect();
        Quantity { seeds, role, dashed }
    }

    fn network(&self, value: impl Fn(&EpochStats) -> Option<f32>, dashed: bool) -> Quantity {
        self.quantity(value, Role::Network, dashed)
    }

    fn layers(&self, value: impl Fn(&LayerStats) -> Option<f32>, dashed: bool) -> Vec<Quantity> {
        let of = |index: usize| {
            self.quantity(|stats| value(stats.layers.get(index)?), Role::Layer(index + 1), dashed)
        };
        (0..self.n_layers).map(of).collect()
    }

    fn panel(&self, name: &str, quantities: &[Quantity], scale: AxisScale) -> Panel {
        let drawn: Vec<Vec<Series>> = quantities.iter().map(|quantity| self.series(quantity)).collect();
        let values = || drawn.iter().flatten().flat_map(values);
        let y = match scale {
            AxisScale::Logarithmic => Axis::logarithmic(name, "", values()),
            _ => Axis::linear(name, "", values(), 0.06),
        };
        // First what is around the means, then the seeds that did not learn, and the means above all of it.
        let rank = |series: &Series| match series {
            Series::Line(line) if line.of == Of::Mean => 2,
            Series::Line(line) if line.failed => 1,
            _ => 0,
        };
        let mut series: Vec<Series> = drawn.into_iter().flatten().collect();
        series.sort_by_key(rank);
        Panel { name: String::new(), x: self.x.clone(), y, series, limits: vec![], remark: None }
    }

    /// The seeds, or a band where there are many; those that did not learn; and the mean.
    fn series(&self, quantity: &Quantity) -> Vec<Series> {
        let &Quantity { role, dashed, .. } = quantity;
        let in_mean: Vec<Vec<(u64, f64)>> = quantity
            .seeds
            .iter()
            .filter(|(seed, _)| self.in_mean.has(*seed))
            .map(|(_, points)| points.clone())
            .collect();
        let mean = mean_over_seeds(&in_mean);
        let of_mean = |value: fn(&Mean) -> f64| {
            self.averaged(mean.iter().map(|(epoch, mean)| (*epoch, value(mean))), PLACES)
        };
        if !has(quantity) {
            return vec![];
        }
        let mut series = Vec::new();
        // The inner bands only: with a dozen curves on a panel the outer ones would cover each other.
        let bands = in_mean.len() >= LEAST_FOR_BANDS;
        if bands {
            let (low, high) = (of_mean(|mean| mean.percentiles.p25), of_mean(|mean| mean.percentiles.p75));
            let points = low.into_iter().zip(high).map(|((x, low), (_, high))| (x, low, high)).collect();
            series.push(Series::Band(Band { role, range: BandRange::From25To75, points }));
        }
        for (seed, points) in quantity.seeds.iter().filter(|_| quantity.seeds.len() > 1) {
            let failed = self.data.is_failed(*seed);
            if failed || !bands {
                let points = self.averaged(points.iter().copied(), PLACES_OF_SEEDS);
                series.push(Series::Line(Line {
                    failed,
                    dashed,
                    ..Line::new(role, Of::Seed(*seed), points)
                }));
            }
        }
        let points = of_mean(|mean| mean.mean);
        series.push(Series::Line(Line { dashed, ..Line::new(role, Of::Mean, points) }));
        series
    }

    /// One point for all epochs that share a place of the axis, at their mean.
    fn averaged(&self, values: impl Iterator<Item = (u64, f64)>, places: f64) -> Points {
        let range = (self.x.low, self.x.high);
        let mut averaged: Vec<(i64, f64, f64, f64)> = Vec::new();
        for (epoch, value) in values {
            let share = epoch_share(range, epoch as f64);
            // The last epoch alone would fall on a place of its own, noisier than its neighbours.
            let place = (share * places).floor().min(places - 1.0) as i64;
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
}

fn values(series: &Series) -> Vec<f64> {
    match series {
        Series::Line(line) => line.points.iter().map(|point| point.1).collect(),
        Series::Band(band) => band.points.iter().flat_map(|point| [point.1, point.2]).collect(),
        _ => vec![],
    }
}
