//! What the seeds have in common, as CSV.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ReportData;
use super::table::{has_parts, part_field, quoted};
use crate::Bound;
use crate::plane::Mean;

const STATISTICS: [&str; 8] = [
    "n_seeds",
    "mean_bits",
    "standard_error_bits",
    "p5_bits",
    "p25_bits",
    "p50_bits",
    "p75_bits",
    "p95_bits",
];

/// Mean, standard error and percentiles over seeds, as `repeats.csv` holds them: a header, then a line for every
/// estimator, setting, bound, layer and epoch.
///
/// The columns are `estimator`, `setting`, `bound`, `part` (where the parts of the data are measured apart), `layer`, `epoch`; then for I(X;T), each beginning with `i_xt_`, and
/// for I(T;Y), beginning with `i_ty_`: `n_seeds` (how many have a value), `mean_bits`, `standard_error_bits` (empty
/// for a single seed), and the percentiles `p5_bits`, `p25_bits`, `p50_bits`, `p75_bits` and `p95_bits`
/// ([`Percentiles`](crate::plane::Percentiles)); last `seeds_not_learned`, the seeds that did not learn and are in the
/// mean all the same ([`ReportData::all_seeds`]), and `seeds_left_out`, those that did not learn and are not in it, each
/// with spaces between.
///
/// Every epoch that any seed has is there. Between two of its epochs a seed is interpolated linearly; before its
/// first and after its last it takes no part.
pub fn repeats_csv(data: &ReportData<'_>) -> String {
    let in_mean = data.in_mean();
    let in_parts = has_parts(data.plane);
    let part = if in_parts { ",part" } else { "" };
    let mut csv = format!("estimator,setting,bound{part},layer,epoch");
    for quantity in ["i_xt", "i_ty"] {
        for statistic in STATISTICS {
            csv += &format!(",{quantity}_{statistic}");
        }
    }
    csv += ",seeds_not_learned,seeds_left_out\n";
    let (left_out, not_learned): (Vec<u64>, Vec<u64>) =
        data.failed.iter().map(|failed| failed.seed).partition(|&seed| !in_mean.has(seed));
    let listed = |seeds: &[u64]| seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    let (left_out, not_learned) = (listed(&left_out), listed(&not_learned));
    for group in data.plane.groups() {
        // A layer may have only one of the two at an epoch.
        let mut rows: BTreeMap<(usize, u64), [Option<Mean>; 2]> = BTreeMap::new();
        for path in group.layers_with_i_xt(|seed| in_mean.has(seed)) {
            for point in path.mean {
                rows.entry((path.layer, point.epoch)).or_default()[0] = Some(point.i_xt_bits);
            }
        }
        for path in group.layers_with_i_ty(|seed| in_mean.has(seed)) {
            for point in path.mean {
                rows.entry((path.layer, point.epoch)).or_default()[1] = Some(point.i_ty_bits);
            }
        }
        let method = group.method;
        let (estimator, setting) = (quoted(&method.estimator), quoted(&method.setting));
        let bound = method.bound.map(Bound::name).unwrap_or_default();
        let part = part_field(method, in_parts);
        for ((layer, epoch), quantities) in rows {
            let line = write!(csv, "{estimator},{setting},{bound}{part},{layer},{epoch}");
            line.expect("writing to a string does not fail");
            quantities.into_iter().for_each(|mean| push_mean(&mut csv, mean));
            csv += &format!(",{not_learned},{left_out}\n");
        }
    }
    csv
}

fn push_mean(csv: &mut String, mean: Option<Mean>) {
    let Some(mean) = mean else {
        csv.push_str(",0,,,,,,,");
        return;
    };
    let error = mean.standard_error.map(|error| error.to_string()).unwrap_or_default();
    csv.push_str(&format!(",{},{},{error}", mean.n_seeds, mean.mean));
    for percentile in mean.percentiles.values() {
        csv.push_str(&format!(",{percentile}"));
    }
}
