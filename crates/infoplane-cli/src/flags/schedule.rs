//! Which epochs are measured: the flags in place of an experiment's own schedule.

use clap::Args;

use crate::failure::Failure;

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
    /// loss, binned or subsample: watched at every epoch; where it moves, the epoch is measured too
    #[arg(long, value_name = "WHAT")]
    pub witness: Option<String>,
}

/// A number as TOML writes it: `.1`, `5e-2` and `NaN` are none there. What is no number is left for the refusal.
fn number(text: &str) -> String {
    text.parse::<f64>().map_or(text.to_string(), |number| match number.is_nan() {
        true => "nan".to_string(),
        false => format!("{number:?}"),
    })
}

/// For each kind of schedule the keys it needs, and those it takes beside them.
const KINDS: [(&str, &[&str], &[&str]); 5] = [
    ("every", &["interval"], &["witness"]),
    ("log-spaced", &["points"], &["witness"]),
    ("list", &["epochs"], &["witness"]),
    ("delta-exact", &["delta"], &["multiplier", "max_skip", "when_far", "scale", "witness"]),
    ("delta-approximate", &["delta"], &["multiplier", "max_skip", "when_far", "scale", "witness"]),
];

/// The flag of a key of `[schedule]`.
pub fn flag(key: &str) -> String {
    match key {
        "kind" => "--schedule".into(),
        "epochs" => "--at".into(),
        key => format!("--{}", key.replace('_', "-")),
    }
}

fn listed(words: Vec<String>) -> String {
    match &words[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl ScheduleFlags {
    /// Refuses flags that do not go together, by their names. `own` is the kind of the schedule that the flags change, where
    /// they name no kind; `set` are changes of keys that come on top.
    pub fn check(&self, own: Option<&str>, set: &[String]) -> Result<(), Failure> {
        let Some(kind) = self.schedule.as_deref().or(own) else { return Ok(()) };
        let Some((_, needed, others)) = KINDS.iter().find(|(name, ..)| *name == kind) else {
            let kinds = KINDS.iter().map(|(name, ..)| name.to_string()).collect();
            return Err(Failure::input(format!("--schedule {kind}; allowed is {}", listed(kinds))));
        };
        let given = self.keys();
        let taken = |key: &str| needed.contains(&key) || others.contains(&key);
        if let Some((key, _)) = given.iter().find(|(key, _)| !taken(key)) {
            let flag = flag(key);
            let of = KINDS.iter().filter(|(_, needed, others)| needed.contains(key) || others.contains(key));
            let right = listed(of.map(|(name, ..)| format!("--schedule {name}")).collect());
            return Err(Failure::input(match self.schedule {
                Some(_) => format!("{flag} is not for --schedule {kind}; it goes with {right}"),
                None => format!("{flag} goes with {right}; without one of them the schedule is {kind}"),
            }));
        }
        let is_given = |key: &str| {
            given.iter().any(|(given, _)| *given == key)
                || set.iter().any(|set| {
                    let path = set.split('=').next().unwrap_or("").trim();
                    path == "schedule" || path == format!("schedule.{key}")
                })
        };
        match needed.iter().find(|key| self.schedule.is_some() && !is_given(key)) {
            Some(key) => Err(Failure::input(format!("--schedule {kind} needs {}", flag(key)))),
            None => Ok(()),
        }
    }

    /// Whether keys are given without the kind of schedule that they belong to.
    pub fn changes_keys_alone(&self) -> bool {
        self.schedule.is_none() && !self.keys().is_empty()
    }

    /// The flags as overrides of the experiment's keys. A kind replaces the whole schedule; keys alone change it.
    pub fn overrides(&self) -> Vec<String> {
        let kind = self.schedule.iter().map(|kind| format!("schedule={{ kind = {kind:?} }}"));
        let keys = self.keys().into_iter().map(|(key, value)| format!("schedule.{key}={value}"));
        kind.chain(keys).collect()
    }

    /// The keys that are given, each with its value as TOML.
    fn keys(&self) -> Vec<(&'static str, String)> {
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
            ("witness", self.witness.as_ref().map(quoted)),
        ];
        keys.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_do_not_go_together_are_refused_by_name() {
        #[derive(clap::Parser)]
        struct Flags {
            #[command(flatten)]
            schedule: ScheduleFlags,
        }
        let check = |flags: &str, own: Option<&str>, set: &[&str]| {
            let flags: Flags = clap::Parser::parse_from(["x"].into_iter().chain(flags.split_whitespace()));
            let set: Vec<String> = set.iter().map(|set| set.to_string()).collect();
            flags.schedule.check(own, &set).map_err(|failure| failure.to_string())
        };
        let delta = "--schedule delta-exact or --schedule delta-approximate";
        assert_eq!(
            check("--delta 0.05", Some("every"), &[]),
            Err(format!("--delta goes with {delta}; without one of them the schedule is every"))
        );
        assert_eq!(
            check("--schedule list --at 1 --max-skip 3", None, &[]),
            Err(format!("--max-skip is not for --schedule list; it goes with {delta}"))
        );
        assert_eq!(
            check("--schedule delta-exact", Some("every"), &[]),
            Err("--schedule delta-exact needs --delta".into())
        );
        assert_eq!(check("--schedule list", None, &[]), Err("--schedule list needs --at".into()));
        assert!(
            check("--schedule some", None, &[])
                .unwrap_err()
                .contains("every, log-spaced, list, delta-exact or")
        );
        assert_eq!(check("--schedule delta-exact", None, &["schedule.delta = 0.1"]), Ok(()));
        assert_eq!(check("--schedule delta-exact --delta 0.1 --scale bits", None, &[]), Ok(()));
        assert_eq!(check("--interval 3", Some("every"), &[]), Ok(()));
        assert_eq!(check("--witness loss", Some("log-spaced"), &[]), Ok(()));
        assert_eq!(check("", Some("every"), &[]), Ok(()));
    }
}
