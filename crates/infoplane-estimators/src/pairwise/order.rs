//! An order of the points in which those of a block, of a panel and of a strip lie close together.

use rayon::prelude::*;

use super::layout::Layout;
use super::points::Points;
use crate::tile::{PANEL, ROWS};

/// Points from whose extent the coordinate to split by is chosen.
const SAMPLED: usize = 32;

/// Parts of at least this size are split by two threads.
const LARGE: usize = 4096;

/// A row and its coordinate in the present split.
#[derive(Debug, Clone, Copy)]
struct Entry {
    coordinate: f64,
    row: u32,
}

/// Returns the rows of a layout, class by class, in the order of a k-d tree: every class is split at blocks, every
/// block at panels and every panel at strips, each time by the coordinate in which the points spread most.
///
/// Time O(n (log n + width)).
pub(super) fn by_proximity(points: &Points<'_>, layout: &Layout) -> Vec<u32> {
    let mut entries: Vec<Entry> = layout.order.iter().map(|&row| Entry { coordinate: 0.0, row }).collect();
    let mut rest = &mut entries[..];
    let mut blocks = Vec::with_capacity(layout.blocks.len());
    for class in layout.blocks.chunk_by(|a, b| a.class == b.class) {
        let size: usize = class.iter().map(|block| block.len).sum();
        let (part, after) = rest.split_at_mut(size);
        rest = after;
        let ends: Vec<usize> = class.iter().map(|block| block.start + block.len - class[0].start).collect();
        split(points, part, &ends, 0);
        let mut part = part;
        for block in class {
            let (this, after) = part.split_at_mut(block.len);
            part = after;
            blocks.push(this);
        }
    }
    blocks.into_par_iter().for_each(|block| {
        split(points, block, &ends(block.len(), PANEL), 0);
        for panel in block.chunks_mut(PANEL) {
            split(points, panel, &ends(panel.len(), ROWS), 0);
        }
    });
    entries.into_iter().map(|entry| entry.row).collect()
}

/// Returns where parts of `size` points end.
fn ends(len: usize, size: usize) -> Vec<usize> {
    (1..=len.div_ceil(size)).map(|part| len.min(part * size)).collect()
}

/// Splits the points into parts that end, counted from `start`, at `ends`.
fn split(points: &Points<'_>, entries: &mut [Entry], ends: &[usize], start: usize) {
    if ends.len() < 2 {
        return;
    }
    let middle = ends.len() / 2;
    let at = ends[middle - 1] - start;
    let coordinate = widest(points, entries);
    for entry in &mut *entries {
        entry.coordinate = points.value(entry.row as usize, coordinate);
    }
    // Rows make the order complete, so that the two parts do not depend on how they are found.
    entries.select_nth_unstable_by(at, |a, b| a.coordinate.total_cmp(&b.coordinate).then(a.row.cmp(&b.row)));
    let large = entries.len() >= LARGE;
    let (low, high) = entries.split_at_mut(at);
    let (low_ends, high_ends) = ends.split_at(middle);
    let mut low = || split(points, low, low_ends, start);
    let mut high = || split(points, high, high_ends, start + at);
    if large {
        rayon::join(low, high);
    } else {
        low();
        high();
    }
}

/// Returns the coordinate in which some of the points spread most.
fn widest(points: &Points<'_>, entries: &[Entry]) -> usize {
    let step = entries.len().div_ceil(SAMPLED);
    let extent = |coordinate: usize| {
        let values = entries.iter().step_by(step).map(|entry| points.value(entry.row as usize, coordinate));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (if value < low { value } else { low }, if value > high { value } else { high })
        });
        high - low
    };
    let mut best = (0, f64::NEG_INFINITY);
    for coordinate in 0..points.width() {
        let extent = extent(coordinate);
        if extent > best.1 {
            best = (coordinate, extent);
        }
    }
    best.0
}
