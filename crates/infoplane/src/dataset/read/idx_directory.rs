//! A directory of IDX files, named as MNIST names them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::idx;
use super::parts::{inputs_of, labels_of_tensors, mismatch};
use super::stream::Stream;
use super::tensor::{Tensor, Values};
use crate::dataset::{Dataset, DatasetError, Split};

const ALLOWED: &str = "a pair [NAME-]images-idx3-ubyte and [NAME-]labels-idx1-ubyte (or features-idx2-ubyte; each also \
     as .gz), or two pairs, [NAME-]train-… with [NAME-]t10k-… or [NAME-]test-…";

/// The files of one pair.
#[derive(Debug, Default, Clone)]
struct Pair {
    inputs: Option<PathBuf>,
    labels: Option<PathBuf>,
}

/// What a file name says: the set it belongs to, its part, and whether it holds labels.
#[derive(Debug, PartialEq)]
struct FileName<'a> {
    set: &'a str,
    part: Part,
    labels: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    Train,
    Test,
}

impl FileName<'_> {
    fn parse(name: &str) -> Option<FileName<'_>> {
        let stem = name.strip_suffix(".gz").unwrap_or(name);
        // MNIST's files are found as both images-idx3-ubyte and images.idx3-ubyte.
        let (stem, axes) = stem.strip_suffix("-ubyte")?.rsplit_once("idx")?;
        axes.parse::<u8>().ok()?;
        let stem = stem.strip_suffix(['-', '.'])?;
        let (stem, kind) = match stem.rsplit_once('-') {
            Some((stem, kind)) => (stem, kind),
            None => ("", stem),
        };
        let labels = match kind {
            "labels" => true,
            "images" | "features" => false,
            _ => return None,
        };
        let (set, part) = match stem.rsplit_once('-') {
            Some((set, part)) => (set, part),
            None => ("", stem),
        };
        Some(match part {
            "train" => FileName { set, part: Part::Train, labels },
            "t10k" | "test" => FileName { set, part: Part::Test, labels },
            _ => FileName { set: stem, part: Part::Whole, labels },
        })
    }
}

/// Reads the IDX pair of a directory, or its training and test pairs as one data set with that split.
///
/// Files are called `[NAME-][train-|t10k-|test-]{images,features}-idx{2,3}-ubyte` and `…labels-idx1-ubyte`,
/// each also as `.gz`. `name` is needed where a directory holds several sets. Every value is divided by
/// `divide_by`; by default images (three axes or more) of bytes are divided by 255, which brings them to
/// [0, 1], and anything else is left as it is. Images become rows.
///
/// # Errors
/// [`DatasetError`] if there is no such pair, more than one set, or a file is damaged.
pub fn idx_directory(
    directory: &Path,
    name: Option<&str>,
    divide_by: Option<f32>,
) -> Result<Dataset, DatasetError> {
    // The limits keep every quotient finite.
    if let Some(divisor) = divide_by.filter(|divisor| !(1e-6..=1e6).contains(divisor)) {
        return Err(DatasetError::setting("divide_by", divisor, "a number from 1e-6 to 1e6"));
    }
    let (set, parts) = find(directory, name)?;
    let mut inputs = Vec::new();
    let mut labels = Vec::new();
    let mut lengths = Vec::new();
    for pair in parts.values() {
        let (Some(input_path), Some(label_path)) = (&pair.inputs, &pair.labels) else {
            return Err(directory_error(directory, format!("the set {set:?} lacks images or labels")));
        };
        let input = idx::read(&mut Stream::open(input_path)?)?;
        let label = idx::read(&mut Stream::open(label_path)?)?;
        let (n_samples, n_labels) = (input.shape.first().copied(), label.shape.first().copied());
        if n_samples != n_labels {
            return Err(mismatch(&input.file, &label.file, n_samples.unwrap_or(1), n_labels.unwrap_or(1)));
        }
        lengths.push(n_samples.unwrap_or(0));
        inputs.push(input);
        labels.push(label);
    }
    let split = match lengths[..] {
        [train, test] => Some(Split { train: (0..train).collect(), test: (train..train + test).collect() }),
        _ => None,
    };
    let is_image = |tensor: &Tensor| tensor.shape.len() > 2 && matches!(tensor.values, Values::Byte(_));
    let divisor = divide_by.unwrap_or(if is_image(&inputs[0]) { 255.0 } else { 1.0 });
    let fallback = || directory.file_name().map_or("idx".into(), |name| name.to_string_lossy().into_owned());
    Ok(Dataset {
        name: if set.is_empty() { fallback() } else { set },
        inputs: inputs_of(inputs, divisor)?,
        labels: labels_of_tensors(labels)?,
        split,
        readings: Vec::new(),
    })
}

/// Reads MNIST, or anything with its files: 28 × 28 images in [0, 1], with the split it came with.
///
/// # Errors
/// [`DatasetError`] as for [`idx_directory`], and if there is no test pair or images have another size.
pub fn mnist(directory: &Path) -> Result<Dataset, DatasetError> {
    let mut dataset = idx_directory(directory, Some(""), None)?;
    if dataset.split.is_none() {
        let given = "training or test images are missing".to_owned();
        return Err(directory_error(directory, given));
    }
    if dataset.n_features() != 784 {
        return Err(DatasetError::Shape {
            file: directory.display().to_string(),
            given: vec![dataset.n_samples(), dataset.n_features()],
            allowed: "(n_samples, 28, 28), which is (n_samples, 784) as rows",
        });
    }
    dataset.name = "mnist".into();
    Ok(dataset)
}

fn directory_error(directory: &Path, given: String) -> DatasetError {
    DatasetError::Directory { directory: directory.display().to_string(), given, allowed: ALLOWED }
}

fn find(directory: &Path, name: Option<&str>) -> Result<(String, BTreeMap<Part, Pair>), DatasetError> {
    let io_error = |source| DatasetError::io(directory.display(), source);
    if std::fs::metadata(directory).map_err(io_error)?.is_file() {
        return Err(DatasetError::FileType {
            file: directory.display().to_string(),
            given: "a file",
            allowed: "a directory of IDX files",
        });
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io_error)? {
        paths.push(entry.map_err(io_error)?.path());
    }
    // In this order a plain file comes before its packed twin, and is taken.
    paths.sort();
    let mut sets: BTreeMap<String, BTreeMap<Part, Pair>> = BTreeMap::new();
    for path in paths {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(file) = FileName::parse(&file_name) else { continue };
        let pair = sets.entry(file.set.to_owned()).or_default().entry(file.part).or_default();
        let slot = if file.labels { &mut pair.labels } else { &mut pair.inputs };
        slot.get_or_insert(path);
    }
    let names: Vec<&str> = sets.keys().map(String::as_str).collect();
    let chosen = match (name, &names[..]) {
        (Some(name), _) => name.to_owned(),
        (None, [only]) => (*only).to_owned(),
        (None, []) => return Err(directory_error(directory, "no IDX files".into())),
        (None, several) => {
            let given = format!("several sets, of which name chooses one: {}", several.join(", "));
            return Err(directory_error(directory, given));
        }
    };
    let given = format!("no IDX files of the set {chosen:?}; sets are {names:?}");
    let mut parts = sets.remove(&chosen).ok_or_else(|| directory_error(directory, given))?;
    if parts.contains_key(&Part::Whole) && parts.len() > 1 {
        let given = format!("the set {chosen:?} has files both with and without train and test");
        return Err(directory_error(directory, given));
    }
    // A part of which only one file is there is damaged data, not a smaller set; `idx_directory` says so.
    parts.retain(|_, pair| pair.inputs.is_some() || pair.labels.is_some());
    Ok((chosen, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_set_part_and_content() {
        let parse = |name| FileName::parse(name);
        let mnist = Some(FileName { set: "", part: Part::Train, labels: false });
        assert_eq!(parse("train-images-idx3-ubyte.gz"), mnist);
        assert_eq!(parse("train-images.idx3-ubyte"), mnist);
        assert_eq!(
            parse("t10k-labels-idx1-ubyte"),
            Some(FileName { set: "", part: Part::Test, labels: true })
        );
        let emnist = Some(FileName { set: "emnist-digits", part: Part::Test, labels: false });
        assert_eq!(parse("emnist-digits-test-images-idx3-ubyte.gz"), emnist);
        let features = Some(FileName { set: "var_u", part: Part::Whole, labels: false });
        assert_eq!(parse("var_u-features-idx2-ubyte.gz"), features);
        assert_eq!(parse("images-idx3-ubyte"), Some(FileName { set: "", part: Part::Whole, labels: false }));
        for other in ["README", "images-idx-ubyte", "train-masks-idx3-ubyte", "idx3-ubyte", "-ubyte", ""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
