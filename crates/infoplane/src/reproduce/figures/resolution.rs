//! The dispute in one picture: the same networks at every resolution.

use super::common;
use crate::Bound;
use crate::estimator::AnyEstimator;
use crate::figure::{
    self, Axis, AxisScale, Band, BandRange, FigureKind, Key, LegendEntry, MarkStyle, Of, Panel, Point,
    Points, Role, Series,
};
use crate::plane::{LayerPath, Mean};
use crate::reproduce::figure::{
    Comparison, ExperimentOrData, Figure, RunResult, Setup, Shown, Size, cell_of_preset, compresses,
    fall_i_xt, last_i_xt, layer, over_seeds, told,
};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

pub(super) const FIGURE: Figure = Figure {
    name: "resolution",
    title: "The same networks at every resolution: number of bins, range of bins, noise variance",
    paper: "The dispute between Shwartz-Ziv & Tishby (2017) and Saxe et al. (2018), in one picture",
    says: "Shwartz-Ziv & Tishby find that every layer compresses, in 30 bins on [−1, 1]. Saxe et al. attribute \
           this to the bins: it depends on saturation, and does not occur with ReLU unless the bins clip. \
           Goldfeld et al. (2019) and others: bins and noise set the resolution at which an infinite quantity is \
           measured.",
    here: "The networks of `saxe-nonlinearities`, tanh and ReLU, each measured with all settings in one run: 2 to 4096 bins, on [−1, 1] \
           and on each layer's full range, and Gaussian noise of variance 1e-6 to 1 by both pairwise bounds. Above: \
           I(X;T) at the end. Below: its fall from its largest value at any epoch, which is called compression.",
    plan,
    show,
};

const KINDS: [&str; 2] = ["tanh", "relu"];
const BINS: [usize; 11] = [2, 4, 8, 16, 30, 64, 128, 256, 512, 1024, 4096];
const VARIANCES: [f64; 7] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];
/// The last three hidden layers: 5, 4 and 3 units.
const LAYERS: [usize; 3] = [3, 4, 5];

fn variances(size: Size) -> &'static [f64] {
    if size == Size::Tiny { &VARIANCES[3..4] } else { &VARIANCES }
}

fn plan(setup: &Setup) -> Result<Vec<Cell>, ExperimentOrData> {
    let size = setup.size;
    KINDS
        .iter()
        .map(|nonlinearity| {
            let mut methods: Vec<AnyEstimator> =
                BINS.iter().flat_map(|&bins| [common::clipped(bins), common::full_range(bins)]).collect();
            methods.push(common::kde(variances(size)));
            let overrides = [
                format!("seeds={}", size.pick(10, 4, 1)),
                common::epochs(setup, 10_000),
                common::measured_on(setup),
                common::log_spaced(size.pick(40, 25, 3)),
                common::estimators(&methods),
            ];
            let preset = format!("saxe2018-{nonlinearity}");
            Ok(cell_of_preset(
                &common::title(nonlinearity),
                &format!("resolution-{nonlinearity}"),
                &preset,
                overrides,
            )?)
        })
        .collect()
}

/// End and fall of I(X;T) of one layer by one setting.
#[derive(Clone, Copy)]
struct Reading {
    end: Option<Mean>,
    fall: Option<Mean>,
}

/// A line of the figure: readings by the setting's number.
struct Line {
    way: &'static str,
    layer: usize,
    readings: Vec<(f64, Reading)>,
}

impl Line {
    /// Its band of standard errors, its line and its marks; nothing without values.
    fn series(&self, value: impl Fn(&Reading) -> Option<Mean>) -> Vec<Series> {
        let found: Vec<(f64, Mean)> =
            self.readings.iter().filter_map(|(at, reading)| Some((*at, value(reading)?))).collect();
        if found.is_empty() {
            return vec![];
        }
        let (role, dashed) = (Role::Layer(self.layer), matches!(self.way, "clipped" | "lower"));
        let band: Vec<(f64, f64, f64)> = found
            .iter()
            .filter_map(|(at, mean)| {
                let error = mean.standard_error?;
                Some((*at, mean.mean - error, mean.mean + error))
            })
            .collect();
        let band = (!band.is_empty()).then_some(Band { role, range: BandRange::StandardError, points: band });
        let points = found.iter().map(|(at, mean)| (*at, mean.mean)).collect();
        let line = figure::Line { dashed, ..figure::Line::new(role, Of::Mean, points) };
        // The band shows the errors.
        let point = |&(x, mean): &(f64, Mean)| Point { x, y: mean.mean, error: None, label: None };
        let points = Points {
            role,
            marks: if dashed { MarkStyle::Hollow } else { MarkStyle::Filled },
            points: found.iter().map(point).collect(),
        };
        let drawn = [Series::Line(line), Series::Points(points)];
        band.map(Series::Band).into_iter().chain(drawn).collect()
    }
}

fn reading(paths: &[LayerPath], number: usize) -> Reading {
    let path = layer(paths, number);
    Reading {
        end: path.and_then(|path| over_seeds(path, last_i_xt)),
        fall: path.and_then(|path| over_seeds(path, fall_i_xt)),
    }
}

fn lines(run: &RunResult, size: Size) -> Result<Vec<Line>, ReproduceError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |way: &'static str, at: f64, paths: &[LayerPath]| {
        for number in LAYERS {
            let reading = reading(paths, number);
            match lines.iter_mut().find(|line| line.way == way && line.layer == number) {
                Some(line) => line.readings.push((at, reading)),
                None => lines.push(Line { way, layer: number, readings: vec![(at, reading)] }),
            }
        }
    };
    for bins in BINS {
        add("full", bins as f64, &run.layers(&run.group(&common::full_range(bins), None)?));
        add("clipped", bins as f64, &run.layers(&run.group(&common::clipped(bins), None)?));
    }
    for &variance in variances(size) {
        for (way, bound) in [("upper", Bound::Upper), ("lower", Bound::Lower)] {
            add(way, variance, &run.layers(&run.group(&common::kde(&[variance]), Some(bound))?));
        }
    }
    Ok(lines)
}

fn show(results: &Results) -> Result<Shown, ReproduceError> {
    let size = results.setup.size;
    let measured: Vec<(&RunResult, Vec<Line>)> = KINDS
        .iter()
        .map(|nonlinearity| {
            let run = results.run(&common::title(nonlinearity));
            Ok((run, lines(run, size)?))
        })
        .collect::<Result<_, ReproduceError>>()?;
    let h_x = measured[0].0.run.manifest().data.h_x_bits;
    let value = |reading: &Reading, fall: bool| if fall { reading.fall } else { reading.end };
    let falls = measured.iter().flat_map(|(_, lines)| lines).flat_map(|line| &line.readings);
    let largest = falls.filter_map(|(_, reading)| Some(reading.fall?.mean)).fold(1.0, f64::max);

    let mut panels = Vec::new();
    for fall in [false, true] {
        for noise in [false, true] {
            for (_, lines) in &measured {
                let chosen =
                    lines.iter().filter(|line| (line.way == "upper" || line.way == "lower") == noise);
                let series: Vec<Series> = chosen.flat_map(|line| line.series(|r| value(r, fall))).collect();
                let (quantity, ends) =
                    if noise { ("noise variance", (4e-7, 2.5)) } else { ("number of bins", (1.5, 6000.0)) };
                panels.push(Panel {
                    name: String::new(),
                    x: Axis::of(quantity, "", AxisScale::Logarithmic, ends),
                    y: if fall {
                        Axis::linear("fall of I(X;T)", "bits", [0.0, largest], 0.06)
                    } else {
                        Axis::linear("I(X;T) at the end", "bits", [0.0, 1.06 * h_x], 0.04)
                    },
                    remark: common::no_value(&series),
                    series,
                    limits: if fall { vec![] } else { vec![common::level(h_x, "H(X)")] },
                });
            }
        }
    }
    let (run, _) = &measured[0];
    let entry =
        |dashed, marks, name: &str| LegendEntry { key: Key::MarkedLine { dashed, marks }, name: name.into() };
    let mut notes = vec![
        "Fall: the largest I(X;T) at any measured epoch less the last, the mean over seeds; the same networks everywhere. Bands: standard \
         error over seeds. Noise: Kullback–Leibler upper and Bhattacharyya lower bound on the information of T plus noise."
            .to_string(),
    ];
    notes.extend(common::seed_notes(results));
    let sheet = figure::Figure {
        // All of them, so that each has the colour that it has in other figures.
        layers: common::shown_layers(run),
        legend: vec![
            entry(false, MarkStyle::Filled, "bins on each layer's full range; upper bound"),
            entry(true, MarkStyle::Hollow, "bins on [−1, 1], values beyond clipped; lower bound"),
        ],
        ..common::sheet(
            FigureKind::Curves,
            FIGURE.title,
            common::subject(run),
            ["tanh, bins", "ReLU, bins", "tanh, noise", "ReLU, noise"].map(String::from).to_vec(),
            panels,
            notes,
        )
    };
    let mut shown = Shown::new(sheet, comparisons(&measured));
    shown.tables.push(("", table(&measured)));
    Ok(shown)
}

fn comparisons(measured: &[(&RunResult, Vec<Line>)]) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for ((_, lines), nonlinearity) in measured.iter().zip(KINDS) {
        let fall = |way: &str, at: f64| {
            let line = lines.iter().find(|line| line.way == way && line.layer == 5)?;
            line.readings.iter().find(|(other, _)| *other == at)?.1.fall
        };
        let name = common::title(nonlinearity);
        let expected = nonlinearity == "tanh";
        let (clipped, full) = (fall("clipped", 30.0), fall("full", 30.0));
        comparisons.push(Comparison::new(
            format!("{name}, 3 units: fall of I(X;T) in 30 bins on [−1, 1] and on the full range [bits]"),
            if expected { "falls in both" } else { "falls only where bins clip" },
            format!("{} and {}", told(clipped, 2), told(full, 2)),
            compresses(clipped).zip(compresses(full)).map(|(clipped, full)| clipped && full == expected),
        ));
        for (way, what) in [
            ("full", "2 to 4096 bins on the full range"),
            ("upper", "noise variances 1e-6 to 1, upper bound"),
        ] {
            let line = lines.iter().find(|line| line.way == way && line.layer == 5);
            let readings = line.into_iter().flat_map(|line| &line.readings);
            let falls: Vec<Mean> = readings.filter_map(|(_, reading)| reading.fall).collect();
            let (low, high) = falls.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), fall| {
                (low.min(fall.mean), high.max(fall.mean))
            });
            let compressing = falls.iter().filter(|fall| compresses(Some(**fall)) == Some(true)).count();
            comparisons.push(Comparison::new(
                format!("{name}, 3 units: the fall over {what} [bits]"),
                if expected { "depends on the resolution" } else { "none at any" },
                format!("{low:.2} to {high:.2}; compresses at {compressing} of {} settings", falls.len()),
                (!falls.is_empty()).then_some(match expected {
                    true => compressing > 0 && compressing < falls.len(),
                    false => compressing == 0,
                }),
            ));
        }
    }
    comparisons
}

fn table(measured: &[(&RunResult, Vec<Line>)]) -> String {
    let mut csv = String::from(
        "nonlinearity,layer,way,setting,i_xt_end_bits,standard_error,fall_bits,standard_error\n",
    );
    let shown = |mean: Option<Mean>| match mean {
        Some(mean) => {
            format!("{:.4},{}", mean.mean, mean.standard_error.map_or(String::new(), |e| format!("{e:.4}")))
        }
        None => ",".into(),
    };
    for (run, lines) in measured {
        for line in lines {
            for (at, reading) in &line.readings {
                csv += &format!(
                    "{},{},{},{at},{},{}\n",
                    run.label,
                    line.layer,
                    line.way,
                    shown(reading.end),
                    shown(reading.fall)
                );
            }
        }
    }
    csv
}
