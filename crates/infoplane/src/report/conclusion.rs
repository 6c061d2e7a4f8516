//! What a run shows, in one sentence or two.

use super::ReportData;
use crate::Bound;
use crate::figure::words;
use crate::plane::{LayerPath, Mean, PlaneGroup, value_at};

/// A change of I(X;T) up to this is called none.
const NEGLIGIBLE_BITS: f64 = 0.3;

/// A loss is told where it is larger than so many standard errors.
const STANDARD_ERRORS: f64 = 2.0;

/// More layers than these are counted and not named.
const MOST_NAMED: usize = 6;

/// How much I(X;T) a layer lost after its largest value.
struct Loss<'a> {
    path: &'a LayerPath,
    /// The epoch at which the mean over seeds is largest, the first of equal ones.
    from: u64,
    /// Over seeds: the value at that epoch less the value at the last.
    bits: Mean,
}

/// Which layers lost information about the input during training, by the first method of the run: computed from the means over
/// seeds, with the method and the seeds that it rests on. Nothing if the run is not complete, or has a single epoch.
///
/// A layer loses information if, over seeds, I(X;T) at the epoch where the mean is largest, less I(X;T) at the last, is more
/// than 0.3 bits and more than two standard errors.
///
/// ```
/// use std::sync::Arc;
/// use infoplane::plane::MethodDescription;
/// use infoplane::report::{ReportData, ScheduleData, conclusion};
/// use infoplane::{Information, InformationPlane, PlaneRow};
///
/// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
/// let row = |epoch, i_xt| PlaneRow::new(0, epoch, (1, 3), &binned, (i_xt, 0.9));
/// let plane = InformationPlane::from_iter([row(0, 5.9), row(41, 9.7), row(4000, 3.6)]);
/// let data = ReportData {
///     title: "a small run".into(),
///     dataset: "symmetric12".into(),
///     n_samples: 4096,
///     h_x: Information::from_bits(12.0),
///     h_y: Information::from_bits(0.999),
///     parts: vec![],
///     is_chain: true,
///     layers: vec![],
///     quantities: &[],
///     plane: &plane,
///     training: &[],
///     schedule: ScheduleData::default(),
///     failed: vec![],
///     all_seeds: false,
///     complete: true,
///     limit: None,
///     notes: vec![],
/// };
/// assert_eq!(
///     conclusion(&data).unwrap(),
///     "T₁ (3 units) loses 6.1 bits of I(X;T) from epoch 41 on (binned, 30 equal on [−1, 1]; 1 seed)."
/// );
/// ```
pub fn conclusion(data: &ReportData<'_>) -> Option<String> {
    if !data.complete {
        return None;
    }
    let groups = data.plane.groups();
    let group = groups.first()?;
    let data = &*data.of_method(group.method);
    let in_mean = data.in_mean();
    let paths = group.layers_with_i_xt(|seed| in_mean.has(seed));
    let losses: Vec<Loss<'_>> =
        paths.iter().filter_map(|path| loss(path, |seed| in_mean.has(seed))).collect();
    if losses.is_empty() {
        return None;
    }
    let bound = group.method.bound.map(|bound| match bound {
        Bound::Upper => "the upper bound on I(X;T)",
        Bound::Lower => "the lower bound on I(X;T)",
    });
    let quantity = bound.unwrap_or("I(X;T)");
    let (lost, others): (Vec<&Loss<'_>>, Vec<&Loss<'_>>) = losses.iter().partition(|loss| loss.is_loss());
    let largest = |losses: &[&Loss<'_>]| -> Option<usize> {
        (0..losses.len()).max_by(|&a, &b| losses[a].bits.mean.total_cmp(&losses[b].bits.mean).then(b.cmp(&a)))
    };
    let mut parts = Vec::new();
    match largest(&lost) {
        Some(most) => {
            let loss = lost[most];
            parts.push(format!(
                "{} loses {} bits of {quantity} from epoch {} on",
                called(data, loss.path),
                amount(loss.bits),
                loss.from
            ));
            parts.extend(others_lost(&lost, most));
        }
        None => {
            let most = &others[largest(&others)?];
            parts.push(format!(
                "no layer loses more than {NEGLIGIBLE_BITS} bits of {quantity} after its largest value ({} loses most, {} bits)",
                called(data, most.path),
                finer(most.bits)
            ));
        }
    }
    parts.extend(at_limit(data, &paths, bound));
    let sentence = parts.join("; ");
    Some(format!("{} ({}).", capital_if_word(&sentence), condition(data, group)))
}

impl Loss<'_> {
    fn is_loss(&self) -> bool {
        let error = self.bits.standard_error.unwrap_or(0.0);
        self.bits.mean > NEGLIGIBLE_BITS && self.bits.mean > STANDARD_ERRORS * error
    }
}

/// The loss of a layer; nothing if it has values at one epoch only.
fn loss(path: &LayerPath, in_mean: impl Fn(u64) -> bool) -> Option<Loss<'_>> {
    let (first, last) = (path.mean.first()?, path.mean.last()?);
    if first.epoch == last.epoch {
        return None;
    }
    let top = path
        .mean
        .iter()
        .fold(first, |top, point| if point.i_xt_bits.mean > top.i_xt_bits.mean { point } else { top });
    // Seed by seed, so that what all seeds share is not counted as their spread.
    let differences: Vec<f64> = path
        .seeds
        .iter()
        .filter(|(seed, _)| in_mean(*seed))
        .filter_map(|(_, points)| {
            let points: Vec<(u64, f64)> = points.iter().map(|point| (point.epoch, point.i_xt_bits)).collect();
            let at = |epoch| value_at(&points, epoch);
            Some(at(top.epoch)? - at(last.epoch)?)
        })
        .collect();
    Some(Loss { path, from: top.epoch, bits: Mean::of(&differences)? })
}

/// `2 other layers lose 0.4 to 1.2 bits`.
fn others_lost(lost: &[&Loss<'_>], most: usize) -> Option<String> {
    let others: Vec<f64> =
        lost.iter().enumerate().filter(|(place, _)| *place != most).map(|(_, loss)| loss.bits.mean).collect();
    let (low, high) = (others.iter().copied().reduce(f64::min)?, others.iter().copied().reduce(f64::max)?);
    let range = if format!("{low:.1}") == format!("{high:.1}") {
        format!("{low:.1}")
    } else {
        format!("{low:.1} to {high:.1}")
    };
    Some(match others.len() {
        1 => format!("another layer loses {range} bits"),
        n => format!("{n} other layers lose {range} bits"),
    })
}

/// `layers of 5 and more units stay within 0.3 bits of H(X)`.
fn at_limit(data: &ReportData<'_>, paths: &[LayerPath], bound: Option<&str>) -> Option<String> {
    let limit = data.h_x.bits();
    if !limit.is_finite() || limit <= NEGLIGIBLE_BITS {
        return None;
    }
    let near = |value: f64| (value - limit).abs() <= NEGLIGIBLE_BITS;
    let stays = |path: &LayerPath| path.mean.iter().all(|point| near(point.i_xt_bits.mean));
    let staying: Vec<&LayerPath> = paths.iter().filter(|path| stays(path)).collect();
    let narrowest = staying.iter().map(|path| path.width).min()?;
    // By width only where that is the whole truth.
    let by_width = paths.iter().all(|path| stays(path) == (path.width >= narrowest));
    let layers = match staying.len() {
        1 => called(data, staying[0]),
        n if n == paths.len() => "all layers".to_string(),
        _ if by_width => format!("layers of {narrowest} and more units"),
        n if n > MOST_NAMED => format!("{n} of {} layers", paths.len()),
        _ => staying.iter().map(|path| called(data, path)).collect::<Vec<_>>().join(", "),
    };
    // The bound stays there, or the layers do.
    let subject = bound.map_or(layers.clone(), |bound| format!("{bound} of {layers}"));
    let stay = if bound.is_some() || staying.len() == 1 { "stays" } else { "stay" };
    Some(format!("{subject} {stay} within {NEGLIGIBLE_BITS} bits of H(X)"))
}

/// What the sentence rests on: the method, the seeds, and that values were clipped.
fn condition(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> String {
    let in_mean = data.in_mean();
    let seeds = group.seeds();
    let n = seeds.iter().filter(|&&seed| in_mean.has(seed)).count();
    let of_seeds = match (n, seeds.len()) {
        (1, 1) => "1 seed".to_string(),
        (n, all) if n < all => format!("mean of {n} of {all} seeds ± standard error"),
        (n, _) => format!("mean of {n} seeds ± standard error"),
    };
    let clipped = group.rows().any(|row| row.out_of_range > 0 && in_mean.has(row.seed));
    let clipped = if clipped { "; values outside the bins were clipped" } else { "" };
    format!("{}; {of_seeds}{clipped}", group.method.title)
}

/// `T₅ (3 units)`.
fn called(data: &ReportData<'_>, path: &LayerPath) -> String {
    let units = if path.width == 1 { "unit" } else { "units" };
    format!("{} ({} {units})", words::called(data, path.layer), path.width)
}

fn amount(mean: Mean) -> String {
    match mean.standard_error {
        Some(error) => format!("{:.1} ± {error:.1}", mean.mean),
        None => format!("{:.1}", mean.mean),
    }
}

/// With the decimals that tell it from the limit.
fn finer(mean: Mean) -> String {
    match mean.standard_error {
        Some(error) => format!("{:.2} ± {error:.2}", mean.mean),
        None => format!("{:.2}", mean.mean),
    }
}

/// A sentence begins with a capital letter, the name of a layer stays as it is.
fn capital_if_word(sentence: &str) -> String {
    match sentence.strip_prefix("no ") {
        Some(rest) => format!("No {rest}"),
        None => sentence.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plane::MethodDescription;
    use crate::{Information, InformationPlane, PlaneRow};

    /// A plane of two layers over epochs 0, 10, 20 for each seed; the second layer of 3 units loses `lost`.
    fn plane(losses: &[f64], bound: Option<Bound>) -> InformationPlane {
        let method = Arc::new(MethodDescription::new("binned", "30 equal", bound));
        let rows = losses.iter().enumerate().flat_map(|(seed, lost)| {
            let row = |epoch, layer, i_xt| PlaneRow::new(seed as u64, epoch, layer, &method, (i_xt, 0.5));
            [
                row(0, (1, 10), 11.9),
                row(0, (2, 3), 6.0),
                row(10, (1, 10), 12.0),
                row(10, (2, 3), 9.0),
                row(20, (1, 10), 11.95),
                row(20, (2, 3), 9.0 - lost),
            ]
        });
        rows.collect()
    }

    fn told(losses: &[f64], bound: Option<Bound>) -> String {
        let plane = plane(losses, bound);
        let data = ReportData { h_x: Information::from_bits(12.0), ..ReportData::empty(&plane) };
        conclusion(&data).unwrap()
    }

    #[test]
    fn the_loss_is_the_mean_of_the_seeds_own_losses() {
        // Losses 1, 2, 3: mean 2, standard error 1/√3 = 0.58.
        assert_eq!(
            told(&[1.0, 2.0, 3.0], None),
            "T₂ (3 units) loses 2.0 ± 0.6 bits of I(X;T) from epoch 10 on; T₁ (10 units) stays within 0.3 bits \
             of H(X) (binned, 30 equal; mean of 3 seeds ± standard error)."
        );
    }

    #[test]
    fn what_is_small_or_uncertain_is_no_loss() {
        let small = told(&[0.1, 0.2], None);
        assert!(
            small.starts_with("No layer loses more than 0.3 bits of I(X;T) after its largest value"),
            "{small}"
        );
        // Mean 1.5, standard error 1.5.
        let uncertain = told(&[0.0, 3.0], None);
        assert!(uncertain.starts_with("No layer loses"), "{uncertain}");
    }

    #[test]
    fn bounds_are_called_bounds() {
        let bound = told(&[2.0], Some(Bound::Upper));
        assert!(bound.contains("2.0 bits of the upper bound on I(X;T) from epoch 10"), "{bound}");
        assert!(bound.contains("the upper bound on I(X;T) of T₁ (10 units) stays"), "{bound}");
    }

    #[test]
    fn one_epoch_and_a_run_that_goes_on_give_no_conclusion() {
        let method = Arc::new(MethodDescription::new("binned", "30 equal", None));
        let once: InformationPlane = [PlaneRow::new(0, 5, (1, 3), &method, (1.0, 0.5))].into_iter().collect();
        assert_eq!(conclusion(&ReportData::empty(&once)), None);
        let plane = plane(&[1.0], None);
        assert_eq!(conclusion(&ReportData { complete: false, ..ReportData::empty(&plane) }), None);
    }
}
