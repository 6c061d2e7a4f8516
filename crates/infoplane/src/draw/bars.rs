//! Bars side by side at each place of a lower axis of names.

use super::series::error_bar;
use super::{Anchor, Color, Mark, Panel, Scene, Text, Weight, role_color, text_width};
use crate::figure::{BarStyle, Bars, Figure};

const NAME_SIZE: f64 = 10.5;

/// One network alone is pale beside all.
pub(super) fn opacity(style: BarStyle) -> f64 {
    if style == BarStyle::Pale { 0.38 } else { 1.0 }
}

pub(super) fn open((x, y): (f64, f64), color: Color) -> Mark {
    Mark::Circle { x, y, radius: 3.2, fill: Color::WHITE, opacity: 1.0, outline: Some((color, 1.4)) }
}

pub(super) fn rectangle(low: (f64, f64), high: (f64, f64), fill: Color, opacity: f64) -> Mark {
    let points = vec![low, (high.0, low.1), high, (low.0, high.1)];
    Mark::Shape { points, fill, opacity, outline: None }
}

/// Draws the bars of all series at each of `n` places: open marks on the bar of the series before them, or alone.
pub(super) fn draw(scene: &mut Scene, panel: &Panel, figure: &Figure, series: &[&Bars], n: usize) {
    let n_bars = series.iter().filter(|series| series.style != BarStyle::Open).count().max(1) as f64;
    let width = 0.8 / n_bars;
    for place in 0..n {
        let mut number = 0.0;
        for series in series {
            let is_open = series.style == BarStyle::Open;
            if !is_open {
                number += 1.0;
            }
            let Some(bar) = series.values.get(place).copied().flatten() else { continue };
            let middle = place as f64 + 0.1 + (f64::max(number, 1.0) - 0.5) * width;
            if is_open {
                error_bar(scene, panel, (middle, bar.value), bar.error, Color::INK);
                scene.marks.extend(panel.at(middle, bar.value).map(|place| open(place, Color::INK)));
                continue;
            }
            let corners =
                panel.at(middle - 0.47 * width, 0.0).zip(panel.at(middle + 0.47 * width, bar.value));
            if let Some((low, high)) = corners {
                let (fill, _) = role_color(figure, series.role);
                scene.marks.push(rectangle(low, high, fill, opacity(series.style)));
            }
            error_bar(scene, panel, (middle, bar.value), bar.error, Color::INK);
        }
    }
}

/// Names the places below the panel.
pub(super) fn name_places(scene: &mut Scene, panel: &Panel, names: &[String]) {
    // Names stand aslant nowhere: where they do not fit, only the short ones are written.
    let room = panel.width / names.len().max(1) as f64 - 4.0;
    let fits = names.iter().all(|name| text_width(name, NAME_SIZE, Weight::Regular) <= room);
    for (index, name) in names.iter().enumerate() {
        let name = if fits { name.as_str() } else { name.split(' ').next().unwrap_or("") };
        if let Some((x, _)) = panel.at(index as f64 + 0.5, 0.0) {
            scene.text(Text::new(x, panel.bottom() + 17.0, NAME_SIZE, name).anchor(Anchor::Middle));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Scale;

    #[test]
    fn names_that_do_not_fit_are_short() {
        let names: Vec<String> = (1..=6).map(|layer| format!("T{layer} (1024, tanh)")).collect();
        let written = |width: f64| {
            let mut scene = Scene::new(width, 100.0);
            let (x, y) = (Scale::Places { n: 6 }, Scale::Linear { low: 0.0, high: 1.0 });
            name_places(&mut scene, &Panel { left: 0.0, top: 0.0, width, height: 80.0, x, y }, &names);
            let text = |mark: &Mark| match mark {
                Mark::Text(text) => text.content.clone(),
                _ => String::new(),
            };
            scene.marks.iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(written(900.0), names);
        assert_eq!(written(200.0), ["T1", "T2", "T3", "T4", "T5", "T6"]);
    }
}
