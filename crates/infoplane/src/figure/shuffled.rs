//! What shuffled labels say of I(T;Y): where they have as much of it, it is bias.

use super::learned::InMean;
use super::words::{called, percent};
use super::{Note, NoteCode, ReportData};
use crate::Information;
use crate::estimator::LayerEstimate;
use crate::plane::{PlaneGroup, PlaneRow};

/// From this share of H(Y) on, I(T;Y) of shuffled labels is worth telling.
const SUBSTANTIAL: f64 = 0.1;

/// So many layers are named.
const MOST_NAMED: usize = 3;

/// What I(T;Y) of shuffled labels amounts to at most, if that is a tenth of H(Y) or more, and in which layers it leaves nothing to
/// tell ([`LayerEstimate::ALL_BIAS`]). Rows by earlier versions do not know it.
pub(super) fn note(data: &ReportData<'_>, group: &PlaneGroup<'_>, in_mean: &InMean) -> Option<Note> {
    let h_y = data.h_y.bits();
    let is_all_bias = |bits| LayerEstimate::is_all_bias_of(Information::from_bits(bits), data.h_y);
    let (mut n_rows, mut n_bias, mut biased) = (0, 0, Vec::new());
    let mut worst: Option<(f64, PlaneRow)> = None;
    for row in group.rows().filter(|row| in_mean.has(row.seed)) {
        let (Some(shuffled), Some(_)) = (row.i_ty_shuffled_bits, row.i_ty_bits) else { continue };
        n_rows += 1;
        if is_all_bias(shuffled) {
            n_bias += 1;
            if !biased.contains(&row.layer) {
                biased.push(row.layer);
            }
        }
        if worst.as_ref().is_none_or(|(most, _)| shuffled > *most) {
            worst = Some((shuffled, row));
        }
    }
    // An H(Y) that nobody knows is NaN, and neither above nor below anything.
    let (shuffled, worst) = worst.filter(|(shuffled, _)| h_y > 0.0 && *shuffled >= SUBSTANTIAL * h_y)?;
    let alone = worst.alone.map_or(String::new(), |alone| {
        let share = percent(alone as f64 / data.n_samples.max(1) as f64);
        format!(" ({share} of the samples alone in their cell)")
    });
    let mut text = format!(
        "Shuffled labels: with labels in random order I(T;Y) is up to {shuffled:.2} of {h_y:.2} bits, in {} at epoch {}{alone}.",
        called(data, worst.layer),
        worst.epoch
    );
    if n_bias > 0 {
        biased.sort_unstable();
        let mut named: Vec<String> =
            biased.iter().take(MOST_NAMED).map(|&layer| called(data, layer)).collect();
        if biased.len() > MOST_NAMED {
            named.push(format!("{} more", biased.len() - MOST_NAMED));
        }
        text += &format!(
            " Where it is {:.0}% of H(Y) or more, in {n_bias} of {n_rows} rows ({}), I(T;Y) tells nothing of the layer.",
            100.0 * LayerEstimate::ALL_BIAS,
            named.join(", ")
        );
    }
    Some(Note::warning(NoteCode::ShuffledLabels, text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plane::MethodDescription;
    use crate::{Information, InformationPlane};

    /// The note of rows (layer, I(T;Y) of shuffled labels), one epoch each; H(Y) is 1 bit, of 200 samples.
    fn told(rows: &[(usize, Option<f64>)]) -> Option<String> {
        let binned = Arc::new(MethodDescription::new("binned", "30 equal", None));
        let row = |(epoch, &(layer, i_ty_shuffled_bits)): (u64, &(usize, Option<f64>))| PlaneRow {
            i_ty_shuffled_bits,
            alone: Some(50 * layer as u64),
            ..PlaneRow::new(0, epoch, (layer, 4), &binned, (7.0, 0.95))
        };
        let plane: InformationPlane = (0..).zip(rows).map(row).collect();
        let data =
            ReportData { n_samples: 200, h_y: Information::from_bits(1.0), ..ReportData::empty(&plane) };
        note(&data, &plane.groups()[0], &data.in_mean()).map(|note| note.text)
    }

    #[test]
    fn from_a_tenth_of_the_entropy_on_shuffled_labels_are_told() {
        assert_eq!(told(&[(1, Some(0.0999)), (2, None)]), None);
        assert_eq!(
            told(&[(1, Some(0.05)), (2, Some(0.1)), (1, Some(0.02))]).unwrap(),
            "Shuffled labels: with labels in random order I(T;Y) is up to 0.10 of 1.00 bits, in T₂ at epoch 1 (50.00% \
             of the samples alone in their cell)."
        );
    }

    #[test]
    fn from_nine_tenths_on_nothing_is_told_of_the_layer() {
        assert!(!told(&[(1, Some(0.8999))]).unwrap().contains("tells nothing"));
        let five = [
            (5, Some(0.9)),
            (1, Some(0.99)),
            (1, Some(0.95)),
            (2, Some(0.92)),
            (3, Some(0.93)),
            (4, Some(0.2)),
        ];
        assert!(
            told(&five).unwrap().ends_with(
                "Where it is 90% of H(Y) or more, in 5 of 6 rows (T₁, T₂, T₃, 1 more), I(T;Y) tells nothing of the layer."
            ),
            "{:?}",
            told(&five)
        );
    }

    #[test]
    fn rows_by_earlier_versions_and_labels_of_one_class_tell_nothing() {
        assert_eq!(told(&[(1, None)]), None);
        let binned = Arc::new(MethodDescription::new("binned", "30 equal", None));
        let row =
            PlaneRow { i_ty_shuffled_bits: Some(0.0), ..PlaneRow::new(0, 0, (1, 4), &binned, (7.0, 0.0)) };
        let plane = InformationPlane::from_iter([row]);
        for h_y in [Information::ZERO, Information::from_nats(f64::NAN)] {
            let data = ReportData { h_y, ..ReportData::empty(&plane) };
            assert_eq!(note(&data, &plane.groups()[0], &data.in_mean()), None);
        }
    }
}
