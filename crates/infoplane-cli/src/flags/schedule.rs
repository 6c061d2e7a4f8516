//! Which epochs are measured: the flags in place of an experiment's own schedule.

use clap::Args;

/// Which epochs are measured, in place of the experiment's own schedule.
#[derive(Debug, Args)]
#[command(next_help_heading = "Measured epochs (keys of [schedule])")]
pub struct ScheduleFlags {
    /// every, log-spaced, list, delta-exact or delta-approximate
    #[arg(long, value_name = "KIND")]
    pub schedule: Option<String>,
    /// every: epochs between two measurements
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub interval: Option<String>,
    /// log-spaced: number of epochs to measure
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub points: Option<String>,
    /// list: epochs to measure, separated by commas (0,10,100); the last epoch is always measured
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// delta-*: largest change between measured neighbours, as a fraction of H(X) and H(Y)
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub delta: Option<String>,
    /// delta-*: factor by which the skip grows while neighbours are close [default: 2]
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub multiplier: Option<String>,
    /// delta-*: longest skip, in epochs [default: no limit]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_skip: Option<String>,
    /// delta-*: shrink or keep the skip after a step larger than D [default: shrink]
    #[arg(long, value_name = "HOW")]
    pub when_far: Option<String>,
    /// delta-*: unit of D: entropy (fractions of H(X) and H(Y)) or bits [default: entropy]
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
        let list = self.at.as_ref().map(|epochs| format!("[{epochs}]"));
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
