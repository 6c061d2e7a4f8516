//! How far two groups are apart, over epochs.

use super::member::{Member, notes, shown_layers};
use super::{CommonMethod, Comparison, other_data};
use crate::figure::{
    Axis, Band, BandRange, Direction, Figure, FigureKind, Grid, Limit, Line, Note, NoteCode, Of, Panel, Role,
    Series,
};
use crate::plane::{LayerPath, Mean, MeanPoint};

/// What is told of a point of a mean path.
type Value = fn(&MeanPoint) -> Mean;
/// An epoch with the difference of two means and its standard error, where both have one.
type Difference = (f64, f64, Option<f64>);
/// A layer with its differences.
type OfLayer = (usize, Vec<Difference>);

impl Comparison {
    /// The second group minus the first, of I(X;T) and of I(T;Y), for each layer that both have, at the epochs that both measured.
    pub(super) fn difference(&self, method: &CommonMethod, members: &[Member<'_>]) -> Option<Figure> {
        let [first, second] = members else { return None };
        if self.groups.len() != 2 {
            return None;
        }
        let pairs: Vec<(&LayerPath, &LayerPath)> = first
            .layers
            .iter()
            .filter_map(|layer| Some((layer, second.layers.iter().find(|other| other.layer == layer.layer)?)))
            .collect();
        let quantities: [(&str, Value); 2] =
            [("I(X;T)", |point| point.i_xt_bits), ("I(T;Y)", |point| point.i_ty_bits)];
        let found = quantities.map(|(quantity, value)| {
            let of = |&(a, b): &(&LayerPath, &LayerPath)| (a.layer, differences(a, b, value));
            (quantity, pairs.iter().map(of).collect::<Vec<OfLayer>>())
        });
        let epochs = || found.iter().flat_map(|(_, layers)| layers).flat_map(|(_, points)| points);
        epochs().next()?;
        let x = Axis::epochs(epochs().map(|point| point.0 as u64));
        let panels = found.iter().map(|(quantity, layers)| panel(quantity, layers, &x)).collect();
        let (from, to) = (&first.group.name, &second.group.name);
        let has_errors = epochs().any(|point| point.2.is_some());
        let mut reading =
            format!("Above zero: more in {to} than in {from}, at the epochs that both measured.");
        if has_errors {
            reading += " Bands: one standard error on both sides, as of seeds that have nothing in common.";
        }
        let settings =
            (!method.same_settings).then(|| Note::fact(NoteCode::Definition, self.settings(members)));
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
            notes: self
                .lacking(method)
                .into_iter()
                .chain([Note::reading(NoteCode::Definition, reading)])
                .chain(settings)
                .chain(other_data(members))
                .chain(notes(members))
                .collect(),
            table: Some("comparison.csv".into()),
        })
    }
}

/// The differences at the epochs of both. Epochs ascend.
fn differences(a: &LayerPath, b: &LayerPath, value: Value) -> Vec<Difference> {
    let at = |epoch: u64| b.mean.binary_search_by_key(&epoch, |point| point.epoch).ok();
    let of = |from: &MeanPoint| {
        let (from_mean, to_mean) = (value(from), value(&b.mean[at(from.epoch)?]));
        let error = from_mean.standard_error.zip(to_mean.standard_error).map(|(a, b)| (a * a + b * b).sqrt());
        let difference = to_mean.mean - from_mean.mean;
        difference.is_finite().then_some((from.epoch as f64, difference, error))
    };
    a.mean.iter().filter_map(of).collect()
}

fn panel(quantity: &str, layers: &[OfLayer], x: &Axis) -> Panel {
    let mut series = Vec::new();
    let mut values = vec![0.0];
    for (layer, points) in layers {
        let role = Role::Layer(*layer);
        let ends =
            |&(epoch, value, error): &Difference| error.map(|error| (epoch, value - error, value + error));
        let band: Vec<(f64, f64, f64)> = points.iter().filter_map(ends).collect();
        values.extend(points.iter().map(|point| point.1));
        values.extend(band.iter().flat_map(|point| [point.1, point.2]));
        if band.len() > 1 {
            series.push(Series::Band(Band { role, range: BandRange::StandardError, points: band }));
        }
        let points = points.iter().map(|point| (point.0, point.1)).collect();
        series.push(Series::Line(Line::new(role, Of::Mean, points)));
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
