//! Saxe et al. (2018), figures 1C and 1D: the planes of MNIST.

use super::common;
use super::planes::PlanesFigure;
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, Setup, Shown, any_compresses, cell_of_preset, fall_i_xt, last_i_xt,
    layer, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "mnist",
    title: "The planes of MNIST, tanh and ReLU",
    paper: "Saxe et al. (2018), figures 1C and 1D",
    says: "The hidden layers of a 784-1024-20-20-20-10 network compress with tanh, if only slightly; with ReLU \
           they do not, though the network learns equally well.",
    here: "Preset `saxe2018-mnist` (SGD 1e-3, batches of 128), measured on the 10,000 test images with the KDE upper bound at noise \
           variance 0.1. The paper trains for 10,000 epochs; the full size here takes 200, the quick one 4.",
    plan,
    show,
};

const KINDS: [&str; 2] = ["tanh", "relu"];

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    let directory = setup.mnist()?.display().to_string();
    KINDS
        .iter()
        .map(|nonlinearity| {
            let overrides = [
                format!("dataset.source.directory={}", toml::Value::String(directory.clone())),
                format!("network.nonlinearity={nonlinearity}"),
                format!("seeds={}", size.pick(2, 1, 1)),
                format!("training.epochs={}", size.pick(200, 4, 1)),
                common::log_spaced(size.pick(30, 5, 2)),
                common::estimators(&[common::kde(&[0.1])]),
            ];
            Ok(cell_of_preset(
                &common::title(nonlinearity),
                &format!("mnist-{nonlinearity}"),
                "saxe2018-mnist",
                overrides,
            )?)
        })
        .collect()
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    let mut panels = Vec::new();
    let mut comparisons = Vec::new();
    for nonlinearity in KINDS {
        let run = results.run(&common::title(nonlinearity));
        let group = common::kde_upper(run, 0.1)?;
        panels.push(common::panel(run, &group, common::accuracy_remark(run)));
        let paths = run.layers(&group);
        let (mut layers, mut falls) = (Vec::new(), Vec::new());
        for number_of_layer in 2..=4 {
            let path = layer(&paths, number_of_layer);
            let fall = path.and_then(|path| over_seeds(path, fall_i_xt));
            let end = path.and_then(|path| over_seeds(path, last_i_xt));
            falls.push(fall);
            layers.push(format!("{} to {}", told(fall, 2), told(end, 2)));
        }
        let enough = run.experiment.training.epochs >= 1000;
        let expected = nonlinearity == "tanh";
        comparisons.push(Comparison::new(
            format!(
                "{}: fall of I(X;T) of the three layers of 20 units, and where it ends [bits]",
                common::title(nonlinearity)
            ),
            if expected { "compresses slightly" } else { "does not compress" },
            layers.join(", "),
            // A few of 10,000 epochs neither confirm nor refute.
            any_compresses(&falls).map(|any| any == expected).filter(|_| enough),
        ));
        comparisons.push(Comparison::of_its_own(
            format!("{}: test accuracy", common::title(nonlinearity)),
            told(run.test_accuracy(), 3),
        ));
    }
    let mut notes = vec![
        "I(X;T) is the upper bound of T plus noise; I(T;Y) is a difference of two bounds and so not itself one."
            .to_string(),
    ];
    notes.extend(common::seed_notes(results));
    let shown = PlanesFigure {
        title: FIGURE.title.into(),
        subtitle: format!("KDE, noise variance 0.1, upper bound · {}", common::subject(results.run("tanh"))),
        columns: KINDS.iter().map(|nonlinearity| common::title(nonlinearity)).collect(),
        rows: Vec::new(),
        panels,
        notes,
    }
    .figure();
    Ok(Shown::new(shown, comparisons))
}
