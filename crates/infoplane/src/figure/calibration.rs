//! The accuracy of methods on tasks: a table of errors for each number of samples.

use super::{Axis, AxisScale, Cell, CellColumn, Cells, Figure, FigureKind, Panel, Series};
use crate::calibrate::Accuracy;
use crate::estimator::EstimatorInfo;

/// Errors of the two ends of the colours, in nats.
const RANGE: (f64, f64) = (0.003, 3.0);

impl Figure {
    /// The mean absolute errors of methods on tasks of known information, in nats; nothing without a row.
    ///
    /// A panel for each number of samples, with a cell for each task and method; beside the cells the true information of
    /// each task. The least error of a task stands out. Where a method does not apply, its cell has no value.
    ///
    /// # Examples
    /// ```
    /// use infoplane::calibrate::{Accuracy, Outcome};
    /// use infoplane::figure::{Figure, Series};
    ///
    /// let outcome = Outcome { errors: vec![0.02, -0.04], ..Outcome::default() };
    /// let row = Accuracy {
    ///     task: "normal",
    ///     estimator: "ksg",
    ///     n_samples: 1000,
    ///     truth: 0.4133,
    ///     outcome: Ok(outcome),
    /// };
    /// let figure = Figure::calibration(&[row]).expect("a table with a row");
    /// let Series::Cells(cells) = &figure.panels[0].series[0] else { panic!("a table of cells") };
    /// assert_eq!((cells.cells[0].value, cells.cells[0].text.as_str()), (Some(0.03), ".030"));
    /// ```
    pub fn calibration(table: &[Accuracy]) -> Option<Figure> {
        if table.is_empty() {
            return None;
        }
        let tasks = in_order(table, |row| row.task);
        let methods = in_order(table, |row| row.estimator);
        let mut sizes = in_order(table, |row| row.n_samples);
        sizes.sort_unstable();
        let repeats = table.iter().filter_map(|row| Some(row.outcome.as_ref().ok()?.errors.len())).max();
        let fact = format!(
            "mean absolute error in nats over {} samples of each task; – does not apply",
            repeats.unwrap_or(0)
        );
        let x = Axis::places("", methods.iter().map(|method| title(method).to_string()));
        let y = Axis::places("", tasks.iter().map(|task| task.to_string()));
        let panel = |&n: &usize| Panel {
            name: format!("n = {n}"),
            x: x.clone(),
            y: y.clone(),
            series: vec![Series::Cells(cells(table, n, &tasks, &methods))],
            limits: vec![],
            remark: None,
        };
        Some(Figure {
            id: "calibration".into(),
            kind: FigureKind::Calibration,
            heading: "Error of estimates of I(X;Y)".into(),
            title: "Error of estimates of I(X;Y)".into(),
            facts: vec![fact],
            layers: vec![],
            panels: sizes.iter().map(panel).collect(),
            grid: None,
            groups: vec![],
            legend: vec![],
            notes: vec![],
            table: Some("calibration.csv".into()),
        })
    }
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
    EstimatorInfo::named(name).map_or(name, |info| info.title)
}

/// The cells of one number of samples.
fn cells(table: &[Accuracy], n: usize, tasks: &[&str], methods: &[&str]) -> Cells {
    let error = |row: &Accuracy| row.outcome.as_ref().ok().map(|outcome| outcome.mean_absolute_error());
    let mut truths = Vec::new();
    let mut cells = Vec::new();
    for task in tasks {
        let rows = || table.iter().filter(|row| row.task == *task && row.n_samples == n);
        let truth = rows().next().map(|row| row.truth);
        truths.push(Cell::of(truth, truth.map_or_else(String::new, |truth| format!("{truth:.3}"))));
        let least = rows().filter_map(error).fold(f64::INFINITY, f64::min);
        cells.extend(methods.iter().map(|method| {
            let found = rows().find(|row| row.estimator == *method).and_then(error);
            let text = found.map_or_else(|| "–".to_string(), number);
            Cell { stands_out: found == Some(least), ..Cell::of(found, text) }
        }));
    }
    let values = Axis::of("mean absolute error", "nats", AxisScale::Logarithmic, RANGE);
    Cells { values, cells, beside: Some(CellColumn { name: "truth".into(), cells: truths }) }
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

#[cfg(test)]
mod tests {

    use super::*;
    use crate::calibrate::Outcome;

    #[test]
    fn numbers_fit_their_cells() {
        let shown = [0.0, 0.0994, 0.0996, 0.99, 1.0, 9.96, 123.0].map(number);
        assert_eq!(shown, [".000", ".099", ".10", ".99", "1.0", "10", "123"]);
    }

    #[test]
    fn the_least_error_of_a_task_stands_out() {
        let row = |estimator, error: Option<f64>| Accuracy {
            task: "normal",
            estimator,
            n_samples: 1000,
            truth: 0.5,
            outcome: match error {
                Some(error) => Ok(Outcome { errors: vec![error], ..Outcome::default() }),
                None => Err("needs labels".into()),
            },
        };
        let table = [row("ksg", Some(-0.2)), row("ross", None), row("lnc", Some(0.1))];
        let figure = Figure::calibration(&table).unwrap();
        let Series::Cells(cells) = &figure.panels[0].series[0] else { panic!("a table of cells") };
        let stands_out: Vec<bool> = cells.cells.iter().map(|cell| cell.stands_out).collect();
        assert_eq!(stands_out, [false, false, true]);
        assert_eq!((cells.cells[1].value, cells.cells[1].text.as_str()), (None, "–"));
        assert_eq!(cells.beside.as_ref().unwrap().cells[0].value, Some(0.5));
        assert_eq!(Figure::calibration(&[]), None);
    }
}
