//! Where panels stand on a sheet, with the names of their rows and columns.

use super::{
    Anchor, Color, Scene, Text, Weight, note_height, note_lines, shortened_within, wrap, write_notes,
    write_title,
};

/// Room for the title and the line below it.
const TITLE: f64 = 58.0;
const NAME_SIZE: f64 = 12.5;
/// From one line of a row's name to the next.
const NAME_STEP: f64 = 15.0;
const NOTES_LEFT: f64 = 24.0;

/// A grid of panels of one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    pub columns: usize,
    pub rows: usize,
    /// Width and height of a panel.
    pub panel: (f64, f64),
    /// From the right side of a panel to the left of the next, and from a bottom to the top below.
    pub gap: (f64, f64),
    /// The left side of the first column.
    pub left: f64,
    /// What is to be free to the right of the last column.
    pub right: f64,
    /// What is to be free below the last row, beside its ticks and names.
    pub below: f64,
    /// Whether columns have names.
    pub named_columns: bool,
}

impl Sheet {
    fn top(&self) -> f64 {
        TITLE + if self.named_columns { 24.0 } else { 12.0 }
    }

    /// The left side of a column and the top of a row.
    pub fn at(&self, row: usize, column: usize) -> (f64, f64) {
        (
            self.left + column as f64 * (self.panel.0 + self.gap.0),
            self.top() + row as f64 * (self.panel.1 + self.gap.1),
        )
    }

    /// The right side of the last column.
    pub fn end(&self) -> f64 {
        self.at(0, self.columns - 1).0 + self.panel.0
    }

    /// The bottom of the last row.
    pub fn bottom(&self) -> f64 {
        self.at(self.rows - 1, 0).1 + self.panel.1
    }

    /// The sheet with its title and its notes, high enough for all of it.
    pub fn scene(&self, title: &str, subtitle: &str, notes: &[String]) -> Scene {
        let width = self.end() + self.right;
        let lines = note_lines(notes, width - 2.0 * NOTES_LEFT);
        let top = self.bottom() + 46.0 + self.below;
        let mut scene = Scene::new(width, top + note_height(&lines) + 14.0);
        write_title(&mut scene, NOTES_LEFT, title, subtitle);
        write_notes(&mut scene, NOTES_LEFT, top, &lines);
        scene
    }

    /// Names the columns above the first row.
    pub fn name_columns(&self, scene: &mut Scene, names: &[String]) {
        for (column, name) in names.iter().enumerate().take(self.columns) {
            let (left, top) = self.at(0, column);
            let text = Text::new(left + self.panel.0 / 2.0, top - 10.0, NAME_SIZE, name.clone());
            scene.text(text.anchor(Anchor::Middle).bold());
        }
    }

    /// Names one panel above it, by its place row after row; of a name too long for its place the beginning and the end.
    pub fn name_panel(&self, scene: &mut Scene, index: usize, name: &str) {
        let (left, top) = self.at(index / self.columns, index % self.columns);
        // A little beyond both sides of the panel, clear of the names and the bar of epochs beside it.
        let room = self.panel.0 + (self.gap.0 - 14.0).clamp(0.0, 26.0);
        let name = shortened_within(name, NAME_SIZE, Weight::Bold, room);
        let text = Text::new(left + self.panel.0 / 2.0, top - 10.0, NAME_SIZE, name);
        scene.text(text.anchor(Anchor::Middle).bold());
    }

    /// How much further right panels stand for the names of rows: two lines of one have room, and each more takes its own.
    pub fn room_of_names(names: &[Vec<String>]) -> f64 {
        let lines = names.iter().map(Vec::len).max().unwrap_or(0);
        if lines == 0 { 0.0 } else { 30.0 + NAME_STEP * lines.saturating_sub(2) as f64 }
    }

    /// Names the rows at the left edge, in as many lines as each name has.
    pub fn name_rows(&self, scene: &mut Scene, names: &[Vec<String>]) {
        for (row, lines) in names.iter().enumerate().take(self.rows) {
            let middle = self.at(row, 0).1 + self.panel.1 / 2.0;
            for (line, content) in lines.iter().enumerate() {
                let x = NOTES_LEFT - 2.0 + NAME_STEP * line as f64;
                let text = Text::new(x, middle, if line == 0 { NAME_SIZE } else { 10.5 }, content.clone());
                let text = if line == 0 { text.bold() } else { text.color(Color::QUIET) };
                scene.text(text.anchor(Anchor::Middle).upward());
            }
        }
    }
}

/// A remark in a corner of a panel, in lines of at most `room` points: the last line ends at a place.
pub(crate) fn remark(scene: &mut Scene, (x, y): (f64, f64), room: f64, lines: &str) {
    let lines: Vec<String> = lines.lines().flat_map(|line| wrap(line, 10.5, room)).collect();
    for (line, content) in lines.into_iter().rev().enumerate() {
        let text = Text::new(x, y - 13.0 * line as f64, 10.5, content);
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
}
