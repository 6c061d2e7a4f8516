//! Layers against each other and against the parts of the inputs, at a few epochs.

use std::collections::{BTreeMap, BTreeSet};

use super::over_seeds::{OverSeeds, axis, by_layer_and_seed, layers_of, reading, seeds_of};
use super::{
    Axis, Cell, Cells, Figure, FigureKind, Grid, Note, NoteCode, Panel, ReportData, Role, Series, learned,
    words,
};
use crate::plane::{Mean, MethodDescription};
use crate::quantity::QuantityRow;

/// So many epochs have a panel each.
const MOST_EPOCHS: usize = 4;

/// Inputs of more features are drawn without numbers.
const MOST_NUMBERS: usize = 16;

/// From so many features on, a square number of them is taken for an image.
const LEAST_FOR_IMAGE: usize = 36;

/// I(Tᵢ;Tⱼ) and I(X_p;T) of one method; what was not measured has no figure.
pub(super) fn figures(data: &ReportData<'_>, method: &MethodDescription) -> Vec<Figure> {
    let data = &*data.of_method(method);
    let rows: Vec<&QuantityRow> =
        data.quantities.iter().filter(|row| row.method.as_deref() == Some(&method.id)).collect();
    let bound =
        method.bound.map_or(String::new(), |bound| format!(" Each value is its {} bound.", bound.name()));
    let noisy = matches!(method.estimator.as_str(), "kde" | "noise");
    let diagonal = match noisy {
        true => "of two noisy copies of it, with noise of each layer's own",
        false => "H(T)",
    };
    // Noise leaves no cells; H(T) of cells that all hold one sample is log₂ N.
    let of_cells = match noisy {
        true => "",
        false => " Where every sample is nearly alone in its cell it is log2 N, whatever the layers.",
    };
    let pairs = Matrix {
        id: format!("layers-{}", method.id),
        heading: format!("Layers against each other: {}", method.title),
        title: "What layers tell of each other",
        quantity: "I(layer;layer)",
        unit: "bits",
        note: format!(
            "The information of two layers about each other, of a layer with itself {diagonal}.{bound}{of_cells}"
        ),
        table: "pairs.csv",
        facts: vec![method.title.clone()],
        value: &|row, place| row.layers()?.i_bits.get(place).copied().flatten(),
    };
    [matrix(data, &rows, &pairs), inputs(data, method, &rows)].into_iter().flatten().collect()
}

/// Centred kernel alignment and ranks, which need no method.
pub(super) fn similarity(data: &ReportData<'_>) -> Vec<Figure> {
    let rows: Vec<&QuantityRow> = data.quantities.iter().filter(|row| row.similarity().is_some()).collect();
    let parts: BTreeSet<_> = rows.iter().map(|row| row.part).collect();
    let of_part = |part: Option<crate::plane::Part>| {
        let rows: Vec<&QuantityRow> = rows.iter().copied().filter(|row| row.part == part).collect();
        let suffix = part.map_or(String::new(), |part| format!("-{}", part.name()));
        let named = part.map_or(String::new(), |part| format!(", {}", part.title()));
        let alignment = Matrix {
            id: format!("similarity{suffix}"),
            heading: format!("Similarity of layers{named}"),
            title: "Similarity of layers",
            quantity: "linear CKA",
            unit: "",
            note: "Linear centred kernel alignment (Kornblith et al. 2019): 1 for layers that are the same but for a rotation and a \
                   scale. With few samples for many units it is high for layers that have nothing in common; the unbiased values are \
                   in the table."
                .into(),
            table: "similarity.csv",
            facts: part.map(|part| part.title().to_string()).into_iter().collect(),
            value: &|row, place| row.similarity()?.linear_cka.get(place).copied().flatten(),
        };
        [matrix(data, &rows, &alignment), ranks(data, &rows, &suffix, &named)]
    };
    parts.into_iter().flat_map(of_part).flatten().collect()
}

/// A table of all pairs of layers.
struct Matrix<'a> {
    id: String,
    heading: String,
    title: &'a str,
    quantity: &'a str,
    unit: &'a str,
    note: String,
    table: &'a str,
    facts: Vec<String>,
    /// The value of a row with the layer so many places after its own.
    value: &'a dyn Fn(&QuantityRow, usize) -> Option<f64>,
}

/// A few of the epochs that all seeds were measured at, the first and the last among them.
fn shown_epochs(rows: &[&QuantityRow], seeds: &[u64]) -> Vec<u64> {
    let all: BTreeSet<u64> = rows.iter().map(|row| row.epoch).collect();
    let at: BTreeSet<(u64, u64)> = rows.iter().map(|row| (row.seed, row.epoch)).collect();
    let common: Vec<u64> =
        all.into_iter().filter(|&epoch| seeds.iter().all(|&seed| at.contains(&(seed, epoch)))).collect();
    let last = common.len().saturating_sub(1);
    // Evenly among the measured epochs, which are mostly dense where much happens.
    let n = MOST_EPOCHS.min(common.len());
    let places: BTreeSet<usize> = (0..n).map(|shown| shown * last / (n - 1).max(1)).collect();
    places.into_iter().map(|place| common[place]).collect()
}

/// The rows of some epochs by layer and epoch, of the seeds that are in means.
fn at_epochs<'r>(
    data: &ReportData<'_>,
    rows: &[&'r QuantityRow],
    epochs: &[u64],
) -> BTreeMap<(usize, u64), Vec<&'r QuantityRow>> {
    let in_mean = data.in_mean();
    let mut found: BTreeMap<(usize, u64), Vec<&QuantityRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| epochs.contains(&row.epoch) && in_mean.has(row.seed)) {
        found.entry((row.layer, row.epoch)).or_default().push(row);
    }
    found
}

/// The mean over seeds of what rows have.
fn mean(rows: Option<&Vec<&QuantityRow>>, value: impl Fn(&QuantityRow) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = rows?.iter().filter_map(|row| value(row)).collect();
    Some(Mean::of(&values)?.mean)
}

fn matrix(data: &ReportData<'_>, rows: &[&QuantityRow], what: &Matrix<'_>) -> Option<Figure> {
    let rows: Vec<&QuantityRow> = rows.iter().copied().filter(|row| (what.value)(row, 0).is_some()).collect();
    let in_mean = data.in_mean();
    let seeds: Vec<u64> = seeds_of(&rows).into_iter().filter(|&seed| in_mean.has(seed)).collect();
    let epochs = shown_epochs(&rows, &seeds);
    let layers: Vec<usize> = layers_of(&rows);
    if epochs.is_empty() || layers.is_empty() {
        return None;
    }
    let at = at_epochs(data, &rows, &epochs);
    let names = || layers.iter().map(|&layer| words::called(data, layer));
    let value = |epoch: u64, one: usize, other: usize| {
        let (first, place) = (one.min(other), one.abs_diff(other));
        mean(at.get(&(first, epoch)), |row| (what.value)(row, place))
    };
    let values: Vec<Vec<Option<f64>>> = epochs
        .iter()
        .map(|&epoch| {
            let row = |&one: &usize| layers.iter().map(move |&other| (one, other));
            layers.iter().flat_map(row).map(|(one, other)| value(epoch, one, other)).collect()
        })
        .collect();
    let largest = values.iter().flatten().flatten().fold(0.0, |a: f64, &b| a.max(b));
    let scale = Axis {
        low: 0.0,
        high: if largest > 0.0 { largest } else { 1.0 },
        ..Axis::linear(what.quantity, what.unit, [], 0.0)
    };
    let panel = |values: &Vec<Option<f64>>| {
        let cell =
            |value: &Option<f64>| Cell::of(*value, value.map_or("–".into(), |value| format!("{value:.2}")));
        let cells = values.iter().map(cell).collect();
        Panel {
            name: String::new(),
            x: Axis::places("layer", names()),
            y: Axis::places("layer", names()),
            series: vec![Series::Cells(Cells { values: scale.clone(), cells, beside: None })],
            limits: vec![],
            remark: None,
        }
    };
    Some(Figure {
        id: what.id.clone(),
        kind: FigureKind::Cells,
        heading: what.heading.clone(),
        title: format!("{} – {}", what.title, data.title),
        facts: what.facts.iter().cloned().chain(words::facts(data, &seeds)).collect(),
        layers: vec![],
        panels: values.iter().map(panel).collect(),
        grid: Some(Grid {
            columns: epochs.iter().map(|epoch| format!("epoch {epoch}")).collect(),
            rows: vec![],
        }),
        groups: vec![],
        legend: vec![],
        notes: learned::note(data)
            .into_iter()
            .chain([Note::reading(NoteCode::Definition, what.note.clone())])
            .collect(),
        table: Some(what.table.into()),
    })
}

fn ranks(data: &ReportData<'_>, rows: &[&QuantityRow], suffix: &str, named: &str) -> Option<Figure> {
    let in_mean = data.in_mean();
    let layers = layers_of(rows);
    let seeds: Vec<u64> = seeds_of(rows).into_iter().filter(|&seed| in_mean.has(seed)).collect();
    type Rank = fn(&crate::quantity::SimilarityQuantities) -> Option<f64>;
    let quantities: [(&str, Rank); 2] = [
        ("effective rank", |found| found.effective_rank),
        ("participation ratio", |found| found.participation_ratio),
    ];
    let of_seeds_in_mean: Vec<&QuantityRow> =
        rows.iter().copied().filter(|row| in_mean.has(row.seed)).collect();
    let by_layer = by_layer_and_seed(&of_seeds_in_mean);
    let mut thinned = None;
    let panel = |(name, rank): (&str, Rank)| {
        let mut series = Vec::new();
        for (&layer, seeds) in &by_layer {
            let of_seed = |rows: &Vec<&QuantityRow>| {
                rows.iter().filter_map(|row| Some((row.epoch, rank(row.similarity()?)?))).collect()
            };
            let role = Role::Layer(layer);
            let mut mean = OverSeeds::of(&seeds.values().map(of_seed).collect::<Vec<Vec<(u64, f64)>>>());
            thinned = thinned.take().or(mean.thinned.take());
            series.extend(mean.band(role));
            series.extend(mean.line(role, false));
        }
        let y = axis(name, &series, [1.0]);
        let x = Axis::epochs(rows.iter().map(|row| row.epoch));
        Panel { name: String::new(), x, y, series, limits: vec![], remark: None }
    };
    let panels: Vec<Panel> = quantities.into_iter().map(panel).collect();
    let any = panels.iter().any(|panel| panel.lines().any(|line| !line.points.is_empty()));
    let text = "Effective rank (Roy & Vetterli 2007): exp H of the singular values of the centred layer over their sum. \
                Participation ratio: the same by variance, the squared sum of the squares of the singular values over the \
                sum of their fourth powers. Both are 1 for a layer that varies along one direction, and the number of units \
                where all directions vary alike.";
    any.then(|| Figure {
        id: format!("ranks{suffix}"),
        kind: FigureKind::Curves,
        heading: format!("Dimensions of layers{named}"),
        title: format!("How many dimensions layers fill – {}", data.title),
        facts: words::facts(data, &seeds),
        layers: layers
            .iter()
            .map(|&layer| {
                let width = data.plane.rows().find(|row| row.layer == layer).map_or(0, |row| row.width);
                data.shown_layer(layer, width)
            })
            .collect(),
        panels,
        grid: Some(Grid { columns: vec![String::new(); 2], rows: vec![] }),
        groups: vec![],
        legend: vec![],
        notes: learned::note(data)
            .into_iter()
            .chain(reading(&seeds))
            .chain(thinned)
            .chain([Note::reading(NoteCode::Definition, text)])
            .collect(),
        table: Some("ranks.csv".into()),
    })
}

/// I(X_p;T): of images a map for each layer and epoch, else a row of cells for each layer.
fn inputs(data: &ReportData<'_>, method: &MethodDescription, rows: &[&QuantityRow]) -> Option<Figure> {
    let rows: Vec<&QuantityRow> = rows.iter().copied().filter(|row| row.inputs().is_some()).collect();
    let in_mean = data.in_mean();
    let seeds: Vec<u64> = seeds_of(&rows).into_iter().filter(|&seed| in_mean.has(seed)).collect();
    let epochs = shown_epochs(&rows, &seeds);
    let layers: Vec<usize> = layers_of(&rows);
    let n_features = rows.first()?.inputs()?.i_bits.len();
    if epochs.is_empty() {
        return None;
    }
    let values = |layer: usize, epoch: u64| {
        (0..n_features).map(move |feature| (layer, epoch, feature)).collect::<Vec<_>>()
    };
    let at = at_epochs(data, &rows, &epochs);
    let value = |(layer, epoch, feature): (usize, u64, usize)| {
        let of_row = |row: &QuantityRow| row.inputs()?.i_bits.get(feature).copied();
        mean(at.get(&(layer, epoch)), of_row)
    };
    let side = n_features.isqrt();
    let is_image = side * side == n_features && n_features >= LEAST_FOR_IMAGE;
    let numbers = n_features <= MOST_NUMBERS;
    let cell = |value: Option<f64>| {
        let text =
            if numbers { value.map_or("–".into(), |value| format!("{value:.2}")) } else { String::new() };
        Cell::of(value, text)
    };
    let features =
        |n: usize| (1..=n).map(move |feature| if numbers { feature.to_string() } else { String::new() });
    // Panels row after row: of images the layers are rows and the epochs columns.
    let tables: Vec<(Vec<Option<f64>>, Axis, Axis)> = if is_image {
        let at = layers.iter().flat_map(|&layer| epochs.iter().map(move |&epoch| (layer, epoch)));
        at.map(|(layer, epoch)| {
            let found = values(layer, epoch).into_iter().map(value).collect();
            (found, Axis::places("", features(side)), Axis::places("", features(side)))
        })
        .collect()
    } else {
        let of_epoch = |&epoch: &u64| {
            let all = layers.iter().flat_map(|&layer| values(layer, epoch));
            let names = layers.iter().map(|&layer| words::called(data, layer));
            let found = all.map(value).collect();
            (found, Axis::places("feature", features(n_features)), Axis::places("layer", names))
        };
        epochs.iter().map(of_epoch).collect()
    };
    let largest = tables.iter().flat_map(|(found, ..)| found).flatten().fold(0.0, |a: f64, &b| a.max(b));
    let high = if largest > 0.0 { largest } else { 1.0 };
    let scale = Axis { low: 0.0, high, ..Axis::linear("I(feature;T)", "bits", [], 0.0) };
    let panel = |(found, x, y): (Vec<Option<f64>>, Axis, Axis)| {
        let cells = found.into_iter().map(cell).collect();
        let cells = Series::Cells(Cells { values: scale.clone(), cells, beside: None });
        Panel { name: String::new(), x, y, series: vec![cells], limits: vec![], remark: None }
    };
    let (columns, grid_rows) = match is_image {
        true => (
            epochs.iter().map(|epoch| format!("epoch {epoch}")).collect(),
            layers.iter().map(|&layer| vec![words::called(data, layer)]).collect(),
        ),
        false => (vec![String::new()], epochs.iter().map(|epoch| vec![format!("epoch {epoch}")]).collect()),
    };
    let alone = rows.iter().filter_map(|row| Some(row.inputs()?.alone)).max().unwrap_or(0);
    let text = format!(
        "I(feature;T): what a layer tells of each feature of the inputs.{} Where every sample is nearly alone in its cell it is \
         H(feature), whatever the network; at most {} of the samples are. Values with the rows of the layer in a random order are in the table.",
        if is_image { " The features are drawn as a square image." } else { "" },
        words::percent(alone as f64 / data.n_samples.max(1) as f64)
    );
    Some(Figure {
        id: format!("inputs-{}", method.id),
        kind: FigureKind::Cells,
        heading: format!("Layers against the inputs: {}", method.title),
        title: format!("What layers tell of the inputs – {}", data.title),
        facts: std::iter::once(method.title.clone()).chain(words::facts(data, &seeds)).collect(),
        layers: vec![],
        panels: tables.into_iter().map(panel).collect(),
        grid: Some(Grid { columns, rows: grid_rows }),
        groups: vec![],
        legend: vec![],
        notes: learned::note(data).into_iter().chain([Note::reading(NoteCode::Definition, text)]).collect(),
        table: Some("inputs.csv".into()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::quantity::{InputQuantities, PairQuantities, QuantityValues, SimilarityQuantities};
    use crate::{InformationPlane, PlaneRow};

    fn row(seed: u64, epoch: u64, layer: usize, values: QuantityValues) -> QuantityRow {
        let method = (!matches!(values, QuantityValues::Similarity(_))).then(|| "binned".into());
        QuantityRow { seed, epoch, layer, method, part: None, values }
    }

    fn shown(quantities: &[QuantityRow]) -> Vec<Figure> {
        let method = Arc::new(MethodDescription::new("binned", "", None));
        let plane = InformationPlane::from_iter([PlaneRow::new(0, 0, (1, 20), &method, (1.0, 0.5))]);
        let data = ReportData { quantities, ..ReportData::empty(&plane) };
        figures(&data, &method).into_iter().chain(similarity(&data)).collect()
    }

    fn cells(figure: &Figure, panel: usize) -> Vec<Option<f64>> {
        figure.panels[panel].cells().unwrap().cells.iter().map(|cell| cell.value).collect()
    }

    #[test]
    fn pairs_are_symmetric_means_over_seeds_at_epochs_that_all_have() {
        let pairs = |seed: u64, epoch: u64, layer: usize| {
            let value = (10 * layer) as f64 + seed as f64;
            let i_bits = (layer..=2).map(|other| Some(value + other as f64)).collect();
            let none = (Vec::new(), Vec::new());
            let pairs = PairQuantities { i_bits, standard_error_bits: none.0, shuffled_bits: none.1 };
            row(seed, epoch, layer, QuantityValues::Layers(pairs))
        };
        let mut rows: Vec<QuantityRow> = (0..2)
            .flat_map(|seed| (0..9).flat_map(move |epoch| [1, 2].map(|layer| pairs(seed, epoch, layer))))
            .collect();
        rows.push(pairs(0, 100, 1));
        let figure = &shown(&rows)[0];
        assert_eq!(figure.grid_names().0, ["epoch 0", "epoch 2", "epoch 5", "epoch 8"]);
        assert_eq!(cells(figure, 0), [Some(11.5), Some(12.5), Some(12.5), Some(22.5)]);
    }

    #[test]
    fn alignment_and_ranks_need_no_method() {
        let found = |seed: u64| SimilarityQuantities {
            effective_rank: Some(1.0 + seed as f64),
            participation_ratio: None,
            linear_cka: vec![Some(1.0)],
            linear_cka_unbiased: vec![None],
        };
        let rows: Vec<QuantityRow> =
            (0..2).map(|seed| row(seed, 4, 1, QuantityValues::Similarity(found(seed)))).collect();
        let figures = shown(&rows);
        let ids: Vec<&str> = figures.iter().map(|figure| &*figure.id).collect();
        assert_eq!(ids, ["similarity", "ranks"]);
        let line = figures[1].panels[0].lines().next().unwrap();
        assert_eq!(line.points, [(4.0, 1.5)]);
    }

    #[test]
    fn features_of_images_are_maps_and_others_rows() {
        let of = |n_features: usize| {
            let found = InputQuantities {
                i_bits: (0..n_features).map(|feature| feature as f64).collect(),
                shuffled_bits: vec![0.0; n_features],
                alone: 0,
            };
            shown(&[row(0, 1, 1, QuantityValues::Inputs(found))]).remove(0)
        };
        let few = of(12);
        assert_eq!((few.panels[0].x.places.len(), few.panels[0].y.places.len()), (12, 1));
        assert_eq!(few.panels[0].cells().unwrap().cells[11].text, "11.00");
        let image = of(64);
        assert_eq!((image.panels[0].x.places.len(), image.panels[0].y.places.len()), (8, 8));
        assert_eq!(image.panels[0].cells().unwrap().cells[63].text, "");
        assert_eq!(cells(&image, 0)[63], Some(63.0));
    }
}
