//! The methods of a run as a table.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Column, Table, Values};
use crate::plane::MethodDescription;

/// The columns of [`methods`].
pub const METHODS: &[Column] = &[
    Column::category("method", "The id by which other tables name the method."),
    Column::category("estimator", "The estimator, by its name in configuration files."),
    Column::category("setting", "The settings in a few words."),
    Column::category("bound", "Which bound on I(X;T) it gives: upper or lower.").optional(),
    Column::category(
        "part",
        "The part of the data that was measured, train or test, in a run that measures both.",
    )
    .optional(),
    Column::category("title", "What figures call it."),
    Column::category("settings", "The settings by the keys of configuration files, as a JSON object."),
];

/// The methods of a run: a row for each, with its settings.
pub fn methods(methods: &[Arc<MethodDescription>]) -> Table<'_> {
    let column = |text: fn(&MethodDescription) -> &str| {
        Values::texts(methods.iter().map(move |method| Some(Cow::Borrowed(text(method)))))
    };
    let values = vec![
        column(|method| &method.id),
        column(|method| &method.estimator),
        column(|method| &method.setting),
        Values::texts(methods.iter().map(|method| method.bound.map(|bound| Cow::Borrowed(bound.name())))),
        Values::texts(methods.iter().map(|method| method.part.map(|part| Cow::Borrowed(part.name())))),
        column(|method| &method.title),
        Values::texts(methods.iter().map(|method| Some(Cow::Owned(settings(method))))),
    ];
    Table::new("methods", METHODS, values)
}

fn settings(method: &MethodDescription) -> String {
    serde_json::to_string(&method.settings).unwrap_or_else(|_| "{}".into())
}
