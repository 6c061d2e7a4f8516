//! The as-if-random experiment over a grid of nonlinearities, optimizers, learning rates and batch sizes.

use super::common::{self, NONLINEARITIES};
use crate::estimator::{AnyEstimator, Noise};
use crate::experiment::{AsIfRandom, AsIfRandomResult, PoolConfig};
use crate::figure::{
    self, Axis, AxisScale, Cells, FigureKind, Key, LegendEntry, Line, MarkStyle, Of, Panel, Point, Points,
    Role, Series,
};
use crate::plane::Mean;
use crate::pool::{DriftRow, PooledLayer, Verdict, pooled_layers};
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, LEARNED, PoolResult, Setup, Shown, Size, cell_of_preset, number,
    seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "as-if-random",
    title: "Late weights treated as random: what pooling does to I(X;T)",
    paper: "Its own idea, unfinished in print; anchor points of a scratch run with another program",
    says: "If late weights behave as a random sample, T is a random function of x, and compression is a real property, with ReLU too. A \
           scratch run on the same recipe: tanh, SGD 0.3, batches of 16: 2.92 bits with one network, 1.74 with the last 256 epochs \
           pooled (layer of 4 units); ReLU, Adam 3e-3, batches of 32: 5.23 and 3.69; tanh, SGD 0.1, batches of 256 after 3000 \
           epochs, stationary: 7.04 and 7.02.",
    here: "The 12-bit task and the network of `tishby2017`, 600 epochs, every combination of nonlinearity, optimizer, learning rate and \
           batch size; the last 256 epochs pooled, all 4096 inputs, 30 bins over each layer's range in the pool. In *drifting* \
           cells the weights drift during the window, and pooling shows in part the path that they took.",
    plan: plan_task,
    show: show_task,
};

pub(super) const MNIST: Figure = Figure {
    name: "as-if-random-mnist",
    title: "Late weights treated as random, on MNIST",
    paper: "Its own idea, unfinished in print",
    says: "The same on MNIST.",
    here: "784-32-20-20-10 networks; networks some steps apart late in training pooled, on evenly spaced test images, with Gaussian \
           noise of variance 0.1 on the layers (bins would tell all images apart in layers of 20 units, whatever the weights do). I(X;T) \
           is that of T plus noise, by Monte Carlo; with one network the noise alone already merges some images.",
    plan: plan_mnist,
    show: show_mnist,
};

/// A combination of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
struct GridCell {
    nonlinearity: &'static str,
    optimizer: &'static str,
    rate: f64,
    batch: u32,
}

impl GridCell {
    fn label(&self) -> String {
        format!(
            "{} {} {} batch {}",
            common::title(self.nonlinearity),
            optimizer_title(self.optimizer),
            self.rate,
            self.batch
        )
    }
}

fn optimizer_title(optimizer: &str) -> &'static str {
    if optimizer == "sgd" { "SGD" } else { "Adam" }
}

/// What one task's grid is made of.
struct Grid {
    optimizers: [(&'static str, Vec<f64>); 2],
    batches: Vec<u32>,
    /// The layers shown: their number and what they are called.
    layers: [(usize, &'static str); 2],
}

impl Grid {
    fn task(size: Size) -> Grid {
        Grid {
            optimizers: [
                ("sgd", size.pick(vec![0.03, 0.1, 0.3, 1.0], vec![0.03, 0.1, 0.3], vec![0.3])),
                ("adam", size.pick(vec![3e-4, 1e-3, 3e-3, 1e-2], vec![3e-4, 1e-3, 3e-3], vec![3e-3])),
            ],
            batches: size.pick(vec![16, 32, 64, 256], vec![16, 32, 256], vec![256]),
            layers: [(4, "T₄ (4 units)"), (5, "T₅ (3 units)")],
        }
    }

    fn mnist(size: Size) -> Grid {
        Grid {
            optimizers: [
                ("sgd", size.pick(vec![0.03, 0.1, 0.3], vec![0.03, 0.3], vec![0.1])),
                ("adam", size.pick(vec![3e-4, 1e-3, 3e-3], vec![1e-3, 3e-3], vec![1e-3])),
            ],
            batches: size.pick(vec![32, 256], vec![128], vec![512]),
            layers: [(2, "T₂ (20 units)"), (3, "T₃ (20 units)")],
        }
    }

    fn cells(&self) -> Vec<GridCell> {
        let mut cells = Vec::new();
        for nonlinearity in NONLINEARITIES {
            for (optimizer, rates) in &self.optimizers {
                for &batch in &self.batches {
                    for &rate in rates {
                        cells.push(GridCell { nonlinearity, optimizer, rate, batch });
                    }
                }
            }
        }
        cells
    }
}

/// The stationary anchor, which is trained longer than the grid.
const STATIONARY: &str = "tanh SGD 0.1 batch 256, 3000 epochs";

fn settings(estimator: AnyEstimator, pool: PoolConfig, inputs: Option<usize>) -> AsIfRandom {
    AsIfRandom { pool, inputs, estimators: vec![estimator] }
}

fn plan_task(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    let grid = Grid::task(size);
    let pool = PoolConfig::Epochs { window: size.pick(256, 256, 8), stride: 1, last: None };
    let pooled = settings(common::full_range(30), pool, size.pick(None, None, Some(256)));
    let stationary = GridCell { nonlinearity: "tanh", optimizer: "sgd", rate: 0.1, batch: 256 };
    let cells = grid.cells().into_iter().map(|cell| (cell.label(), cell, 600)).collect::<Vec<_>>();
    let longer = (STATIONARY.to_string(), stationary, 3000);
    let mut plan = Vec::new();
    for (label, cell, epochs) in cells.into_iter().chain([longer]) {
        let overrides = [
            format!("network.nonlinearity={}", cell.nonlinearity),
            format!("training.optimizer={{ kind = {:?}, learning_rate = {} }}", cell.optimizer, cell.rate),
            format!("training.batch_size={}", cell.batch),
            format!("training.epochs={}", size.pick(epochs, epochs, 12)),
            format!("seeds={}", size.pick(5, 2, 1)),
            "training.statistics={ kind = \"never\" }".to_string(),
            common::estimators(&[common::full_range(30)]),
        ];
        // In the tiny size the stationary cell is one of the grid.
        let name = format!(
            "{}-{}-{}-{}-{}",
            cell.nonlinearity,
            cell.optimizer,
            cell.rate,
            cell.batch,
            size.pick(epochs, epochs, 12)
        );
        let mut planned = cell_of_preset(&label, &name, "tishby2017", overrides)?;
        planned.pooled = Some(pooled.clone());
        plan.push(planned);
    }
    Ok(plan)
}

fn plan_mnist(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    let directory = toml::Value::String(setup.mnist()?.display().to_string());
    // A pool over steps keeps quick trainings short: 64 networks reach over some epochs instead of 64.
    let pool = PoolConfig::Steps { window: size.pick(64, 32, 4), stride: size.pick(200, 100, 1), last: None };
    let draws = size.pick(None, None, Some(1));
    let noise = AnyEstimator::Noise(Noise { draws, ..Noise::new(vec![0.1]) });
    let pooled = settings(noise, pool, Some(size.pick(2000, 400, 50)));
    let mut plan = Vec::new();
    for cell in Grid::mnist(size).cells() {
        // Steps for the window in the last two thirds of the training.
        let steps_per_epoch = 60_000 / cell.batch as u64 + 1;
        let window = size.pick(64 * 200, 32 * 100, 4);
        let epochs = (3 * window / (2 * steps_per_epoch)).max(size.pick(20, 6, 6));
        let overrides = [
            format!("dataset.source.directory={directory}"),
            "network.hidden=[32, 20, 20]".to_string(),
            format!("network.nonlinearity={}", cell.nonlinearity),
            format!("training.optimizer={{ kind = {:?}, learning_rate = {} }}", cell.optimizer, cell.rate),
            format!("training.batch_size={}", cell.batch),
            format!("training.epochs={epochs}"),
            "seeds=1".to_string(),
            "training.statistics={ kind = \"never\" }".to_string(),
            common::estimators(&[common::kde(&[0.1])]),
        ];
        let name = format!("mnist-{}-{}-{}-{}", cell.nonlinearity, cell.optimizer, cell.rate, cell.batch);
        let mut planned = cell_of_preset(&cell.label(), &name, "saxe2018-mnist", overrides)?;
        planned.pooled = Some(pooled.clone());
        plan.push(planned);
    }
    Ok(plan)
}

/// One layer of a cell: means over its seeds that learned, or over all if none did.
struct Reading {
    cell: GridCell,
    layer: usize,
    width: usize,
    accuracy: Option<Mean>,
    single: Option<Mean>,
    pooled: Option<Mean>,
    i_ty_single: Option<Mean>,
    i_ty_pooled: Option<Mean>,
    corrected: Option<Mean>,
    control: Option<Mean>,
    h_t_given_x: Option<Mean>,
    drift: Option<Mean>,
    drift_share: Option<Mean>,
    /// Fluctuation of the weights of all layers, per ‖W‖.
    fluctuation: Option<Mean>,
    h_x: f64,
    /// Seeds with each verdict, in the order of [`Verdict::ALL`].
    verdicts: [usize; 4],
    /// Seeds that learned.
    n_learned: usize,
    /// All seeds, learned or not; none where no network could be pooled.
    n_seeds: usize,
}

impl Reading {
    fn of(cell: GridCell, number: usize, pool: &PoolResult) -> Reading {
        let Ok(result) = &pool.result else { return Reading::without_values(cell, number, pool) };
        let last =
            result.window.chunk_by(|a, b| a.network.seed == b.network.seed).filter_map(|seed| seed.last());
        let learned: Vec<u64> = last
            .clone()
            .filter(|row| row.train_accuracy.is_some_and(|accuracy| accuracy >= f64::from(LEARNED)))
            .map(|row| row.network.seed)
            .collect();
        // A seed that did not learn says nothing of those that did; where none did, all are shown.
        let counts = |seed: u64| learned.is_empty() || learned.contains(&seed);
        let last = last.filter(|row| counts(row.network.seed));
        let layers = pooled_layers(&result.rows, &result.drift);
        let of_layer: Vec<&PooledLayer> =
            layers.iter().filter(|layer| layer.layer == number && layer.seed.is_none_or(counts)).collect();
        let mean = |value: &dyn Fn(&PooledLayer) -> Option<f64>| {
            let values = of_layer.iter().filter_map(|layer| value(layer)).filter(|v| v.is_finite());
            Mean::of(&values.collect::<Vec<_>>())
        };
        let accuracies: Vec<f64> = last.clone().filter_map(|row| row.train_accuracy).collect();
        let norms: Vec<(u64, f64)> = last.map(|row| (row.network.seed, row.weight_norm)).collect();
        let whole = |row: &&DriftRow| row.layer == 0 && counts(row.seed);
        let fluctuations: Vec<f64> = result
            .drift
            .iter()
            .filter(whole)
            .filter_map(|row| {
                let norm = norms.iter().find(|(seed, _)| *seed == row.seed)?.1;
                Some(row.fluctuation / norm)
            })
            .collect();
        let count = |verdict| of_layer.iter().filter(|layer| layer.verdict == verdict).count();
        Reading {
            cell,
            layer: number,
            width: of_layer.first().map_or(0, |layer| layer.width),
            accuracy: Mean::of(&accuracies),
            single: mean(&|layer| Some(layer.single()?.i_xt_bits?.mean)),
            pooled: mean(&|layer| Some(layer.pooled()?.i_xt_bits?.mean)),
            i_ty_single: mean(&|layer| Some(layer.single()?.i_ty_bits?.mean)),
            i_ty_pooled: mean(&|layer| Some(layer.pooled()?.i_ty_bits?.mean)),
            corrected: mean(&|layer| layer.corrected_i_xt_bits),
            control: mean(&|layer| Some(layer.pooled()?.control_bits?.mean)),
            h_t_given_x: mean(&|layer| Some(layer.pooled()?.h_t_given_x_bits?.mean)),
            drift: mean(&|layer| layer.drift),
            drift_share: mean(&|layer| layer.drift_share),
            fluctuation: Mean::of(&fluctuations),
            h_x: result.h_x.bits(),
            verdicts: Verdict::ALL.map(count),
            n_learned: learned.len(),
            n_seeds: result.seeds.len(),
        }
    }

    /// A cell whose training runs diverged.
    fn without_values(cell: GridCell, layer: usize, pool: &PoolResult) -> Reading {
        let widths = pool.experiment.network.hidden.get(layer.saturating_sub(1));
        Reading {
            cell,
            layer,
            width: widths.copied().unwrap_or(0),
            accuracy: None,
            single: None,
            pooled: None,
            i_ty_single: None,
            i_ty_pooled: None,
            corrected: None,
            control: None,
            h_t_given_x: None,
            drift: None,
            drift_share: None,
            fluctuation: None,
            h_x: f64::NAN,
            verdicts: [0; 4],
            n_learned: 0,
            n_seeds: 0,
        }
    }

    /// I(X;T) of a single network minus that of the pool.
    fn difference(&self) -> f64 {
        number(self.single) - number(self.pooled)
    }

    fn learned(&self) -> bool {
        self.n_learned > 0
    }

    /// Whether more than half of the seeds learned, so that their mean can be compared with another's.
    fn is_comparable(&self) -> bool {
        2 * self.n_learned > self.n_seeds
    }

    /// Whether the cell can be shown beside others: it learned, or is linear and cannot learn more.
    fn shown(&self) -> bool {
        self.learned() || (self.cell.nonlinearity == "linear" && self.n_seeds > 0)
    }

    /// The verdict, with the numbers of seeds where they differ: `1 stationary, 1 drifting`.
    fn verdicts(&self) -> String {
        let found: Vec<(Verdict, usize)> =
            Verdict::ALL.into_iter().zip(self.verdicts).filter(|&(_, count)| count > 0).collect();
        match found.as_slice() {
            [(verdict, _)] => verdict.name().to_string(),
            found => {
                let each = found.iter().map(|(verdict, count)| format!("{count} {}", verdict.name()));
                each.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The verdict of most seeds; of equals the one that claims less.
    fn verdict(&self) -> Verdict {
        // The last of equal maxima claims least.
        let most = Verdict::ALL.into_iter().zip(self.verdicts).max_by_key(|&(_, count)| count);
        most.map_or(Verdict::TooFewNetworks, |(verdict, _)| verdict)
    }

    fn drifting(&self) -> bool {
        self.verdict() == Verdict::Drifting
    }

    fn shown_cell(&self) -> figure::Cell {
        let difference = self.difference();
        let remark = match (self.learned(), self.verdict()) {
            (false, _) if self.n_seeds == 0 => Some("diverged".into()),
            (false, _) => Some(format!("acc {:.2}", number(self.accuracy))),
            (true, Verdict::Drifting) => Some(match self.drift_share {
                Some(share) => format!("{:.0} % drift", 100.0 * share.mean),
                None => "drifting".into(),
            }),
            (true, Verdict::TooFewNetworks) => Some("few nets".into()),
            (true, Verdict::Unchanged) => Some("unchanged".into()),
            (true, Verdict::Stationary) => None,
        };
        let value = difference.is_finite().then_some(difference);
        let text = value.map_or("–".into(), bits);
        figure::Cell { value, text, stands_out: remark.is_none(), remark }
    }

    const HEADER: &str = "nonlinearity,optimizer,learning_rate,batch_size,layer,width,seeds,seeds_learned,train_accuracy,i_xt_single_bits,\
                          i_xt_pooled_bits,i_xt_corrected_bits,control_bits,compression_bits,i_ty_single_bits,i_ty_pooled_bits,\
                          h_t_given_x_bits,drift,drift_share,weight_fluctuation,stationary,unchanged,drifting,too_few_networks\n";

    fn csv(&self) -> String {
        let value = |mean: Option<Mean>| mean.map_or(String::new(), |mean| format!("{:.4}", mean.mean));
        let GridCell { nonlinearity, optimizer, rate, batch } = self.cell;
        let compression =
            self.pooled.map_or(String::new(), |pooled| format!("{:.4}", self.h_x - pooled.mean));
        let [stationary, unchanged, drifting, few] = self.verdicts;
        format!(
            "{nonlinearity},{optimizer},{rate},{batch},{},{},{},{},{},{},{},{},{},{compression},{},{},{},{},{},{},{stationary},{unchanged},{drifting},{few}\n",
            self.layer,
            self.width,
            self.n_seeds,
            self.n_learned,
            value(self.accuracy),
            value(self.single),
            value(self.pooled),
            value(self.corrected),
            value(self.control),
            value(self.i_ty_single),
            value(self.i_ty_pooled),
            value(self.h_t_given_x),
            value(self.drift),
            value(self.drift_share),
            value(self.fluctuation),
        )
    }
}

fn show_task(results: &Results) -> Result<Shown, ReproduceError> {
    let size = results.setup.size;
    let mut shown = show_grid(results, &Grid::task(size), FIGURE.title);
    let anchors: [(&str, &str, f64, f64, Option<bool>); 3] = [
        ("tanh SGD 0.3 batch 16", "2.92 → 1.74", 2.92, 1.74, Some(true)),
        ("ReLU Adam 0.003 batch 32", "5.23 → 3.69", 5.23, 3.69, Some(true)),
        (STATIONARY, "7.04 → 7.02 (stationary)", 7.04, 7.02, Some(false)),
    ];
    let mut rows = Vec::new();
    for (label, told_there, single, pooled, _) in anchors {
        let Some(pool) = results.pools.iter().find(|pool| pool.label == label) else { continue };
        let any = GridCell { nonlinearity: "", optimizer: "", rate: 0.0, batch: 0 };
        let reading = Reading::of(any, 4, pool);
        let there = single - pooled;
        // Another program, other seeds: the same sign and size, not the same digits.
        let agrees =
            if there > 0.5 { reading.difference() > 0.5 * there } else { reading.difference().abs() < 0.1 };
        rows.push(Comparison::new(
            format!("{label}: I(X;T) of the layer of 4 units, one network → pooled [bits]"),
            told_there,
            format!(
                "{} → {} (corrected {}, control {}, accuracy {}, drift {}: {}; {} of {} seeds learned)",
                told(reading.single, 2),
                told(reading.pooled, 2),
                told(reading.corrected, 2),
                told(reading.control, 2),
                told(reading.accuracy, 3),
                told(reading.drift, 2),
                reading.verdicts(),
                reading.n_learned,
                reading.n_seeds
            ),
            reading.is_comparable().then_some(agrees),
        ));
    }
    rows.append(&mut shown.comparisons);
    shown.comparisons = rows;
    Ok(shown)
}

fn show_mnist(results: &Results) -> Result<Shown, ReproduceError> {
    Ok(show_grid(results, &Grid::mnist(results.setup.size), MNIST.title))
}

fn show_grid(results: &Results, grid: &Grid, title: &str) -> Shown {
    let readings: Vec<Vec<Reading>> = grid
        .layers
        .iter()
        .map(|&(layer, _)| {
            grid.cells().iter().map(|&cell| Reading::of(cell, layer, results.pool(&cell.label()))).collect()
        })
        .collect();
    let table = table_of_cells(results, grid, title, &readings);
    let mut shown = Shown::new(table, summaries(grid, &readings));
    shown.figures.push(("-drift", against_drift(results, grid, title, &readings)));
    let mut csv = String::from(Reading::HEADER);
    let n_layers = complete(results).map_or(0, |(_, result)| result.layers.len());
    for cell in grid.cells() {
        for layer in 1..=n_layers {
            csv += &Reading::of(cell, layer, results.pool(&cell.label())).csv();
        }
    }
    shown.tables.push(("", csv));
    shown
}

/// The first cell that has values.
fn complete(results: &Results) -> Option<(&PoolResult, &AsIfRandomResult)> {
    results.pools.iter().find_map(|pool| Some((pool, pool.result.as_ref().ok()?)))
}

/// What all cells share, in one line.
fn subject(results: &Results) -> String {
    let Some((first, result)) = complete(results) else { return String::new() };
    let n_networks = result.rows.iter().map(|row| row.n_networks).max().unwrap_or(0);
    let of = match result.settings.pool {
        PoolConfig::Epochs { stride, .. } => {
            format!("{n_networks} networks, {} apart", units(stride, "epoch"))
        }
        PoolConfig::Steps { stride, .. } => format!("{n_networks} networks, {} apart", units(stride, "step")),
        PoolConfig::Seeds { .. } => format!("{n_networks} seeds"),
    };
    let method = result.methods.first().map_or("", |method| method.title.as_str());
    format!(
        "{} · n = {} · {} · M = {of} · {method}",
        result.data.name,
        result.data.n_measured,
        seeds(first.experiment.seeds as usize),
    )
}

/// Two decimals, with a minus sign where there is something to be less than zero.
fn bits(value: f64) -> String {
    let text = format!("{value:.2}").replace('-', "−");
    if text == "−0.00" { "0.00".into() } else { text }
}

fn units(n: u64, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

fn table_of_cells(results: &Results, grid: &Grid, title: &str, readings: &[Vec<Reading>]) -> figure::Figure {
    let differences = readings.iter().flatten().map(Reading::difference).filter(|d| d.is_finite());
    let ends = differences.fold((0.0, 0.2), |(low, high): (f64, f64), d| (low.min(d), high.max(d)));
    let values = Axis::of("I(X;T) of a single network minus the pool", "bits", AxisScale::Linear, ends);
    let mut panels = Vec::new();
    for nonlinearity in NONLINEARITIES {
        for of_layer in readings {
            for (optimizer, rates) in &grid.optimizers {
                let chosen = of_layer
                    .iter()
                    .filter(|r| r.cell.nonlinearity == nonlinearity && r.cell.optimizer == *optimizer);
                let cells = chosen.map(Reading::shown_cell).collect();
                panels.push(Panel {
                    name: String::new(),
                    x: Axis::places("learning rate", rates.iter().map(f64::to_string)),
                    y: Axis::places("batch size", grid.batches.iter().map(u32::to_string)),
                    series: vec![Series::Cells(Cells { values: values.clone(), cells, beside: None })],
                    limits: vec![],
                    remark: None,
                });
            }
        }
    }
    let columns = grid.layers.iter().flat_map(|(_, name)| {
        grid.optimizers.iter().map(move |(o, _)| format!("{}, {name}", optimizer_title(o)))
    });
    let remarks = [
        "% drift: drifting; the share of the difference that is due to drift".to_string(),
        "few nets: too few networks: the value still changes with M".into(),
        "unchanged: the weights drift, by less than the bins or the noise resolve".into(),
        format!("acc: not learned, training accuracy below {LEARNED}; diverged: no networks to pool"),
    ];
    let note = "Bold cells are stationary: the weights fluctuate without drift, and more networks would not change the value. The \
                verdict of a cell is that of most of its seeds. Values are means over the seeds that learned.";
    let columns: Vec<String> = columns.collect();
    let rows = NONLINEARITIES.iter().map(|nonlinearity| vec![common::title(nonlinearity)]).collect();
    figure::Figure {
        grid: Some(figure::Grid { columns: columns.clone(), rows }),
        legend: remarks.map(|name| LegendEntry { key: Key::Remark, name }).to_vec(),
        ..common::sheet(FigureKind::Cells, title, subject(results), columns, panels, vec![note.into()])
    }
}

/// The difference against how much the weights fluctuate, and against how much they drift.
fn against_drift(results: &Results, grid: &Grid, title: &str, readings: &[Vec<Reading>]) -> figure::Figure {
    type Value = fn(&Reading) -> f64;
    let rows: [(&str, &str, Value); 3] = [
        ("H(T|X) of the pool", "bits", |reading| number(reading.h_t_given_x)),
        ("drift: mean shift / fluctuation of the weights", "", |reading| number(reading.drift)),
        ("share due to drift: lost only across the window", "", |reading| number(reading.drift_share)),
    ];
    let learned: Vec<Vec<&Reading>> =
        readings.iter().map(|of_layer| of_layer.iter().filter(|reading| reading.shown()).collect()).collect();
    let differences = learned.iter().flatten().map(|reading| reading.difference());
    let y = Axis::linear("single network minus pool", "bits", differences.chain([0.0, 0.2]), 0.06);
    let mut panels = Vec::new();
    for (name, unit, value) in rows {
        let values = || learned.iter().flatten().map(|reading| value(reading));
        if !values().any(f64::is_finite) {
            continue;
        }
        let x = Axis::linear(name, unit, values().chain([0.0]), 0.06);
        for of_layer in &learned {
            let mut series = Vec::new();
            if name.starts_with("H(T|X)") {
                // Where all of the difference would be fluctuation, or drift.
                let ends = [x.low.max(y.low), x.high.min(y.high)].map(|end| (end, end));
                let line = Line::new(Role::Theory, Of::Theory, ends.to_vec());
                series.push(Series::Line(Line { dashed: true, ..line }));
            }
            for (group, nonlinearity) in NONLINEARITIES.into_iter().enumerate() {
                for marks in [MarkStyle::Hollow, MarkStyle::Filled] {
                    let drifting = marks == MarkStyle::Hollow;
                    let chosen = of_layer
                        .iter()
                        .filter(|r| r.cell.nonlinearity == nonlinearity && r.drifting() == drifting);
                    let places = chosen.map(|r| (value(r), r.difference()));
                    let points = places.filter(|(x, y)| x.is_finite() && y.is_finite());
                    let points: Vec<Point> =
                        points.map(|(x, y)| Point { x, y, error: None, label: None }).collect();
                    if !points.is_empty() {
                        series.push(Series::Points(Points { role: Role::Group(group), marks, points }));
                    }
                }
            }
            panels.push(Panel {
                name: String::new(),
                x: x.clone(),
                y: y.clone(),
                remark: common::no_value(&series),
                series,
                limits: vec![common::level(0.0, "")],
            });
        }
    }
    let groups: Vec<String> = NONLINEARITIES.iter().map(|nonlinearity| common::title(nonlinearity)).collect();
    let filled = |(group, name): (usize, &String)| LegendEntry {
        key: Key::Marks { role: Some(Role::Group(group)), marks: MarkStyle::Filled },
        name: name.clone(),
    };
    let hollow = LegendEntry {
        key: Key::Marks { role: None, marks: MarkStyle::Hollow },
        name: "hollow: drifting".into(),
    };
    let mut notes = vec![
        "Every point is a cell of the grid, the mean of its seeds that learned. Drift: 2/√M for independent samples, 2 for a random walk; \
         above 0.5 a cell counts as drifting. Share due to drift: of the information that a sixteenth of the window's networks, \
         strided over it, take from I(X;T), the fraction that as many contiguous networks do not take: 0 for independent samples, \
         1 for steady motion. Dashed: a difference as large as H(T|X)."
            .to_string(),
    ];
    let excluded = readings.first().map_or(0, |all| all.iter().filter(|reading| !reading.shown()).count());
    if excluded > 0 {
        notes.push(format!(
            "{excluded} cells that did not learn (training accuracy below {LEARNED}) are excluded; linear networks, which \
             cannot learn the task, are shown."
        ));
    }
    let columns = grid.layers.iter().map(|(_, name)| name.to_string()).collect();
    let title = format!("{title}: drift against fluctuation");
    figure::Figure {
        legend: groups.iter().enumerate().map(filled).chain([hollow]).collect(),
        groups,
        ..common::sheet(FigureKind::Curves, title, subject(results), columns, panels, notes)
    }
}

/// What the grid shows, nonlinearity by nonlinearity.
fn summaries(grid: &Grid, readings: &[Vec<Reading>]) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for nonlinearity in NONLINEARITIES {
        for (of_layer, (_, name)) in readings.iter().zip(&grid.layers) {
            let all: Vec<&Reading> =
                of_layer.iter().filter(|r| r.cell.nonlinearity == nonlinearity).collect();
            let learned = all.iter().filter(|reading| reading.learned()).count();
            let shown: Vec<&Reading> = all.iter().copied().filter(|reading| reading.shown()).collect();
            let of = |verdict: Verdict| {
                let mut found: Vec<f64> =
                    shown.iter().filter(|r| r.verdict() == verdict).map(|r| r.difference()).collect();
                found.sort_by(f64::total_cmp);
                let above = found.iter().filter(|&&d| d > 0.1).count();
                match (found.first(), found.last()) {
                    (Some(low), Some(high)) => {
                        format!(
                            "{} cells, {above} above 0.1 bits, {} to {}",
                            found.len(),
                            bits(*low),
                            bits(*high)
                        )
                    }
                    _ => "none".to_string(),
                }
            };
            rows.push(Comparison::of_its_own(
                format!("{}, {name}: single network minus pool [bits]", common::title(nonlinearity)),
                format!(
                    "{} of {} cells learned; stationary: {}; unchanged: {}; drifting: {}; too few networks: {}",
                    learned,
                    all.len(),
                    of(Verdict::Stationary),
                    of(Verdict::Unchanged),
                    of(Verdict::Drifting),
                    of(Verdict::TooFewNetworks)
                ),
            ));
        }
    }
    rows
}
