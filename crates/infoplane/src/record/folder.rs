//! Activations that another program saved: which epochs and layers there are, and reading them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::RecordError;
use super::positions::{Positions, rows, widths};
use crate::Activations;
use crate::dataset::read::{ArrayFile, ArrayInfo, ElementType, SampleTensor};
use crate::dataset::{DatasetError, names};
use crate::plane::{LayerDescription, Missing};
use crate::quantity::QuantityConfig;
use crate::run::{Found, FoundArray, FoundEpochs, LayerOrder, Layout, Manifest, Origin};
use crate::snapshot::{Snapshot, SnapshotError, Snapshots};

/// Where saved activations lie and how they are read: the settings of a recording, which its manifest keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder, or the one file.
    pub source: PathBuf,
    /// The class of each sample: a file, or one array of it after a colon, `acts.npz:y`.
    pub labels: String,
    /// The inputs, if some are repeated: samples whose rows are equal have the same input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// A CSV file with statistics of epochs, see [`read_statistics`](super::read_statistics).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<PathBuf>,
    /// The layers in the order of the network. Unless given, all that are there, in the order of the names of their
    /// files (T2 before T10), or of the arrays in the file of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<String>>,
    /// How feature maps and sequences become vectors.
    #[serde(default)]
    pub positions: Positions,
    /// Whether feature maps have their channels last, `(n, height, width, channels)`.
    #[serde(default)]
    pub channels_last: bool,
    /// What is measured beside the plane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<QuantityConfig>,
}

impl FolderConfig {
    /// Every layer of `source`, with labels of the file `labels`.
    pub fn new(source: impl Into<PathBuf>, labels: impl Into<String>) -> Self {
        FolderConfig {
            source: source.into(),
            labels: labels.into(),
            inputs: None,
            statistics: None,
            layers: None,
            positions: Positions::default(),
            channels_last: false,
            quantities: Vec::new(),
        }
    }

    /// Of the run with this manifest; `None` if it records no folder.
    pub fn of(manifest: &Manifest) -> Option<FolderConfig> {
        match &manifest.origin {
            Origin::Recorded(recorded) => recorded.settings.get("folder")?.clone().try_into().ok(),
            Origin::Experiment(_) => None,
        }
    }
}

/// Saved activations, understood.
#[derive(Debug)]
pub struct Folder {
    config: FolderConfig,
    /// Where each epoch is.
    epochs: BTreeMap<u64, Place>,
    /// The arrays that are layers, in order; of a feature map by channels one for several layers.
    arrays: Vec<LayerArray>,
    /// Arrays that are not layers, and why.
    skipped: Vec<(String, String)>,
    n_samples: usize,
    /// The file that was read last, open: of one epoch, or of all.
    file: Option<(PathBuf, ArrayFile)>,
    /// Whether a file of an epoch holds one array without a name.
    unnamed: bool,
    /// A folder or a file whose name ends in more digits than an epoch can have.
    too_large: Option<PathBuf>,
    /// Why layers of epochs are missing, until it is asked for.
    problems: BTreeMap<u64, Vec<Option<Missing>>>,
}

/// Where an epoch is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A folder with a file for each layer.
    Folder(PathBuf),
    /// A file with an array for each layer.
    File(PathBuf),
    /// Arrays of the one file: the name of each layer's array, by layer.
    Arrays(BTreeMap<String, String>),
}

/// An array that gives one layer, or several.
#[derive(Debug, Clone, PartialEq)]
struct LayerArray {
    name: String,
    shape: Vec<usize>,
    n_layers: usize,
    width: usize,
}

/// How saved activations were understood, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// How epochs and layers are laid out.
    pub layout: Layout,
    /// The epochs, ascending.
    pub epochs: Vec<u64>,
    /// Name, shape of the saved array and number of units of each layer; how the shape became units.
    pub layers: Vec<(String, Vec<usize>, usize)>,
    /// How maps and sequences become vectors, if there are any.
    pub positions: Option<String>,
    /// Arrays that are taken for no layer, and why.
    pub skipped: Vec<(String, String)>,
    /// The number of samples.
    pub n_samples: usize,
    /// What the layers are in the order of.
    pub order: LayerOrder,
}

impl Understood {
    /// The facts of it that the manifest of a recording keeps.
    pub(super) fn found(self, distinct_inputs: Option<usize>) -> Found {
        let ends = self.epochs.first().zip(self.epochs.last());
        let epochs = ends.map(|(&first, &last)| FoundEpochs { count: self.epochs.len(), first, last });
        let array = |(name, shape, _): (String, Vec<usize>, usize)| FoundArray { name, shape };
        Found {
            layout: self.layout,
            order: self.order,
            distinct_inputs,
            skipped: self.skipped.len(),
            epochs,
            arrays: self.layers.into_iter().map(array).collect(),
        }
    }

    /// The epochs that are missing between others, if the epochs are evenly spaced but for a few: 2 of 0, 1, 3, 4.
    pub fn missing_epochs(&self) -> Vec<u64> {
        let epochs = &self.epochs;
        let mut steps: BTreeMap<u64, usize> = BTreeMap::new();
        epochs.windows(2).for_each(|pair| *steps.entry(pair[1] - pair[0]).or_default() += 1);
        // Of two steps that are equally common the smaller.
        let Some((&step, _)) = steps.iter().rev().max_by_key(|&(_, times)| times) else { return Vec::new() };
        let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else { return Vec::new() };
        let n_missing = ((last - first) / step).saturating_add(1).saturating_sub(epochs.len() as u64);
        let evenly = steps.keys().all(|other| other % step == 0);
        if !evenly || n_missing > epochs.len() as u64 / 4 {
            return Vec::new();
        }
        let grid = (*first..=*last).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        grid.filter(|epoch| epochs.binary_search(epoch).is_err()).collect()
    }
}

/// How often a file that is not complete is read again, and after how long: another program may still be writing it.
const RETRIES: u32 = 3;
const RETRY_AFTER: Duration = Duration::from_millis(300);

impl Folder {
    /// Finds out which epochs and layers there are. The layers are those of the first epoch that can be read.
    ///
    /// # Errors
    /// [`RecordError::NotUnderstood`] if nothing there looks like epochs, [`RecordError::EpochTooLarge`],
    /// [`RecordError::SameEpoch`], [`RecordError::NoLayer`], [`RecordError::NoSuchLayer`], [`RecordError::Positions`]; [`RecordError::Data`] if no epoch can be read.
    pub fn open(config: &FolderConfig) -> Result<Folder, RecordError> {
        let mut folder = Folder {
            config: config.clone(),
            epochs: BTreeMap::new(),
            arrays: Vec::new(),
            skipped: Vec::new(),
            n_samples: 0,
            file: None,
            unnamed: false,
            too_large: None,
            problems: BTreeMap::new(),
        };
        folder.look_for_epochs()?;
        if folder.epochs.is_empty() {
            if let Some(path) = folder.too_large.take() {
                return Err(RecordError::EpochTooLarge { path });
            }
            return Err(folder.not_understood("nothing in it has a name that ends in the number of an epoch"));
        }
        let mut first_error = None;
        let places: Vec<Place> = folder.epochs.values().cloned().collect();
        for place in places {
            match folder.describe(&place) {
                Ok(described) => {
                    folder.choose_layers(described)?;
                    return Ok(folder);
                }
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        Err(first_error.unwrap_or_else(|| folder.not_understood("it holds no array")))
    }

    fn not_understood(&self, problem: &str) -> RecordError {
        RecordError::NotUnderstood { path: self.config.source.clone(), problem: problem.into() }
    }

    /// Looks again for epochs, and returns those that are new, ascending.
    pub(super) fn look_for_epochs(&mut self) -> Result<Vec<u64>, RecordError> {
        let source = self.config.source.clone();
        let unreadable =
            |source_error| RecordError::Unreadable { path: source.clone(), source: source_error };
        if fs::metadata(&source).map_err(unreadable)?.is_dir() {
            return self.look_in_folder(&source);
        }
        self.file = None;
        let names: Vec<String> =
            self.open_file(&source)?.arrays()?.into_iter().map(|array| array.name).collect();
        let mut new = Vec::new();
        let mut known: HashSet<(String, String)> = self.skipped.iter().cloned().collect();
        for name in names {
            match epoch_and_layer(&name) {
                Some((epoch, layer)) => {
                    let place = self.epochs.entry(epoch).or_insert_with(|| {
                        new.push(epoch);
                        Place::Arrays(BTreeMap::new())
                    });
                    if let Place::Arrays(arrays) = place {
                        arrays.insert(layer.into(), name.clone());
                    }
                }
                None => {
                    let skipped = (name, "its name does not name an epoch and a layer".to_string());
                    if known.insert(skipped.clone()) {
                        self.skipped.push(skipped);
                    }
                }
            }
        }
        new.sort_unstable();
        Ok(new)
    }

    fn look_in_folder(&mut self, source: &Path) -> Result<Vec<u64>, RecordError> {
        let unreadable = |error| RecordError::Unreadable { path: source.into(), source: error };
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(source).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_folder = path.is_dir();
            let name = if is_folder { path.file_name() } else { path.file_stem() };
            // `epoch-10.npy.gz` has two endings.
            let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = name.strip_suffix(".npy").or(name.strip_suffix(".csv")).unwrap_or(&name);
            if name.starts_with('.') {
                continue;
            }
            let Some(epoch) = trailing_number(name) else {
                if name.ends_with(|c: char| c.is_ascii_digit()) {
                    self.too_large.get_or_insert(path);
                }
                continue;
            };
            if is_folder { &mut folders } else { &mut files }.push((epoch, path));
        }
        let folders_first = !folders.is_empty();
        let mut found = if folders_first { folders } else { files };
        found.sort();
        let mut new = Vec::new();
        for pair in found.windows(2) {
            if pair[0].0 == pair[1].0 {
                let (epoch, first, second) = (pair[0].0, pair[0].1.clone(), pair[1].1.clone());
                return Err(RecordError::SameEpoch { epoch, first, second });
            }
        }
        for (epoch, path) in found {
            let place = if folders_first { Place::Folder(path) } else { Place::File(path) };
            if self.epochs.insert(epoch, place).is_none() {
                new.push(epoch);
            }
        }
        Ok(new)
    }

    /// The arrays of an epoch, in the order in which they are taken for layers.
    fn describe(&mut self, place: &Place) -> Result<Vec<ArrayInfo>, RecordError> {
        match place {
            Place::File(path) => {
                let mut arrays = ArrayFile::open(path)?.arrays()?;
                for array in arrays.iter_mut().filter(|array| array.name.is_empty()) {
                    array.name = LayerDescription::default_name(0);
                    self.unnamed = true;
                }
                Ok(arrays)
            }
            Place::Folder(path) => {
                let mut described = Vec::new();
                for (layer, file) in layer_files(path)? {
                    let mut arrays = ArrayFile::open(&file)?.arrays()?;
                    match &mut arrays[..] {
                        [array] => array.name = layer,
                        many => {
                            many.iter_mut().for_each(|array| array.name = format!("{layer}/{}", array.name))
                        }
                    }
                    described.extend(arrays);
                }
                if described.is_empty() {
                    return Err(RecordError::NotUnderstood {
                        path: path.clone(),
                        problem: "the folder of an epoch holds no file of an array".into(),
                    });
                }
                Ok(described)
            }
            Place::Arrays(names) => {
                let source = self.config.source.clone();
                let all = self.open_file(&source)?.arrays()?;
                let of = |array: ArrayInfo| {
                    let layer = names.iter().find(|(_, name)| **name == array.name)?.0.clone();
                    Some(ArrayInfo { name: layer, ..array })
                };
                Ok(all.into_iter().filter_map(of).collect())
            }
        }
    }

    /// Opens a file, unless it is open.
    fn open_file(&mut self, path: &Path) -> Result<&mut ArrayFile, DatasetError> {
        let open = match self.file.take() {
            Some((of, file)) if of == path => file,
            _ => ArrayFile::open(path)?,
        };
        Ok(&mut self.file.insert((path.into(), open)).1)
    }

    /// Takes the arrays that are layers: those that were asked for, or all of numbers with as many rows as most have.
    fn choose_layers(&mut self, described: Vec<ArrayInfo>) -> Result<(), RecordError> {
        let present: Vec<String> = described.iter().map(|array| array.name.clone()).collect();
        let mut unfit = Vec::new();
        let chosen = match &self.config.layers {
            Some(asked) => asked
                .iter()
                .map(|name| {
                    let found = described.iter().find(|array| array.name == *name).cloned();
                    found.ok_or_else(|| RecordError::NoSuchLayer {
                        given: name.clone(),
                        path: self.config.source.clone(),
                        present: present.clone(),
                    })
                })
                .collect::<Result<Vec<_>, _>>()?,
            None => {
                let mut chosen = Vec::new();
                for array in described {
                    match not_a_layer(&array) {
                        Some(why) => {
                            self.skipped.push((array.name.clone(), why.into()));
                            unfit.push((array, why));
                        }
                        None => chosen.push(array),
                    }
                }
                chosen
            }
        };
        self.n_samples = chosen.first().and_then(|array| array.shape.first()).copied().unwrap_or(0);
        for ArrayInfo { name, shape, .. } in chosen {
            let size = widths(&shape, self.config.positions, self.config.channels_last);
            let (n_layers, width) = size.map_err(|problem| RecordError::Positions {
                path: self.config.source.clone(),
                name: name.clone(),
                problem,
            })?;
            self.arrays.push(LayerArray { name, shape, n_layers, width });
        }
        if self.arrays.is_empty() {
            return Err(self.no_layer(unfit));
        }
        Ok(())
    }

    /// Says what the arrays are that are no layers.
    fn no_layer(&mut self, unfit: Vec<(ArrayInfo, &'static str)>) -> RecordError {
        let epoch = self.epochs.keys().next().copied().unwrap_or(0);
        let files = match self.epochs.get(&epoch) {
            Some(Place::Folder(path)) => layer_files(path).unwrap_or_default(),
            _ => Vec::new(),
        };
        /// So many are named.
        const NAMED: usize = 5;
        let mut found = Vec::new();
        let more = unfit.len().saturating_sub(NAMED);
        for (array, why) in unfit.into_iter().take(NAMED) {
            let lengths: Vec<String> = array.shape.iter().map(usize::to_string).collect();
            let shape = format!("({})", lengths.join(", "));
            let element = match array.element {
                Some(element) => element.to_string(),
                // Reading says what its elements are.
                None => match self.tensor(epoch, &array.name, &files) {
                    Err(DatasetError::ElementType { given, .. }) => given,
                    _ => "no numbers".into(),
                },
            };
            found.push(format!("{} {shape} of {element}: {why}", names(&[array.name])));
        }
        match (found.is_empty(), more) {
            (true, _) => found.push("there is no array".into()),
            (false, 0) => {}
            (false, more) => found.push(format!("and {more} more")),
        }
        RecordError::NoLayer { path: self.config.source.clone(), found: found.join("; ") }
    }

    /// How the folder was understood.
    pub fn understood(&self) -> Understood {
        let is_map = |array: &LayerArray| array.shape.len() > 2;
        Understood {
            layout: self.layout(),
            epochs: self.epochs.keys().copied().collect(),
            layers: self.arrays.iter().map(|a| (a.name.clone(), a.shape.clone(), a.width)).collect(),
            positions: self.arrays.iter().any(is_map).then(|| self.config.positions.describe()),
            skipped: self.skipped.clone(),
            n_samples: self.n_samples,
            order: match (&self.config.layers, self.layout()) {
                (Some(_), _) => LayerOrder::Given,
                (None, Layout::Folders) => LayerOrder::FileName,
                (None, _) => LayerOrder::Place,
            },
        }
    }

    fn layout(&self) -> Layout {
        match self.epochs.values().next() {
            Some(Place::Folder(_)) => Layout::Folders,
            Some(Place::File(_)) => Layout::Files,
            Some(Place::Arrays(_)) | None => Layout::OneFile,
        }
    }

    /// Where it lies and how it is read.
    pub(super) fn config(&self) -> &FolderConfig {
        &self.config
    }

    /// The epochs, ascending.
    pub fn epochs(&self) -> Vec<u64> {
        self.epochs.keys().copied().collect()
    }

    /// The layers, as the run names them.
    pub fn layers(&self) -> Vec<LayerDescription> {
        let of = |array: &LayerArray| {
            let (name, width, many) = (array.name.clone(), array.width, array.n_layers > 1);
            (0..array.n_layers).map(move |channel| LayerDescription {
                name: if many { format!("{name}[{channel}]") } else { name.clone() },
                width,
                nonlinearity: String::new(),
            })
        };
        self.arrays.iter().flat_map(of).collect()
    }

    /// Reads the activations of an epoch; layers that cannot be read are empty, and
    /// [`take_problems`](Folder::take_problems) says why.
    pub(super) fn read(&mut self, epoch: u64) -> Activations {
        let mut layers = Vec::new();
        let mut problems = Vec::new();
        // Listed once: a listing for each of hundreds of layers takes longer than reading them.
        let files = match self.epochs.get(&epoch) {
            Some(Place::Folder(path)) => layer_files(path).unwrap_or_default(),
            _ => Vec::new(),
        };
        for number in 0..self.arrays.len() {
            let array = self.arrays[number].clone();
            match self.read_array(epoch, &array, &files) {
                Ok(of_array) => {
                    problems.extend(of_array.iter().map(|_| None));
                    layers.extend(of_array);
                }
                Err(missing) => {
                    problems.extend((0..array.n_layers).map(|_| Some(missing.clone())));
                    layers.extend((0..array.n_layers).map(|_| Array2::zeros((0, 0))));
                }
            }
        }
        if problems.iter().any(Option::is_some) {
            self.problems.insert(epoch, problems);
        }
        Activations { layers }
    }

    fn read_array(
        &mut self,
        epoch: u64,
        array: &LayerArray,
        files: &[(String, PathBuf)],
    ) -> Result<Vec<Array2<f32>>, Missing> {
        let mut tries = 0;
        let tensor = loop {
            match self.tensor(epoch, &array.name, files) {
                Ok(tensor) => break tensor,
                Err(error) if error.is_truncated() && tries < RETRIES => {
                    tries += 1;
                    self.file = None;
                    std::thread::sleep(RETRY_AFTER);
                }
                Err(error) => {
                    let code = if error.is_truncated() { "incomplete" } else { "unreadable" };
                    return Err(Missing::both(code, error));
                }
            }
        };
        let changed = |what: &str, now: usize, first: usize| {
            let s = if now == 1 { "" } else { "s" };
            let reason =
                format!("{} has {now} {what}{s} at epoch {epoch}, and {first} at the first", array.name);
            Missing::both("changed-shape", reason)
        };
        let n_samples = tensor.shape.first().copied().unwrap_or(0);
        if n_samples != self.n_samples {
            return Err(changed("sample", n_samples, self.n_samples));
        }
        let size = widths(&tensor.shape, self.config.positions, self.config.channels_last);
        let (n_layers, width) = size.map_err(|problem| Missing::both("changed-shape", problem))?;
        if n_layers != array.n_layers {
            return Err(changed("channel", n_layers, array.n_layers));
        }
        if width != array.width {
            return Err(changed("unit", width, array.width));
        }
        rows(tensor, self.config.positions, self.config.channels_last)
            .map_err(|problem| Missing::both("changed-shape", problem))
    }

    /// The array of a layer; `files` are those of the epoch, if it is a folder.
    fn tensor(
        &mut self,
        epoch: u64,
        layer: &str,
        files: &[(String, PathBuf)],
    ) -> Result<SampleTensor, DatasetError> {
        let missing = |file: &Path, present| DatasetError::Key {
            file: file.display().to_string(),
            given: Some(layer.into()),
            present,
        };
        let source = self.config.source.clone();
        match self.epochs.get(&epoch) {
            Some(Place::File(path)) => {
                let (path, name) = (path.clone(), if self.unnamed { None } else { Some(layer) });
                self.open_file(&path)?.read(name)
            }
            Some(Place::Folder(path)) => {
                let (stem, inner) = match files.iter().any(|(name, _)| name == layer) {
                    true => (layer, None),
                    false => layer.split_once('/').map_or((layer, None), |(stem, inner)| (stem, Some(inner))),
                };
                match files.iter().find(|(name, _)| name == stem) {
                    Some((_, file)) => self.open_file(file)?.read(inner),
                    None => Err(missing(path, files.iter().map(|(name, _)| name.clone()).collect())),
                }
            }
            Some(Place::Arrays(names)) => match names.get(layer).cloned() {
                Some(name) => self.open_file(&source)?.read(Some(&name)),
                None => Err(missing(&source, names.keys().cloned().collect())),
            },
            None => Err(missing(&source, Vec::new())),
        }
    }

    /// Why layers of an epoch that was read are missing, layer by layer; `None` if none is.
    pub(super) fn take_problems(&mut self, epoch: u64) -> Option<Vec<Option<Missing>>> {
        self.problems.remove(&epoch)
    }
}

/// Everything is there already.
impl Snapshots for Folder {
    type Network = Activations;

    fn load(&mut self, epoch: u64) -> Result<Snapshot<Activations>, SnapshotError> {
        Ok(Snapshot { epoch, network: self.read(epoch) })
    }

    fn last(&self) -> Option<u64> {
        self.epochs.keys().next_back().copied()
    }
}

/// Why an array is taken for no layer, if it is not.
fn not_a_layer(array: &ArrayInfo) -> Option<&'static str> {
    match (array.element, &array.shape[..]) {
        (None, _) => Some("it does not hold numbers"),
        (_, []) => Some("it is a single number"),
        (Some(element), [_])
            if !matches!(
                element,
                ElementType::F16 | ElementType::Bf16 | ElementType::F32 | ElementType::F64
            ) =>
        {
            Some("one axis of whole numbers: taken for labels")
        }
        (_, shape) if shape.contains(&0) => Some("it is empty"),
        _ => None,
    }
}

/// The files of an epoch's folder that may hold layers, in natural order of their names: T2 before T10.
fn layer_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, RecordError> {
    let unreadable = |error| RecordError::Unreadable { path: folder.into(), source: error };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let stem = ["npy", "npz", "mat", "csv", "tsv", "safetensors", "h5", "hdf5"]
            .iter()
            .find_map(|ending| plain.strip_suffix(&format!(".{ending}")));
        match stem {
            Some(stem) if !stem.is_empty() && !stem.starts_with('.') => files.push((stem.to_string(), path)),
            _ => {}
        }
    }
    files.sort_by(|a, b| natural(&a.0).cmp(&natural(&b.0)).then_with(|| a.0.cmp(&b.0)));
    Ok(files)
}

/// Text and numbers in turn, by which names are put in order.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(text_end);
        let number_end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(number_end);
        parts.push((text.into(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

/// The number at the end of a name: 10 of `epoch-010`.
fn trailing_number(name: &str) -> Option<u64> {
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    name[digits..].parse().ok()
}

/// The epoch and the layer that the name of an array names: 10 and `conv1` of `epoch-010/conv1`, `conv1/10`, `10.conv1`.
fn epoch_and_layer(name: &str) -> Option<(u64, &str)> {
    let trimmed = name.trim_matches('/');
    for separator in ['/', ':', '.'] {
        if let Some((first, rest)) = trimmed.split_once(separator)
            && !rest.is_empty()
            && let Some(epoch) = trailing_number(first).filter(|_| looks_like_epoch(first))
        {
            return Some((epoch, rest));
        }
        if let Some((rest, last)) = trimmed.rsplit_once(separator)
            && !rest.is_empty()
            && let Some(epoch) = trailing_number(last).filter(|_| looks_like_epoch(last))
        {
            return Some((epoch, rest));
        }
    }
    None
}

/// A number, or a word of an epoch before it: `conv1` is a layer and no epoch.
fn looks_like_epoch(part: &str) -> bool {
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_', ' ', '=']);
    let word = word.to_ascii_lowercase();
    ["", "e", "ep", "epoch", "step", "iter", "iteration", "checkpoint", "ckpt", "snapshot"].contains(&&*word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_the_numbers_at_the_end() {
        assert_eq!(
            ["epoch-010", "7", "step_20", "epoch", "v2-epoch-3"].map(trailing_number),
            [Some(10), Some(7), Some(20), None, Some(3)]
        );
    }

    #[test]
    fn arrays_name_their_epoch_and_layer_in_several_ways() {
        let of = |name| epoch_and_layer(name);
        assert_eq!(of("epoch-010/conv1"), Some((10, "conv1")));
        assert_eq!(of("conv1/epoch_10"), Some((10, "conv1")));
        assert_eq!(of("10.conv1"), Some((10, "conv1")));
        assert_eq!(of("/epoch 3/block1/conv2"), Some((3, "block1/conv2")));
        assert_eq!(of("labels"), None);
        assert_eq!(of("conv1/weights"), None);
    }

    #[test]
    fn epochs_that_are_missing_between_evenly_spaced_ones_are_named() {
        let missing = |epochs: &[u64]| {
            let understood = Understood {
                layout: Layout::Files,
                epochs: epochs.to_vec(),
                layers: Vec::new(),
                positions: None,
                skipped: Vec::new(),
                n_samples: 1,
                order: LayerOrder::Given,
            };
            understood.missing_epochs()
        };
        let all_but =
            |left_out: &[u64]| (0..16).filter(|epoch| !left_out.contains(epoch)).collect::<Vec<_>>();
        assert_eq!(missing(&all_but(&[7])), [7]);
        assert_eq!(missing(&all_but(&[3, 4])), [3, 4]);
        assert_eq!(missing(&[10, 20, 30, 50, 60]), [40]);
        for regular in
            [&all_but(&[])[..], &[], &[5], &[5, 90], &[0, 1, 2, 4, 8, 16, 32], &[0, 10, 20, 35, 50, 60]]
        {
            assert_eq!(missing(regular), [0u64; 0], "{regular:?}");
        }
        assert_eq!(missing(&[0, 1, 2, u64::MAX]), [0u64; 0]);
    }

    #[test]
    fn names_are_in_natural_order() {
        let mut names = ["T10", "T2", "conv1", "T1", "conv1b"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["T1", "T2", "T10", "conv1", "conv1b"]);
    }
}
