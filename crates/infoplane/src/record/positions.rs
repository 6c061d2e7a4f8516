//! How feature maps and sequences become vectors.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::dataset::read::SampleTensor;

/// How an array of more than two axes, a feature map or a sequence, becomes rows of numbers.
///
/// Maps are `(n_samples, channels, height, width)`, or `(n_samples, height, width, channels)` with `channels_last`;
/// sequences are `(n_samples, positions, units)`. Height and width together are the positions of a map; the units of a
/// sequence are its channels. An array of two axes, `(n_samples, units)`, stays as it is, one axis is one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// All values of a sample in one row: what the layer knows altogether.
    #[default]
    Flatten,
    /// The mean over all positions, a column for each channel.
    Mean,
    /// Every channel is a layer of its own, with a column for each position.
    Channels,
    /// One position, a column for each channel; counted from 0, or from the end where negative: −1 is the last.
    At(i64),
}

impl Positions {
    /// In a few words, for people.
    pub fn describe(self) -> String {
        match self {
            Positions::Flatten => "flattened".into(),
            Positions::Mean => "mean over positions".into(),
            Positions::Channels => "each channel a layer of its own".into(),
            Positions::At(position) => format!("position {position} only"),
        }
    }
}

/// (channels, positions) of one sample, and how far apart in memory neighbours of each are.
fn axes(shape: &[usize], channels_last: bool) -> Option<[(usize, usize); 2]> {
    match shape[..] {
        // A sequence keeps the channels of a position together.
        [_, positions, channels] => Some([(channels, 1), (positions, channels)]),
        [_, height, width, channels] if channels_last => Some([(channels, 1), (height * width, channels)]),
        [_, channels, height, width] => Some([(channels, height * width), (height * width, 1)]),
        _ => None,
    }
}

/// How many layers of which width an array of this shape gives, or why none.
pub(super) fn widths(
    shape: &[usize],
    positions: Positions,
    channels_last: bool,
) -> Result<(usize, usize), String> {
    let Some([(channels, _), (n_positions, _)]) = axes(shape, channels_last) else {
        return Ok((1, shape.iter().skip(1).product()));
    };
    match positions {
        Positions::Flatten => Ok((1, channels * n_positions)),
        Positions::Mean => Ok((1, channels)),
        Positions::Channels => Ok((channels, n_positions)),
        Positions::At(position) => {
            place(position, n_positions)?;
            Ok((1, channels))
        }
    }
}

fn place(position: i64, n_positions: usize) -> Result<usize, String> {
    let from_start = if position < 0 { position + n_positions as i64 } else { position };
    usize::try_from(from_start).ok().filter(|&place| place < n_positions).ok_or_else(|| {
        format!("position {position} of {n_positions}; allowed is -{n_positions} to {}", n_positions - 1)
    })
}

/// The rows of an array, `(n_samples, width)`; of several layers where each channel is one.
pub(super) fn rows(
    tensor: SampleTensor,
    positions: Positions,
    channels_last: bool,
) -> Result<Vec<Array2<f32>>, String> {
    let SampleTensor { shape, values } = tensor;
    let n_samples = shape.first().copied().unwrap_or(0);
    let (n_layers, width) = widths(&shape, positions, channels_last)?;
    let matrix =
        |values| Array2::from_shape_vec((n_samples, width), values).map_err(|error| error.to_string());
    let Some([(channels, step_channel), (n_positions, step)]) = axes(&shape, channels_last) else {
        return Ok(vec![matrix(values)?]);
    };
    let each = channels * n_positions;
    let samples = || values.chunks(each.max(1));
    Ok(match positions {
        Positions::Flatten => vec![matrix(values)?],
        Positions::Mean => {
            // In double precision: thousands of positions must not cost digits.
            let mean = |sample: &[f32], channel: usize| {
                let sum: f64 = (0..n_positions)
                    .map(|position| f64::from(sample[channel * step_channel + position * step]))
                    .sum();
                (sum / n_positions as f64) as f32
            };
            let means = samples().flat_map(|sample| (0..channels).map(move |channel| mean(sample, channel)));
            vec![matrix(means.collect())?]
        }
        Positions::At(position) => {
            let at = place(position, n_positions)? * step;
            let chosen = samples()
                .flat_map(|sample| (0..channels).map(move |channel| sample[channel * step_channel + at]));
            vec![matrix(chosen.collect())?]
        }
        Positions::Channels => (0..n_layers)
            .map(|channel| {
                let start = channel * step_channel;
                let of_channel = samples()
                    .flat_map(|sample| (0..n_positions).map(move |position| sample[start + position * step]));
                matrix(of_channel.collect())
            })
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn tensor(shape: &[usize]) -> SampleTensor {
        let n: usize = shape.iter().product();
        SampleTensor { shape: shape.to_vec(), values: (0..n).map(|value| value as f32).collect() }
    }

    #[test]
    fn a_map_with_channels_first_and_last_gives_the_same() {
        // Two samples, two channels, 1 × 3 positions; sample 0, channel c, position p holds 3c + p.
        let first = tensor(&[2, 2, 1, 3]);
        let last = SampleTensor {
            shape: vec![2, 1, 3, 2],
            values: vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0, 7.0, 10.0, 8.0, 11.0],
        };
        for (map, channels_last) in [(first, false), (last, true)] {
            let of = |positions| rows(map.clone(), positions, channels_last).unwrap();
            assert_eq!(of(Positions::Mean), [array![[1.0f32, 4.0], [7.0, 10.0]]]);
            assert_eq!(of(Positions::At(-1)), [array![[2.0f32, 5.0], [8.0, 11.0]]]);
            assert_eq!(
                of(Positions::Channels),
                [array![[0.0f32, 1.0, 2.0], [6.0, 7.0, 8.0]], array![[3.0f32, 4.0, 5.0], [9.0, 10.0, 11.0]]]
            );
            assert_eq!(of(Positions::Flatten)[0].dim(), (2, 6));
            assert!(rows(map.clone(), Positions::At(3), channels_last).unwrap_err().contains("-3 to 2"));
        }
    }

    #[test]
    fn a_sequence_keeps_positions_and_units_apart() {
        // One sample of two positions with three units each.
        let sequence = tensor(&[1, 2, 3]);
        let of = |positions| rows(sequence.clone(), positions, false).unwrap();
        assert_eq!(of(Positions::Mean), [array![[1.5f32, 2.5, 3.5]]]);
        assert_eq!(of(Positions::At(0)), [array![[0.0f32, 1.0, 2.0]]]);
        assert_eq!(of(Positions::Channels).len(), 3);
        assert_eq!(of(Positions::Channels)[1], array![[1.0f32, 4.0]]);
    }

    #[test]
    fn vectors_stay_and_one_axis_is_one_column() {
        assert_eq!(
            rows(tensor(&[2, 2]), Positions::Mean, false).unwrap(),
            [array![[0.0f32, 1.0], [2.0, 3.0]]]
        );
        assert_eq!(rows(tensor(&[2]), Positions::Flatten, false).unwrap(), [array![[0.0f32], [1.0]]]);
    }
}
