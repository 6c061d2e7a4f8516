//! `infoplane bottleneck`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::bottleneck::{BottleneckCurve, bottleneck_curve, bottleneck_curve_of_joint};
use infoplane::dataset::DatasetSource;
use infoplane::dataset::generate::SIGMOID_GAIN;
use infoplane::dataset::read::{Array, read_array};
use infoplane::experiment::Experiment;
use infoplane::printable::{printable, printable_path};
use infoplane::report::write_bottleneck;
use ndarray::Array2;
use serde_json::{Value, json};

use super::report::UNFINISHED;
use crate::failure::Failure;
use crate::flags::figures::LookFlags;
use crate::flags::files::check_outside_runs;
use crate::flags::machine::{MemoryFlags, ThreadFlags};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, end_on_interrupt};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The joint distribution is the rule of an experiment on the 12-bit task, or a table: a row for each x, a \
column for each y, of probabilities that sum to 1 or of counts. An experiment without label noise is given \
a sigmoid of gain 1000, which leaves the published 0.99 bits. beta is the trade-off at a point: I(T;Y) − \
I(X;T)/beta is largest there. clusters is the number of values that T needs; gap bounds how far the curve \
lies above the point. With --out, writes bottleneck.csv and the figure bottleneck.

Examples:
  infoplane bottleneck
  infoplane bottleneck tishby2017 --gain 10 --points 40 --out bottleneck
  infoplane bottleneck joint.csv --json")]
pub struct Args {
    /// Preset or TOML file on the 12-bit task, or a table p(x, y) (.csv, .tsv, .npy, .npz, .mat) [default: tishby2017]
    #[arg(value_name = "PRESET|FILE")]
    pub joint: Option<String>,
    /// Gain of the sigmoid that makes the labels noisy, per standard deviation of the rule [default: the experiment's, or 1000]
    #[arg(long, value_name = "GAIN", allow_hyphen_values = true, value_parser = crate::flags::number)]
    pub gain: Option<f64>,
    /// Largest number of points; straight pieces of the curve take fewer
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = crate::flags::whole_from(2u16, 1000))]
    pub points: u16,
    /// Directory for the table and the figure
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub look: LookFlags,
    #[command(flatten)]
    pub threads: ThreadFlags,
    #[command(flatten)]
    pub memory: MemoryFlags,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// What is taken for an experiment where nothing is given.
const DEFAULT: &str = "tishby2017";
/// Names of files that hold tables; all others are presets or TOML files.
const TABLES: [&str; 5] = ["csv", "tsv", "npy", "npz", "mat"];

/// Prints the information-bottleneck curve of a joint distribution.
pub fn bottleneck(arguments: &Args) -> Result<ExitCode, Failure> {
    let options = arguments.look.still("curves")?;
    if let Some(out) = &arguments.out {
        check_outside_runs(out, None)?;
    }
    let given = arguments.joint.as_deref().unwrap_or(DEFAULT);
    let extension = Path::new(given).extension().and_then(|extension| extension.to_str());
    let n_points = usize::from(arguments.points);
    let table = extension.is_some_and(|extension| TABLES.contains(&extension));
    end_on_interrupt("interrupted; nothing was written", arguments.out.iter().cloned().collect());
    let mut clock = Clock::new("computing the curve");
    let (subject, curve) = match table {
        true => of_table(given, arguments.gain, n_points),
        false => of_experiment(given, arguments.gain, n_points),
    }?;
    let files = match &arguments.out {
        Some(out) => {
            end_on_interrupt(UNFINISHED, vec![out.clone()]);
            write_bottleneck(&subject, &curve, &options, out)?
        }
        None => Vec::new(),
    };
    clock.finish();
    let mut out = Screen::lock();
    if arguments.json {
        let object = json!({
            "joint": subject,
            "i_xy_bits": curve.i_xy.bits(),
            "h_y_bits": curve.h_y.bits(),
            "distinct_inputs": curve.distinct_inputs,
            "deterministic": curve.deterministic,
            "points": points(&curve),
            "files": files,
        });
        print_json("bottleneck", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(out, "{}", text(&subject, &curve))?;
    for file in files {
        writeln!(out, "wrote {}", printable_path(file))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_experiment(
    name: &str,
    gain: Option<f64>,
    n_points: usize,
) -> Result<(String, BottleneckCurve), Failure> {
    let source = Experiment::load(name, &[])?.dataset.source;
    let DatasetSource::Symmetric12 { gain: own, .. } = source else {
        return Err(Failure::input(format!(
            "{name} is not on the 12-bit task (dataset.source.kind = \"symmetric12\"): its p(x, y) is not known"
        ))
        .with_advice("a table p(x, y) can be given as a .csv or .npy file"));
    };
    let gain = gain.or(own).unwrap_or(SIGMOID_GAIN);
    let rule = DatasetSource::Symmetric12 { gain: Some(gain), repeats: 1 }.rule().map_err(Failure::input)?;
    let rule = rule.ok_or_else(|| Failure::input(format!("the rule of {name} is not known")))?;
    let p_x = vec![1.0 / rule.nrows() as f64; rule.nrows()];
    let curve = bottleneck_curve(&p_x, rule.view(), n_points).map_err(Failure::input)?;
    Ok((format!("the 12-bit task, sigmoid of gain {gain}"), curve))
}

fn of_table(file: &str, gain: Option<f64>, n_points: usize) -> Result<(String, BottleneckCurve), Failure> {
    if gain.is_some() {
        return Err(Failure::input(
            "--gain is for experiments on the 12-bit task; a table holds its own noise",
        ));
    }
    let mut table: Array2<f64> = match read_array(Path::new(file), None)? {
        Array::Single(table) => table.mapv(f64::from),
        Array::Double(table) => table,
    };
    let counts = table.iter().all(|&value| value >= 0.0 && value.fract() == 0.0);
    let sum = table.sum();
    if counts && sum > 0.0 {
        table /= sum;
    }
    let curve = bottleneck_curve_of_joint(table.view(), n_points).map_err(|error| {
        Failure::input(format!("{file}: {error}"))
            .with_advice("a table has a row for each x and a column for each y, of p(x, y) or of counts")
    })?;
    Ok((file.to_string(), curve))
}

fn points(curve: &BottleneckCurve) -> Vec<Value> {
    let point = |point: &infoplane::bottleneck::BottleneckPoint| {
        json!({
            // JSON has no infinity: null at the end of the curve.
            "beta": point.beta,
            "i_xt_bits": point.i_xt.bits(),
            "i_ty_bits": point.i_ty.bits(),
            "clusters": point.clusters,
            "gap_bits": point.gap.bits(),
        })
    };
    curve.points.iter().map(point).collect()
}

fn text(subject: &str, curve: &BottleneckCurve) -> String {
    let inputs = match curve.distinct_inputs {
        1 => "all inputs have the same p(y|x): X tells nothing of Y".to_string(),
        n => format!("{n} inputs differ in p(y|x)"),
    };
    let mut text = format!(
        "{}\nI(X;Y) = {:.4} bits, H(Y) = {:.4} bits, {inputs}\n",
        printable(subject),
        curve.i_xy.bits(),
        curve.h_y.bits(),
    );
    if curve.deterministic {
        text +=
            "every x has one label: the curve is the straight line to (H(Y), H(Y)), all of it at beta = 1\n";
    }
    text +=
        &format!("\n  {:>10}  {:>10}  {:>10}  {:>8}  {:>8}\n", "beta", "I(X;T)", "I(T;Y)", "clusters", "gap");
    for point in &curve.points {
        text += &format!(
            "  {:>10.4}  {:>10.6}  {:>10.6}  {:>8}  {:>8.0e}\n",
            point.beta,
            point.i_xt.bits(),
            point.i_ty.bits(),
            point.clusters,
            point.gap.bits()
        );
    }
    text
}
