//! From values to shares of an axis, and the ticks of the axis.

use crate::figure::{Axis, AxisScale, axis};
use crate::math;

/// How an axis maps its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Evenly.
    Linear { low: f64, high: f64 },
    /// By ln(1 + epoch), so that the untrained network, epoch 0, has its place.
    Epochs { low: f64, high: f64 },
    /// By the logarithm; only values above zero have a place.
    Logarithmic { low: f64, high: f64 },
    /// By the logarithm from 1 to `most`, with a place for infinity one doubling beyond.
    Doublings { most: f64 },
    /// `n` places side by side, the first from 0 to 1; without ticks.
    Places { n: usize },
}

/// A mark on an axis; without a label it is a minor one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub value: f64,
    pub label: Option<String>,
}

impl Scale {
    /// A scale of epochs.
    pub(crate) fn epochs(epochs: impl IntoIterator<Item = u64>) -> Scale {
        let (low, high) = axis::epoch_range(epochs);
        Scale::Epochs { low, high }
    }

    /// The scale of an axis.
    pub(crate) fn of(axis: &Axis) -> Scale {
        let (low, high) = (axis.low, axis.high);
        match axis.scale {
            AxisScale::Linear => Scale::Linear { low, high },
            AxisScale::LogOnePlus => Scale::Epochs { low, high },
            AxisScale::Logarithmic => Scale::Logarithmic { low, high },
            AxisScale::Doublings => Scale::Doublings { most: high / 2.0 },
            AxisScale::Places => Scale::Places { n: axis.places.len() },
        }
    }

    fn bounds(&self) -> (f64, f64) {
        match *self {
            Scale::Linear { low, high } | Scale::Epochs { low, high } | Scale::Logarithmic { low, high } => {
                (low, high)
            }
            Scale::Doublings { most } => (1.0, 2.0 * most),
            Scale::Places { n } => (0.0, n.max(1) as f64),
        }
    }

    /// Where `value` lies between the ends of the axis, 0 to 1; nothing if it has no place on it.
    pub(crate) fn share(&self, value: f64) -> Option<f64> {
        let (low, high) = self.bounds();
        let share = match self {
            Scale::Linear { .. } | Scale::Places { .. } => (value - low) / (high - low),
            Scale::Epochs { .. } => {
                (math::ln_1p(value) - math::ln_1p(low)) / (math::ln_1p(high) - math::ln_1p(low))
            }
            Scale::Logarithmic { .. } | Scale::Doublings { .. } => {
                math::ln(value / low) / math::ln(high / low)
            }
        };
        (-1e-9..=1.0 + 1e-9).contains(&share).then(|| share.clamp(0.0, 1.0))
    }

    /// The value, or the end of the axis that it lies beyond.
    pub(crate) fn inside(&self, value: f64) -> f64 {
        let (low, high) = self.bounds();
        value.clamp(low, high)
    }

    /// The ticks of an axis of `length` points.
    pub(crate) fn ticks(&self, length: f64) -> Vec<Tick> {
        let (low, high) = self.bounds();
        match self {
            Scale::Linear { .. } => linear_ticks(low, high, length),
            Scale::Epochs { .. } => epoch_ticks(low, high, length),
            Scale::Logarithmic { .. } => decade_ticks(low, high, length),
            Scale::Doublings { most } => doubling_ticks(*most, length),
            Scale::Places { .. } => vec![],
        }
    }
}

fn linear_ticks(low: f64, high: f64, length: f64) -> Vec<Tick> {
    let most = (length / 52.0).clamp(2.0, 8.0);
    let rough = (high - low) / most;
    let power = math::power_of_ten(math::log10(rough).floor() as i32);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|s| s * power).into_iter().find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let decimals = (0..12).find(|&d| {
        let scaled = step * math::power_of_ten(d);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let decimals = decimals.unwrap_or(12) as usize;
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last)
        .map(|index| {
            let value = index as f64 * step;
            let label = if step >= 1e6 { format!("{value:.1e}") } else { format!("{value:.decimals$}") };
            Tick { value, label: Some(label.replace('-', "−")) }
        })
        .collect()
}

fn epoch_ticks(low: f64, high: f64, length: f64) -> Vec<Tick> {
    let scale = Scale::Epochs { low, high };
    // Of many decades every second or third has a label, and the same ones wherever the axis ends.
    let many = high > 1e6;
    let every = if many { (math::log10(high) * 30.0 / length).ceil().max(1.0) as i32 } else { 1 };
    let short = |value: f64| if many && value >= 1e4 { scientific(value) } else { whole(value) };
    // Neighbouring epochs have the same few digits.
    let shown = |value: f64| if short(low) == short(high) { whole(value) } else { short(value) };
    let mut ticks = Vec::new();
    let mut labelled: Vec<(f64, f64)> = Vec::new();
    // Labels stand where they do not touch those before them; three to four points a digit to each side.
    let mut label = |value: f64| {
        let label = shown(value);
        let half = 3.4 * label.chars().count() as f64;
        let at = scale.share(value).unwrap_or(0.0) * length;
        let fits = labelled.iter().all(|&(other, other_half)| (other - at).abs() >= half + other_half + 6.0);
        if fits {
            labelled.push((at, half));
        }
        fits.then_some(label)
    };
    // The ends first: they say how far the axis goes, even where the last epoch is no power of ten.
    for end in [low, high] {
        ticks.push(Tick { value: end, label: label(end) });
    }
    for (power, value) in
        (0..=18).map(|power| (power, math::power_of_ten(power))).take_while(|(_, v)| *v < high)
    {
        if value > low {
            let label = if power % every == 0 { label(value) } else { None };
            ticks.push(Tick { value, label });
        }
        let minor = (2..10).map(|m| f64::from(m) * value).filter(|v| (low..high).contains(v));
        ticks.extend(minor.map(|value| Tick { value, label: None }));
    }
    // A short range holds no power of ten.
    if labelled.len() < 3 && high - low >= 4.0 {
        let middle = ((low + high) / 2.0).round();
        ticks.push(Tick { value: middle, label: Some(shown(middle)) });
    }
    ticks
}

fn decade_ticks(low: f64, high: f64, length: f64) -> Vec<Tick> {
    let (first, last) = (math::log10(low).round() as i32, math::log10(high).round() as i32);
    let decades = last - first;
    let every = (f64::from(decades) * 26.0 / length).ceil().max(1.0) as i32;
    let mut ticks = Vec::new();
    for power in first..=last {
        let labelled = (power - first) % every == 0;
        ticks.push(Tick {
            value: math::power_of_ten(power),
            label: labelled.then(|| format!("10{}", raised(power))),
        });
        if power < last && f64::from(decades) * 8.0 < length / 3.0 {
            ticks.extend(
                (2..10).map(|m| Tick { value: f64::from(m) * math::power_of_ten(power), label: None }),
            );
        }
    }
    ticks
}

fn doubling_ticks(most: f64, length: f64) -> Vec<Tick> {
    let doublings = math::log2(most).floor().max(0.0) as i32;
    let every = (f64::from(doublings + 2) * 30.0 / length).ceil().max(1.0) as i32;
    let tick = |power: i32| {
        let value = math::powi(2f64, power);
        Tick { value, label: (power % every == 0).then(|| format!("{value:.0}")) }
    };
    let mut ticks: Vec<Tick> = (0..=doublings).map(tick).collect();
    ticks.push(Tick { value: 2.0 * most, label: Some("∞".into()) });
    ticks
}

/// A whole number; a power of ten beyond 10000 as such.
fn whole(value: f64) -> String {
    let power = math::log10(value).round();
    if value > 10_000.0 && (math::power_of_ten(power as i32) - value).abs() < 0.5 {
        return format!("10{}", raised(power as i32));
    }
    format!("{value:.0}")
}

/// A power of ten, or from ten million on three digits of any number: all of them would not fit below an axis.
fn scientific(value: f64) -> String {
    let power = math::log10(value).round();
    if (math::power_of_ten(power as i32) - value).abs() < 0.5 {
        return format!("10{}", raised(power as i32));
    }
    if value < 1e7 {
        return whole(value);
    }
    let mut power = math::log10(value).floor();
    let mut digits = (value / math::power_of_ten(power as i32) * 100.0).round() / 100.0;
    if digits >= 10.0 {
        (power, digits) = (power + 1.0, digits / 10.0);
    }
    format!("{digits}×10{}", raised(power as i32))
}

fn raised(power: i32) -> String {
    power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            digit => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize - '0' as usize).unwrap_or(digit),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, length: f64) -> Vec<String> {
        scale.ticks(length).into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn epoch_zero_and_the_last_epoch_have_their_ticks() {
        let scale = Scale::epochs([0, 8000]);
        assert_eq!(scale.share(0.0), Some(0.0));
        assert_eq!(scale.share(8000.0), Some(1.0));
        assert_eq!(labels(scale, 400.0), ["0", "8000", "1", "10", "100", "1000"]);
    }

    #[test]
    fn a_single_epoch_has_an_axis() {
        for epoch in [0, 1, 37, 4_000_000] {
            let scale = Scale::epochs([epoch]);
            assert!(scale.share(epoch as f64).is_some_and(f64::is_finite));
            assert!(labels(scale, 400.0).len() >= 2, "{epoch}");
        }
    }

    #[test]
    fn many_epochs_have_short_labels_at_even_distances() {
        let scale = Scale::epochs([0, 4_000_000_000]);
        assert_eq!(labels(scale, 250.0), ["0", "4×10⁹", "100", "10⁴", "10⁶", "10⁸"]);
        assert_eq!(scientific(12_345_678.0), "1.23×10⁷");
        assert_eq!(scientific(9_999_999_999.0), "1×10¹⁰");
    }

    #[test]
    fn doublings_end_at_infinity() {
        let scale = Scale::Doublings { most: 8.0 };
        assert_eq!(labels(scale, 300.0), ["1", "2", "4", "8", "∞"]);
        assert_eq!(
            (scale.share(1.0), scale.share(4.0), scale.share(16.0)),
            (Some(0.0), Some(0.5), Some(1.0))
        );
        assert_eq!(labels(Scale::Doublings { most: 1.0 }, 300.0), ["1", "∞"]);
    }

    #[test]
    fn even_ticks_are_round_numbers() {
        assert_eq!(
            labels(Scale::Linear { low: 0.0, high: 12.6 }, 420.0),
            ["0", "2", "4", "6", "8", "10", "12"]
        );
        assert_eq!(labels(Scale::Linear { low: -0.5, high: 0.5 }, 120.0), ["−0.5", "0.0", "0.5"]);
    }

    #[test]
    fn what_is_not_above_zero_has_no_place_on_a_logarithmic_axis() {
        let scale = Scale::of(&Axis::logarithmic("", "", [0.02, 3.0, 0.0, f64::NAN]));
        assert_eq!(scale, Scale::Logarithmic { low: 0.01, high: 10.0 });
        assert_eq!(scale.share(0.0), None);
        assert_eq!(scale.share(f64::NAN), None);
        let whole = Scale::of(&Axis::logarithmic("", "", [1e-320, f64::MAX]));
        assert_eq!(whole, Scale::Logarithmic { low: 1e-307, high: 1e308 });
        assert!(labels(whole, 200.0).len() < 12);
    }
}
