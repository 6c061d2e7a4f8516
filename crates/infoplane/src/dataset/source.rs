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
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestArrays>,
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
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestArrays>,
    },
    /// Two npy files.
    Npy {
        /// The inputs.
        inputs: PathBuf,
        /// The labels.
        labels: PathBuf,
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestNpy>,
    },
    /// A table of text, such as a CSV file; see [`read::csv`](read::csv()).
    Csv {
        /// The file.
        file: PathBuf,
        /// The column of the labels, by name or number from 0; absent: the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<read::Column>,
        /// Whether the first line is a header; absent: it is, if it differs from the lines below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<bool>,
        /// The columns that are inputs, by name or number from 0, in this order; absent: all but the label.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Vec<read::Column>>,
        /// What to do with rows that lack a value: an empty field, NA, NaN, null, None, ? or -.
        #[serde(default, skip_serializing_if = "is_default")]
        missing: read::Missing,
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestCsv>,
    },
    /// Arrays of an HDF5 file, as h5py and Keras write it.
    Hdf5 {
        /// The file.
        file: PathBuf,
        /// Name of the inputs in it, with the groups around it: `train/x`.
        #[serde(default = "x")]
        inputs: String,
        /// Name of the labels in it.
        #[serde(default = "y")]
        labels: String,
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestArrays>,
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
        /// Where the test part is; absent: all rows are one part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<TestArrays>,
    },
}

/// The test part of data in a file of named arrays: `{ inputs = "x_test", labels = "y_test" }` in the same file,
/// `{ file = "test.npz" }` under the same names in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestArrays {
    /// The file; absent: that of the training part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Name of the inputs; absent: as in the training part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Name of the labels; absent: as in the training part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
}

/// The test part of data in npy files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestNpy {
    /// The inputs.
    pub inputs: PathBuf,
    /// The labels.
    pub labels: PathBuf,
}

/// The test part of data in a CSV file: a file with the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCsv {
    /// The file.
    pub file: PathBuf,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
            DatasetSource::Mat { file, inputs, labels, test }
            | DatasetSource::Npz { file, inputs, labels, test }
            | DatasetSource::Hdf5 { file, inputs, labels, test }
            | DatasetSource::Safetensors { file, inputs, labels, test } => {
                let test = match test {
                    None => None,
                    Some(test) => {
                        let other = test.file.as_ref().unwrap_or(file);
                        let test_inputs = test.inputs.as_ref().unwrap_or(inputs);
                        let test_labels = test.labels.as_ref().unwrap_or(labels);
                        if other == file && (test_inputs == inputs || test_labels == labels) {
                            let given = format!("{}:{test_inputs} with :{test_labels}", other.display());
                            let allowed =
                                "another file, or names of inputs and labels other than those that train";
                            return Err(DatasetError::setting("dataset.source.test", given, allowed));
                        }
                        let (inputs, labels) = (test_inputs.as_str(), test_labels.as_str());
                        Some(((other.as_path(), Some(inputs)), (other.as_path(), Some(labels))))
                    }
                };
                read::arrays_in_parts((file, Some(inputs)), (file, Some(labels)), test)
            }
            DatasetSource::Npy { inputs, labels, test } => {
                let test = test.as_ref().map(|test| ((&*test.inputs, None), (&*test.labels, None)));
                read::arrays_in_parts((inputs, None), (labels, None), test)
            }
            DatasetSource::Csv { file, label, header, inputs, missing, test } => {
                let test = test.as_ref().map(|test| test.file.as_path());
                read::csv_in_parts(file, test, *header, label.as_ref(), inputs.as_deref(), *missing)
            }
        }
    }

    /// The same source with its relative paths taken from `base`, such as the folder of a configuration file.
    pub fn relative_to(mut self, base: &Path) -> Self {
        let mut paths: Vec<&mut PathBuf> = match &mut self {
            DatasetSource::Symmetric12 { .. } => Vec::new(),
            DatasetSource::Idx { directory, .. } | DatasetSource::Mnist { directory } => vec![directory],
            DatasetSource::Mat { file, test, .. }
            | DatasetSource::Npz { file, test, .. }
            | DatasetSource::Hdf5 { file, test, .. }
            | DatasetSource::Safetensors { file, test, .. } => {
                let other = test.as_mut().and_then(|test| test.file.as_mut());
                [Some(file), other].into_iter().flatten().collect()
            }
            DatasetSource::Csv { file, test, .. } => {
                [Some(file), test.as_mut().map(|test| &mut test.file)].into_iter().flatten().collect()
            }
            DatasetSource::Npy { inputs, labels, test } => {
                let mut paths = vec![inputs, labels];
                paths.extend(test.iter_mut().flat_map(|test| [&mut test.inputs, &mut test.labels]));
                paths
            }
        };
        for path in &mut paths {
            // Joining leaves absolute paths as they are.
            **path = base.join(path.as_path());
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
            "kind = 'csv'\nfile = 'a.csv'\nmissing = 'drop'",
            "kind = 'csv'\nfile = 'a.csv'\nlabel = 3\nheader = false",
            "kind = 'safetensors'\nfile = 'a.safetensors'",
            "kind = 'hdf5'\nfile = 'a.h5'\ninputs = 'train/x'",
            "kind = 'npz'\nfile = 'a.npz'\ntest = { inputs = 'x_test', labels = 'y_test' }",
            "kind = 'mat'\nfile = 'a.mat'\ntest = { file = 'b.mat' }",
            "kind = 'npy'\ninputs = 'x.npy'\nlabels = 'y.npy'\ntest = { inputs = 'u.npy', labels = 'v.npy' }",
            "kind = 'csv'\nfile = 'a.csv'\ninputs = ['age', 3]\ntest = { file = 'b.csv' }",
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
        let absolute = std::env::temp_dir().join("y.npy");
        let test = Some(TestNpy { inputs: "u.npy".into(), labels: absolute.clone() });
        let source = DatasetSource::Npy { inputs: "x.npy".into(), labels: absolute.clone(), test };
        let base = Path::new("base");
        let test = Some(TestNpy { inputs: base.join("u.npy"), labels: absolute.clone() });
        let expected = DatasetSource::Npy { inputs: base.join("x.npy"), labels: absolute, test };
        assert_eq!(source.relative_to(base), expected);
        for text in [
            "kind = 'npz'\nfile = 'a'\ntest = { file = 'b' }",
            "kind = 'csv'\nfile = 'a'\ntest = { file = 'b' }",
        ] {
            let source: DatasetSource = toml::from_str(text).unwrap();
            let moved = toml::to_string(&source.relative_to(base)).unwrap();
            for name in ["a", "b"] {
                let path = base.join(name).display().to_string();
                assert!(moved.contains(&format!("file = {path:?}")), "{moved}");
            }
        }
    }
}
