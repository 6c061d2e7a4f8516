//! Samples of pairs (X, Y) whose information is known: what estimators are judged with.
//!
//! Every [`Task`] is a distribution with I(X;Y) in closed form, as an integral of one dimension that is computed
//! here, or, for mixtures, as a mean over so many draws that its error is far below that of any estimate. The
//! families are those that estimators are usually compared on: Gaussians, maps of them that leave information as
//! it is, strong dependence, mixtures of discrete and continuous variables, and layers of networks.
//!
//! ```
//! use infoplane_estimators::known::Task;
//! let task = Task::named("normal").expect("a task of that name");
//! let sample = task.draw(1000, 7);
//! assert_eq!((sample.x.variable().n_samples(), sample.y.variable().width()), (1000, 1));
//! // Two normal variables of correlation 0.75: −½ ln(1 − ρ²).
//! assert!((sample.information.nats() + 0.5 * (1.0f64 - 0.75 * 0.75).ln()).abs() < 1e-12);
//! ```
//!
//! # References
//! Czyż, Grabowski, Vogt, Beerenwinkel & Marx (2023), *Beyond normal: on the evaluation of mutual information
//! estimators*, NeurIPS · Gao, Kannan, Oh & Viswanath (2017), *Estimating mutual information for
//! discrete-continuous mixtures*, NeurIPS · Gao, Ver Steeg & Galstyan (2015), *Efficient estimation of mutual
//! information for strongly dependent variables*, AISTATS.

mod gaussian;
mod hard;
mod layers;
mod mixed;
mod narrow;
mod pattern_rule;
mod quadrature;

pub use pattern_rule::{N_BITS, N_PATTERNS, PatternRule};

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

use crate::random::{Purpose, generator};
use crate::{Information, Labels, Variable};

/// One side of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// A symbol per sample.
    Labels(Labels),
    /// A row of numbers per sample.
    Numbers(Array2<f64>),
}

impl Values {
    /// As estimators take it.
    pub fn variable(&self) -> Variable<'_> {
        match self {
            Values::Labels(labels) => Variable::Labels(labels),
            Values::Numbers(rows) => Variable::Double(rows.view()),
        }
    }
}

impl<'a> From<&'a Values> for Variable<'a> {
    fn from(values: &'a Values) -> Self {
        values.variable()
    }
}

/// Draws of a pair with known information.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// X.
    pub x: Values,
    /// Y.
    pub y: Values,
    /// I(X;Y) of the distribution; of the noisy Y where `noise_variance` is given.
    pub information: Information,
    /// For layers without noise of their own: the variance of the Gaussian noise to be added to every column of Y.
    pub noise_variance: Option<f64>,
}

/// A distribution of pairs with known information.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// What tables call it: `normal-5x5`.
    pub name: &'static str,
    /// What X and Y are, in a line.
    pub about: &'static str,
    draw: fn(usize, Streams) -> Sample,
}

/// The random numbers of one sample: the draws, and constants of the task that no seed changes.
#[derive(Debug, Clone, Copy)]
struct Streams {
    seed: u64,
    task: u64,
}

impl Streams {
    fn draws(self) -> ChaCha8Rng {
        generator(self.seed, Purpose::Known, self.task << 8)
    }

    fn constants(self) -> ChaCha8Rng {
        generator(0, Purpose::Known, self.task << 8 | 1)
    }
}

macro_rules! tasks {
    ($($name:literal, $draw:expr, $about:literal;)*) => {
        /// All tasks, in the order of tables.
        pub const TASKS: &[Task] = &[$(Task { name: $name, about: $about, draw: $draw }),*];
    };
}

tasks! {
    "normal", |n, s| gaussian::pairs(n, s, 1, &[0.75]),
        "bivariate normal, correlation 0.75";
    "uniform-noise", |n, s| narrow::uniform_noise(n, s, 0.1),
        "y = x + uniform noise on [−0.1, 0.1], x uniform on [0, 1]";
    "uniform-noise-wide", |n, s| narrow::uniform_noise(n, s, 0.75),
        "y = x + uniform noise on [−0.75, 0.75], x uniform on [0, 1]";
    "half-cube", |n, s| gaussian::half_cube(gaussian::pairs(n, s, 1, &[0.75])),
        "sign(v) |v|^1.5 of both columns of `normal`";
    "bimodal", gaussian::bimodal,
        "columns of `normal` mapped to mixtures of two normal distributions";
    "wiggly", gaussian::wiggly,
        "columns of `normal` with sines added, still one to one";
    "student", |n, s| gaussian::student(n, s, false),
        "bivariate Student t, one degree of freedom, no correlation";
    "student-asinh", |n, s| gaussian::student(n, s, true),
        "asinh of both columns of `student`";
    "swiss-roll", gaussian::swiss_roll,
        "x of `normal` made uniform and rolled up in the plane, y made uniform";
    "linear-0.01", |n, s| narrow::linear(n, s, 1e-2),
        "y = x + uniform noise of width 0.01, x uniform on [0, 1]";
    "quadratic-0.01", |n, s| narrow::quadratic(n, s, 1e-2),
        "y = x² + uniform noise of width 0.01, x uniform on [0, 1]";
    "linear-normal-0.01", |n, s| hard::linear_normal(n, s, 1e-2),
        "y = x + normal noise of deviation 0.01, x uniform on [0, 1]";
    "two-branches-0.01", |n, s| hard::two_branches(n, s, 1, 1e-2),
        "y = x² + normal noise of deviation 0.01, x uniform on [−1, 1]";
    "linear-0.0001", |n, s| narrow::linear(n, s, 1e-4),
        "y = x + uniform noise of width 0.0001";
    "quadratic-0.0001", |n, s| narrow::quadratic(n, s, 1e-4),
        "y = x² + uniform noise of width 0.0001";
    "rounded", |n, s| hard::rounded(n, s, false),
        "`normal` with x rounded to multiples of 0.1";
    "rounded-both", |n, s| hard::rounded(n, s, true),
        "`normal` with both columns rounded to multiples of 0.1";
    "half-zero", hard::half_zero,
        "`normal` with max(x, 0) for x";
    "student-2x2", |n, s| hard::student(n, s, 2, 2),
        "2 and 2 columns of a Student t, two degrees of freedom, no correlation";
    "student-5x5", |n, s| hard::student(n, s, 5, 2),
        "5 and 5 columns of a Student t, two degrees of freedom, no correlation";
    "mixture-2x2", |n, s| hard::mixture(n, s, 2),
        "2 and 2 columns of a mixture of four normal distributions";
    "mixture-5x5", |n, s| hard::mixture(n, s, 5),
        "5 and 5 columns of a mixture of four normal distributions";
    "two-branches-5x5", |n, s| hard::two_branches(n, s, 5, 0.05),
        "5 pairs y = x² + normal noise of deviation 0.05, x uniform on [−1, 1]";
    "layer-2-16-8", layers::narrow_layer,
        "2 normal inputs against tanh layers of 16 and 8 units with noise of deviation 0.1";
    "normal-5x5", |n, s| gaussian::pairs(n, s, 5, &[0.8, 0.8]),
        "5 and 5 normal columns, the first two pairs of correlation 0.8";
    "half-cube-5x5", |n, s| gaussian::half_cube(gaussian::pairs(n, s, 5, &[0.8, 0.8])),
        "sign(v) |v|^1.5 of every column of `normal-5x5`";
    "strong-5x5", |n, s| gaussian::pairs(n, s, 5, &[0.99; 5]),
        "5 pairs of normal columns, each of correlation 0.99";
    "normal-25x25", |n, s| gaussian::pairs(n, s, 25, &[0.8, 0.8]),
        "25 and 25 normal columns, the first two pairs of correlation 0.8";
    "half-cube-25x25", |n, s| gaussian::half_cube(gaussian::pairs(n, s, 25, &[0.8, 0.8])),
        "sign(v) |v|^1.5 of every column of `normal-25x25`";
    "spiral-3x3", |n, s| gaussian::spiral(gaussian::pairs(n, s, 3, &[0.8, 0.8])),
        "3 and 3 normal columns, each side twisted by an angle that grows with the radius";
    "spiral-25x25", |n, s| gaussian::spiral(gaussian::pairs(n, s, 25, &[0.8, 0.8])),
        "25 and 25 normal columns, each side twisted by an angle that grows with the radius";
    "discrete-noise", mixed::discrete_noise,
        "x uniform on {0, …, 4}, y uniform on [x, x + 2]";
    "zero-inflated-poisson", mixed::zero_inflated_poisson,
        "x exponential, y Poisson of mean x, but 0 with probability 0.15";
    "classes", mixed::classes,
        "10 classes, y normal around the mean of its class, in 4 dimensions";
    "classes-10x10", |n, s| hard::wide_classes(n, s, 10, 0.6),
        "10 classes, y normal around the mean of its class, in 10 dimensions";
    "classes-10x20", |n, s| hard::wide_classes(n, s, 20, 0.4),
        "10 classes, y normal around the mean of its class, in 20 dimensions";
    "ring-5", |n, s| hard::ring(n, s, 5),
        "2 classes, rings of different radius in 2 of 5 columns";
    "ring-20", |n, s| hard::ring(n, s, 20),
        "2 classes, rings of different radius in 2 of 20 columns";
    "xor-5", |n, s| hard::xor(n, s, 5),
        "whether the signs of 2 of 5 normal columns agree, wrong for one sample in ten";
    "xor-20", |n, s| hard::xor(n, s, 20),
        "whether the signs of 2 of 20 normal columns agree, wrong for one sample in ten";
    "discrete-64", mixed::discrete_64,
        "64 × 64 symbols with a fixed table of probabilities";
    "layer-input", |n, s| layers::tanh_layer(n, s).0,
        "which 12-bit pattern, against the tanh layer 12 → 24 → 64 with noise";
    "layer-label", |n, s| layers::tanh_layer(n, s).1,
        "the label of the 12-bit pattern, against the same layer";
    "wide-layer", layers::wide_layer,
        "10 normal inputs against a noisy linear layer of 512 units";
}

impl Task {
    /// The task of that name.
    pub fn named(name: &str) -> Option<&'static Task> {
        TASKS.iter().find(|task| task.name == name)
    }

    /// `n` independent draws; the same for the same seed, on every machine and for any number of threads.
    ///
    /// A layer of a network on the 12-bit patterns is a population of its own: there the n ≤ 4096 patterns drawn
    /// (without repetition) are the inputs, and `information` is that of exactly those.
    pub fn draw(&self, n: usize, seed: u64) -> Sample {
        (self.draw)(n, self.streams(seed))
    }

    fn streams(&self, seed: u64) -> Streams {
        // A number of its own for every name (FNV-1a): tasks do not share draws, and a new one changes no other.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
        Streams { seed, task: self.name.bytes().fold(2_166_136_261, mix).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_as_large_as_asked_repeatable_and_finite() {
        for task in TASKS {
            let sample = task.draw(200, 3);
            for side in [&sample.x, &sample.y] {
                assert_eq!(side.variable().n_samples(), 200, "{}", task.name);
                assert_eq!(side.variable().first_non_finite(), None, "{}", task.name);
            }
            assert!(sample.information.nats() > 0.0 && sample.information.nats() < 20.0, "{}", task.name);
            assert_eq!(sample, task.draw(200, 3), "{}", task.name);
            assert_ne!(sample.y, task.draw(200, 4).y, "{}", task.name);
            assert_eq!(Task::named(task.name).map(|t| t.about), Some(task.about), "one task of a name");
        }
        for task in TASKS {
            assert_eq!(task.draw(1, 0).x.variable().n_samples(), 1, "{}", task.name);
        }
    }
}
