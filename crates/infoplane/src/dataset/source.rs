//! Where data come from, as a configuration file says it.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dataset, DatasetError, generate, read};
use crate::Information;

/// Where data come from; the key `dataset.source` of a configuration file.
///
/// Paths are taken as they are; [`relative_to`](Self::relative_to) makes them relative to another place than
/// the working directory.
///
/// ```
/// use infoplane::dataset::DatasetSource;
/// let source: DatasetSource = toml::from_str("kind = 'mat'\nfile = 'var_u.mat'\ninputs = 'F'\nlabels = 'y'")?;
/// let error = source.load(0).unwrap_err();
/// assert!(error.to_string().starts_with("var_u.mat: "), "{error}");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DatasetSource {
    /// The generated 12-bit task; see [`generate::symmetric12`].
    Symmetric12 {
        /// Gain γ of the sigmoid that makes the label noisy; absent: no noise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gain: Option<f64>,
        /// How often each of the 4096 patterns occurs.
        #[serde(default = "once")]
        repeats: usize,
    },
    /// IDX files of a directory; see [`read::idx_directory`].
    Idx {
        /// The directory.
        directory: PathBuf,
        /// Which set, where the directory holds several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What every value is divided by; absent: 255 for images of bytes, else 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        divide_by: Option<f32>,
    },
    /// MNIST; see [`read::mnist`].
    Mnist {
        /// The directory of its four files.
        directory: PathBuf,
    },
    /// Variables of a MATLAB file.
    Mat {
        /// The file.
        file: PathBuf,
        /// Name of the inputs in it.
        #[serde(default = "mat_inputs")]
        inputs: String,
        /// Name of the labels in it.
        #[serde(default = "y")]
        labels: String,
    },
    /// Arrays of an npz file.
    Npz {
        /// The file.
        file: PathBuf,
        /// Name of the inputs in it.
        #[serde(default = "x")]
        inputs: String,
        /// Name of the labels in it.
        #[serde(default = "y")]
        labels: String,
    },
    /// Two npy files.
    Npy {
        /// The inputs.
        inputs: PathBuf,
        /// The labels.
        labels: PathBuf,
    },
    /// A CSV or TSV file; see [`read::csv`](read::csv()).
    Csv {
        /// The file.
        file: PathBuf,
        /// The column of the labels, by name or number from 0; absent: the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<read::Column>,
        /// Whether the first line is a header; absent: it is, if none of its fields is a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<bool>,
    },
    /// Arrays of a safetensors file.
    Safetensors {
        /// The file.
        file: PathBuf,
        /// Name of the inputs in it.
        #[serde(default = "x")]
        inputs: String,
        /// Name of the labels in it.
        #[serde(default = "y")]
        labels: String,
    },
}

fn once() -> usize {
    1
}

fn mat_inputs() -> String {
    "F".into()
}

fn x() -> String {
    "x".into()
}

fn y() -> String {
    "y".into()
}

impl DatasetSource {
    /// I(X;Y) of the rule that a generated task draws its labels by; `None` for data whose rule is not known.
    ///
    /// The samples themselves do not tell it unless every input occurs many times: with each input once, a noisy
    /// label looks like a function of the input.
    ///
    /// # Errors
    /// [`DatasetError`] if a setting is outside what is allowed.
    pub fn rule_information(&self) -> Result<Option<Information>, DatasetError> {
        match self {
            DatasetSource::Symmetric12 { gain, .. } => {
                Ok(Some(generate::symmetric12(*gain, 1, 0)?.information))
            }
            _ => Ok(None),
        }
    }

    /// The gain of the sigmoid that a generated task draws its labels by; `None` where labels are not drawn.
    pub fn rule_gain(&self) -> Option<f64> {
        match self {
            DatasetSource::Symmetric12 { gain, .. } => *gain,
            _ => None,
        }
    }

    /// p(y|x) of the rule that a generated task draws its labels by, a row for each input, all equally likely: of
    /// the 12-bit task `(4096, 2)`. `None` for data whose rule is not known.
    ///
    /// Without noise every row is 0 and 1. What the sigmoid of the published task would give is the rule of the same
    /// source with [`generate::SIGMOID_GAIN`].
    ///
    /// # Errors
    /// [`DatasetError`] if a setting is outside what is allowed.
    pub fn rule(&self) -> Result<Option<Array2<f64>>, DatasetError> {
        match self {
            DatasetSource::Symmetric12 { gain, .. } => {
                let one = generate::symmetric12(*gain, 1, 0)?.label_probability;
                let p = |(x, y)| if y == 1 { one[x] } else { 1.0 - one[x] };
                Ok(Some(Array2::from_shape_fn((one.len(), 2), p)))
            }
            _ => Ok(None),
        }
    }

    /// Generates or reads the data. `seed` draws the labels of a noisy task; files do not depend on it.
    ///
    /// # Errors
    /// [`DatasetError`] if files cannot be read or a setting is outside what is allowed.
    pub fn load(&self, seed: u64) -> Result<Dataset, DatasetError> {
        match self {
            DatasetSource::Symmetric12 { gain, repeats } => {
                Ok(generate::symmetric12(*gain, *repeats, seed)?.dataset)
            }
            DatasetSource::Idx { directory, name, divide_by } => {
                read::idx_directory(directory, name.as_deref(), *divide_by)
            }
            DatasetSource::Mnist { directory } => read::mnist(directory),
            DatasetSource::Mat { file, inputs, labels }
            | DatasetSource::Npz { file, inputs, labels }
            | DatasetSource::Safetensors { file, inputs, labels } => {
                read::arrays((file, Some(inputs)), (file, Some(labels)))
            }
            DatasetSource::Npy { inputs, labels } => read::arrays((inputs, None), (labels, None)),
            DatasetSource::Csv { file, label, header } => read::csv(file, *header, label.as_ref()),
        }
    }

    /// The same source with its relative paths taken from `base`, such as the folder of a configuration file.
    pub fn relative_to(mut self, base: &Path) -> Self {
        let paths: &mut [&mut PathBuf] = match &mut self {
            DatasetSource::Symmetric12 { .. } => &mut [],
            DatasetSource::Idx { directory: path, .. }
            | DatasetSource::Mnist { directory: path }
            | DatasetSource::Mat { file: path, .. }
            | DatasetSource::Npz { file: path, .. }
            | DatasetSource::Csv { file: path, .. }
            | DatasetSource::Safetensors { file: path, .. } => &mut [path],
            DatasetSource::Npy { inputs, labels } => &mut [inputs, labels],
        };
        for path in paths {
            // Joining leaves absolute paths as they are.
            **path = base.join(&**path);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "kind = 'symmetric12'",
            "kind = 'symmetric12'\ngain = 30.5\nrepeats = 4",
            "kind = 'symmetric12'\ngain = 30",
            "kind = 'idx'\ndirectory = 'digits'\ndivide_by = 16.0",
            "kind = 'mnist'\ndirectory = 'mnist'",
            "kind = 'mat'\nfile = 'var_u.mat'",
            "kind = 'npz'\nfile = 'a.npz'\ninputs = 'x_train'\nlabels = 'y_train'",
            "kind = 'npy'\ninputs = 'x.npy'\nlabels = 'y.npy'",
            "kind = 'csv'\nfile = 'a.csv'\nlabel = 'class'",
            "kind = 'csv'\nfile = 'a.csv'\nlabel = 3\nheader = false",
            "kind = 'safetensors'\nfile = 'a.safetensors'",
        ] {
            let source: DatasetSource = toml::from_str(text).unwrap();
            assert_eq!(toml::from_str::<DatasetSource>(&toml::to_string(&source).unwrap()).unwrap(), source);
        }
    }

    #[test]
    fn unknown_kinds_and_keys_are_refused_by_name() {
        let message = |text| toml::from_str::<DatasetSource>(text).unwrap_err().to_string();
        assert!(message("kind = 'mnsit'\ndirectory = 'a'").contains("symmetric12"));
        assert!(message("kind = 'mnist'\ndirectory = 'a'\nfile = 'b'").contains("file"));
        assert!(message("kind = 'mnist'").contains("directory"));
    }

    #[test]
    fn relative_paths_are_taken_from_the_base_and_absolute_ones_are_not() {
        let (inputs, labels) = ("x.npy".into(), std::env::temp_dir().join("y.npy"));
        let source = DatasetSource::Npy { inputs, labels: labels.clone() }.relative_to(Path::new("base"));
        assert_eq!(source, DatasetSource::Npy { inputs: Path::new("base").join("x.npy"), labels });
    }
}
