//! What the units of layers tell of the label, against the epoch.

use std::collections::{BTreeMap, BTreeSet};

use super::over_seeds::{OverSeeds, axis, by_layer_and_seed, layers_of, reading, seeds_of};
use super::thinning::thin;
use super::{
    Axis, Band, BandRange, Direction, Figure, FigureKind, Grid, Key, LegendEntry, Limit, Line, Note,
    NoteCode, Of, Panel, ReportData, Role, Series, learned, words,
};
use crate::plane::{MethodDescription, Percentiles};
use crate::quantity::{QuantityRow, UnitAmounts, UnitQuantities};

/// A layer of more units has bands in the place of a line for each.
const MOST_LINES: usize = 12;

/// The figures of one method: degrees of redundancy and vulnerability with the representational complexity, and the single units;
/// nothing if its units were not measured.
pub(super) fn figures(data: &ReportData<'_>, method: &MethodDescription) -> Vec<Figure> {
    let data = &*data.of_method(method);
    let rows: Vec<&QuantityRow> = data
        .quantities
        .iter()
        .filter(|row| row.method.as_deref() == Some(&method.id) && row.units().is_some())
        .collect();
    [degrees(data, method, &rows), single(data, method, &rows)].into_iter().flatten().collect()
}

/// A number of a layer at an epoch.
type Degree = fn(&UnitAmounts) -> Option<f64>;

fn is_all_bias(row: &QuantityRow) -> bool {
    row.units().is_some_and(|units| units.is_all_bias)
}

fn width(rows: &[&QuantityRow], layer: usize) -> usize {
    let of_layer = rows.iter().find(|row| row.layer == layer).and_then(|row| row.units());
    of_layer.map_or(0, |units| units.labels.unit_bits.len())
}

fn degrees(data: &ReportData<'_>, method: &MethodDescription, rows: &[&QuantityRow]) -> Option<Figure> {
    let in_mean = data.in_mean();
    let quantities: [(&str, Degree); 3] = [
        ("degree of redundancy r", UnitAmounts::redundancy_degree),
        ("degree of vulnerability v", UnitAmounts::vulnerability_degree),
        ("representational complexity C", UnitAmounts::complexity),
    ];
    let layers = layers_of(rows);
    let of_seeds_in_mean: Vec<&QuantityRow> =
        rows.iter().copied().filter(|row| in_mean.has(row.seed)).collect();
    let by_layer = by_layer_and_seed(&of_seeds_in_mean);
    let mut thinned = None;
    let panel = |(name, degree): (&str, Degree)| {
        let mut series = Vec::new();
        for (&layer, seeds) in &by_layer {
            let shown = not_all_bias(seeds);
            let over_seeds = |of: fn(&UnitQuantities) -> &UnitAmounts| {
                let of_seed = |rows: &Vec<&QuantityRow>| {
                    rows.iter().filter_map(|row| Some((row.epoch, degree(of(row.units()?))?))).collect()
                };
                OverSeeds::of(&shown.iter().map(of_seed).collect::<Vec<Vec<(u64, f64)>>>())
            };
            let role = Role::Layer(layer);
            let mut mean = over_seeds(|units| &units.labels);
            thinned = thinned.take().or(mean.thinned.take());
            series.extend(mean.band(role));
            series.extend(over_seeds(|units| &units.shuffled).line(role, true));
            series.extend(mean.line(role, false));
        }
        let y = axis(name, &series, [0.0, 1.0]);
        let one = Limit { axis: Direction::Y, value: 1.0, name: String::new(), text: String::new() };
        Panel {
            name: String::new(),
            x: Axis::epochs(rows.iter().map(|row| row.epoch)),
            y,
            remark: series.is_empty().then(|| "no value".into()),
            series,
            limits: vec![one],
        }
    };
    let panels: Vec<Panel> =
        quantities.into_iter().map(panel).filter(|panel| !panel.series.is_empty()).collect();
    if panels.is_empty() {
        return None;
    }
    let seeds = seeds_of(rows);
    let mut notes: Vec<Note> = learned::note(data).into_iter().collect();
    notes.extend(reading(&seeds));
    notes.extend(thinned);
    notes.push(Note::reading(
        NoteCode::Definition,
        "r = Σ I(unit;Y) / I(T;Y): in how many units a bit about the label is found alone, on average. v = Σ I(unit;Y | the others) / \
         I(T;Y): how many units a bit cannot do without. C: how many units must be read for a bit, by shared exclusions, for layers \
         of up to five units or of groups.",
    ));
    notes.push(Note::reading(
        NoteCode::ShuffledLabels,
        "Dashed: the same with the labels in random order, which so many samples in so many cells give by chance. It is no zero to \
         subtract.",
    ));
    notes.extend(groups(data, &by_layer));
    notes.extend(all_bias(data, &by_layer));
    Some(Figure {
        id: format!("units-{}", method.id),
        kind: FigureKind::Curves,
        heading: format!("Redundancy, vulnerability and complexity: {}", method.title),
        title: format!("Where the information sits – {}", data.title),
        facts: std::iter::once(method.title.clone()).chain(words::facts(data, &seeds)).collect(),
        layers: layers.iter().map(|&layer| data.shown_layer(layer, width(rows, layer))).collect(),
        grid: Some(Grid { columns: vec![String::new(); panels.len()], rows: vec![] }),
        panels,
        groups: vec![],
        legend: vec![LegendEntry { key: Key::LayerLine { dashed: true }, name: "labels shuffled".into() }],
        notes,
        table: Some("plane.csv".into()),
    })
}

/// Which layers have the complexity of groups of units.
fn groups(
    data: &ReportData<'_>,
    by_layer: &BTreeMap<usize, BTreeMap<u64, Vec<&QuantityRow>>>,
) -> Option<Note> {
    let of_layer = |(&layer, seeds): (&usize, &BTreeMap<u64, Vec<&QuantityRow>>)| {
        let of_groups = not_all_bias(seeds).into_iter().flatten().find_map(|row| {
            let amounts = &row.units()?.labels;
            let n = amounts.synergy_bits.len();
            (0 < n && n < amounts.unit_bits.len()).then_some(n)
        });
        of_groups.map(|n| format!("{} of {n} groups of its units", words::called(data, layer)))
    };
    let layers: Vec<String> = by_layer.iter().filter_map(of_layer).collect();
    let text = format!("C is that of groups in wider layers: {}.", layers.join(", "));
    (!layers.is_empty()).then(|| Note::reading(NoteCode::Definition, text))
}

/// The rows of the seeds of a layer of which the mean is drawn. Seeds that are all bias at every epoch are left out; where another is,
/// the epoch is, for the mean of the others would jump.
fn not_all_bias<'r>(seeds: &BTreeMap<u64, Vec<&'r QuantityRow>>) -> Vec<Vec<&'r QuantityRow>> {
    let seeds: Vec<_> = seeds.values().filter(|rows| !rows.iter().all(|row| is_all_bias(row))).collect();
    let biased: BTreeSet<u64> =
        seeds.iter().copied().flatten().filter(|row| is_all_bias(row)).map(|row| row.epoch).collect();
    let shown = |rows: &Vec<&'r QuantityRow>| {
        rows.iter().copied().filter(|row| !biased.contains(&row.epoch)).collect()
    };
    seeds.into_iter().map(shown).collect()
}

/// Which rows are not drawn because all of I(T;Y) is bias.
fn all_bias(
    data: &ReportData<'_>,
    by_layer: &BTreeMap<usize, BTreeMap<u64, Vec<&QuantityRow>>>,
) -> Option<Note> {
    let left_out = by_layer.iter().filter_map(|(&layer, seeds)| {
        let all = seeds.values().map(Vec::len).sum::<usize>();
        let n = all - not_all_bias(seeds).iter().map(Vec::len).sum::<usize>();
        (n > 0).then(|| format!("{n} of {all} of {}", words::called(data, layer)))
    });
    let left_out: Vec<String> = left_out.collect();
    let text = format!(
        "Left out, of the values of all seeds: {}. There shuffled labels have nearly all of H(Y), for this seed or for another at \
         the same epoch: every sample is nearly alone in its cell, and nothing follows for the layer.",
        left_out.join(", ")
    );
    (!left_out.is_empty()).then(|| Note::warning(NoteCode::ShuffledLabels, text))
}

/// I(Tᵢ;Y) of every unit of one seed: units of other seeds are others.
fn single(data: &ReportData<'_>, method: &MethodDescription, rows: &[&QuantityRow]) -> Option<Figure> {
    let in_mean = data.in_mean();
    let seed = seeds_of(rows).into_iter().find(|&seed| in_mean.has(seed))?;
    let rows: Vec<&QuantityRow> = rows.iter().copied().filter(|row| row.seed == seed).collect();
    let layers = layers_of(&rows);
    let mut of_layer: BTreeMap<usize, Vec<&QuantityRow>> = BTreeMap::new();
    rows.iter().for_each(|&row| of_layer.entry(row.layer).or_default().push(row));
    let thinned = thin(of_layer.values_mut().collect(), |row| {
        let amounts = row.units().map(|units| &units.labels);
        let of_units = amounts.map_or(0.0, |amounts| amounts.unit_bits.iter().sum());
        (row.epoch, amounts.map_or(0.0, |amounts| amounts.i_ty_bits), of_units)
    });
    let units_at = |layer: usize| {
        let of_layer = of_layer[&layer].iter();
        of_layer.filter_map(|row| Some((row.epoch as f64, &row.units()?.labels)))
    };
    let panel = |layer: usize| {
        let role = Role::Layer(layer);
        let whole = units_at(layer).map(|(epoch, amounts)| (epoch, amounts.i_ty_bits)).collect();
        let mut series = vec![Series::Line(Line { dashed: true, ..Line::new(role, Of::Mean, whole) })];
        let n_units = width(&rows, layer);
        if n_units <= MOST_LINES {
            series.extend((0..n_units).map(|unit| {
                // A file may hold fewer units at one epoch than at another.
                let points = units_at(layer)
                    .filter_map(|(epoch, amounts)| Some((epoch, *amounts.unit_bits.get(unit)?)));
                Series::Line(Line::new(role, Of::Seed(seed), points.collect()))
            }));
        } else {
            let at = |ends: fn(&Percentiles) -> (f64, f64)| {
                let of_epoch = units_at(layer).filter_map(move |(epoch, amounts)| {
                    let (low, high) = ends(&Percentiles::of(&amounts.unit_bits)?);
                    Some((epoch, low, high))
                });
                of_epoch.collect::<Vec<_>>()
            };
            let band = |range, points| Series::Band(Band { role, range, points });
            series.push(band(BandRange::From5To95, at(|percentiles| (percentiles.p5, percentiles.p95))));
            series.push(band(BandRange::From25To75, at(|percentiles| (percentiles.p25, percentiles.p75))));
            let median = at(|percentiles| (percentiles.p50, percentiles.p50));
            let median = median.into_iter().map(|(epoch, value, _)| (epoch, value)).collect();
            series.push(Series::Line(Line::new(role, Of::Seed(seed), median)));
        }
        let most = units_at(layer).map(|(_, amounts)| amounts.i_ty_bits);
        Panel {
            name: words::called(data, layer),
            x: Axis::epochs(rows.iter().map(|row| row.epoch)),
            y: Axis::bits(
                "I(unit;Y)",
                most,
                [data.h_y.bits()].into_iter().filter(|h_y| h_y.is_finite()),
                0.06,
            ),
            series,
            limits: vec![],
            remark: None,
        }
    };
    let wide = layers.iter().any(|&layer| width(&rows, layer) > MOST_LINES);
    let bands = format!(
        " Of layers of more than {MOST_LINES} units: the median of the units, and bands of 5 to 95 and 25 to 75 % of them."
    );
    let reading = format!(
        "A line for each unit of seed {seed}. Dashed: I(T;Y), all units together. Seeds have units of their own, so nothing is averaged.{}",
        if wide { bands.as_str() } else { "" }
    );
    let biased: Vec<String> = layers
        .iter()
        .filter(|&&layer| rows.iter().any(|row| row.layer == layer && is_all_bias(row)))
        .map(|&layer| words::called(data, layer))
        .collect();
    let biased = (!biased.is_empty()).then(|| {
        let text = format!(
            "Of {} shuffled labels have nearly all of H(Y) at some epochs: every sample is nearly alone in its cell, and the dashed \
             line says nothing of the layer there.",
            biased.join(", ")
        );
        Note::warning(NoteCode::ShuffledLabels, text)
    });
    let columns = layers.len().min(3);
    Some(Figure {
        id: format!("single-units-{}", method.id),
        kind: FigureKind::Curves,
        heading: format!("Information of single units: {}", method.title),
        title: format!("What single units tell of the label – {}", data.title),
        facts: std::iter::once(method.title.clone()).chain(words::facts(data, &[seed])).collect(),
        layers: layers.iter().map(|&layer| data.shown_layer(layer, width(&rows, layer))).collect(),
        grid: Some(Grid { columns: vec![String::new(); columns], rows: vec![] }),
        panels: layers.iter().map(|&layer| panel(layer)).collect(),
        groups: vec![],
        legend: vec![LegendEntry { key: Key::LayerLine { dashed: true }, name: "all units together".into() }],
        notes: std::iter::once(Note::reading(NoteCode::Definition, reading))
            .chain(thinned)
            .chain(biased)
            .collect(),
        table: Some("units.csv".into()),
    })
    .filter(|figure| !figure.panels.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::quantity::QuantityValues;
    use crate::{Information, InformationPlane, PlaneRow};

    fn amounts(i_ty_bits: f64, n_units: usize) -> UnitAmounts {
        let synergy_bits = vec![i_ty_bits / 2.0; if n_units <= 5 { n_units } else { 0 }];
        let bits = |factor: f64| (0..n_units).map(|unit| factor * i_ty_bits / (unit + 1) as f64).collect();
        UnitAmounts { i_ty_bits, unit_bits: bits(0.5), beyond_bits: bits(0.1), synergy_bits }
    }

    fn row(seed: u64, epoch: u64, layer: usize, is_all_bias: bool) -> QuantityRow {
        let n_units = if layer == 1 { 20 } else { 2 };
        let units = UnitQuantities {
            labels: amounts(0.5, n_units),
            shuffled: amounts(0.01, n_units),
            alone: 0,
            is_all_bias,
        };
        let values = QuantityValues::Units(units);
        QuantityRow { seed, epoch, layer, method: Some("binned".into()), part: None, values }
    }

    fn shown(quantities: &[QuantityRow]) -> Vec<Figure> {
        let method = Arc::new(MethodDescription::new("binned", "", None));
        let plane = InformationPlane::from_iter([PlaneRow::new(0, 0, (1, 20), &method, (1.0, 0.5))]);
        let h_y = Information::from_bits(1.0);
        figures(&ReportData { quantities, h_y, ..ReportData::empty(&plane) }, &method)
    }

    #[test]
    fn degrees_are_means_over_seeds_beside_those_of_shuffled_labels() {
        let rows: Vec<QuantityRow> = (0..2)
            .flat_map(|seed| (0..3).flat_map(move |epoch| [1, 2].map(|layer| row(seed, epoch, layer, false))))
            .collect();
        let figures = shown(&rows);
        assert_eq!(figures.len(), 2);
        let names: Vec<&str> = figures[0].panels.iter().map(|panel| &*panel.y.quantity).collect();
        assert_eq!(
            names,
            ["degree of redundancy r", "degree of vulnerability v", "representational complexity C"]
        );
        // Of the narrow layer r̄ = ½ + ¼, both with labels as they are and shuffled.
        let lines: Vec<&Line> = figures[0].panels[0].lines().filter(|l| l.role == Role::Layer(2)).collect();
        assert!(lines.iter().all(|line| line.points.iter().all(|&(_, y)| (y - 0.75).abs() < 1e-12)));
        assert_eq!(lines.iter().map(|line| line.dashed).collect::<Vec<_>>(), [true, false]);
        // The wide layer has no complexity, and bands for its units.
        assert!(figures[0].panels[2].lines().all(|line| line.role == Role::Layer(2)));
        let wide = &figures[1].panels[0];
        assert_eq!(wide.series.iter().filter(|s| matches!(s, Series::Band(_))).count(), 2);
        assert_eq!(figures[1].panels[1].lines().count(), 3);
    }

    #[test]
    fn complexity_of_groups_is_told() {
        let told = |rows: &[QuantityRow]| {
            let notes = shown(rows)[0].notes.clone();
            notes.into_iter().find(|note| note.text.starts_with("C is that of groups")).map(|note| note.text)
        };
        let mut rows = [row(0, 0, 1, false), row(0, 0, 2, false)];
        assert_eq!(told(&rows), None);
        let QuantityValues::Units(units) = &mut rows[0].values else { unreachable!() };
        units.labels.synergy_bits = vec![0.25; 3];
        let expected = "C is that of groups in wider layers: T₁ of 3 groups of its units.";
        assert_eq!(told(&rows).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_all_bias_is_left_out_and_told() {
        let figures = shown(&[row(0, 0, 2, false), row(0, 5, 2, true)]);
        assert!(
            figures[1]
                .notes
                .iter()
                .any(|note| note.text.starts_with("Of T₂ shuffled labels have nearly all"))
        );
        let line = figures[0].panels[0].lines().find(|line| !line.dashed).unwrap();
        assert_eq!(line.points.len(), 1);
        let left_out = |figures: &[Figure]| {
            let told = figures[0].notes.iter().find(|note| note.text.starts_with("Left out"));
            told.map_or(String::new(), |note| note.text.clone())
        };
        assert!(left_out(&figures).contains(": 1 of 2 of T₂. There"), "{}", left_out(&figures));
        assert!(shown(&[]).is_empty());
        // Of two seeds one says nothing at an epoch: the other's value there is no mean.
        let rows = [row(0, 0, 2, false), row(1, 0, 2, false), row(0, 5, 2, true), row(1, 5, 2, false)];
        let epochs = |figures: &[Figure]| {
            let line = figures[0].panels[0].lines().find(|line| !line.dashed).unwrap().clone();
            line.points.iter().map(|point| point.0).collect::<Vec<_>>()
        };
        assert_eq!(epochs(&shown(&rows)), [0.0]);
        assert!(left_out(&shown(&rows)).contains(": 2 of 4 of T₂. There"));
        // One that says nothing at any epoch is not waited for.
        let rows = [row(0, 0, 2, true), row(1, 0, 2, false), row(0, 5, 2, true), row(1, 5, 2, false)];
        assert_eq!(epochs(&shown(&rows)), [0.0, 5.0]);
        assert!(left_out(&shown(&rows)).contains(": 2 of 4 of T₂. There"));
    }
}
