//! The measured epochs as a table.

use std::borrow::Cow;

use super::keys::SEED;
use super::{Column, Table, Values};
use crate::schedule::MeasuredEpoch;

/// The columns of [`schedule`].
pub const SCHEDULE: &[Column] = &[
    SEED,
    Column::integer("epoch", "The measured epoch."),
    Column::category(
        "reason",
        "Why it was measured: planned (on a list made beforehand), section (the schedule came to it going forward), \
         filling (it fills a section whose ends lay too far apart), witness (a witness moved here, or one epoch later) or \
         last (the last epoch).",
    ),
    Column::number(
        "distance",
        "",
        "The distance from the measured epoch before it, in the unit of the distance of the schedule; absent for the \
         first, and where one of the two epochs lacks a value that the other has.",
    )
    .optional(),
];

/// The measured epochs: a row for each seed and epoch.
pub fn schedule(measured: &[MeasuredEpoch]) -> Table<'_> {
    let values = vec![
        Values::U64(measured.iter().map(|measured| measured.seed).collect()),
        Values::U64(measured.iter().map(|measured| measured.epoch).collect()),
        Values::texts(measured.iter().map(|measured| Some(Cow::Borrowed(measured.reason.name())))),
        Values::numbers(measured.iter().map(|measured| measured.distance)),
    ];
    Table::new("schedule", SCHEDULE, values)
}
