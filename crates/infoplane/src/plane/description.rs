//! What a layer and a method are called in files and figures.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Bound;
use crate::estimator::{Estimator, EstimatorInfo};

/// How manifests and figures name a layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerDescription {
    /// Its name: `T1` for the first layer of a network trained here, `conv1` for one of another program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The number of its units.
    pub width: usize,
    /// Its nonlinearity, as in configuration files: `tanh`; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nonlinearity: String,
}

impl LayerDescription {
    /// What a layer is called, from 1; `T3` where `layers` does not say.
    pub fn name_in(layers: &[LayerDescription], layer: usize) -> String {
        match layer.checked_sub(1).and_then(|index| layers.get(index)) {
            Some(described) if !described.name.is_empty() => described.name.clone(),
            _ => LayerDescription::default_name(layer.saturating_sub(1)),
        }
    }

    /// The name of the layer at `index`, from 0, where it has none of its own: `T1`.
    pub fn default_name(index: usize) -> String {
        format!("T{}", index + 1)
    }
}

/// A part of the data that a run measures apart from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The rows that train.
    Train,
    /// The rows held back.
    Test,
}

impl Part {
    /// `train` or `test`.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Test => "test",
        }
    }

    /// `training part` or `test part`.
    pub const fn title(self) -> &'static str {
        match self {
            Part::Train => "training part",
            Part::Test => "test part",
        }
    }
}

/// How a column of values was measured: a method with its setting, and which bound it gives.
///
/// Rows carry its [`id`](MethodDescription::id); the manifest of a run holds the rest.
///
/// ```
/// use infoplane::Bound;
/// use infoplane::plane::MethodDescription;
/// let kde = MethodDescription::new("kde", "noise_variance=0.001", Some(Bound::Upper));
/// assert_eq!(kde.id, "kde-noise-variance-0.001-upper");
/// assert_eq!(kde.title, "KDE, noise variance 0.001, upper bound");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodDescription {
    /// What rows and the names of files call it; unique in a run.
    pub id: String,
    /// The estimator, by its name in configuration files: `binned`, `kde`, `ross`.
    pub estimator: String,
    /// Its setting in a few words: `30 edges on [-1, 1]`.
    pub setting: String,
    /// Which bound on I(X;T) it gives, if it gives bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// The part of the data that it is measured on, in a run that measures the parts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// What figures call it.
    pub title: String,
    /// The id of the method whose counts it corrects, if it is nothing but a correction of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    /// Its settings by the keys of configuration files; empty for a method from outside the library.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
}

/// Returns the same settings as a table of TOML; a setting that is null is left out.
fn toml_table(keys: serde_json::Map<String, serde_json::Value>) -> toml::Table {
    let given = keys.into_iter().filter(|(_, value)| !value.is_null());
    given.filter_map(|(key, value)| Some((key, toml::Value::try_from(value).ok()?))).collect()
}

impl MethodDescription {
    /// A method by its name, its setting in words, and its bound.
    pub fn new(estimator: &str, setting: &str, bound: Option<Bound>) -> Self {
        MethodDescription {
            id: slug(&format!("{estimator} {setting} {}", bound.map(Bound::name).unwrap_or_default())),
            estimator: estimator.into(),
            setting: setting.into(),
            bound,
            part: None,
            title: title(estimator, setting, bound),
            corrects: None,
            settings: toml::Table::new(),
        }
    }

    /// Every setting and bound of some methods, in the order of their rows; no two have the same id.
    pub fn of_methods<M: Estimator>(methods: &[M]) -> Vec<Arc<MethodDescription>> {
        let described = methods.iter().flat_map(|method| {
            let keys = toml_table(method.keys());
            let name = method.name();
            let readings = method.layer_settings();
            let n_readings = readings.len();
            readings.into_iter().enumerate().map(move |(place, (setting, bound))| {
                let mut settings = keys.clone();
                // Of a list of noise variances, in whose order the readings come, each setting has its own.
                if let Some(toml::Value::Array(variances)) = settings.remove("noise_variances") {
                    let variance = &variances[place * variances.len() / n_readings];
                    settings.insert("noise_variance".into(), variance.clone());
                }
                MethodDescription { settings, ..MethodDescription::new(name, &setting, bound) }
            })
        });
        let mut all: Vec<MethodDescription> = described.collect();
        make_ids_unique(&mut all);
        all.into_iter().map(Arc::new).collect()
    }

    /// The same method, measured on one part of the data: rows of both parts have ids and titles of their own.
    ///
    /// ```
    /// use infoplane::plane::{MethodDescription, Part};
    /// let test = MethodDescription::new("kde", "noise_variance=0.001", None).of_part(Part::Test);
    /// assert_eq!(test.id, "kde-noise-variance-0.001-test");
    /// assert_eq!(test.title, "KDE, noise variance 0.001, test part");
    /// ```
    pub fn of_part(&self, part: Part) -> Self {
        MethodDescription {
            id: format!("{}-{}", self.id, part.name()),
            part: Some(part),
            title: format!("{}, {}", self.title, part.title()),
            ..self.clone()
        }
    }

    /// The variance of the noise that it adds, if its settings name one.
    pub fn noise_variance(&self) -> Option<f64> {
        let value = self.settings.get("noise_variance")?;
        value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
    }
}

/// Numbers the later ones of those that would have the same id.
pub(crate) fn make_ids_unique(methods: &mut [MethodDescription]) {
    let mut taken = BTreeSet::new();
    for method in methods {
        let name = method.id.clone();
        for number in 2.. {
            if taken.insert(method.id.clone()) {
                break;
            }
            method.id = format!("{name}-{number}");
        }
    }
}

/// A name of lower-case letters, digits and hyphens that any file system takes.
fn slug(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            '.' if name.ends_with(|c: char| c.is_ascii_digit()) => name.push('.'),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(100);
    name.trim_end_matches(['-', '.']).to_string()
}

/// `KDE, noise variance 0.001, upper bound`.
fn title(estimator: &str, setting: &str, bound: Option<Bound>) -> String {
    let known = EstimatorInfo::named(estimator);
    let estimator = known.map_or_else(|| estimator.replace('_', " "), |info| info.title.to_string());
    let setting = short_numbers(&minus_signs(&setting.replace(['_', '='], " ")));
    let bound = bound.map(|bound| format!(", {} bound", bound.name())).unwrap_or_default();
    if setting.is_empty() { format!("{estimator}{bound}") } else { format!("{estimator}, {setting}{bound}") }
}

/// Numbers of many digits that are below 1e-4 or from 1e6 on as powers of ten, where that is shorter.
fn short_numbers(text: &str) -> String {
    let part_of_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut short = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !part_of_number(c)).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        short += before;
        let alone = !short.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        let large_or_small = |value: &f64| *value > 0.0 && !(1e-4..1e6).contains(value);
        let power = number.parse().ok().filter(|value| alone && large_or_small(value));
        match power.map(|value: f64| format!("{value:e}")) {
            Some(power) if power.len() < number.len() => short += &power,
            _ => short += number,
        }
        rest = after;
    }
    short + rest
}

/// Hyphens that stand before a number and not within a word, as minus signs.
fn minus_signs(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is = |index: Option<usize>, test: fn(char) -> bool| {
        index.and_then(|index| characters.get(index)).copied().is_some_and(test)
    };
    let signed = |(index, &c): (usize, &char)| {
        let minus = c == '-'
            && is(index.checked_add(1), |c| c.is_ascii_digit())
            && !is(index.checked_sub(1), char::is_alphanumeric);
        if minus { '−' } else { c }
    };
    characters.iter().enumerate().map(signed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::AnyEstimator;

    #[test]
    fn titles_are_written_for_readers() {
        let of_variance = |variance: f64| format!("noise_variance={variance}");
        let (tiny, huge) = (of_variance(1e-320), of_variance(2.5e300));
        let of = |estimator, setting, bound| MethodDescription::new(estimator, setting, bound).title;
        assert_eq!(
            of("kde", "noise_variance=0.001", Some(Bound::Lower)),
            "KDE, noise variance 0.001, lower bound"
        );
        assert_eq!(of("binned", "30 edges on [-1, 1]", None), "binned, 30 edges on [−1, 1]");
        assert_eq!(of("kde", &tiny, None), "KDE, noise variance 1e-320");
        assert_eq!(of("kde", &huge, None), "KDE, noise variance 2.5e300");
        assert_eq!(of("kde", "noise_variance=0.0001", None), "KDE, noise variance 0.0001");
        assert_eq!(of("x", "0.00002, 1234567 in v20000000", None), "x, 2e-5, 1234567 in v20000000");
    }

    #[test]
    fn ids_are_plain_and_all_different() {
        let mut methods = [
            MethodDescription::new("binned", "30 equal on [-1, 1]", None),
            MethodDescription::new("binned", "30 equal on (-1, 1)", None),
            MethodDescription::new("kde", "noise_variance=0.001", Some(Bound::Upper)),
            MethodDescription::new("../x", "/", None),
        ];
        make_ids_unique(&mut methods);
        assert_eq!(
            methods.map(|method| method.id),
            ["binned-30-equal-on-1-1", "binned-30-equal-on-1-1-2", "kde-noise-variance-0.001-upper", "x"]
        );
    }

    #[test]
    fn every_reading_of_a_configuration_is_described_with_its_own_keys() {
        let kde: AnyEstimator = toml::from_str("kind = 'kde'\nnoise_variances = [0.1, 0.001]").unwrap();
        let binned: AnyEstimator =
            toml::from_str("kind = 'binned'\nrule = 'edges'\nbins = 30\nrange = [-1, 1]").unwrap();
        let described = MethodDescription::of_methods(&[kde, binned]);
        let variances: Vec<Option<f64>> = described.iter().map(|method| method.noise_variance()).collect();
        assert_eq!(variances, [Some(0.1), Some(0.1), Some(0.001), Some(0.001), None]);
        assert_eq!(described[4].settings.get("bins"), Some(&30.into()));
        assert!(described.iter().all(|method| !method.settings.contains_key("kind")));
    }
}
