//! p(x) and p(y|x), checked, with equal inputs merged.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::{BottleneckError, MAX_DISTINCT_INPUTS, SUM_TOLERANCE};
use crate::math;

/// Rows that agree when rounded to this are one input. Merging them moves no information by more than about 1e-11.
const EQUAL: f64 = 1e-12;

/// The merged channel from X to Y. All p(x) are positive.
pub(super) struct Channel {
    /// p(x).
    pub p_x: Vec<f64>,
    /// p(y|x), `(inputs, classes)`.
    pub p_y_given_x: Array2<f64>,
    /// Σ_y p(y|x) ln p(y|x) of each x.
    pub negative_entropy: Vec<f64>,
    /// p(y).
    pub p_y: Vec<f64>,
}

impl Channel {
    pub(super) fn new(p_x: &[f64], p_y_given_x: ArrayView2<'_, f64>) -> Result<Self, BottleneckError> {
        let (inputs, classes) = p_y_given_x.dim();
        if p_x.len() != inputs {
            return Err(BottleneckError::Length { p_x: p_x.len(), p_y_given_x: inputs });
        }
        if inputs == 0 || classes == 0 {
            return Err(BottleneckError::Empty { inputs, classes });
        }
        let total = sum(ArrayView1::from(p_x), || "p(x)".into(), |x| format!("p(x = {x})"))?;
        // The first row of each kind decides the order, so the result does not depend on a hash.
        let mut numbers: HashMap<Vec<i64>, usize> = HashMap::new();
        let mut merged: Vec<(f64, Vec<f64>)> = Vec::new();
        for (x, (&p, row)) in p_x.iter().zip(p_y_given_x.rows()).enumerate() {
            if p == 0.0 {
                continue;
            }
            let sum = sum(row, || format!("p(y|x = {x})"), |y| format!("p(y = {y}|x = {x})"))?;
            let row: Vec<f64> = row.iter().map(|value| value / sum).collect();
            let key = row.iter().map(|value| (value / EQUAL).round() as i64).collect();
            let number = *numbers.entry(key).or_insert(merged.len());
            let weighted = row.iter().map(|value| value * p / total);
            match merged.get_mut(number) {
                Some((mass, sums)) => {
                    *mass += p / total;
                    sums.iter_mut().zip(weighted).for_each(|(sum, value)| *sum += value);
                }
                None => merged.push((p / total, weighted.collect())),
            }
        }
        let distinct = merged.len();
        if distinct > MAX_DISTINCT_INPUTS {
            return Err(BottleneckError::TooManyInputs { distinct });
        }
        let p_x = merged.iter().map(|(mass, _)| *mass).collect();
        let p_y_given_x = Array2::from_shape_fn((distinct, classes), |(x, y)| merged[x].1[y] / merged[x].0);
        let p_y: Vec<f64> = (0..classes).map(|y| merged.iter().map(|(_, sums)| sums[y]).sum()).collect();
        let negative_entropy = p_y_given_x.rows().into_iter().map(|row| -entropy(row)).collect();
        Ok(Channel { p_x, p_y_given_x, negative_entropy, p_y })
    }

    pub(super) fn n_inputs(&self) -> usize {
        self.p_x.len()
    }

    pub(super) fn n_classes(&self) -> usize {
        self.p_y.len()
    }

    /// H(Y) in nats.
    pub(super) fn h_y(&self) -> f64 {
        entropy(ArrayView1::from(&self.p_y))
    }

    /// I(X;Y) in nats.
    pub(super) fn information(&self) -> f64 {
        let noise: f64 = self.p_x.iter().zip(&self.negative_entropy).map(|(p, negative)| -p * negative).sum();
        (self.h_y() - noise).max(0.0)
    }

    /// Returns whether every input has one label.
    pub(super) fn deterministic(&self) -> bool {
        self.p_y_given_x.iter().all(|&p| !(EQUAL..=1.0 - EQUAL).contains(&p))
    }
}

/// H in nats.
pub(super) fn entropy(p: ArrayView1<'_, f64>) -> f64 {
    p.iter().filter(|&&p| p > 0.0).map(|&p| -p * math::ln(p)).sum()
}

/// Returns the sum of probabilities, which must be 1.
fn sum(
    probabilities: ArrayView1<'_, f64>,
    all: impl Fn() -> String,
    one: impl Fn(usize) -> String,
) -> Result<f64, BottleneckError> {
    if let Some((index, &value)) =
        probabilities.iter().enumerate().find(|(_, value)| !(value.is_finite() && **value >= 0.0))
    {
        return Err(BottleneckError::Probability { what: one(index), value });
    }
    let sum = probabilities.sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(BottleneckError::Sum { what: all(), sum });
    }
    Ok(sum)
}
