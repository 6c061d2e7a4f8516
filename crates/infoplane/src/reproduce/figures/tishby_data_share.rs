//! Shwartz-Ziv & Tishby (2017), figure 3: the plane with little, half and most of the data.

use super::common;
use super::planes::PlanesFigure;
use crate::plane::{LayerPath, Mean};
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, Setup, Shown, cell_of_preset, compresses, fall_i_ty, fall_i_xt,
    last_i_ty, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

const SHARES: [(&str, f64); 3] =
    [("5 % of the data", 0.05), ("45 % of the data", 0.45), ("85 % of the data", 0.85)];

pub(super) const FIGURE: Figure = Figure {
    name: "tishby-data-share",
    title: "The plane of tanh with 5 %, 45 % and 85 % of the data",
    paper: "Shwartz-Ziv & Tishby (2017), figure 3",
    says: "With 85 % of the 4096 patterns as training data, every layer first gains information about the label \
           and then loses information about the input while it keeps the label. With 5 %, the layers also lose \
           information about the label in the second phase: they overfit.",
    here: "Preset `tishby2017` (12-10-7-5-4-3-2, tanh, Adam 4e-4, batches of 512, 8000 epochs) with 5, 45 and 85 \
           % of the patterns as training data, drawn again for each seed, and measured on all 4096; 30 edges on [−1, 1] as in the published \
           program.",
    plan,
    show,
};

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    SHARES
        .iter()
        .map(|(label, share)| {
            let overrides = [
                format!("dataset.split.train_fraction={share}"),
                format!("seeds={}", size.pick(50, 8, 1)),
                common::epochs(setup, 8000),
                common::log_spaced(size.pick(120, 60, 4)),
                common::estimators(&[common::edges(30)]),
            ];
            let name = format!("tishby-share-{:02}", share * 100.0);
            Ok(cell_of_preset(label, &name, "tishby2017", overrides)?)
        })
        .collect()
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    let mut panels = Vec::new();
    let mut paths: Vec<Vec<LayerPath>> = Vec::new();
    let mut setting = String::new();
    for (label, _) in SHARES {
        let run = results.run(label);
        let group = run.group(&common::edges(30), None)?;
        setting = group.method.title.clone();
        panels.push(common::panel(run, &group, common::accuracy_remark(run)));
        paths.push(run.layers(&group));
    }
    let first = results.run(SHARES[0].0);
    let shown = PlanesFigure {
        title: FIGURE.title.into(),
        subtitle: format!("{setting} · {}", common::subject(first)),
        columns: SHARES.iter().map(|(label, _)| label.to_string()).collect(),
        rows: Vec::new(),
        panels,
        notes: common::seed_notes(results),
    }
    .figure();

    let error = |mean: Mean| mean.standard_error.unwrap_or(0.0);
    let of =
        |paths: &[LayerPath], back: usize| paths.len().checked_sub(back).and_then(|i| paths.get(i)).cloned();
    let mut comparisons = Vec::new();
    let narrow = |index: usize| of(&paths[index], 2);
    let falls = |index: usize, value: fn(&[crate::plane::PlanePoint]) -> Option<f64>| {
        narrow(index).and_then(|path| over_seeds(&path, value))
    };
    let (low, middle, high) = (falls(0, fall_i_ty), falls(1, fall_i_ty), falls(2, fall_i_ty));
    comparisons.push(Comparison::new(
        "5 %: I(T;Y) of the last hidden layer (3 units), fall from its largest to the end [bits]",
        "falls late: overfitting",
        told(low, 3),
        low.map(|low| low.mean > 0.02 && low.mean > 2.0 * error(low)),
    ));
    comparisons.push(Comparison::new(
        "45 %: the same",
        "in between",
        told(middle, 3),
        low.zip(middle)
            .zip(high)
            .map(|((low, middle), high)| high.mean < middle.mean && middle.mean < low.mean),
    ));
    comparisons.push(Comparison::new(
        "85 %: the same",
        "does not fall",
        told(high, 3),
        high.map(|high| high.mean < 0.02),
    ));
    for (index, (label, _)) in SHARES.iter().enumerate() {
        let ends = narrow(index).and_then(|path| over_seeds(&path, last_i_ty));
        comparisons.push(Comparison::of_its_own(
            format!("{label}: I(T;Y) of the last hidden layer at the end [bits]"),
            told(ends, 3),
        ));
    }
    let compression = falls(2, fall_i_xt);
    comparisons.push(Comparison::new(
        "85 %: I(X;T) of the last hidden layer, fall from its largest to the end [bits]",
        "compresses",
        told(compression, 2),
        compresses(compression),
    ));
    let all: Vec<String> = common::hidden(&paths[2])
        .iter()
        .map(|path| format!("{} ({} units)", told(over_seeds(path, fall_i_xt), 2), path.width))
        .collect();
    let each = common::hidden(&paths[2]).iter().map(|path| compresses(over_seeds(path, fall_i_xt)));
    let all_of_them =
        each.collect::<Option<Vec<bool>>>().map(|each| each.iter().all(|compresses| *compresses));
    comparisons.push(Comparison::new(
        "85 %: the same of each hidden layer",
        "all layers compress",
        all.join(", "),
        all_of_them,
    ));
    Ok(Shown::new(shown, comparisons))
}
