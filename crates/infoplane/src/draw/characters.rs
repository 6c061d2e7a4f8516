//! An information plane in characters, for a terminal.

use std::fmt::Write as _;

use super::Scale;
use crate::figure::{Figure, Of, Path};
use crate::printable::printable;

/// What lines are drawn with.
///
/// ```
/// use infoplane::report::Characters;
/// assert_eq!(Characters::of_locale("de_DE.UTF-8"), Characters::Braille);
/// assert_eq!(Characters::of_locale("C"), Characters::Ascii);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Characters {
    /// Braille patterns: eight dots in the place of a letter.
    #[default]
    Braille,
    /// Those of ASCII alone.
    Ascii,
}

impl Characters {
    /// What a locale such as `en_US.UTF-8` has.
    pub fn of_locale(locale: &str) -> Characters {
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Characters::Braille
        } else {
            Characters::Ascii
        }
    }

    /// Dots in the place of a letter, across and down.
    fn dots(self) -> (usize, usize) {
        match self {
            Characters::Braille => (2, 4),
            Characters::Ascii => (1, 1),
        }
    }
}

/// Room for the ticks on the left.
const LEFT: usize = 7;
/// Rows of the plot.
const ROWS: usize = 14;
/// What the ends of layers are marked with.
const MARKS: &[u8] = b"123456789abcdefghijklmnopqrstuvwxyz";

/// Draws the mean paths of a plane in so many columns: dots for the ways of the layers, a number where each is at the last epoch, and
/// what the numbers stand for. Nothing for a figure that is no plane, and where there is no room.
pub fn plane_in_characters(figure: &Figure, columns: usize, characters: Characters) -> Option<String> {
    let panel = figure.panels.first()?;
    let paths: Vec<&Path> =
        panel.paths().filter(|path| path.of == Of::Mean && !path.points.is_empty()).collect();
    let width = columns.min(80).checked_sub(LEFT + 2).filter(|&width| width >= 20)?;
    if paths.is_empty() {
        return None;
    }
    let (x, y) = (Scale::of(&panel.x), Scale::of(&panel.y));
    let (wide, high) = characters.dots();
    let mut dots = Dots::new(width * wide, ROWS * high);
    let at = |share: f64, length: usize| (share * (length - 1) as f64).round() as usize;
    let place = |point: &crate::figure::PathPoint| {
        let (across, up) = (x.share(point.x)?, y.share(point.y)?);
        Some((at(across, dots_across(width, wide)), at(1.0 - up, ROWS * high)))
    };
    let mut marks: Vec<(usize, usize, char)> = Vec::new();
    for path in &paths {
        let places: Vec<(usize, usize)> = path.points.iter().filter_map(place).collect();
        places.windows(2).for_each(|pair| dots.line(pair[0], pair[1]));
        if let Some(&(across, down)) = places.last() {
            dots.set(across, down);
            let number = figure.place_of(path.layer).unwrap_or(0);
            let mark = MARKS.get(number).copied().unwrap_or(b'*');
            marks.push((across / wide, down / high, char::from(mark)));
        }
    }
    Some(written(figure, panel, (x, y), &dots, &marks, (width, characters)))
}

fn dots_across(width: usize, wide: usize) -> usize {
    width * wide
}

/// The rows with their ticks, the axis below, and the names.
fn written(
    figure: &Figure,
    panel: &crate::figure::Panel,
    (x, y): (Scale, Scale),
    dots: &Dots,
    marks: &[(usize, usize, char)],
    (width, characters): (usize, Characters),
) -> String {
    let plain = |text: &str| match characters {
        Characters::Braille => printable(text).into_owned(),
        Characters::Ascii => ascii(&printable(text)),
    };
    let (side, corner, below, tick) = match characters {
        Characters::Braille => ('│', '└', '─', '┴'),
        Characters::Ascii => ('|', '+', '-', '+'),
    };
    let mut text = format!("{:>LEFT$} {}\n", "", plain(&panel.y.title()));
    let labels = |scale: Scale, length: f64| {
        let ticks = scale.ticks(length).into_iter();
        ticks.filter_map(move |tick| Some((scale.share(tick.value)?, tick.label?))).collect::<Vec<_>>()
    };
    let left = labels(y, 200.0);
    for row in 0..ROWS {
        let label =
            left.iter().find(|(share, _)| ((1.0 - share) * (ROWS - 1) as f64).round() as usize == row);
        let label = label.map_or(String::new(), |(_, label)| plain(label));
        let _ = write!(text, "{label:>LEFT$} {side}");
        let mut line = String::new();
        for column in 0..width {
            let mark = marks.iter().rev().find(|&&(at, down, _)| (at, down) == (column, row));
            line.push(mark.map_or_else(|| dots.character(column, row, characters), |&(.., mark)| mark));
        }
        text += line.trim_end();
        text.push('\n');
    }
    // Ticks of the lower axis stand where there is room for them.
    let mut axis: Vec<char> = std::iter::repeat_n(below, width).collect();
    let mut names: Vec<char> = std::iter::repeat_n(' ', width + 6).collect();
    let mut free = 0;
    for (share, label) in labels(x, 6.0 * width as f64) {
        let at = (share * (width - 1) as f64).round() as usize;
        let label: Vec<char> = plain(&label).chars().collect();
        let start = (at + 6).saturating_sub(label.len() / 2);
        if start >= free && start + label.len() <= names.len() {
            axis[at] = tick;
            names[start..start + label.len()].copy_from_slice(&label);
            free = start + label.len() + 1;
        }
    }
    let _ = writeln!(text, "{:>LEFT$} {corner}{}", "", axis.into_iter().collect::<String>());
    let names: String = names.into_iter().collect();
    let _ = writeln!(text, "{:>1$}{2}", "", LEFT - 4, names.trim_end());
    let title = plain(&panel.x.title());
    let _ = writeln!(text, "{:>1$}{title}", "", LEFT + 2 + width.saturating_sub(title.chars().count()) / 2);
    let mut line = String::new();
    for (place, layer) in figure.layers.iter().enumerate() {
        let mark = MARKS.get(place).map_or('*', |&mark| char::from(mark));
        let name = format!("{mark} {}", plain(&layer.name));
        if !line.is_empty() && line.chars().count() + name.chars().count() + 3 > LEFT + width {
            let _ = writeln!(text, "  {}", line.trim_end());
            line.clear();
        }
        line += &format!("{name}   ");
    }
    let _ = writeln!(text, "  {}", line.trim_end());
    text
}

/// The same text without what ASCII lacks.
fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        '₀'..='₉' => char::from_digit(c as u32 - '₀' as u32, 10).unwrap_or('?'),
        '⁰' | '⁴'..='⁹' => char::from_digit(c as u32 - '⁰' as u32, 10).unwrap_or('?'),
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '−' | '–' | '⁻' => '-',
        '×' => 'x',
        c if c.is_ascii() => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

/// Dots, set or not.
struct Dots {
    across: usize,
    down: usize,
    set: Vec<bool>,
}

impl Dots {
    fn new(across: usize, down: usize) -> Dots {
        Dots { across, down, set: vec![false; across * down] }
    }

    fn set(&mut self, x: usize, y: usize) {
        if x < self.across && y < self.down {
            self.set[y * self.across + x] = true;
        }
    }

    fn has(&self, x: usize, y: usize) -> bool {
        x < self.across && y < self.down && self.set[y * self.across + x]
    }

    /// Sets the dots between two, both among them.
    fn line(&mut self, (x, y): (usize, usize), (to_x, to_y): (usize, usize)) {
        let steps = x.abs_diff(to_x).max(y.abs_diff(to_y)).max(1);
        for step in 0..=steps {
            let share = step as f64 / steps as f64;
            let between = |a: usize, b: usize| (a as f64 + (b as f64 - a as f64) * share).round() as usize;
            self.set(between(x, to_x), between(y, to_y));
        }
    }

    fn character(&self, column: usize, row: usize, characters: Characters) -> char {
        match characters {
            Characters::Ascii => {
                if self.has(column, row) {
                    '.'
                } else {
                    ' '
                }
            }
            Characters::Braille => {
                // The bits of a pattern: three rows of the left and of the right column, then the fourth row.
                const BITS: [[u32; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];
                let bit = |(down, bits): (usize, &[u32; 2])| {
                    let set =
                        |side: usize| u32::from(self.has(2 * column + side, 4 * row + down)) << bits[side];
                    set(0) | set(1)
                };
                let pattern = BITS.iter().enumerate().map(bit).sum::<u32>();
                if pattern == 0 { ' ' } else { char::from_u32(0x2800 + pattern).unwrap_or('.') }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{FigureKind, PathPoint, Series, ShownLayer};

    /// The number of a layer, its name, and its way.
    type Layer<'a> = (usize, &'a str, &'a [(f64, f64)]);

    fn plane(layers: &[Layer<'_>]) -> Figure {
        let point = |(epoch, &(x, y)): (usize, &(f64, f64))| PathPoint {
            epoch: epoch as u64,
            x,
            y,
            x_error: None,
            y_error: None,
        };
        let series = layers.iter().map(|(layer, _, points)| {
            let points = points.iter().enumerate().map(point).collect();
            Series::Path(Path { layer: *layer, group: None, of: Of::Mean, failed: false, points })
        });
        let values = |value: fn(&(f64, f64)) -> f64| -> Vec<f64> {
            layers.iter().flat_map(|(.., points)| points.iter().map(value)).collect()
        };
        let axis = |quantity, values| crate::figure::Axis::bits(quantity, values, [], 0.05);
        let panel = crate::figure::Panel {
            name: String::new(),
            x: axis("I(X;T)", values(|point| point.0)),
            y: axis("I(T;Y)", values(|point| point.1)),
            series: series.collect(),
            limits: vec![],
            remark: None,
        };
        let shown = |(layer, name, _): &Layer<'_>| ShownLayer {
            layer: *layer,
            name: (*name).into(),
            called: (*name).into(),
        };
        Figure::bare(FigureKind::Plane, layers.iter().map(shown).collect(), panel)
    }

    #[test]
    fn a_plane_has_lines_ticks_marks_and_names_and_keeps_to_its_columns() {
        let figure = plane(&[
            (1, "T₁ (10, tanh)", &[(2.0, 0.1), (8.0, 0.9), (11.0, 0.95)]),
            (2, "T₂ (4, tanh)", &[(1.0, 0.1), (6.0, 0.8), (4.0, 0.9)]),
        ]);
        for (characters, name) in
            [(Characters::Braille, "1 T₁ (10, tanh)"), (Characters::Ascii, "1 T1 (10, tanh)")]
        {
            for columns in [40, 60, 80, 200] {
                let text = plane_in_characters(&figure, columns, characters).expect("a plane");
                assert!(text.contains(name), "{text}");
                assert!(text.contains("I(X;T)  [bits]") && text.contains("I(T;Y)  [bits]"), "{text}");
                assert!(text.lines().all(|line| line.chars().count() <= columns.min(80)), "{text}");
                assert_eq!(characters == Characters::Ascii, text.is_ascii());
                // The first layer ends at the right, above the second, which came back.
                let at = |mark: char| {
                    let plot = |line: &&str| line.chars().nth(LEFT + 1).is_some_and(|c| c == '│' || c == '|');
                    let mut rows = text.lines().filter(plot).enumerate();
                    rows.find_map(|(row, line)| {
                        Some((row, line.chars().skip(LEFT + 2).position(|c| c == mark)?))
                    })
                };
                let (one, two) = (at('1').expect("layer 1"), at('2').expect("layer 2"));
                assert!(one.0 <= two.0 && one.1 > two.1, "{one:?} {two:?}\n{text}");
            }
        }
        assert_eq!(plane_in_characters(&figure, 20, Characters::Braille), None);
    }

    #[test]
    fn a_line_goes_through_every_dot_between_its_ends() {
        let mut dots = Dots::new(8, 8);
        dots.line((0, 7), (7, 0));
        assert_eq!(dots.character(0, 1, Characters::Braille), '\u{2860}');
        assert!((0..8).all(|at| dots.has(at, 7 - at)));
        dots.line((3, 3), (3, 3));
        assert!(dots.has(3, 3) && !dots.has(8, 0));
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let figure = plane(&[(1, "\u{1b}[2J\u{7}", &[(2.0, 0.1), (8.0, 0.9)])]);
        let text = plane_in_characters(&figure, 80, Characters::Ascii).expect("a plane");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
