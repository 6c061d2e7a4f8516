//! The distributions p(t | x) of a pool, in cells: how often each input is in each cell.

use rayon::prelude::*;

use crate::Labels;

/// The inputs compared, by class, so that the pairs of two classes are a block of the table of pairs.
pub(super) struct Inputs {
    /// Where the rows of each input begin in `rows`.
    pub(super) starts: Vec<usize>,
    /// The rows of one network, input by input.
    pub(super) rows: Vec<u32>,
    /// Where the inputs of each class begin, and the end.
    pub(super) classes: Vec<usize>,
    /// The class of each input.
    pub(super) class: Vec<u32>,
}

impl Inputs {
    pub(super) fn new(x: &Labels, y: &Labels, most: usize) -> Inputs {
        let all = x.n_labels();
        // Rows by input, in the order of the rows.
        let mut by_input: Vec<u32> = (0..x.len() as u32).collect();
        by_input.sort_by_key(|&row| x.codes()[row as usize]);
        let mut ends: Vec<usize> = Vec::with_capacity(all + 1);
        ends.push(0);
        for &count in x.counts() {
            ends.push(ends[ends.len() - 1] + count);
        }
        let compared = all.min(most);
        let mut order: Vec<(u32, usize)> = (0..compared)
            .map(|place| place * all / compared)
            .map(|input| (most_frequent(&by_input[ends[input]..ends[input + 1]], y), input))
            .collect();
        order.sort_unstable();

        let mut inputs = Inputs {
            starts: vec![0],
            rows: Vec::new(),
            classes: vec![0; y.n_labels() + 1],
            class: order.iter().map(|&(class, _)| class).collect(),
        };
        for &(class, input) in &order {
            inputs.rows.extend_from_slice(&by_input[ends[input]..ends[input + 1]]);
            inputs.starts.push(inputs.rows.len());
            inputs.classes[class as usize + 1] += 1;
        }
        for class in 1..inputs.classes.len() {
            inputs.classes[class] += inputs.classes[class - 1];
        }
        inputs
    }

    pub(super) fn len(&self) -> usize {
        self.class.len()
    }

    pub(super) fn n_classes(&self) -> usize {
        self.classes.len() - 1
    }

    /// The number of inputs of a class.
    pub(super) fn of_class(&self, class: usize) -> u64 {
        (self.classes[class + 1] - self.classes[class]) as u64
    }
}

fn most_frequent(rows: &[u32], y: &Labels) -> u32 {
    let mut classes: Vec<u32> = rows.iter().map(|&row| y.codes()[row as usize]).collect();
    classes.sort_unstable();
    let runs = classes.chunk_by(|a, b| a == b);
    // Of equally long runs max_by_key takes the last, so they are seen from the end.
    let longest = runs.rev().max_by_key(|run| run.len());
    longest.map_or(0, |run| run[0])
}

/// The number of times that each input is in each cell, cell by cell.
pub(super) struct ConditionalDistributions {
    /// Where each cell begins in `entries`.
    pub(super) starts: Vec<usize>,
    /// Inputs, ascending within a cell, and how often each is there.
    pub(super) entries: Vec<(u32, u32)>,
    /// 1 / (the rows of each input).
    pub(super) scale: Vec<f64>,
}

impl ConditionalDistributions {
    pub(super) fn new(codes: &[u32], n_cells: usize, n: usize, inputs: &Inputs) -> ConditionalDistributions {
        let networks: Vec<&[u32]> = codes.chunks_exact(n).collect();
        let of_input: Vec<Vec<(u32, u32)>> = (0..inputs.len())
            .into_par_iter()
            .with_min_len(16)
            .map(|input| {
                let rows = &inputs.rows[inputs.starts[input]..inputs.starts[input + 1]];
                let mut cells: Vec<u32> =
                    networks.iter().flat_map(|codes| rows.iter().map(|&row| codes[row as usize])).collect();
                cells.sort_unstable();
                cells.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
            })
            .collect();
        let mut starts = vec![0; n_cells + 1];
        for &(cell, _) in of_input.iter().flatten() {
            starts[cell as usize + 1] += 1;
        }
        for cell in 1..starts.len() {
            starts[cell] += starts[cell - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0); starts[n_cells]];
        for (input, cells) in of_input.iter().enumerate() {
            for &(cell, count) in cells {
                entries[next[cell as usize]] = (input as u32, count);
                next[cell as usize] += 1;
            }
        }
        let rows = |input: usize| (inputs.starts[input + 1] - inputs.starts[input]) * networks.len();
        ConditionalDistributions {
            starts,
            entries,
            scale: (0..inputs.len()).map(|input| 1.0 / rows(input) as f64).collect(),
        }
    }

    /// The inputs of each cell that has several.
    pub(super) fn shared_cells(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.starts
            .windows(2)
            .filter(|ends| ends[1] - ends[0] > 1)
            .map(|ends| &self.entries[ends[0]..ends[1]])
    }
}
