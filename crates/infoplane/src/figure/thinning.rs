//! As much of a mean path as can be seen.

use super::axis::{epoch_range, epoch_share};
use super::{Note, NoteCode};
use crate::plane::{LayerPath, MeanPoint};

/// A mean path has a point at every epoch that any seed has: with fifty seeds that choose their own epochs,
/// thousands. Up to this many are drawn as they are.
const MOST_POINTS: usize = 1000;
/// All paths of a figure share so many points, or hundreds of layers would make files of many megabytes.
const MOST_OF_ALL: usize = 15_000;
/// What a path keeps however many there are.
const FEWEST: usize = 50;

/// Leaves at most [`MOST_POINTS`] of each mean path, and fewer of each where there are many, for drawing only: tables and
/// other notes keep them all. Returns what is to be said of it, if anything is left out.
///
/// Of the epochs that share a place of the axis the last stays, and those where one of the two quantities is
/// least or largest: no peak is lost, and every point that is drawn was measured.
///
/// The paths of single seeds are thinned alike where they are longer than any that can be seen: a run may have measured a hundred
/// thousand epochs.
pub(crate) fn thin_means(layers: &mut [LayerPath]) -> Option<Note> {
    for (_, path) in layers.iter_mut().flat_map(|layer| &mut layer.seeds) {
        if path.len() > MOST_POINTS {
            *path = thinned(path, MOST_POINTS, |point| (point.epoch, point.i_xt_bits, point.i_ty_bits));
        }
    }
    thin(layers.iter_mut().map(|layer| &mut layer.mean).collect(), of_mean)
}

fn of_mean(point: &MeanPoint) -> Place {
    (point.epoch, point.i_xt_bits.mean, point.i_ty_bits.mean)
}

/// The epoch of a point, and its two values.
type Place = (u64, f64, f64);

/// [`thin_means`] of other paths through epochs, whose points have two values.
pub(crate) fn thin<T: Copy>(mut paths: Vec<&mut Vec<T>>, of: fn(&T) -> Place) -> Option<Note> {
    let most = (MOST_OF_ALL / paths.len().max(1)).clamp(FEWEST, MOST_POINTS);
    let measured = paths.iter().map(|path| path.len()).max()?;
    for path in &mut paths {
        **path = thinned(path, most, of);
    }
    let text = format!(
        "Drawn: at most {most} of {measured} epochs of each path, peaks among them; tables have all."
    );
    (measured > most).then(|| Note::reading(NoteCode::Thinned, text))
}

fn thinned<T: Copy>(mean: &[T], most: usize, of: fn(&T) -> Place) -> Vec<T> {
    if mean.len() <= most {
        return mean.to_vec();
    }
    let range = epoch_range(mean.iter().map(|point| of(point).0));
    // Places of the axis of epochs; each keeps five points at most.
    let places = ((most - 1) / 5) as f64;
    let place = |point: &T| {
        let share = epoch_share(range, of(point).0 as f64);
        (share * places).min(places - 1.0) as usize
    };
    let mut kept: Vec<T> = Vec::with_capacity(most);
    // The first of all, whatever its values are.
    kept.push(mean[0]);
    for (number, points) in mean.chunk_by(|a, b| place(a) == place(b)).enumerate() {
        let extreme = |value: fn(Place) -> f64, sign: f64| {
            // Of equal values the first.
            let larger = |best: usize, index: usize| {
                let [candidate, known] = [index, best].map(|index| sign * value(of(&points[index])));
                if candidate > known { index } else { best }
            };
            (0..points.len()).fold(0, larger)
        };
        let mut places = [
            extreme(|place| place.1, 1.0),
            extreme(|place| place.1, -1.0),
            extreme(|place| place.2, 1.0),
            extreme(|place| place.2, -1.0),
            points.len() - 1,
        ];
        places.sort_unstable();
        // That one is there already.
        let mut before = (number == 0).then_some(0);
        for index in places {
            if before.replace(index) != Some(index) {
                kept.push(points[index]);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plane::Mean;

    fn path(n: u64) -> Vec<MeanPoint> {
        let of = |mean| Mean::of(&[mean]).unwrap();
        let point = |epoch: u64| MeanPoint {
            epoch,
            i_xt_bits: of((epoch * 7919 % 10_007) as f64 + if epoch == 8123 { 1e6 } else { 0.0 }),
            i_ty_bits: of((epoch * 104_729 % 10_009) as f64 - if epoch == 9001 { 1e6 } else { 0.0 }),
        };
        (0..n).map(point).collect()
    }

    #[test]
    fn a_long_noisy_path_keeps_its_ends_and_its_peaks() {
        let long = path(10_001);
        for most in [MOST_POINTS, FEWEST] {
            let kept = thinned(&long, most, of_mean);
            assert!((most / 5..=most).contains(&kept.len()), "{}", kept.len());
            assert!(kept.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
            assert!(kept.iter().all(|point| long[point.epoch as usize] == *point));
            for epoch in [0, 8123, 9001, 10_000] {
                assert!(kept.iter().any(|point| point.epoch == epoch), "epoch {epoch}");
            }
        }
    }

    #[test]
    fn a_short_path_stays_whole() {
        let short = path(MOST_POINTS as u64);
        assert_eq!(thinned(&short, MOST_POINTS, of_mean), short);
    }
}
