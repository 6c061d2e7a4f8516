//! Title, subtitle and notes of a sheet.

use super::{Anchor, Color, LEGEND_SIZE, Scene, Text, Weight, text_width, wrap};
use crate::figure::Figure;

const NOTE_SIZE: f64 = 10.5;
const NOTE_STEP: f64 = 14.5;

/// The notes, broken into lines of `width` points.
pub(crate) fn note_lines(notes: &[String], width: f64) -> Vec<String> {
    notes.iter().flat_map(|note| wrap(note, NOTE_SIZE, width)).collect()
}

/// How much room lines of notes take.
pub(crate) fn note_height(lines: &[String]) -> f64 {
    lines.len() as f64 * NOTE_STEP
}

/// Writes the title and the line below it; they take 52 points.
pub(crate) fn write_title(scene: &mut Scene, x: f64, title: &str, subtitle: &str) {
    let room = scene.width - x - 16.0;
    let title = shortened(title, 15.5, Weight::Bold, room);
    scene.text(Text::new(x, 25.0, 15.5, title).bold());
    // The setting must be read whole if it can be, even if it is read smaller.
    let fits = |size: &f64| text_width(subtitle, *size, Weight::Regular) <= room;
    let size = [12.0, 11.0, 10.0].into_iter().find(fits).unwrap_or(9.0);
    let subtitle = shortened(subtitle, size, Weight::Regular, room);
    scene.text(Text::new(x, 44.0, size, subtitle).color(Color::QUIET));
}

/// As much of the text as fits, with an ellipsis if that is not all.
fn shortened(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if text_width(text, size, weight) <= room {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter = format!("{}…", kept.iter().collect::<String>().trim_end());
        if text_width(&shorter, size, weight) <= room {
            return shorter;
        }
    }
    String::new()
}

/// Writes lines of notes from `top` down.
pub(crate) fn write_notes(scene: &mut Scene, x: f64, top: f64, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        let y = top + NOTE_SIZE + index as f64 * NOTE_STEP;
        scene.text(Text::new(x, y, NOTE_SIZE, line.clone()).color(Color::QUIET).anchor(Anchor::Start));
    }
}

/// So many layers are all named in a legend.
const MOST_NAMED: usize = 24;
/// Of more layers so many are, evenly spaced: their colours are steps of one scale, on which the others lie between.
const NAMED_OF_MANY: usize = 12;

/// The names of layers in a legend, with their places: of many only some, and then how many, without a place.
pub(crate) fn legend_names(figure: &Figure) -> Vec<(Option<usize>, String)> {
    let n = figure.layers.len();
    let name = |place: usize| (Some(place), figure.layers[place].name.clone());
    if n <= MOST_NAMED {
        return (0..n).map(name).collect();
    }
    let spaced = (0..NAMED_OF_MANY).map(|step| step * (n - 1) / (NAMED_OF_MANY - 1));
    spaced.map(name).chain([(None, format!("({NAMED_OF_MANY} of {n} layers)"))]).collect()
}

/// As much of the beginning and of the end of a name as fits: the ends of long names tell layers apart.
pub(crate) fn shortened_name(name: &str, size: f64, room: f64) -> String {
    shortened_within(name, size, Weight::Regular, room)
}

/// The same in letters of another weight.
pub(crate) fn shortened_within(name: &str, size: f64, weight: Weight, room: f64) -> String {
    let fits = |text: &str| text_width(text, size, weight) <= room;
    if fits(name) {
        return name.to_string();
    }
    let letters: Vec<char> = name.chars().collect();
    let cut = |kept: usize| -> String {
        let (before, after) = (kept / 2, kept - kept / 2);
        letters[..before].iter().chain(&['…']).chain(&letters[letters.len() - after..]).collect()
    };
    (0..letters.len()).rev().map(cut).find(|text| fits(text)).unwrap_or_default()
}

/// Breaks entries of a legend into lines no wider than `width`; each entry takes `extra` beside its name.
pub(crate) fn legend_lines(names: &[String], extra: f64, width: f64) -> Vec<Vec<(usize, f64)>> {
    let mut lines: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    let mut x = 0.0;
    for (index, name) in names.iter().enumerate() {
        let room = extra + text_width(name, LEGEND_SIZE, Weight::Regular);
        if x > 0.0 && x + room > width {
            lines.push(Vec::new());
            x = 0.0;
        }
        if let Some(line) = lines.last_mut() {
            line.push((index, x));
        }
        x += room;
    }
    lines
}
