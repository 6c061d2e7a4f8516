//! The sheet of the information over epochs: two panels and the layers.

use super::series::{self, Strokes};
use super::{
    Anchor, Color, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES, Panel, Scale, Scene, Style, Text, Weight,
    layer_color, legend_names, note_height, note_lines, shortened_name, text_width, write_notes, write_title,
};
use crate::figure::{self, Figure, Of, Role, Series};

const TOP: f64 = 66.0;
const PANEL: (f64, f64) = (290.0, 300.0);
const LEFT: f64 = 60.0;
/// From the right side of a panel to the left side of the next: its ticks and its name.
const GAP: f64 = 74.0;
const LEAST_RIGHT: f64 = 146.0;
const STROKES: Strokes = Strokes { mean_width: 1.6, seed_width: 0.7, failed_width: 1.0, bands: (0.1, 0.22) };

/// The size of the name of a limit, and the room it takes above the line.
const LIMIT_SIZE: f64 = 10.5;
const LIMIT_ROOM: f64 = 14.0;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (width, height) = style.panel(PANEL);
    let lefts = [LEFT, LEFT + width + GAP];
    let legend_left = lefts[1] + width + 16.0;
    let sheet_width = (lefts[1] + width + LEAST_RIGHT).max(legend_left + legend_width(figure) + 16.0);
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let bottom = (TOP + height + 56.0).max(TOP + 8.0 + legend_height(figure) + 8.0);
    let mut scene = Scene::new(sheet_width, bottom + note_height(&notes) + 12.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());
    for (left, content) in lefts.into_iter().zip(&figure.panels) {
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        draw(&mut scene, figure, content, &Panel { left, top: TOP, width, height, x, y });
    }
    legend(&mut scene, figure, (legend_left, TOP + 8.0), MOST_NAME);
    write_notes(&mut scene, 24.0, bottom, &notes);
    scene
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel) {
    panel.grid(scene);
    for limit in &content.limits {
        let Some(share) = panel.y.share(limit.value) else { continue };
        let y = panel.bottom() - share * panel.height;
        let line = vec![(panel.left, y), (panel.right(), y)];
        scene.dashed(line, Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
        // Where a small panel leaves no room between the limit and the frame, the name stands above the frame.
        let baseline = if y - panel.top < LIMIT_ROOM { panel.top - 5.0 } else { y - 4.0 };
        let text = Text::new(panel.right() - 4.0, baseline, LIMIT_SIZE, limit.name.clone());
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
    if let Some(remark) = &content.remark {
        let (x, y) = (panel.left + panel.width / 2.0, panel.top + panel.height / 2.0);
        scene.text(Text::new(x, y, 12.0, remark.clone()).anchor(Anchor::Middle).color(Color::QUIET));
    }
    let n = figure.layers.len();
    for content in &content.series {
        match content {
            Series::Band(band) => series::band(scene, panel, figure, band, STROKES),
            Series::Line(line) => {
                let place = match line.role {
                    Role::Layer(layer) if line.of == Of::Mean => figure.place_of(layer),
                    _ => None,
                };
                let extra = place.map_or(0.0, |place| 1.4 * (n - 1 - place) as f64 / n as f64);
                series::line(scene, panel, figure, line, STROKES, (extra, None));
            }
            _ => {}
        }
    }
    panel.axes(scene, &content.x.title(), &content.y.title());
}

/// The names of the legend may take so much, or the panels would be small beside them.
const MOST_NAME: f64 = 260.0;

/// How wide the legend is.
fn legend_width(figure: &Figure) -> f64 {
    let width = |(_, name): &(Option<usize>, String)| text_width(name, LEGEND_SIZE, Weight::Regular);
    28.0 + legend_names(figure).iter().map(width).fold(0.0, f64::max).min(MOST_NAME)
}

/// How high the legend is.
pub(super) fn legend_height(figure: &Figure) -> f64 {
    LEGEND_STEP * legend_names(figure).len() as f64
}

/// The line of each layer beside its name, which has `room`.
pub(super) fn legend(scene: &mut Scene, figure: &Figure, (x, top): (f64, f64), room: f64) {
    for (line, (place, name)) in legend_names(figure).into_iter().enumerate() {
        let y = top + LEGEND_STEP * line as f64;
        if let Some(place) = place {
            let (color, dashes) = layer_color(place, figure.layers.len());
            scene.dashed(vec![(x, y), (x + 22.0, y)], color, 2.2, 1.0, dashes);
        }
        let name = shortened_name(&name, LEGEND_SIZE, room);
        scene.text(Text::new(x + 28.0, y + 4.0, LEGEND_SIZE, name));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::draw::Mark;
    use crate::figure::{FigureKind, ReportData, figures};
    use crate::plane::MethodDescription;
    use crate::{Information, InformationPlane, PlaneRow};

    #[test]
    fn no_frame_cuts_the_name_of_a_limit() {
        let method = Arc::new(MethodDescription::new("binned", "", None));
        let row = |epoch| PlaneRow::new(0, epoch, (1, 2), &method, (2.5, 0.5));
        let plane: InformationPlane = [row(0), row(9)].into_iter().collect();
        let (h_x, h_y) = (Information::from_bits(3.0), Information::from_bits(1.0));
        let figures = figures(&ReportData { h_x, h_y, ..ReportData::empty(&plane) });
        let figure = figures.iter().find(|figure| figure.kind == FigureKind::Information).unwrap();
        for style in Style::ALL {
            let scene = scene(figure, style);
            let names = scene.marks.iter().filter_map(|mark| match mark {
                Mark::Text(text) if text.content.starts_with("H(") => Some(text),
                _ => None,
            });
            // Parentheses reach from below the baseline to three quarters of the size above it.
            let spans: Vec<(f64, f64)> =
                names.map(|text| (text.y - 0.75 * text.size, text.y + 0.22 * text.size)).collect();
            assert_eq!(spans.len(), 2, "{style}");
            assert!(spans.iter().all(|&(above, below)| above > TOP || below < TOP), "{style}: {spans:?}");
        }
    }
}
