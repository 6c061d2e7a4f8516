//! The names of the layers in the information plane, placed where they cover nothing.

use std::collections::BTreeSet;

use super::{Color, LABEL_SIZE, Mark, Panel, Scene, Text, Weight, readable, text_width};
use crate::figure::{Direction, Series};
use crate::math;

const LINE: f64 = 14.0;
/// Paths that end within this many points of each other share a block of names and a leader.
const SAME_END: f64 = 7.0;
/// How far ink stays from a name.
const CLEAR: f64 = 4.0;
/// More names than these leave no room in a panel, and looking for it takes long.
const MOST_NAMES: usize = 24;

type Place = (f64, f64);
/// Left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);
type Segment = (Place, Place);

/// The names of the layers that end in one place, and where they are written.
#[derive(Debug, Clone)]
pub(super) struct Block {
    end: Place,
    /// The place of the layer among those of the figure, which gives its colour, and its name.
    names: Vec<(usize, String)>,
    area: Area,
}

/// What is drawn where, so that no name covers it.
pub(super) struct Ink {
    /// The middle of every cell of a few points that holds a path or a curve.
    drawn: Vec<Place>,
    limit_x: Option<f64>,
    limit_y: Option<f64>,
    /// Where something is written.
    pub(super) taken: Vec<Area>,
    leaders: Vec<Segment>,
}

impl Ink {
    /// What a panel draws.
    pub(super) fn new(panel: &Panel, content: &crate::figure::Panel) -> Ink {
        let mut cells = BTreeSet::new();
        for series in &content.series {
            let points: Vec<(f64, f64)> = match series {
                Series::Path(path) => path.points.iter().map(|point| (point.x, point.y)).collect(),
                Series::Line(line) => line.points.clone(),
                _ => vec![],
            };
            let places: Vec<Place> = points.into_iter().filter_map(|(x, y)| panel.at(x, y)).collect();
            // The line between two points is ink too.
            for pair in places.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                let steps = (math::hypot(b.0 - a.0, b.1 - a.1) / 2.5).ceil().max(1.0);
                for step in 0..=steps as u32 {
                    let share = f64::from(step) / steps;
                    cells.insert(cell((a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)));
                }
            }
            cells.extend(places.first().map(|&place| cell(place)));
        }
        let limit = |axis| content.limits.iter().find(|limit| limit.axis == axis).map(|limit| limit.value);
        let share = |scale: super::Scale, axis| limit(axis).and_then(|value| scale.share(value));
        Ink {
            drawn: cells.into_iter().map(|(x, y)| (3.0 * x as f64 + 1.5, 3.0 * y as f64 + 1.5)).collect(),
            limit_x: share(panel.x, Direction::X).map(|share| panel.left + share * panel.width),
            limit_y: share(panel.y, Direction::Y).map(|share| panel.bottom() - share * panel.height),
            taken: Vec::new(),
            leaders: Vec::new(),
        }
    }

    /// Whether something is drawn or written in an area, or crosses it.
    pub(super) fn is_covered(&self, area: Area) -> bool {
        let wide = (area.0 - CLEAR, area.1 - CLEAR, area.2 + CLEAR, area.3 + CLEAR);
        let within = |p: &Place| (wide.0..=wide.2).contains(&p.0) && (wide.1..=wide.3).contains(&p.1);
        self.drawn.iter().any(within)
            || self.taken.iter().any(|&other| overlap(wide, other) > 0.0)
            || self.leaders.iter().any(|&leader| passes(leader, wide))
            || self.limit_y.is_some_and(|limit| area.1 < limit && limit < area.3)
            || self.limit_x.is_some_and(|limit| area.0 < limit && limit < area.2)
    }

    /// What a leader from the end of a path to its name costs, in points of distance.
    fn cost(&self, area: Area, end: Place) -> f64 {
        let leader = (end, nearest(area, end));
        let (from, to) = leader;
        // A leader that runs along a limit cannot be told from it.
        let along = |limit: Option<f64>, a: f64, b: f64| {
            limit.is_some_and(|l| (l - a).abs() < 4.0 && (l - b).abs() < 4.0)
        };
        let hidden = math::hypot(to.0 - from.0, to.1 - from.1) > 15.0
            && (along(self.limit_x, from.0, to.0) || along(self.limit_y, from.1, to.1));
        let over = self.drawn.iter().filter(|point| beside(leader, **point) < 3.0).count();
        let crossed = self.leaders.iter().filter(|other| cross(leader, **other)).count()
            + self.taken.iter().filter(|other| passes(leader, **other)).count();
        let count = |hits: usize| hits as f64;
        80.0 * count(usize::from(hidden)) + 6.0 * count(over) + 120.0 * count(crossed)
    }
}

fn cell((x, y): Place) -> (i64, i64) {
    ((x / 3.0).floor() as i64, (y / 3.0).floor() as i64)
}

/// Places each name near the end of its path: its layer's place, the name, the end.
///
/// Names of paths that end together are one block. Every block tries places in rings around its end and takes the
/// cheapest that covers nothing. If one finds none, all names belong in a legend outside: nothing is returned.
pub(super) fn place(panel: &Panel, names: &[(usize, String, Place)], mut ink: Ink) -> Option<Vec<Block>> {
    if names.len() > MOST_NAMES {
        return None;
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (index, name, end) in names {
        let near = |block: &&mut Block| math::hypot(block.end.0 - end.0, block.end.1 - end.1) < SAME_END;
        match blocks.iter_mut().find(near) {
            Some(block) => block.names.push((*index, name.clone())),
            None => {
                let names = vec![(*index, name.clone())];
                blocks.push(Block { end: *end, names, area: (0.0, 0.0, 0.0, 0.0) });
            }
        }
    }
    // Large blocks first, while there is room; a stable sort keeps the order of the layers.
    blocks.sort_by_key(|block| std::cmp::Reverse(block.names.len()));
    for block in &mut blocks {
        block.area = best_area(panel, block, &ink)?;
        ink.leaders.push((block.end, nearest(block.area, block.end)));
        ink.taken.push(block.area);
    }
    Some(blocks)
}

/// Writes the names, each in the colour of its layer. A thin line leads to a block that is not at its point.
pub(super) fn write(scene: &mut Scene, blocks: &[Block], color: impl Fn(usize) -> Color) {
    for block in blocks {
        let to = nearest(block.area, block.end);
        if math::hypot(to.0 - block.end.0, to.1 - block.end.1) > 15.0 {
            scene.line(vec![block.end, to], Color::QUIET, 0.6);
        }
    }
    for Block { area, names, .. } in blocks {
        scene.marks.push(Mark::Shape {
            points: vec![(area.0, area.1), (area.2, area.1), (area.2, area.3), (area.0, area.3)],
            fill: Color::WHITE,
            opacity: 0.85,
            outline: None,
        });
        for (line, (index, name)) in names.iter().enumerate() {
            let baseline = area.1 + LINE * (line as f64 + 1.0) - 3.2;
            // Without its marker, which would look like one more point of the path.
            let text = Text::new(area.0 + 2.0, baseline, LABEL_SIZE, name.clone());
            scene.text(text.color(readable(color(*index))));
        }
    }
}

fn best_area(panel: &Panel, block: &Block, ink: &Ink) -> Option<Area> {
    let text = |(_, name): &(usize, String)| text_width(name, LABEL_SIZE, Weight::Regular);
    let width = block.names.iter().map(text).fold(0.0, f64::max) + 4.0;
    let height = LINE * block.names.len() as f64;
    let mut best: Option<(f64, Area)> = None;
    for ring in 0..28 {
        let distance = 10.0 + 7.0 * f64::from(ring);
        if best.is_some_and(|(least, _)| least <= distance) {
            break;
        }
        for step in 0..36 {
            let angle = std::f64::consts::TAU * f64::from(step) / 36.0;
            let (dx, dy) = (math::cos(angle), math::sin(angle));
            // The near edge of the block, not its middle, keeps the distance.
            let x = block.end.0 + dx * (distance + width / 2.0);
            let y = block.end.1 + dy * (distance + height / 2.0);
            let area = (x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0);
            let inside = area.0 > panel.left + 3.0
                && area.2 < panel.right() - 3.0
                && area.1 > panel.top + 3.0
                && area.3 < panel.bottom() - 3.0;
            if !inside || ink.is_covered(area) {
                continue;
            }
            let cost = distance + ink.cost(area, block.end);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, area));
            }
        }
    }
    best.map(|(_, area)| area)
}

fn overlap(a: Area, b: Area) -> f64 {
    let x = (a.2.min(b.2) - a.0.max(b.0)).max(0.0);
    let y = (a.3.min(b.3) - a.1.max(b.1)).max(0.0);
    x * y
}

/// The point of an area that is nearest to a place outside.
fn nearest(area: Area, (x, y): Place) -> Place {
    (x.clamp(area.0, area.2), y.clamp(area.1, area.3))
}

fn cross((a, b): Segment, (c, d): Segment) -> bool {
    let side = |p: Place, q: Place, r: Place| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

/// Whether a leader runs through an area: then it crosses one of its diagonals.
fn passes(segment: Segment, area: Area) -> bool {
    cross(segment, ((area.0, area.1), (area.2, area.3)))
        || cross(segment, ((area.0, area.3), (area.2, area.1)))
}

/// How far a point is from a leader, not counting what lies at the leader's own beginning.
fn beside((from, to): Segment, (x, y): Place) -> f64 {
    if math::hypot(x - from.0, y - from.1) < 9.0 {
        return f64::INFINITY;
    }
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let along = ((x - from.0) * dx + (y - from.1) * dy) / (dx * dx + dy * dy).max(1e-9);
    let along = along.clamp(0.0, 1.0);
    math::hypot(x - from.0 - along * dx, y - from.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Scale;

    fn linear(high: f64) -> Scale {
        Scale::Linear { low: 0.0, high }
    }

    fn panel() -> Panel {
        Panel { left: 60.0, top: 70.0, width: 580.0, height: 430.0, x: linear(12.5), y: linear(1.05) }
    }

    fn ink(drawn: Vec<Place>) -> Ink {
        Ink { drawn, limit_x: None, limit_y: None, taken: vec![], leaders: vec![] }
    }

    #[test]
    fn twelve_names_in_a_corner_do_not_overlap() {
        // Apart by more than one block holds, near enough to want the same room.
        let panel = panel();
        let names: Vec<(usize, String, Place)> = (1..=12)
            .map(|l| {
                let (x, y) = (12.0 - 0.2 * l as f64, 1.0 - 0.01 * (l % 3) as f64);
                (l - 1, format!("T{l} (10, tanh)"), panel.at(x, y).unwrap())
            })
            .collect();
        let ends = names.iter().map(|name| name.2).collect();
        let blocks = place(&panel, &names, ink(ends)).expect("room for all");
        assert_eq!(blocks.iter().map(|block| block.names.len()).sum::<usize>(), 12);
        for (index, Block { area: a, .. }) in blocks.iter().enumerate() {
            assert!(a.0 > panel.left && a.2 < panel.right() && a.1 > panel.top && a.3 < panel.bottom());
            assert!(blocks[index + 1..].iter().all(|b| overlap(*a, b.area) == 0.0), "{a:?}");
            assert!(names.iter().all(|(_, _, end)| nearest(*a, *end) != *end), "{a:?} covers an end");
        }
    }

    #[test]
    fn where_ink_is_everywhere_no_name_is_written_on_it() {
        let panel = panel();
        let everywhere =
            (0..200).flat_map(|x| (0..200).map(move |y| (60.0 + 3.0 * x as f64, 70.0 + 3.0 * y as f64)));
        let names = [(0, "T1 (10, tanh)".to_string(), (300.0, 300.0))];
        assert!(place(&panel, &names, ink(everywhere.collect())).is_none());
    }
}
