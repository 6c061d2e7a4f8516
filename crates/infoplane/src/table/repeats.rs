//! What the seeds have in common, as a table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Column, Table, Values};
use crate::plane::Mean;
use crate::{InformationPlane, LayerDescription};

const fn statistic(name: &'static str, about: &'static str) -> Column {
    Column::number(name, "bits", about).optional()
}

/// The columns of [`repeats`].
pub const REPEATS: &[Column] = &[
    Column::category("method", "The id of the method, with its settings and bound."),
    Column::category("estimator", "The estimator, by its name in configuration files."),
    Column::category("setting", "The settings of the estimator in a few words."),
    Column::category("bound", "Which bound on I(X;T) the value is: upper or lower.").optional(),
    Column::category(
        "part",
        "The part of the data that was measured, train or test, in a run that measures both.",
    )
    .optional(),
    Column::integer("layer", "The layer, from 1 (nearest the input)."),
    Column::category("layer_name", "The name of the layer."),
    Column::integer("epoch", "Epochs of training; every epoch that any seed has."),
    Column::integer("i_xt_n_seeds", "How many seeds have I(X;T) there."),
    statistic("i_xt_mean_bits", "The mean of I(X;T) over seeds."),
    statistic(
        "i_xt_standard_error_bits",
        "The standard error of that mean, s / √n; absent for a single seed.",
    ),
    statistic("i_xt_p5_bits", "The 5 % percentile of I(X;T) over seeds."),
    statistic("i_xt_p25_bits", "The lower quartile of I(X;T) over seeds."),
    statistic("i_xt_p50_bits", "The median of I(X;T) over seeds."),
    statistic("i_xt_p75_bits", "The upper quartile of I(X;T) over seeds."),
    statistic("i_xt_p95_bits", "The 95 % percentile of I(X;T) over seeds."),
    Column::integer("i_ty_n_seeds", "How many seeds have I(T;Y) there."),
    statistic("i_ty_mean_bits", "The mean of I(T;Y) over seeds."),
    statistic(
        "i_ty_standard_error_bits",
        "The standard error of that mean, s / √n; absent for a single seed.",
    ),
    statistic("i_ty_p5_bits", "The 5 % percentile of I(T;Y) over seeds."),
    statistic("i_ty_p25_bits", "The lower quartile of I(T;Y) over seeds."),
    statistic("i_ty_p50_bits", "The median of I(T;Y) over seeds."),
    statistic("i_ty_p75_bits", "The upper quartile of I(T;Y) over seeds."),
    statistic("i_ty_p95_bits", "The 95 % percentile of I(T;Y) over seeds."),
    Column::category(
        "seeds_not_learned",
        "The seeds that did not learn and are in the mean, separated by spaces.",
    )
    .optional(),
    Column::category(
        "seeds_left_out",
        "The seeds that did not learn and are not in the mean, separated by spaces.",
    )
    .optional(),
];

/// Writes [`repeats`] as comma-separated values, method after method: of a long plane little is in memory beside it.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_csv(
    plane: &InformationPlane,
    layers: &[LayerDescription],
    in_mean: impl Fn(u64) -> bool,
    failed: &[u64],
    out: &mut dyn Write,
) -> io::Result<()> {
    super::csv::write_header(&repeats(&InformationPlane::default(), layers, &in_mean, failed), out)?;
    for group in plane.groups() {
        let part: InformationPlane = group.rows().collect();
        super::csv::write_rows(&repeats(&part, layers, &in_mean, failed), out)?;
    }
    Ok(())
}

/// Mean, standard error and percentiles over seeds: a row for each method, layer and epoch.
///
/// `in_mean` chooses the seeds; `failed` are those that did not learn. Every epoch that any seed has is there. Between two of
/// its epochs a seed is interpolated linearly; before its first and after its last it takes no part. Percentiles are
/// those of [`Percentiles`](crate::plane::Percentiles).
pub fn repeats<'a>(
    plane: &'a InformationPlane,
    layers: &[LayerDescription],
    in_mean: impl Fn(u64) -> bool,
    failed: &[u64],
) -> Table<'a> {
    let mut rows: Vec<Row> = Vec::new();
    let groups = plane.groups();
    for (method, group) in groups.iter().enumerate() {
        // A layer may have only one of the two at an epoch.
        let mut means: BTreeMap<(usize, u64), [Option<Mean>; 2]> = BTreeMap::new();
        for path in group.layers_with_i_xt(&in_mean) {
            for point in path.mean {
                means.entry((path.layer, point.epoch)).or_default()[0] = Some(point.i_xt_bits);
            }
        }
        for path in group.layers_with_i_ty(&in_mean) {
            for point in path.mean {
                means.entry((path.layer, point.epoch)).or_default()[1] = Some(point.i_ty_bits);
            }
        }
        rows.extend(means.into_iter().map(|((layer, epoch), means)| Row { method, layer, epoch, means }));
    }
    let of_method = |text: fn(&crate::plane::MethodDescription) -> Option<&str>| {
        let texts: Vec<Option<&str>> = groups.iter().map(|group| text(group.method)).collect();
        Values::texts(rows.iter().map(|row| texts[row.method].map(Cow::Borrowed)))
    };
    let (not_learned, left_out): (Vec<u64>, Vec<u64>) = failed.iter().partition(|&&seed| in_mean(seed));
    let listed = |seeds: &[u64]| {
        let listed = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        Values::texts(rows.iter().map(|_| (!seeds.is_empty()).then(|| Cow::Owned(listed.clone()))))
    };
    let mut values = vec![
        of_method(|method| Some(&method.id)),
        of_method(|method| Some(&method.estimator)),
        of_method(|method| Some(&method.setting)),
        of_method(|method| method.bound.map(|bound| bound.name())),
        of_method(|method| method.part.map(|part| part.name())),
        Values::U64(rows.iter().map(|row| row.layer as u64).collect()),
        Values::texts(rows.iter().map(|row| Some(Cow::Owned(LayerDescription::name_in(layers, row.layer))))),
        Values::U64(rows.iter().map(|row| row.epoch).collect()),
    ];
    for quantity in 0..2 {
        let mean = |value: fn(&Mean) -> Option<f64>| {
            Values::numbers(rows.iter().map(move |row| row.means[quantity].as_ref().and_then(value)))
        };
        let n_seeds = |row: &Row| row.means[quantity].map_or(0, |mean| mean.n_seeds as u64);
        values.extend([
            Values::U64(rows.iter().map(n_seeds).collect()),
            mean(|mean| Some(mean.mean)),
            mean(|mean| mean.standard_error),
            mean(|mean| Some(mean.percentiles.p5)),
            mean(|mean| Some(mean.percentiles.p25)),
            mean(|mean| Some(mean.percentiles.p50)),
            mean(|mean| Some(mean.percentiles.p75)),
            mean(|mean| Some(mean.percentiles.p95)),
        ]);
    }
    values.extend([listed(&not_learned), listed(&left_out)]);
    Table::new("repeats", REPEATS, values)
}

struct Row {
    /// A place among the groups.
    method: usize,
    layer: usize,
    epoch: u64,
    /// Of I(X;T) and of I(T;Y).
    means: [Option<Mean>; 2],
}
