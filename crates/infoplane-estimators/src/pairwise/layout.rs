//! The order of the points and their division into blocks.

use crate::Labels;

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

/// Points sorted by class and cut into blocks that never contain two classes.
///
/// A pair of blocks then lies within one class or between two, and sums within classes cost nothing extra.
/// The cut depends on the labels alone, so results do not depend on the number of threads.
pub(super) struct Layout {
    /// Row numbers in the order in which they are taken.
    pub(super) order: Vec<u32>,
    pub(super) blocks: Vec<Block>,
    /// Number of points of each class on the left of ordered pairs: the first ones.
    n_left: Vec<usize>,
}

impl Layout {
    /// Returns all points as one class.
    pub(super) fn whole(n_samples: usize) -> Self {
        Layout { order: (0..n_samples as u32).collect(), blocks: cut(&[n_samples]), n_left: vec![n_samples] }
    }

    /// Returns one class per label.
    pub(super) fn by_label(labels: &Labels) -> Self {
        let mut next: Vec<usize> = labels
            .counts()
            .iter()
            .scan(0, |start, &count| {
                *start += count;
                Some(*start - count)
            })
            .collect();
        let mut order = vec![0; labels.len()];
        for (row, &code) in labels.codes().iter().enumerate() {
            order[next[code as usize]] = row as u32;
            next[code as usize] += 1;
        }
        Layout { order, blocks: cut(labels.counts()), n_left: labels.counts().to_vec() }
    }

    /// Returns the same classes with the rows of `left`, ascending, before the others of their class; these alone are
    /// on the left of ordered pairs.
    pub(super) fn with_left(mut self, left: &[u32]) -> Self {
        if left.len() == self.order.len() {
            return self;
        }
        let mut is_left = vec![false; self.order.len()];
        left.iter().for_each(|&row| is_left[row as usize] = true);
        let classes = self.blocks.chunk_by(|a, b| a.class == b.class);
        for (class, n_left) in classes.zip(&mut self.n_left) {
            let rows = class.iter().map(|block| block.len).sum::<usize>();
            let rows = &mut self.order[class[0].start..][..rows];
            // Stable: the order within either part makes the last bits of the sums.
            rows.sort_by_key(|&row| !is_left[row as usize]);
            *n_left = rows.partition_point(|&row| is_left[row as usize]);
        }
        self
    }

    /// Returns the rows on the left of ordered pairs, in the order of [`pieces`](Self::pieces).
    pub(super) fn left_rows(&self) -> Vec<u32> {
        self.pieces()
            .iter()
            .flat_map(|piece| &self.order[piece.start..piece.start + piece.len])
            .copied()
            .collect()
    }

    /// Returns the number of points on the left of ordered pairs.
    pub(super) fn total_left(&self) -> usize {
        self.n_left.iter().sum()
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

    /// Returns the points on the left of ordered pairs, blocks in pieces of at most five panels, in order.
    ///
    /// Smaller than a block, so that there is enough for the threads to share.
    pub(super) fn pieces(&self) -> Vec<Block> {
        let piece = |block: &Block, panels: std::ops::Range<usize>| Block {
            start: block.start + panels.start * PANEL,
            len: block.len.min(panels.end * PANEL) - panels.start * PANEL,
            class: block.class,
            first_panel: block.first_panel + panels.start,
        };
        let mut class = None;
        let mut left = 0;
        let pieces = |block: &Block| {
            if class != Some(block.class) {
                (class, left) = (Some(block.class), self.n_left[block.class]);
            }
            let block = Block { len: block.len.min(left), ..*block };
            left -= block.len;
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
