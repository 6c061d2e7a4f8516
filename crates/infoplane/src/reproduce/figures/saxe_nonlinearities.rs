//! Saxe et al. (2018), figure 1: tanh against ReLU (and linear), under each way of measuring.

use super::common::{self, NONLINEARITIES};
use super::planes::PlanesFigure;
use crate::plane::PlaneGroup;
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, RunResult, Setup, Shown, Size, any_compresses, fall_i_xt,
    last_i_xt, layer, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "saxe-nonlinearities",
    title: "tanh, ReLU and linear under bins and under noise",
    paper: "Saxe et al. (2018), figure 1 and appendix",
    says: "A tanh network compresses because its units saturate; the same network with ReLU does not compress, \
           either in bins that cover all values or by kernel density estimates with noise. Where ReLU seems to \
           compress, bins on a fixed range clip its outputs.",
    here: "Presets `saxe2018-tanh` and `saxe2018-relu` (12-10-7-5-4-3-2, Adam 4e-4, batches of 256, 10,000 epochs) and \
           the former with linear hidden layers, each measured in four ways in one run: 30 bins on [−1, 1], 30 bins on each layer's full \
           range, bins of width 0.07 without bounds, and the KDE upper bound with noise variance 1e-3.",
    plan,
    show,
};

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    NONLINEARITIES.iter().map(|nonlinearity| common::contrast(setup, nonlinearity)).collect()
}

type Way = (&'static str, &'static str, fn(&RunResult) -> Result<PlaneGroup<'_>, ReproduceError>);

const WAYS: [Way; 4] = [
    ("30 bins, clipped", "on [−1, 1]", |run| run.group(&common::clipped(30), None)),
    ("30 bins, full", "each layer's range", |run| run.group(&common::full_range(30), None)),
    ("bins of 0.07", "unbounded", |run| run.group(&common::floor(0.07), None)),
    ("KDE, upper", "noise variance 0.001", |run| common::kde_upper(run, 1e-3)),
];

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    let ways = if results.setup.size == Size::Tiny { &WAYS[..3] } else { &WAYS[..] };
    let mut panels = Vec::new();
    let mut comparisons = Vec::new();
    let mut notes = Vec::new();
    for (index, (way, how, group)) in ways.iter().enumerate() {
        for nonlinearity in NONLINEARITIES {
            let run = results.run(&common::title(nonlinearity));
            let group = group(run)?;
            let remark = if index == 0 { common::accuracy_remark(run) } else { String::new() };
            panels.push(common::panel(run, &group, remark));
            if index == 0 {
                let name = format!("{}, {way} {how}", common::title(nonlinearity));
                notes.extend(common::clipped_note(&name, run.run.manifest().data.n_measured, &group));
            }
            let paths = run.layers(&group);
            let told_of = |number: usize| {
                let path = layer(&paths, number);
                let fall = path.and_then(|path| over_seeds(path, fall_i_xt));
                let end = path.and_then(|path| over_seeds(path, last_i_xt));
                (fall, end)
            };
            // The hidden layers of 4 and 3 units: the narrow ones, where anything can happen.
            let ((fall4, end4), (fall3, end3)) = (told_of(4), told_of(5));
            let here = format!(
                "4 units: falls by {} to {}; 3 units: by {} to {}",
                told(fall4, 2),
                told(end4, 2),
                told(fall3, 2),
                told(end3, 2)
            );
            let falls = any_compresses(&[fall4, fall3]);
            let clipping = index == 0;
            let (paper, agrees) = match (nonlinearity, clipping) {
                ("tanh", _) => ("compresses", falls),
                ("relu", true) => ("seems to compress: clipped", falls),
                ("linear", _) => ("(not shown)", None),
                _ => ("does not compress", falls.map(|falls| !falls)),
            };
            let of = format!("{}, {way} {how}: I(X;T) [bits]", common::title(nonlinearity));
            comparisons.push(match paper {
                "(not shown)" => Comparison::of_its_own(of, here),
                _ => Comparison::new(of, paper, here, agrees),
            });
        }
    }
    notes.push(
        "The KDE row is the upper bound on I(X;T) of T plus noise; its I(T;Y) is a difference of two bounds and not itself one."
            .into(),
    );
    notes.extend(common::seed_notes(results));
    let shown = PlanesFigure {
        title: FIGURE.title.into(),
        subtitle: common::subject(results.run("tanh")),
        columns: NONLINEARITIES.iter().map(|nonlinearity| common::title(nonlinearity)).collect(),
        rows: ways.iter().map(|(way, how, _)| vec![way.to_string(), how.to_string()]).collect(),
        panels,
        notes,
    }
    .figure();
    Ok(Shown::new(shown, comparisons))
}
