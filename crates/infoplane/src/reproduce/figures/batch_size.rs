//! Saxe et al. (2018), figure 5: stochastic against full-batch gradient descent.

use super::common;
use super::planes::PlanesFigure;
use crate::plane::Mean;
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, Setup, Shown, Size, any_compresses, cell_of_preset, fall_i_xt,
    last_i_xt, layer, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "batch-size",
    title: "Mini-batches against the full batch",
    paper: "Saxe et al. (2018), figure 5",
    says: "The planes of networks trained with mini-batches and with the full batch are nearly the same: tanh compresses in both, ReLU \
           in neither. So compression does not come from the randomness of stochastic gradient descent.",
    here: "Mini-batches: the networks of `saxe-nonlinearities` (Adam 4e-4, batches of 256, 10,000 epochs of 13 steps). Full batch: \
           the same with one step per epoch, a learning rate of 2e-3 and 20,000 epochs, so that both learn the \
           task. \
           (The paper uses plain gradient descent.)",
    plan,
    show,
};

const KINDS: [&str; 2] = ["tanh", "relu"];

fn full_batch(nonlinearity: &str) -> String {
    format!("{}, full batch", common::title(nonlinearity))
}

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    let mut runs = Vec::new();
    for nonlinearity in KINDS {
        runs.push(common::contrast(setup, nonlinearity)?);
        let preset = format!("saxe2018-{nonlinearity}");
        let methods = [common::full_range(30), common::kde(&[1e-3])];
        let overrides = [
            "training.batch_size=full".to_string(),
            "training.optimizer.learning_rate=2e-3".to_string(),
            format!("seeds={}", size.pick(50, 4, 1)),
            common::epochs(setup, 20_000),
            common::measured_on(setup),
            common::log_spaced(size.pick(120, 60, 4)),
            common::estimators(if size == Size::Tiny { &methods[..1] } else { &methods }),
        ];
        let name = format!("full-batch-{nonlinearity}");
        runs.push(cell_of_preset(&full_batch(nonlinearity), &name, &preset, overrides)?);
    }
    Ok(runs)
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    let labels: Vec<String> = KINDS
        .iter()
        .flat_map(|nonlinearity| [common::title(nonlinearity), full_batch(nonlinearity)])
        .collect();
    let rows = if results.setup.size == Size::Tiny { 1 } else { 2 };
    let names = [["30 bins, full", "each layer's range"], ["KDE, upper", "noise variance 0.001"]];
    let mut panels = Vec::new();
    let mut comparisons = Vec::new();
    for (row, [way, how]) in names.iter().enumerate().take(rows) {
        let mut falls = Vec::new();
        for label in &labels {
            let run = results.run(label);
            let group = if row == 0 {
                run.group(&common::full_range(30), None)?
            } else {
                common::kde_upper(run, 1e-3)?
            };
            let remark = if row == 0 { common::accuracy_remark(run) } else { String::new() };
            panels.push(common::panel(run, &group, remark));
            let paths = run.layers(&group);
            let of = |number: usize| {
                let path = layer(&paths, number);
                (
                    path.and_then(|path| over_seeds(path, fall_i_xt)),
                    path.and_then(|path| over_seeds(path, last_i_xt)),
                )
            };
            falls.push((of(4), of(5)));
        }
        for (index, nonlinearity) in KINDS.iter().enumerate() {
            let (mini, full) = (&falls[2 * index], &falls[2 * index + 1]);
            let tell = |((fall4, end4), (fall3, end3)): &(_, _)| {
                format!(
                    "4 units: {} to {}; 3 units: {} to {}",
                    told(*fall4, 2),
                    told(*end4, 2),
                    told(*fall3, 2),
                    told(*end3, 2)
                )
            };
            let falls = |((fall4, _), (fall3, _)): &((Option<Mean>, _), (Option<Mean>, _))| {
                any_compresses(&[*fall4, *fall3])
            };
            let expected = *nonlinearity == "tanh";
            comparisons.push(Comparison::new(
                format!(
                    "{}, {way} {how}: fall of I(X;T) and where it ends [bits]",
                    common::title(nonlinearity)
                ),
                if expected { "both compress" } else { "neither compresses" },
                format!("mini-batches: {}<br>full batch: {}", tell(mini), tell(full)),
                falls(mini).zip(falls(full)).map(|(mini, full)| mini == expected && full == expected),
            ));
        }
    }
    let (tanh, full) = (results.run("tanh"), results.run(&full_batch("tanh")));
    let mut notes = vec![
        "Mini-batches: Adam 4e-4, batches of 256, 13 steps an epoch. Full batch: Adam 2e-3, one step an epoch.".to_string(),
    ];
    notes.extend(common::seed_notes(results));
    let shown = PlanesFigure {
        title: FIGURE.title.into(),
        subtitle: format!("mini-batches: {}; full batch: {}", common::subject(tanh), common::subject(full)),
        columns: ["tanh, mini-batches", "tanh, full batch", "ReLU, mini-batches", "ReLU, full batch"]
            .map(String::from)
            .to_vec(),
        rows: names.iter().take(rows).map(|name| name.map(String::from).to_vec()).collect(),
        panels,
        notes,
    }
    .figure();
    Ok(Shown::new(shown, comparisons))
}
