//! The order of the points and their division into blocks.

use crate::Labels;

use super::equal::{EqualRows, LARGEST_WEIGHT, most_remaining};
use crate::tile::PANEL;

/// The largest number of panels in a block: 480 points. A block of 128 coordinates (245 KB) stays in the second-level
/// cache while the panels of another block are processed; and 10,000 points still make over 200 pairs of blocks for
/// the threads to share.
const BLOCK_PANELS: usize = 10;

/// The largest number of panels in a piece of a block.
const PIECE_PANELS: usize = 5;

/// Consecutive points of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Position of the first point in [`Layout::order`].
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) class: usize,
    /// Panels are numbered through all blocks.
    pub(super) first_panel: usize,
}

impl Block {
    pub(super) fn n_panels(&self) -> usize {
        self.len.div_ceil(PANEL)
    }

    /// Positions of the points in one of the block's panels.
    pub(super) fn panel(&self, panel: usize) -> std::ops::Range<usize> {
        self.start + panel * PANEL..self.start + self.len.min((panel + 1) * PANEL)
    }
}

/// The positions of the points of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) number: usize,
    pub(super) rows: std::ops::Range<usize>,
}

/// Points sorted by class and cut into blocks that never contain two classes.
///
/// A pair of blocks then lies within one class or between two, and sums within classes cost nothing extra.
/// The cut depends on the data and the labels alone, so results do not depend on the number of threads.
pub(super) struct Layout {
    /// Row numbers in the order in which they are taken; of rows that are merged, the first.
    pub(super) order: Vec<u32>,
    /// The number of rows that every position stands for; empty where each stands for one.
    pub(super) weights: Vec<f32>,
    pub(super) blocks: Vec<Block>,
    /// For every row the one that stands for it; empty where each stands for itself.
    merged_into: Vec<u32>,
}

impl Layout {
    /// Returns the given rows, one class per label; without labels they are one class.
    pub(super) fn new(rows: &[u32], labels: Option<&Labels>) -> Self {
        let (order, counts) = match labels {
            None => (rows.to_vec(), vec![rows.len()]),
            Some(labels) => {
                let mut counts = vec![0; labels.n_labels()];
                rows.iter().for_each(|&row| counts[labels.codes()[row as usize] as usize] += 1);
                let mut next: Vec<usize> = counts
                    .iter()
                    .scan(0, |start, &count| {
                        *start += count;
                        Some(*start - count)
                    })
                    .collect();
                let mut order = vec![0; rows.len()];
                for &row in rows {
                    let next = &mut next[labels.codes()[row as usize] as usize];
                    order[*next] = row;
                    *next += 1;
                }
                (order, counts)
            }
        };
        Layout { order, weights: Vec::new(), blocks: cut(&counts), merged_into: Vec::new() }
    }

    /// Returns all rows of `n_samples`, with equal rows of a class merged where that saves enough.
    pub(super) fn of_all(n_samples: usize, labels: Option<&Labels>, equal: Option<&EqualRows>) -> Self {
        let rows: Vec<u32> = (0..n_samples as u32).collect();
        let layout = Layout::new(&rows, labels);
        match equal {
            Some(equal) => layout.merged(equal),
            None => layout,
        }
    }

    /// Merges the equal rows of every class into one position with a weight, unless few rows are equal.
    fn merged(self, equal: &EqualRows) -> Self {
        const NONE: u32 = u32::MAX;
        let n = self.order.len();
        // For every number of a row its position in the merged order, of the present class if not before it.
        let mut position = vec![NONE; equal.n_distinct];
        let (mut order, mut weights) = (Vec::new(), Vec::<u32>::new());
        let mut merged_into = vec![0; n];
        let n_classes = self.blocks.last().map_or(0, |block| block.class + 1);
        let mut counts = vec![0; n_classes];
        for class in self.classes() {
            let first = order.len();
            for &row in &self.order[class.rows.clone()] {
                let position = &mut position[equal.numbers[row as usize] as usize];
                if *position == NONE || (*position as usize) < first {
                    *position = order.len() as u32;
                    order.push(row);
                    weights.push(0);
                }
                weights[*position as usize] += 1;
                merged_into[row as usize] = order[*position as usize];
            }
            counts[class.number] = order.len() - first;
        }
        if order.len() > most_remaining(n) || weights.iter().any(|&weight| weight > LARGEST_WEIGHT) {
            return self;
        }
        let weights = weights.into_iter().map(|weight| weight as f32).collect();
        Layout { order, weights, blocks: cut(&counts), merged_into }
    }

    /// Returns the classes that have points.
    pub(super) fn classes(&self) -> impl Iterator<Item = Class> {
        self.blocks.chunk_by(|a, b| a.class == b.class).map(|blocks| {
            let (first, last) = (blocks[0], blocks[blocks.len() - 1]);
            Class { number: first.class, rows: first.start..last.start + last.len }
        })
    }

    /// Takes the same rows in another order, class by class, weights with them.
    pub(super) fn reorder(&mut self, order: Vec<u32>) {
        if !self.weights.is_empty() {
            let mut of_row = vec![0.0; self.merged_into.len()];
            for (&row, &weight) in self.order.iter().zip(&self.weights) {
                of_row[row as usize] = weight;
            }
            self.weights = order.iter().map(|&row| of_row[row as usize]).collect();
        }
        self.order = order;
    }

    /// Returns the number of rows that a position stands for.
    pub(super) fn weight(&self, position: usize) -> f64 {
        self.weights.get(position).map_or(1.0, |&weight| f64::from(weight))
    }

    /// Returns the weights by place, places being numbered through all panels; empty where all are 1.
    pub(super) fn weights_by_place(&self) -> Vec<f32> {
        if self.weights.is_empty() {
            return Vec::new();
        }
        let mut weights = Vec::new();
        for block in &self.blocks {
            weights.extend(&self.weights[block.start..block.start + block.len]);
            weights.resize(weights.len().next_multiple_of(PANEL), 0.0);
        }
        weights
    }

    /// Returns the place of each of the given rows, places being numbered through all panels.
    pub(super) fn places(&self, rows: &[u32]) -> Vec<u32> {
        let mut place_of = vec![0; self.order.len().max(self.merged_into.len())];
        for block in &self.blocks {
            for (place, &row) in self.order[block.start..block.start + block.len].iter().enumerate() {
                place_of[row as usize] = (block.first_panel * PANEL + place) as u32;
            }
        }
        let first = |row: u32| self.merged_into.get(row as usize).map_or(row, |&first| first);
        rows.iter().map(|&row| place_of[first(row) as usize]).collect()
    }

    /// Returns the blocks of a class.
    pub(super) fn blocks_of(&self, class: usize) -> &[Block] {
        let first = self.blocks.partition_point(|block| block.class < class);
        let after = self.blocks.partition_point(|block| block.class <= class);
        &self.blocks[first..after]
    }

    /// Returns the rows in each panel of all blocks.
    pub(super) fn panels(&self) -> Vec<&[u32]> {
        self.blocks
            .iter()
            .flat_map(|block| (0..block.n_panels()).map(|panel| &self.order[block.panel(panel)]))
            .collect()
    }

    /// Returns every pair of blocks once, each block with itself included.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.blocks.len();
        (0..n).flat_map(|left| (left..n).map(move |right| (left, right))).collect()
    }

    /// Returns all blocks in pieces of at most five panels, in order.
    ///
    /// Smaller than a block, so that there is enough for the threads to share.
    pub(super) fn pieces(&self) -> Vec<Block> {
        let piece = |block: &Block, panels: std::ops::Range<usize>| Block {
            start: block.start + panels.start * PANEL,
            len: block.len.min(panels.end * PANEL) - panels.start * PANEL,
            class: block.class,
            first_panel: block.first_panel + panels.start,
        };
        let pieces = |block: &Block| {
            let block = *block;
            let n_pieces = block.n_panels().div_ceil(PIECE_PANELS);
            let first = move |number: usize| number * block.n_panels() / n_pieces;
            (0..n_pieces).map(move |number| piece(&block, first(number)..first(number + 1)))
        };
        self.blocks.iter().flat_map(pieces).collect()
    }

    /// Returns the pairs of blocks within a class, of classes of two points or more.
    pub(super) fn pairs_within(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for (left, block) in self.blocks.iter().enumerate() {
            let class = self.blocks[left..].iter().take_while(|other| other.class == block.class).count();
            if block.len > 1 || class > 1 {
                pairs.extend((left..left + class).map(|right| (left, right)));
            }
        }
        pairs
    }
}

fn cut(counts: &[usize]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut start, mut first_panel) = (0, 0);
    for (class, &count) in counts.iter().enumerate() {
        let n_panels = count.div_ceil(PANEL);
        let n_blocks = n_panels.div_ceil(BLOCK_PANELS);
        let end = start + count;
        for block in 0..n_blocks {
            // As equal as whole panels allow.
            let panels = (block + 1) * n_panels / n_blocks - block * n_panels / n_blocks;
            let len = (panels * PANEL).min(end - start);
            blocks.push(Block { start, len, class, first_panel });
            start += len;
            first_panel += panels;
        }
    }
    blocks
}

/// Returns the labelling, if any, by whose classes the points should be cut; the others get separate passes.
///
/// Cutting wastes half a panel per class in a pass over all n²/2 pairs; a pass of its own costs Σ g²/2 pairs
/// for classes of g points.
pub(super) fn best_partition(labellings: &[&Labels]) -> Option<usize> {
    let saving = |labels: &Labels| {
        let n = labels.len() as f64;
        let own_pass: f64 = labels.counts().iter().map(|&g| (g as f64 / n) * (g as f64 / n)).sum();
        let wasted = labels.counts().iter().map(|&g| g.next_multiple_of(PANEL) - g).sum::<usize>() as f64 / n;
        own_pass - 2.0 * wasted
    };
    let candidates = labellings.iter().enumerate().filter(|(_, l)| !l.all_distinct() && l.n_labels() > 1);
    candidates
        .map(|(index, labels)| (index, saving(labels)))
        .filter(|(_, saving)| *saving > 0.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| index)
}
