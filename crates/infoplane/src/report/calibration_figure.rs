//! The accuracy of methods on tasks: a table of coloured cells for each number of samples.

use std::path::{Path, PathBuf};

use super::ReportError;
use crate::calibrate::{Accuracy, calibration_csv};
use crate::draw::{Anchor, Color, Mark, Scene, Text, Weight, epoch_color, text_width};
use crate::estimator::EstimatorConfig;
use crate::run::Disk;

const CELL: (f64, f64) = (44.0, 19.0);
const TOP: f64 = 62.0;
const NAME_SIZE: f64 = 11.5;
const VALUE_SIZE: f64 = 10.0;
/// Errors of the brightest and the darkest colour, in nats.
const RANGE: (f64, f64) = (0.003, 3.0);

/// Writes `calibration.csv`, `calibration.svg` and `calibration.png` into `directory` and returns their paths.
///
/// # Errors
/// [`ReportError::Empty`] without a row; [`ReportError::Write`] if a file cannot be written.
pub fn write_calibration(table: &[Accuracy], directory: &Path) -> Result<Vec<PathBuf>, ReportError> {
    if table.is_empty() {
        return Err(ReportError::Empty);
    }
    let at = |path: &Path, source| ReportError::Write { path: path.to_path_buf(), source };
    std::fs::create_dir_all(directory).map_err(|source| at(directory, source))?;
    let scene = draw(table);
    let figure = "calibration".to_string();
    let png = scene.to_png().map_err(|reason| ReportError::Picture { figure, reason })?;
    let files = [
        ("calibration.csv", calibration_csv(table).into_bytes()),
        ("calibration.svg", scene.to_svg().into_bytes()),
        ("calibration.png", png),
    ];
    files
        .into_iter()
        .map(|(name, bytes)| {
            let path = directory.join(name);
            Disk::default().replace(&path, &bytes).map_err(|source| at(&path, source))?;
            Ok(path)
        })
        .collect()
}

/// The different values of a key, in the order of their first row.
fn in_order<T: PartialEq>(table: &[Accuracy], key: impl Fn(&Accuracy) -> T) -> Vec<T> {
    let mut found = Vec::new();
    for row in table {
        let value = key(row);
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// The title of a method in figures.
fn title(name: &str) -> &str {
    EstimatorConfig::METHODS.iter().find(|about| about.name == name).map_or(name, |about| about.title)
}

fn draw(table: &[Accuracy]) -> Scene {
    let tasks = in_order(table, |row| row.task);
    let methods = in_order(table, |row| row.estimator);
    let mut sizes = in_order(table, |row| row.n_samples);
    sizes.sort_unstable();
    let width_of = |text: &str| text_width(text, NAME_SIZE, Weight::Regular);
    let left = 24.0 + tasks.iter().map(|task| width_of(task)).fold(0.0, f64::max) + 10.0 + 50.0;
    let heads = methods.iter().map(|method| width_of(title(method))).fold(0.0, f64::max) + 12.0;
    let panel = heads + 26.0 + CELL.1 * tasks.len() as f64 + 18.0;
    let width = (left + CELL.0 * methods.len() as f64 + 24.0).max(520.0);
    let mut scene = Scene::new(width, TOP + panel * sizes.len() as f64 + 54.0);
    scene.text(Text::new(24.0, 25.0, 15.5, "Error of estimates of I(X;Y)").bold());
    let repeats = table.iter().filter_map(|row| Some(row.outcome.as_ref().ok()?.errors.len())).max();
    let subtitle = format!(
        "mean absolute error in nats over {} samples of each task; – does not apply",
        repeats.unwrap_or(0)
    );
    scene.text(Text::new(24.0, 44.0, 12.0, subtitle).color(Color::QUIET));
    for (index, &n) in sizes.iter().enumerate() {
        let top = TOP + panel * index as f64;
        scene.text(Text::new(24.0, top + heads + 16.0, 12.0, format!("n = {n}")).bold());
        let truth = Text::new(left - 8.0, top + heads + 16.0, VALUE_SIZE, "truth");
        scene.text(truth.anchor(Anchor::End).color(Color::QUIET));
        for (column, method) in methods.iter().enumerate() {
            let x = left + CELL.0 * (column as f64 + 0.5) + 4.0;
            scene.text(Text::new(x, top + heads + 16.0, NAME_SIZE, title(method)).upward());
        }
        for (line, task) in tasks.iter().enumerate() {
            let y = top + heads + 24.0 + CELL.1 * line as f64;
            let baseline = y + CELL.1 / 2.0 + 3.8;
            scene.text(Text::new(24.0, baseline, NAME_SIZE, *task));
            let rows = || table.iter().filter(|row| row.task == *task && row.n_samples == n);
            if let Some(row) = rows().next() {
                let truth = Text::new(left - 8.0, baseline, VALUE_SIZE, format!("{:.3}", row.truth));
                scene.text(truth.anchor(Anchor::End).color(Color::QUIET));
            }
            let error = |row: &Accuracy| row.outcome.as_ref().ok().map(|o| o.mean_absolute_error());
            let best = rows().filter_map(error).fold(f64::INFINITY, f64::min);
            for (column, method) in methods.iter().enumerate() {
                let found = rows().find(|row| row.estimator == *method).and_then(error);
                let x = left + CELL.0 * column as f64;
                cell(&mut scene, (x, y), found, found == Some(best));
            }
        }
    }
    let top = TOP + panel * sizes.len() as f64;
    scale(&mut scene, left, top);
    scene
}

/// One error: its colour, its number, bold if it is the least of its task.
fn cell(scene: &mut Scene, (x, y): (f64, f64), error: Option<f64>, best: bool) {
    let middle = (x + CELL.0 / 2.0, y + CELL.1 / 2.0 + 3.5);
    let Some(error) = error else {
        let dash = Text::new(middle.0, middle.1, VALUE_SIZE, "–").anchor(Anchor::Middle);
        scene.text(dash.color(Color::QUIET));
        return;
    };
    let fill = color(error);
    rectangle(scene, (x + 0.7, y + 0.7), (CELL.0 - 1.4, CELL.1 - 1.4), fill);
    let text = Text::new(middle.0, middle.1, VALUE_SIZE, number(error)).anchor(Anchor::Middle);
    let text = if best { text.bold() } else { text };
    let light = 0.30 * f64::from(fill.0) + 0.59 * f64::from(fill.1) + 0.11 * f64::from(fill.2) > 120.0;
    scene.text(text.color(if light { Color::INK } else { Color(255, 255, 255) }));
}

fn rectangle(scene: &mut Scene, (x, y): (f64, f64), (w, h): (f64, f64), fill: Color) {
    let points = vec![(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
    scene.marks.push(Mark::Shape { points, fill, opacity: 1.0, outline: None });
}

/// Bright where the error is small.
fn color(error: f64) -> Color {
    let share = (error.max(1e-300) / RANGE.0).ln() / (RANGE.1 / RANGE.0).ln();
    epoch_color(1.0 - share.clamp(0.0, 1.0))
}

/// Three digits at most, as many as a cell holds.
fn number(error: f64) -> String {
    match error {
        e if e < 0.0995 => format!("{e:.3}")[1..].to_string(),
        e if e < 0.995 => format!("{e:.2}")[1..].to_string(),
        e if e < 9.95 => format!("{e:.1}"),
        e => format!("{e:.0}"),
    }
}

fn scale(scene: &mut Scene, left: f64, top: f64) {
    const STEPS: u32 = 60;
    let width = 240.0;
    for step in 0..STEPS {
        let share = (f64::from(step) + 0.5) / f64::from(STEPS);
        let error = RANGE.0 * (RANGE.1 / RANGE.0).powf(share);
        let x = left + width * f64::from(step) / f64::from(STEPS);
        // A little wider than a step, so that no seam can show.
        rectangle(scene, (x, top), (width / f64::from(STEPS) + 0.3, 10.0), color(error));
    }
    for error in [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0] {
        let x = left + width * f64::ln(error / RANGE.0) / f64::ln(RANGE.1 / RANGE.0);
        scene.line(vec![(x, top + 10.0), (x, top + 13.0)], Color::INK, 0.8);
        scene.text(Text::new(x, top + 24.0, VALUE_SIZE, format!("{error}")).anchor(Anchor::Middle));
    }
    let text = Text::new(left - 8.0, top + 9.0, VALUE_SIZE, "nats");
    scene.text(text.anchor(Anchor::End).color(Color::QUIET));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Outcome;
    use std::time::Duration;

    #[test]
    fn numbers_fit_their_cells() {
        let shown = [0.0, 0.0994, 0.0996, 0.99, 1.0, 9.96, 123.0].map(number);
        assert_eq!(shown, [".000", ".099", ".10", ".99", "1.0", "10", "123"]);
    }

    #[test]
    fn every_task_method_and_size_is_on_the_figure() {
        let row = |task, estimator, n_samples, error: Option<f64>| Accuracy {
            task,
            estimator,
            n_samples,
            truth: 0.4133,
            outcome: match error {
                Some(error) => Ok(Outcome { errors: vec![error], time: Duration::ZERO, chosen: None }),
                None => Err("needs labels".into()),
            },
        };
        let table = [
            row("normal", "ksg", 1000, Some(0.02)),
            row("normal", "ross", 1000, None),
            row("classes", "ksg", 10_000, None),
            row("classes", "ross", 10_000, Some(-0.5)),
        ];
        let svg = draw(&table).to_svg();
        for part in
            ["n = 1000", "n = 10000", "normal", "classes", "KSG-1", ">.020<", ">.50<", ">0.413<", ">–<"]
        {
            assert!(svg.contains(part), "{part}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_calibration(&table, folder.path()).unwrap().len(), 3);
        assert!(matches!(write_calibration(&[], folder.path()), Err(ReportError::Empty)));
    }
}
