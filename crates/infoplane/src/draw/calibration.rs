//! The sheet of the accuracy of methods: a table of coloured cells for each number of samples.

use super::{Anchor, Color, Mark, Scene, Text, Weight, epoch_color, is_light, text_width, write_title};
use crate::figure::{self, Axis, Cell, Cells, Figure};
use crate::math;

const CELL: (f64, f64) = (44.0, 19.0);
const TOP: f64 = 62.0;
const LEFT: f64 = 24.0;
const NAME_SIZE: f64 = 11.5;
const VALUE_SIZE: f64 = 10.0;
/// Room for the column beside the cells.
const BESIDE: f64 = 50.0;
/// The bar that says what colours mean.
const SCALE: f64 = 240.0;

/// Cells hold their numbers, and so are magnified with them where a style magnifies: there is no plot that could stay as
/// large as on paper.
pub(super) fn scene(figure: &Figure) -> Scene {
    let tables: Vec<(&figure::Panel, &Cells)> =
        figure.panels.iter().filter_map(|panel| Some((panel, panel.cells()?))).collect();
    let Some(&(first, cells)) = tables.first() else { return Scene::new(1.0, 1.0) };
    let (methods, tasks) = (&first.x.places, &first.y.places);
    let widest = |names: &[String]| {
        names.iter().map(|name| text_width(name, NAME_SIZE, Weight::Regular)).fold(0.0, f64::max)
    };
    let left = LEFT + widest(tasks) + 10.0 + BESIDE;
    let heads = widest(methods) + 12.0;
    let height = heads + 26.0 + CELL.1 * tasks.len() as f64 + 18.0;
    let width = (left + CELL.0 * methods.len() as f64 + 24.0).max(520.0);
    let below = TOP + height * tables.len() as f64;
    let mut scene = Scene::new(width, below + 54.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());
    for (index, (panel, cells)) in tables.iter().enumerate() {
        table(&mut scene, (left, TOP + height * index as f64), heads, panel, cells);
    }
    scale(&mut scene, &cells.values, left, below);
    scene
}

fn table(scene: &mut Scene, (left, top): (f64, f64), heads: f64, panel: &figure::Panel, cells: &Cells) {
    let head = top + heads + 16.0;
    scene.text(Text::new(LEFT, head, 12.0, panel.name.clone()).bold());
    let beside = |scene: &mut Scene, y: f64, text: &str| {
        let text = Text::new(left - 8.0, y, VALUE_SIZE, text);
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    };
    if let Some(column) = &cells.beside {
        beside(scene, head, &column.name);
    }
    for (column, name) in panel.x.places.iter().enumerate() {
        let x = left + CELL.0 * (column as f64 + 0.5) + 4.0;
        scene.text(Text::new(x, head, NAME_SIZE, name.clone()).upward());
    }
    for (line, name) in panel.y.places.iter().enumerate() {
        let y = top + heads + 24.0 + CELL.1 * line as f64;
        let baseline = y + CELL.1 / 2.0 + 3.8;
        scene.text(Text::new(LEFT, baseline, NAME_SIZE, name.clone()));
        let known = cells.beside.as_ref().and_then(|column| column.cells.get(line));
        if let Some(known) = known.filter(|known| known.value.is_some()) {
            beside(scene, baseline, &known.text);
        }
        let n = panel.x.places.len();
        for (column, shown) in cells.cells.iter().skip(line * n).take(n).enumerate() {
            cell(scene, (left + CELL.0 * column as f64, y), &cells.values, shown);
        }
    }
}

/// One value: its colour, its number, bold if it stands out.
fn cell(scene: &mut Scene, (x, y): (f64, f64), values: &Axis, shown: &Cell) {
    let middle = (x + CELL.0 / 2.0, y + CELL.1 / 2.0 + 3.5);
    let text = Text::new(middle.0, middle.1, VALUE_SIZE, shown.text.clone()).anchor(Anchor::Middle);
    let Some(value) = shown.value else {
        scene.text(text.color(Color::QUIET));
        return;
    };
    let fill = color(values, value);
    rectangle(scene, (x + 0.7, y + 0.7), (CELL.0 - 1.4, CELL.1 - 1.4), fill);
    let text = if shown.stands_out { text.bold() } else { text };
    scene.text(text.color(if is_light(fill, 120.0) { Color::INK } else { Color::WHITE }));
}

fn rectangle(scene: &mut Scene, (x, y): (f64, f64), (w, h): (f64, f64), fill: Color) {
    let points = vec![(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
    scene.marks.push(Mark::Shape { points, fill, opacity: 1.0, outline: None });
}

/// Bright where the error is small.
fn color(values: &Axis, error: f64) -> Color {
    let share = math::ln(error.max(1e-300) / values.low) / math::ln(values.high / values.low);
    epoch_color(1.0 - share.clamp(0.0, 1.0))
}

fn scale(scene: &mut Scene, values: &Axis, left: f64, top: f64) {
    const STEPS: u32 = 60;
    for step in 0..STEPS {
        let share = (f64::from(step) + 0.5) / f64::from(STEPS);
        let error = values.low * math::powf(values.high / values.low, share);
        let x = left + SCALE * f64::from(step) / f64::from(STEPS);
        // A little wider than a step, so that no seam can show.
        rectangle(scene, (x, top), (SCALE / f64::from(STEPS) + 0.3, 10.0), color(values, error));
    }
    for error in thirds_of_decades(values) {
        let x = left + SCALE * math::ln(error / values.low) / math::ln(values.high / values.low);
        scene.line(vec![(x, top + 10.0), (x, top + 13.0)], Color::INK, 0.8);
        scene.text(Text::new(x, top + 24.0, VALUE_SIZE, format!("{error}")).anchor(Anchor::Middle));
    }
    let text = Text::new(left - 8.0, top + 9.0, VALUE_SIZE, values.unit.clone());
    scene.text(text.anchor(Anchor::End).color(Color::QUIET));
}

/// 0.003, 0.01, 0.03, 0.1, …: about even on a logarithmic axis, each with one digit.
fn thirds_of_decades(values: &Axis) -> Vec<f64> {
    let decades = math::log10(values.low).floor() as i32..=math::log10(values.high).ceil() as i32;
    let ticks = decades.flat_map(|power| [format!("1e{power}"), format!("3e{power}")]);
    let ticks = ticks.filter_map(|tick| tick.parse().ok());
    ticks.filter(|tick| (values.low..=values.high).contains(tick)).collect()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::calibrate::{Accuracy, Outcome};

    #[test]
    fn every_task_method_and_size_is_on_the_figure() {
        let row = |task, estimator, n_samples, error: Option<f64>| Accuracy {
            task,
            estimator,
            n_samples,
            truth: 0.4133,
            outcome: match error {
                Some(error) => Ok(Outcome { errors: vec![error], ..Outcome::default() }),
                None => Err("needs labels".into()),
            },
        };
        let table = [
            row("normal", "ksg", 1000, Some(0.02)),
            row("normal", "ross", 1000, None),
            row("classes", "ksg", 10_000, None),
            row("classes", "ross", 10_000, Some(-0.5)),
        ];
        let svg = scene(&Figure::calibration(&table).unwrap()).to_svg();
        for part in
            ["n = 1000", "n = 10000", "normal", "classes", "KSG-1", ">.020<", ">.50<", ">0.413<", ">–<"]
        {
            assert!(svg.contains(part), "{part}");
        }
    }

    #[test]
    fn the_bar_of_colours_has_ticks_with_one_digit() {
        let values = Axis { low: 0.003, high: 3.0, ..Axis::logarithmic("", "", []) };
        assert_eq!(thirds_of_decades(&values), [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]);
    }
}
