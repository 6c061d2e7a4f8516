//! Lorenzen, Igel & Nielsen (2022): networks whose activations are quantised, where nothing has to be binned.

use super::common;
use super::planes::PlanesFigure;
use crate::estimator::AnyEstimator;
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, RunResult, Setup, Shown, any_compresses, compresses, fall_i_xt,
    last_i_xt, layer, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "quantised",
    title: "Quantised networks exactly, and the same networks in bins",
    paper: "Lorenzen, Igel & Nielsen (2022), figures 2 and 3",
    says: "In a network whose activations have 8 bits, the information can be computed exactly, without bins. Every layer fits; the output layer \
           compresses in all experiments; whether hidden layers do depends on the nonlinearity. Other numbers of \
           bins give qualitatively different planes.",
    here: "The networks of `saxe-nonlinearities`, measured (a) unchanged, in 30 and in 256 bins over each \
           layer's range, and (b) without bins, with the output of every layer rounded to 2⁸ levels before it \
           enters the next layer, over [−1, 1] for tanh and over the range observed at that epoch for ReLU. The \
           networks are rounded after training; the paper trains with rounded activations.",
    plan,
    show,
};

const KINDS: [&str; 2] = ["tanh", "relu"];

fn rounded(nonlinearity: &str) -> String {
    format!("{}, 8 bits", common::title(nonlinearity))
}

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let mut runs = Vec::new();
    for nonlinearity in KINDS {
        let whole = common::contrast(setup, nonlinearity)?;
        let overrides = ["network.quantised_bits=8".to_string(), common::estimators(&[common::exact()])];
        let mut experiment = whole.experiment.overridden(&overrides)?;
        experiment.name = format!("quantised-{nonlinearity}");
        runs.push(whole);
        runs.push(Cell { label: rounded(nonlinearity), experiment, pooled: None });
    }
    Ok(runs)
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    type Of = fn(&str) -> String;
    let ways: [(&str, &str, Of, AnyEstimator); 3] = [
        ("8 bits, exact", "rounded network", rounded, common::exact()),
        ("256 bins", "each layer's range", common::title, common::full_range(256)),
        ("30 bins", "each layer's range", common::title, common::full_range(30)),
    ];
    let mut panels = Vec::new();
    let mut comparisons = Vec::new();
    for (index, (way, _, label, estimator)) in ways.iter().enumerate() {
        for nonlinearity in KINDS {
            let run: &RunResult = results.run(&label(nonlinearity));
            let group = run.group(estimator, None)?;
            let remark = if index == 0 { common::accuracy_remark(run) } else { String::new() };
            panels.push(common::panel(run, &group, remark));
            let paths = run.layers(&group);
            let of = |number: usize| {
                let path = layer(&paths, number);
                (
                    path.and_then(|path| over_seeds(path, fall_i_xt)),
                    path.and_then(|path| over_seeds(path, last_i_xt)),
                )
            };
            let ((fall4, end4), (fall3, end3), (fall_out, end_out)) = (of(4), of(5), of(6));
            let hidden = any_compresses(&[fall4, fall3]);
            comparisons.push(Comparison {
                of: format!(
                    "{}, {way}: fall of I(X;T) and where it ends, layers of 4 and 3 units [bits]",
                    common::title(nonlinearity)
                ),
                paper: match (index, nonlinearity) {
                    (0, _) => "depends on the nonlinearity".into(),
                    _ => "depends on the bins".into(),
                },
                here: format!(
                    "{} to {}, {} to {}: {}",
                    told(fall4, 2),
                    told(end4, 2),
                    told(fall3, 2),
                    told(end3, 2),
                    match hidden {
                        Some(true) => "compresses",
                        Some(false) => "does not compress",
                        None => "not measured",
                    }
                ),
                agrees: None,
            });
            if index == 0 {
                comparisons.push(Comparison::new(
                    format!("{}, {way}: the same of the output", common::title(nonlinearity)),
                    "compresses",
                    format!("{} to {}", told(fall_out, 2), told(end_out, 2)),
                    compresses(fall_out),
                ));
            }
        }
    }
    let first = results.run("tanh");
    let shown = PlanesFigure {
        title: FIGURE.title.into(),
        subtitle: common::subject(first),
        columns: KINDS.iter().map(|nonlinearity| common::title(nonlinearity)).collect(),
        rows: ways.iter().map(|(way, how, ..)| vec![way.to_string(), how.to_string()]).collect(),
        panels,
        notes: common::seed_notes(results),
    }
    .figure();
    Ok(Shown::new(shown, comparisons))
}
