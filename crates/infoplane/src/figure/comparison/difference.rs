//! How far two groups are apart, over epochs.

use super::member::{Member, shown_layers};
use super::{CommonMethod, Comparison};
use crate::figure::thinning::thin;
use crate::figure::{
    Axis, Band, BandRange, Direction, Figure, FigureKind, Grid, Limit, Line, Note, NoteCode, Of, Panel, Role,
    Series,
};
use crate::plane::{LayerPath, Mean, MeanPoint};

/// An epoch that both groups measured.
#[derive(Clone, Copy)]
struct Point {
    epoch: u64,
    /// Of I(X;T) and of I(T;Y).
    differences: [Difference; 2],
}

/// The difference of two means.
#[derive(Clone, Copy)]
struct Difference {
    value: f64,
    /// Its standard error, where both means have one.
    error: Option<f64>,
}

impl Difference {
    fn of(from: Mean, to: Mean) -> Difference {
        let error = from.standard_error.zip(to.standard_error).map(|(a, b)| (a * a + b * b).sqrt());
        Difference { value: to.mean - from.mean, error }
    }
}

impl Comparison {
    /// The second group minus the first, of I(X;T) and of I(T;Y), for each layer that both have, at the epochs that both measured.
    pub(super) fn difference(&self, method: &CommonMethod, members: &[Member<'_>]) -> Option<Figure> {
        let [first, second] = members else { return None };
        if self.groups.len() != 2 {
            return None;
        }
        let in_second = |layer: usize| second.layers.iter().find(|other| other.layer == layer);
        let of_layer = |from: &LayerPath| Some((from.layer, points(from, in_second(from.layer)?)));
        let mut layers: Vec<(usize, Vec<Point>)> = first.layers.iter().filter_map(of_layer).collect();
        let thinned = thin(layers.iter_mut().map(|(_, points)| points).collect(), |point| {
            (point.epoch, point.differences[0].value, point.differences[1].value)
        });
        let all = || layers.iter().flat_map(|(_, points)| points);
        all().next()?;
        let x = Axis::epochs(all().map(|point| point.epoch));
        let panels = ["I(X;T)", "I(T;Y)"].into_iter().enumerate();
        let panels = panels.map(|(which, quantity)| panel(which, quantity, &layers, &x)).collect();
        let (from, to) = (&first.group.name, &second.group.name);
        let has_errors = all().flat_map(|point| point.differences).any(|one| one.error.is_some());
        let mut reading =
            format!("Above zero: more in {to} than in {from}, at the epochs that both measured.");
        if has_errors {
            reading += " Bands: one standard error on both sides, as of seeds that have nothing in common.";
        }
        let reading = Note::reading(NoteCode::Definition, reading);
        Some(Figure {
            id: format!("difference-{}", method.id),
            kind: FigureKind::Difference,
            heading: format!("Difference, {to} − {from}: {}", method.title),
            title: format!("Difference – {to} − {from}"),
            facts: self.facts(method, members),
            layers: shown_layers(members),
            panels,
            grid: Some(Grid { columns: vec![String::new(); 2], rows: vec![] }),
            groups: vec![],
            legend: vec![],
            notes: self.notes(method, members, [reading].into_iter().chain(thinned)),
            table: Some("comparison.csv".into()),
        })
    }
}

/// The differences at the epochs of both. Epochs ascend.
fn points(from: &LayerPath, to: &LayerPath) -> Vec<Point> {
    let at = |epoch: u64| to.mean.binary_search_by_key(&epoch, |point| point.epoch).ok();
    let both = from.mean.iter().filter_map(|point| Some((point, &to.mean[at(point.epoch)?])));
    let of = |(from, to): (&MeanPoint, &MeanPoint)| Point {
        epoch: from.epoch,
        differences: [
            Difference::of(from.i_xt_bits, to.i_xt_bits),
            Difference::of(from.i_ty_bits, to.i_ty_bits),
        ],
    };
    both.map(of).collect()
}

fn panel(which: usize, quantity: &str, layers: &[(usize, Vec<Point>)], x: &Axis) -> Panel {
    let mut series = Vec::new();
    let mut values = vec![0.0];
    for (layer, points) in layers {
        let role = Role::Layer(*layer);
        let points = points.iter().map(|point| (point.epoch as f64, point.differences[which]));
        let band = points
            .clone()
            .filter_map(|(epoch, Difference { value, error })| Some((epoch, value - error?, value + error?)));
        let band: Vec<(f64, f64, f64)> = band.collect();
        values.extend(band.iter().flat_map(|point| [point.1, point.2]));
        if band.len() > 1 {
            series.push(Series::Band(Band { role, range: BandRange::StandardError, points: band }));
        }
        let line: Vec<(f64, f64)> = points.map(|(epoch, one)| (epoch, one.value)).collect();
        values.extend(line.iter().map(|point| point.1));
        series.push(Series::Line(Line::new(role, Of::Mean, line)));
    }
    Panel {
        name: String::new(),
        x: x.clone(),
        y: Axis::linear(&format!("difference of {quantity}"), "bits", values, 0.06),
        series,
        limits: vec![Limit { axis: Direction::Y, value: 0.0, name: String::new(), text: String::new() }],
        remark: None,
    }
}
