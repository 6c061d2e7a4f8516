//! A network of pairs: a tower for each side, whose outputs are added, and dense layers of the sum.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};
use rand_chacha::ChaCha8Rng;

use crate::linear_algebra::{Left, add_product};
use crate::random::normal;

/// Rows of numbers, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
}

impl Rows<'_> {
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.width
    }
}

/// Pairs (row i of x, row (i + s) of y), for each shift s in turn, with the part of each score that is given.
#[derive(Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub(super) sides: [Rows<'a>; 2],
    pub(super) shifts: &'a [usize],
    pub(super) given: &'a [f32],
}

/// Where the parameters of a dense layer are: weights `(inputs, outputs)`, then a bias for each output.
#[derive(Debug, Clone)]
struct Dense {
    inputs: usize,
    outputs: usize,
    first: usize,
}

impl Dense {
    fn weights(&self) -> Range<usize> {
        self.first..self.first + self.inputs * self.outputs
    }

    fn biases(&self) -> Range<usize> {
        self.weights().end..self.end()
    }

    fn end(&self) -> usize {
        self.first + (self.inputs + 1) * self.outputs
    }

    /// Outputs for rows of inputs.
    fn forward(&self, level: Level, parameters: &[f32], input: &[f32], output: &mut Vec<f32>) {
        output.clear();
        let biases = &parameters[self.biases()];
        (0..input.len() / self.inputs).for_each(|_| output.extend_from_slice(biases));
        let left = Left { values: input, stride: self.inputs, transposed: false };
        add_product(level, left, &parameters[self.weights()], self.outputs, output);
    }

    /// Adds to the gradient of the parameters, from that of the outputs.
    fn add_gradient(&self, level: Level, input: &[f32], of_output: &[f32], gradient: &mut [f32]) {
        let left = Left { values: input, stride: self.inputs, transposed: true };
        add_product(level, left, of_output, self.outputs, &mut gradient[self.weights()]);
        let biases = &mut gradient[self.biases()];
        dispatch!(level, simd => simd.vectorize(
            #[inline(always)]
            || for row in of_output.chunks_exact(self.outputs) {
                biases.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        ));
    }

    /// The gradient of the inputs, from that of the outputs.
    fn backward(&self, level: Level, parameters: &[f32], of_output: &[f32], of_input: &mut Vec<f32>) {
        let weights = &parameters[self.weights()];
        let turned: Vec<f32> = (0..self.outputs * self.inputs)
            .map(|i| weights[i % self.inputs * self.outputs + i / self.inputs])
            .collect();
        of_input.clear();
        of_input.resize(of_output.len() / self.outputs * self.inputs, 0.0);
        let left = Left { values: of_output, stride: self.outputs, transposed: false };
        add_product(level, left, &turned, self.inputs, of_input);
    }
}

/// x σ with σ = (1 + x/√(1 + x²))/2, and its slope: smooth, and made of operations that round alike everywhere.
#[inline(always)]
fn activate(x: f32) -> (f32, f32) {
    let inverse = 1.0 / (1.0 + x * x).sqrt();
    let share = 0.5 + 0.5 * x * inverse;
    (x * share, share + 0.5 * x * (inverse * inverse * inverse))
}

/// Replaces values by their activations; returns the slopes.
fn activate_all(level: Level, values: &mut [f32], slopes: &mut Vec<f32>) {
    slopes.resize(values.len(), 0.0);
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || {
            for (value, slope) in values.iter_mut().zip(slopes.iter_mut()) {
                (*value, *slope) = activate(*value);
            }
        }
    ));
}

/// Multiplies values by others.
fn multiply(level: Level, values: &mut [f32], others: &[f32]) {
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || values.iter_mut().zip(others).for_each(|(value, other)| *value *= other)
    ));
}

/// Adds others to values.
fn add(level: Level, values: &mut [f32], others: &[f32]) {
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || values.iter_mut().zip(others).for_each(|(value, other)| *value += other)
    ));
}

/// f(x, y) = w · g(a(x) + b(y)) + c, with towers a and b, and g of some dense layers.
#[derive(Debug, Clone)]
pub(super) struct Network {
    hidden: usize,
    /// Dense layers of x, then those of y: all but the last of each are activated.
    towers: [Vec<Dense>; 2],
    pairs: Vec<Dense>,
    /// Where the last weights are; the last bias and the factor of what is given follow.
    last: usize,
    pub(super) parameters: Vec<f32>,
}

/// Activations of a tower or of the layers of pairs, and their slopes.
#[derive(Default)]
struct Trace {
    outputs: Vec<Vec<f32>>,
    slopes: Vec<Vec<f32>>,
}

impl Trace {
    fn sized(layers: usize) -> Self {
        Trace { outputs: vec![Vec::new(); layers], slopes: vec![Vec::new(); layers] }
    }
}

/// What a forward pass leaves for the backward pass.
pub(super) struct Passed {
    towers: [Trace; 2],
    /// The sums, activated, then the layers of pairs.
    pairs: Trace,
    pub(super) scores: Vec<f32>,
}

impl Network {
    /// With `layers` activated layers of `hidden` units, a multiple of 16, in each tower.
    pub(super) fn new(widths: [usize; 2], hidden: usize, layers: usize, random: &mut ChaCha8Rng) -> Self {
        let mut parameters = Vec::new();
        let mut dense = |inputs: usize, outputs: usize| {
            let layer = Dense { inputs, outputs, first: parameters.len() };
            // Keeps the size of activations, whose mean square is about half of that of what is activated.
            let deviation = (2.0 / inputs as f64).sqrt();
            parameters.extend((0..inputs * outputs).map(|_| (deviation * normal(random)) as f32));
            parameters.resize(layer.end(), 0.0);
            layer
        };
        let towers = widths.map(|width| {
            (0..=layers).map(|layer| dense(if layer == 0 { width } else { hidden }, hidden)).collect()
        });
        let pairs = vec![dense(hidden, hidden)];
        let last = parameters.len();
        // The scores begin at 0, or at what is given.
        parameters.resize(last + hidden + 1, 0.0);
        parameters.push(1.0);
        Network { hidden, towers, pairs, last, parameters }
    }

    /// The parameters that decay: all but the last bias and the factor of what is given.
    pub(super) fn decaying(&self) -> Range<usize> {
        0..self.last + self.hidden
    }

    pub(super) fn passed(&self) -> Passed {
        Passed {
            towers: [0, 1].map(|side| Trace::sized(self.towers[side].len())),
            pairs: Trace::sized(self.pairs.len() + 1),
            scores: Vec::new(),
        }
    }

    fn pass_tower(&self, level: Level, side: usize, rows: Rows<'_>, trace: &mut Trace) {
        let layers = &self.towers[side];
        for (number, layer) in layers.iter().enumerate() {
            let (before, after) = trace.outputs.split_at_mut(number);
            let input = before.last().map_or(rows.values, |output| output);
            layer.forward(level, &self.parameters, input, &mut after[0]);
            if number + 1 < layers.len() {
                activate_all(level, &mut after[0], &mut trace.slopes[number]);
            }
        }
    }

    /// The outputs of a tower.
    pub(super) fn tower(&self, level: Level, side: usize, rows: Rows<'_>) -> Vec<f32> {
        let mut trace = Trace::sized(self.towers[side].len());
        self.pass_tower(level, side, rows, &mut trace);
        trace.outputs.pop().expect("a tower has layers")
    }

    /// Scores of sums of tower outputs, which stand in the first output of the trace.
    fn pass_pairs(&self, level: Level, trace: &mut Trace, given: &[f32], scores: &mut Vec<f32>) {
        activate_all(level, &mut trace.outputs[0], &mut trace.slopes[0]);
        for (number, layer) in self.pairs.iter().enumerate() {
            let (before, after) = trace.outputs.split_at_mut(number + 1);
            layer.forward(level, &self.parameters, &before[number], &mut after[0]);
            activate_all(level, &mut after[0], &mut trace.slopes[number + 1]);
        }
        let last = &self.parameters[self.last..];
        let (weights, bias, factor) = (&last[..self.hidden], last[self.hidden], last[self.hidden + 1]);
        scores.clear();
        let rows = trace.outputs[self.pairs.len()].chunks_exact(self.hidden);
        dispatch!(level, simd => simd.vectorize(
            #[inline(always)]
            || scores.extend(rows.zip(given).map(|(row, given)| {
                let mut sums = [0f32; 16];
                for (row, weights) in row.as_chunks::<16>().0.iter().zip(weights.as_chunks::<16>().0) {
                    for lane in 0..16 {
                        sums[lane] += row[lane] * weights[lane];
                    }
                }
                sums.iter().sum::<f32>() + bias + factor * given
            }))
        ));
    }

    /// Scores of pairs, with what [`Network::backward`] needs.
    pub(super) fn forward(&self, level: Level, pairs: Pairs<'_>, passed: &mut Passed) {
        for (side, trace) in passed.towers.iter_mut().enumerate() {
            self.pass_tower(level, side, pairs.sides[side], trace);
        }
        let [x, y] = [0, 1].map(|side| passed.towers[side].outputs.last().expect("a tower has layers"));
        sums_of_pairs(level, [x, y], self.hidden, pairs.shifts, &mut passed.pairs.outputs[0]);
        self.pass_pairs(level, &mut passed.pairs, pairs.given, &mut passed.scores);
    }

    /// Scores as [`Network::forward`] gives them for one shift, from the outputs of towers.
    pub(super) fn scores(
        &self,
        level: Level,
        towers: [&[f32]; 2],
        shift: usize,
        given: &[f32],
        passed: &mut Passed,
    ) {
        sums_of_pairs(level, towers, self.hidden, &[shift], &mut passed.pairs.outputs[0]);
        self.pass_pairs(level, &mut passed.pairs, given, &mut passed.scores);
    }

    /// Writes the gradient of the parameters, from that of the scores of a forward pass.
    pub(super) fn backward(
        &self,
        level: Level,
        Pairs { sides, shifts, given }: Pairs<'_>,
        passed: &Passed,
        of_scores: &[f32],
        gradient: &mut [f32],
    ) {
        gradient.fill(0.0);
        let h = self.hidden;
        let n_pairs = self.pairs.len();
        let mut of_output = vec![0f32; of_scores.len() * h];
        {
            let weights = &self.parameters[self.last..self.last + h];
            let outputs = passed.pairs.outputs[n_pairs].chunks_exact(h);
            let of_last = &mut gradient[self.last..];
            let (of_weights, of_rest) = of_last.split_at_mut(h);
            dispatch!(level, simd => simd.vectorize(
                #[inline(always)]
                || for (((of_output, output), of_score), given) in
                    of_output.chunks_exact_mut(h).zip(outputs).zip(of_scores).zip(given)
                {
                    for (of_output, weight) in of_output.iter_mut().zip(weights) {
                        *of_output = of_score * weight;
                    }
                    for (sum, output) in of_weights.iter_mut().zip(output) {
                        *sum += of_score * output;
                    }
                    of_rest[0] += of_score;
                    of_rest[1] += of_score * given;
                }
            ));
        }
        let mut of_input = Vec::new();
        for (number, layer) in self.pairs.iter().enumerate().rev() {
            multiply(level, &mut of_output, &passed.pairs.slopes[number + 1]);
            layer.add_gradient(level, &passed.pairs.outputs[number], &of_output, gradient);
            layer.backward(level, &self.parameters, &of_output, &mut of_input);
            std::mem::swap(&mut of_output, &mut of_input);
        }
        multiply(level, &mut of_output, &passed.pairs.slopes[0]);
        let n = sides[0].len();
        let mut of_towers = [vec![0f32; n * h], vec![0f32; n * h]];
        for (&shift, of_pairs) in shifts.iter().zip(of_output.chunks_exact(n * h)) {
            add(level, &mut of_towers[0], of_pairs);
            let (from, before) = of_pairs.split_at((n - shift) * h);
            add(level, &mut of_towers[1][shift * h..], from);
            add(level, &mut of_towers[1][..shift * h], before);
        }
        for (side, mut of_output) in of_towers.into_iter().enumerate() {
            let (layers, trace) = (&self.towers[side], &passed.towers[side]);
            for (number, layer) in layers.iter().enumerate().rev() {
                if number + 1 < layers.len() {
                    multiply(level, &mut of_output, &trace.slopes[number]);
                }
                let input = if number == 0 { sides[side].values } else { &trace.outputs[number - 1] };
                layer.add_gradient(level, input, &of_output, gradient);
                if number > 0 {
                    layer.backward(level, &self.parameters, &of_output, &mut of_input);
                    std::mem::swap(&mut of_output, &mut of_input);
                }
            }
        }
    }
}

/// Rows i of one matrix plus rows i + s of the other, for each shift s in turn.
fn sums_of_pairs(level: Level, [x, y]: [&[f32]; 2], width: usize, shifts: &[usize], sums: &mut Vec<f32>) {
    sums.clear();
    for shift in shifts {
        let (before, from) = y.split_at(shift * width);
        let first = sums.len();
        sums.extend_from_slice(from);
        sums.extend_from_slice(before);
        add(level, &mut sums[first..], x);
    }
}
