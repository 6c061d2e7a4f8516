//! Which epochs are measured: the flags in place of an experiment's own schedule.

use clap::Args;

/// Which epochs are measured, in place of the experiment's own schedule.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which epochs are measured (keys of [schedule])")]
pub struct ScheduleFlags {
    /// every, log-spaced, list, delta-exact or delta-approximate
    #[arg(long, value_name = "KIND")]
    pub schedule: Option<String>,
    /// every: epochs from one measurement to the next
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub interval: Option<String>,
    /// log-spaced: how many epochs are measured
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub points: Option<String>,
    /// list: the epochs, separated by commas; the last of the training is measured too
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub epochs: Option<String>,
    /// delta-*: how far measured neighbours may be apart, as a share of H(X) and H(Y)
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub delta: Option<String>,
    /// delta-*: what the skip is multiplied with while neighbours are near [default: 2]
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub multiplier: Option<String>,
    /// delta-*: the longest skip, in epochs [default: any]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_skip: Option<String>,
    /// delta-*: what becomes of the skip where neighbours are too far apart: shrink or keep [default: shrink]
    #[arg(long, value_name = "HOW")]
    pub when_far: Option<String>,
    /// delta-*: the unit of D: entropy (a share of H(X) and H(Y)) or bits [default: entropy]
    #[arg(long, value_name = "UNIT")]
    pub scale: Option<String>,
}

/// A number as TOML writes it: `.1`, `5e-2` and `NaN` are none there. What is no number is left for the refusal.
fn number(text: &str) -> String {
    text.parse::<f64>().map_or(text.to_string(), |number| match number.is_nan() {
        true => "nan".to_string(),
        false => format!("{number:?}"),
    })
}

impl ScheduleFlags {
    /// The flags as overrides of the experiment's keys. A kind replaces the whole schedule; keys alone change it.
    pub fn overrides(&self) -> Vec<String> {
        let quoted = |text: &String| format!("{text:?}");
        let list = self.epochs.as_ref().map(|epochs| format!("[{epochs}]"));
        let keys = [
            ("interval", self.interval.clone()),
            ("points", self.points.clone()),
            ("epochs", list),
            ("delta", self.delta.as_deref().map(number)),
            ("multiplier", self.multiplier.as_deref().map(number)),
            ("max_skip", self.max_skip.clone()),
            ("when_far", self.when_far.as_ref().map(quoted)),
            ("scale", self.scale.as_ref().map(quoted)),
        ];
        let kind = self.schedule.iter().map(|kind| format!("schedule={{ kind = {} }}", quoted(kind)));
        let keys = keys.into_iter().filter_map(|(key, value)| Some(format!("schedule.{key}={}", value?)));
        kind.chain(keys).collect()
    }
}
