//! The names of the layers in the information plane, placed where they cover least.

use std::collections::BTreeSet;

use super::ReportData;
use super::plane_figure::{LABEL_SIZE, marker};
use crate::draw::{Color, Mark, Panel, Scene, Text, Weight, text_width};
use crate::plane::LayerPath;

const LINE: f64 = 14.0;
/// Paths that end within this many points of each other share a block of names and a leader.
const SAME_END: f64 = 7.0;

type Place = (f64, f64);
/// Left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);
type Segment = (Place, Place);

/// The names of the layers that end in one place.
struct Block {
    end: Place,
    /// The index of the layer, which is its marker, and its name.
    names: Vec<(usize, String)>,
}

/// What a name should not cover.
struct Obstacles {
    means: Vec<Place>,
    seeds: Vec<Place>,
    limit_x: Option<f64>,
    limit_y: Option<f64>,
    names: Vec<Area>,
    leaders: Vec<Segment>,
}

/// Names each layer near the end of its mean path.
///
/// Every block of names tries places in rings around its end and takes the cheapest: no other name there, few
/// points, near. A thin line leads to a block that is not at its point.
///
/// `taken` is where something is written already.
pub(super) fn write(
    scene: &mut Scene,
    panel: &Panel,
    data: &ReportData<'_>,
    layers: &[LayerPath],
    taken: Option<Area>,
) {
    let mut blocks = blocks(panel, data, layers);
    // Large blocks first, while there is room; a stable sort keeps the order of the layers.
    blocks.sort_by_key(|block| std::cmp::Reverse(block.names.len()));
    let mut obstacles = Obstacles::new(panel, data, layers);
    obstacles.names.extend(taken);
    for block in &blocks {
        let Some(area) = best_area(panel, block, &obstacles) else { continue };
        let to = nearest(area, block.end);
        if (to.0 - block.end.0).hypot(to.1 - block.end.1) > 15.0 {
            scene.line(vec![block.end, to], Color::QUIET, 0.6);
        }
        obstacles.leaders.push((block.end, to));
        obstacles.names.push(area);
        scene.marks.push(Mark::Shape {
            points: vec![(area.0, area.1), (area.2, area.1), (area.2, area.3), (area.0, area.3)],
            fill: Color::WHITE,
            opacity: 0.75,
            outline: None,
        });
        for (line, (index, name)) in block.names.iter().enumerate() {
            let baseline = area.1 + LINE * (line as f64 + 1.0) - 3.2;
            scene.marks.push(marker(*index, (area.0 + 5.0, baseline - 4.0), 3.2, Color::WHITE));
            scene.text(Text::new(area.0 + 12.0, baseline, LABEL_SIZE, name.clone()));
        }
    }
}

fn blocks(panel: &Panel, data: &ReportData<'_>, layers: &[LayerPath]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (index, path) in layers.iter().enumerate() {
        let last = path.mean.last();
        let Some(end) = last.and_then(|p| panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean)) else { continue };
        let name = (index, data.layer_name(path.layer, path.width));
        let near = |block: &&mut Block| (block.end.0 - end.0).hypot(block.end.1 - end.1) < SAME_END;
        match blocks.iter_mut().find(near) {
            Some(block) => block.names.push(name),
            None => blocks.push(Block { end, names: vec![name] }),
        }
    }
    blocks
}

impl Obstacles {
    fn new(panel: &Panel, data: &ReportData<'_>, layers: &[LayerPath]) -> Obstacles {
        let means = layers.iter().flat_map(|path| &path.mean);
        let means = means.filter_map(|p| panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean));
        let limit = data.limit.iter().flat_map(|limit| &limit.curve.points);
        let limit = limit.filter_map(|p| panel.at(p.i_xt.bits(), p.i_ty.bits()));
        let means = means.chain(limit);
        let seeds = layers.iter().flat_map(|path| path.seeds.iter().flat_map(|(_, points)| points));
        let seeds = seeds.filter_map(|p| panel.at(p.i_xt_bits, p.i_ty_bits));
        Obstacles {
            means: sparse(means),
            seeds: sparse(seeds),
            limit_x: panel.x.share(data.h_x.bits()).map(|share| panel.left + share * panel.width),
            limit_y: panel.y.share(data.h_y.bits()).map(|share| panel.bottom() - share * panel.height),
            names: Vec::new(),
            leaders: Vec::new(),
        }
    }

    /// What it costs, in points of distance, to write in `area` the names of a path that ends at `end`.
    fn cost(&self, area: Area, end: Place) -> f64 {
        let wide = (area.0 - 2.0, area.1 - 2.0, area.2 + 2.0, area.3 + 2.0);
        let leader = (end, nearest(area, end));
        let count = |hits: usize| hits as f64;
        let covered = |places: &[Place]| {
            let inside = |p: &&Place| {
                (wide.0 - 3.0..=wide.2 + 3.0).contains(&p.0) && (wide.1 - 3.0..=wide.3 + 3.0).contains(&p.1)
            };
            count(places.iter().filter(inside).count())
        };
        let names: f64 = self.names.iter().map(|other| overlap(wide, *other)).sum();
        let limits = count(usize::from(self.limit_y.is_some_and(|l| wide.1 < l && l < wide.3)))
            + count(usize::from(self.limit_x.is_some_and(|l| wide.0 < l && l < wide.2)));
        // A leader that runs along a limit cannot be told from it.
        let along = |limit: Option<f64>, a: f64, b: f64| {
            limit.is_some_and(|l| (l - a).abs() < 4.0 && (l - b).abs() < 4.0)
        };
        let (from, to) = leader;
        let hidden = (to.0 - from.0).hypot(to.1 - from.1) > 15.0
            && (along(self.limit_x, from.0, to.0) || along(self.limit_y, from.1, to.1));
        let over = count(self.means.iter().filter(|point| beside(leader, **point) < 5.0).count());
        let crossed =
            self.leaders.iter().filter(|other| cross(leader, **other) || passes(**other, wide)).count()
                + self.names.iter().filter(|other| passes(leader, **other)).count();
        50.0 * names
            + 14.0 * covered(&self.means)
            + 2.5 * covered(&self.seeds)
            + 30.0 * limits
            + 80.0 * count(usize::from(hidden))
            + 25.0 * over
            + 120.0 * count(crossed)
    }
}

/// One place of every cell of three points: what matters is where ink is, not how many points made it.
fn sparse(places: impl Iterator<Item = Place>) -> Vec<Place> {
    let mut cells = BTreeSet::new();
    places.filter(|(x, y)| cells.insert(((x / 3.0) as i64, (y / 3.0) as i64))).collect()
}

fn best_area(panel: &Panel, block: &Block, obstacles: &Obstacles) -> Option<Area> {
    let text = |(_, name): &(usize, String)| text_width(name, LABEL_SIZE, Weight::Regular);
    // The marker stands in front of the name.
    let width = block.names.iter().map(text).fold(0.0, f64::max) + 13.0;
    let height = LINE * block.names.len() as f64;
    let mut best: Option<(f64, Area)> = None;
    for ring in 0..16 {
        let distance = 11.0 + 12.0 * f64::from(ring);
        for step in 0..24 {
            let angle = std::f64::consts::TAU * f64::from(step) / 24.0;
            let (dx, dy) = (angle.cos(), angle.sin());
            // The near edge of the block, not its middle, keeps the distance.
            let x = block.end.0 + dx * (distance + width / 2.0);
            let y = block.end.1 + dy * (distance + height / 2.0);
            let area = (x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0);
            let inside = area.0 > panel.left + 3.0
                && area.2 < panel.right() - 3.0
                && area.1 > panel.top + 3.0
                && area.3 < panel.bottom() - 3.0;
            if !inside {
                continue;
            }
            let cost = distance + obstacles.cost(area, block.end);
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
    if (x - from.0).hypot(y - from.1) < 9.0 {
        return f64::INFINITY;
    }
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let along = ((x - from.0) * dx + (y - from.1) * dy) / (dx * dx + dy * dy).max(1e-9);
    let along = along.clamp(0.0, 1.0);
    (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Scale;
    use crate::plane::{Mean, MeanPoint};
    use crate::{Information, InformationPlane};

    fn path(layer: usize, x: f64, y: f64) -> LayerPath {
        let mean = |mean| Mean::of(&[mean]).unwrap();
        let point = MeanPoint { epoch: 0, i_xt_bits: mean(x), i_ty_bits: mean(y) };
        LayerPath { layer, width: 10, seeds: vec![], mean: vec![point] }
    }

    #[test]
    fn twelve_names_in_a_corner_do_not_overlap() {
        let linear = |high| Scale::Linear { low: 0.0, high };
        let panel =
            Panel { left: 60.0, top: 70.0, width: 580.0, height: 430.0, x: linear(12.5), y: linear(1.05) };
        let data = ReportData {
            title: String::new(),
            dataset: String::new(),
            n_samples: 4096,
            h_x: Information::from_bits(12.0),
            h_y: Information::from_bits(1.0),
            layers: vec![],
            plane: &InformationPlane::default(),
            training: &[],
            schedule: Default::default(),
            failed: vec![],
            only_learned: false,
            complete: true,
            limit: None,
            notes: vec![],
        };
        // Apart by more than one block holds, near enough to want the same room.
        let layers: Vec<LayerPath> =
            (1..=12).map(|l| path(l, 12.0 - 0.2 * l as f64, 1.0 - 0.01 * (l % 3) as f64)).collect();
        let mut scene = Scene::new(800.0, 600.0);
        write(&mut scene, &panel, &data, &layers, None);
        let names: Vec<Area> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text(t) => {
                    let width = text_width(&t.content, t.size, Weight::Regular);
                    Some((t.x - 12.0, t.y - 10.0, t.x + width, t.y + 2.0))
                }
                _ => None,
            })
            .collect();
        assert_eq!(names.len(), 12);
        for (index, a) in names.iter().enumerate() {
            assert!(a.0 > panel.left && a.2 < panel.right() && a.1 > panel.top && a.3 < panel.bottom());
            assert!(names[index + 1..].iter().all(|b| overlap(*a, *b) == 0.0), "{a:?}");
        }
    }
}
