//! Methods and their keys, from the command line to a configuration.

use clap::Args;
use infoplane::EstimateError;
use infoplane::estimator::{AnyEstimator, Estimator};
use infoplane::experiment::{nearest, override_value, plain_types};

use crate::failure::Failure;

pub const METHOD_KEYS: &str = "Estimator options (an error if the estimator does not use them)";

/// Makes the flags and the list of those that were given from one list.
macro_rules! method_flags {
    ($($(#[$attribute:meta])+ $key:ident,)+) => {
        /// Keys of methods, as flags.
        #[derive(Debug, Clone, Args)]
        #[command(next_help_heading = METHOD_KEYS)]
        pub struct MethodFlags {
            $($(#[$attribute])+ pub $key: Option<String>,)+
        }

        impl MethodFlags {
            /// The keys that were given, each with its flag and its value as written.
            pub fn given(&self) -> Vec<(&'static str, String, &str)> {
                [$((stringify!($key), self.$key.as_deref()),)+]
                    .into_iter()
                    .filter_map(|(key, value)| Some((key, format!("--{}", key.replace('_', "-")), value?)))
                    .collect()
            }
        }
    };
}

method_flags! {
    /// Number of nearest neighbours
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    k,
    /// Transformation of each column: none, standardized or normal-scores
    #[arg(long, value_name = "HOW")]
    scaling,
    /// Variance of the added Gaussian noise, in squared units of the data
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    noise_variance,
    /// Binning rule: edges, equal, floor, quantile or exact
    #[arg(long, value_name = "RULE")]
    rule,
    /// Number of bins (for the rule edges: of edges)
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    bins,
    /// Bin width, in units of the data
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    bin_width,
    /// Range of the bins: LOW,HIGH (as in -1,1), or `layer` or `unit` for the range of the data
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    range,
    /// Bias correction for counts
    #[arg(long, value_name = "NAME")]
    correction,
    /// Order of the Rényi entropy, or a threshold α, depending on the estimator
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    alpha,
    /// Order of the local polynomial
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    order,
    /// Neighbours used in each local fit
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    neighbors,
    /// Kernel bandwidth, or the rule that sets it
    #[arg(long, value_name = "H", allow_hyphen_values = true)]
    bandwidth,
    /// Noise samples per data point
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    draws,
    /// Random seed
    #[arg(long, value_name = "SEED", allow_hyphen_values = true)]
    seed,
    /// Number of hash functions
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    hashes,
    /// Number of random projections
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    projections,
    /// Number of Gaussian surrogates
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    surrogates,
    /// Batch size
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    batch,
    /// Kind of the first variable, for auto: names, lattice, mixed or continuous; found out if not given
    #[arg(long, value_name = "KIND")]
    x_kind,
    /// Kind of the second variable, for auto
    #[arg(long, value_name = "KIND")]
    y_kind,
}

/// The settings that the flags and `KEY=VALUE` describe; what the method does not take is refused by name.
pub fn config(name: &str, given: &MethodFlags, set: &[String]) -> Result<AnyEstimator, Failure> {
    let keys = keys(name)?;
    let mut table = toml::Table::new();
    let mut flags: Vec<(String, String)> = Vec::new();
    for (key, flag, text) in given.given() {
        let (key, value) = match key {
            // One variance is a list of one, where a method takes several.
            "noise_variance" if !keys.contains(&key) && keys.contains(&"noise_variances") => {
                ("noise_variances", toml::Value::Array(vec![override_value(text)]))
            }
            "range" => (key, range(text)?),
            // A negative number of bins is as wrong as none; the check tells what is allowed.
            "bins" => (key, override_value(if text.starts_with('-') { "0" } else { text })),
            _ => (key, override_value(text)),
        };
        refuse_unknown(name, keys, key, &flag)?;
        table.insert(key.into(), value);
        flags.push((key.into(), format!("{flag} {text}")));
    }
    for set in set {
        let (key, text) = set
            .split_once('=')
            .map(|(key, text)| (key.trim(), text.trim()))
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| Failure::input(format!("--set {set}; allowed is KEY=VALUE")))?;
        refuse_unknown(name, keys, key, &format!("--set {key}"))?;
        if table.insert(key.into(), override_value(text)).is_some() {
            return Err(Failure::input(format!("{key} is given twice")));
        }
        flags.push((key.into(), format!("--set {set}")));
    }
    match AnyEstimator::named(name, toml::Value::Table(table.clone())) {
        Ok(Some(config)) => {
            config.check().map_err(|error| match error {
                EstimateError::Setting { key: "range", .. } if !table.contains_key("range") => {
                    Failure::input(format!(
                        "--estimator {name} with such bins needs --range LOW,HIGH (as in -1,1), or --range layer or \
                         --range unit for the range of the data"
                    ))
                }
                error => Failure::input(format!("--estimator {name}: {error}")),
            })?;
            Ok(config)
        }
        Ok(None) => Err(unknown(name)),
        Err(error) => Err(not_taken(name, &table, &flags, &error)),
    }
}

/// The keys of a method.
fn keys(name: &str) -> Result<&'static [&'static str], Failure> {
    AnyEstimator::keys(name).ok_or_else(|| unknown(name))
}

/// That there is no such method.
pub fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = AnyEstimator::ALL.iter().map(|info| info.name).collect();
    let likely = match nearest(name, names.iter().copied()) {
        Some(nearest) => format!("; did you mean `{nearest}`? All are"),
        None => "; there are".into(),
    };
    Failure::input(format!("no estimator is called `{name}`{likely} {}", names.join(", ")))
        .with_advice("`infoplane estimators` says what each is for")
}

fn refuse_unknown(name: &str, keys: &[&str], key: &str, flag: &str) -> Result<(), Failure> {
    if keys.contains(&key) {
        return Ok(());
    }
    let allowed = match keys {
        [] => "it takes none".to_string(),
        keys => format!("its keys are {}", keys.join(", ")),
    };
    Err(Failure::input(format!("{flag} is not for --estimator {name}; {allowed}")))
}

/// What was wrong with a value, with the flag it came from, or which key is missing.
fn not_taken(
    name: &str,
    table: &toml::Table,
    flags: &[(String, String)],
    error: &toml::de::Error,
) -> Failure {
    let message = plain_types(error.message().trim_end());
    // One key at a time tells which value it was.
    let culprit = flags.iter().find(|(key, _)| {
        let mut alone = toml::Table::new();
        if let Some(value) = table.get(key) {
            alone.insert(key.clone(), value.clone());
        }
        AnyEstimator::named(name, toml::Value::Table(alone))
            .is_err_and(|error| !error.message().starts_with("missing field"))
    });
    if let Some((_, flag)) = culprit {
        return Failure::input(format!("{flag}, for --estimator {name}: {message}"));
    }
    let missing = message.strip_prefix("missing key `").and_then(|rest| rest.split('`').next());
    match missing {
        Some("noise_variance" | "noise_variances") => Failure::input(format!(
            "--estimator {name} needs --noise-variance, a choice that decides the result: the published \
             figures use 0.001 (12-bit task) and 0.1 (MNIST)"
        )),
        Some("rule") => {
            Failure::input(format!("--estimator {name} needs --rule edges, equal, floor, quantile or exact"))
        }
        Some(key) => Failure::input(format!(
            "--estimator {name} needs --{}; `infoplane estimators {name}` shows its keys",
            key.replace('_', "-")
        )),
        None => Failure::input(format!("--estimator {name}: {message}")),
    }
}

fn range(given: &str) -> Result<toml::Value, Failure> {
    if matches!(given, "layer" | "unit") {
        return Ok(toml::Value::String(given.into()));
    }
    given
        .split_once(',')
        .and_then(|(low, high)| Some([low.trim().parse::<f64>().ok()?, high.trim().parse::<f64>().ok()?]))
        .map(|ends| toml::Value::Array(ends.map(toml::Value::Float).to_vec()))
        .ok_or_else(|| {
            Failure::input(format!("--range {given}; allowed are LOW,HIGH (as in -1,1), `layer` or `unit`"))
        })
}
