//! Why a data set could not be had.

use std::fmt;
use std::io;

use crate::memory::{Bound, Budget, Bytes};

/// Why a data set, an array or labels could not be read, generated or split.
///
/// `file` is the path as it was given; an array inside a container follows after a colon: `layers.npz:T3`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The operating system refused, or a compressed stream is damaged.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// What happened.
        error: io::Error,
    },
    /// A directory, a device or a pipe where a file is needed.
    #[error("{file} is {given}; allowed is {allowed}")]
    FileType {
        /// The path.
        file: String,
        /// What it is.
        given: &'static str,
        /// What it should be.
        allowed: &'static str,
    },
    /// Neither name nor first bytes tell the format.
    #[error(
        "{file}: no format that is read; allowed are .npy, .npz, .mat, .h5, .hdf5, .csv, .tsv, .txt, .safetensors and IDX \
         (…-ubyte, .idx){advice}"
    )]
    UnknownFormat {
        /// The file.
        file: String,
        /// What to do with it, after a semicolon, or nothing.
        advice: String,
    },
    /// Something that is not what the format prescribes.
    #[error("{file}, byte {offset}: {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// Where in the (unpacked) file, in bytes from 0.
        offset: u64,
        /// What was found and what the format prescribes.
        problem: String,
    },
    /// The file ends where more must follow.
    #[error("{file}, byte {offset}: the file ends inside {what}")]
    Ends {
        /// The file.
        file: String,
        /// Where in the (unpacked) file that begins, in bytes from 0.
        offset: u64,
        /// What the file should go on with.
        what: String,
    },
    /// The header promises more than there is.
    #[error("{file}: the header promises {promised} bytes of values, but {}{given} follow", at_most(*.exact))]
    Truncated {
        /// The file.
        file: String,
        /// Bytes that the values of the header's shape and type take.
        promised: u128,
        /// Bytes that follow the header.
        given: u64,
        /// Whether `given` was counted; else the compressed data cannot unpack to more than that.
        exact: bool,
    },
    /// More than the header promises.
    #[error(
        "{file}: {given} bytes follow where the header promises {promised}; the file is damaged or its header is wrong"
    )]
    Trailing {
        /// The file.
        file: String,
        /// Bytes that the values of the header's shape and type take.
        promised: u64,
        /// How many bytes there are at least.
        given: u64,
    },
    /// Data that take more memory than is allowed.
    #[error("{file}: its data take {} or more; {budget}", Bytes(u64::try_from(*.needed).unwrap_or(u64::MAX)))]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes of memory that its data take, at least.
        needed: u128,
        /// What they may take.
        budget: Budget,
    },
    /// Memory that the system did not give.
    #[error(
        "{file}: the system gives no {} for its data; end other programs, raise the limit of this process (ulimit -v) or give \
         fewer data",
        Bytes(*.asked)
    )]
    NoMemory {
        /// The file.
        file: String,
        /// Bytes that were asked for.
        asked: u64,
    },
    /// Elements of a kind that cannot be used.
    #[error("{file}: elements are {}; allowed are {allowed}", Short(.given))]
    ElementType {
        /// The file.
        file: String,
        /// The kind, in the format's own words.
        given: String,
        /// What could be used.
        allowed: &'static str,
    },
    /// An array of another shape than is needed.
    #[error("{file}: the shape is {}; allowed is {allowed}", Shape(.given))]
    Shape {
        /// The file.
        file: String,
        /// Length of each axis.
        given: Vec<usize>,
        /// What could be used.
        allowed: &'static str,
    },
    /// Test inputs of another width than the inputs that train.
    #[error(
        "{file}: the number of values per sample is {given}, but that of the training inputs in {training} is {allowed}; \
         a network takes test inputs of the same features only"
    )]
    TestWidth {
        /// Where the test inputs are.
        file: String,
        /// Values of each of its samples.
        given: usize,
        /// Where the training inputs are.
        training: String,
        /// Values of each of their samples.
        allowed: usize,
    },
    /// A test table of other columns than the training table, or of the same in another order.
    #[error(
        "{file}: the columns are {}, but those of the training file {training} are {}; name the columns that are inputs \
         (inputs = [\"…\"])",
        names(.given), names(.allowed)
    )]
    TestColumns {
        /// The test file.
        file: String,
        /// Its columns of inputs.
        given: Box<[String]>,
        /// The training file.
        training: Box<str>,
        /// Its columns of inputs.
        allowed: Box<[String]>,
    },
    /// Test samples of classes that no training sample has.
    #[error(
        "the test part of {name} holds {n_samples} samples of {n_classes} that the training part lacks (the first is its \
         row {row}, from 0), which a network cannot learn; check that both parts write their labels alike, leave \
         these rows out, or divide the data anew (dataset.split)",
        n_classes = counted(*.n_classes)
    )]
    TestClasses {
        /// The data set.
        name: String,
        /// How many test samples.
        n_samples: usize,
        /// Of how many classes.
        n_classes: usize,
        /// The first of them, by its row in the test part, from 0.
        row: usize,
    },
    /// No array of that name in the container, or several and no name.
    #[error("{file}: {}; there are: {}", asked(.given, .present), names(.present))]
    Key {
        /// The container.
        file: String,
        /// The name asked for.
        given: Option<String>,
        /// The names it holds.
        present: Vec<String>,
    },
    /// No column of that number in a text file.
    #[error("{file}: there is no column {given}; columns are counted from 0, the last is {}", n_columns.saturating_sub(1))]
    ColumnNumber {
        /// The file.
        file: String,
        /// The number asked for, from 0.
        given: usize,
        /// How many columns there are.
        n_columns: usize,
    },
    /// A name that several columns have.
    #[error(
        "{file}: columns {} are all called {given}; columns can be taken by number, as in {file}:{}",
        columns.iter().map(usize::to_string).collect::<Vec<_>>().join(", "), columns[0]
    )]
    SameName {
        /// The file.
        file: String,
        /// The name asked for.
        given: String,
        /// The columns that have it, from 0; two at least.
        columns: Vec<usize>,
    },
    /// A row of a matrix of labels that is not one-hot.
    #[error(
        "{file}: row {row} (from 0) holds {given}; a matrix of labels has a row for each sample with a single 1, in the column of its \
         class, and else 0 (one-hot). Name an array of labels, (n_samples,); of probabilities the most likely class, np.argmax(p, axis=1)"
    )]
    OneHot {
        /// The file.
        file: String,
        /// The row, from 0.
        row: usize,
        /// Its values, the first of them where they are many.
        given: String,
    },
    /// NaN or infinity.
    #[error("{file}: {value} at row {row}, column {column} (from 0); only finite values are allowed")]
    NotFinite {
        /// The file.
        file: String,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A finite value that single precision turns into infinity.
    #[error(
        "{file}: {value:e} at row {row}, column {column} (from 0) does not fit in single precision; allowed are magnitudes up to {:e}",
        f32::MAX
    )]
    Overflow {
        /// The file.
        file: String,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A label that is not a class.
    #[error(
        "{file}: the label of row {row} (from 0) is {given}; allowed are integers, text, or one-hot rows"
    )]
    Label {
        /// The file.
        file: String,
        /// Row, from 0.
        row: usize,
        /// The value.
        given: f64,
    },
    /// Labels and inputs differ in number.
    #[error("{n_labels} labels in {labels} for {n_samples} inputs in {inputs}; each input needs exactly one")]
    LabelMismatch {
        /// Where the inputs are.
        inputs: String,
        /// Where the labels are.
        labels: String,
        /// How many inputs.
        n_samples: usize,
        /// How many labels.
        n_labels: usize,
    },
    /// A field of a text file that is not a finite number.
    #[error("{file}: line {line}, field {field} (from 1) is \"{}\"; allowed are {allowed}", Short(.given))]
    Field {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Field in the line, from 1.
        field: usize,
        /// What it holds.
        given: String,
        /// What could be used.
        allowed: &'static str,
    },
    /// A field of a table where a finite number is needed.
    #[error(
        "{file}: line {line}, column {column} is \"{}\"; allowed are finite numbers{}",
        Short(.given), of_numbers(.numbers)
    )]
    NotANumber {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// What the column is called, or its number.
        column: String,
        /// What the field holds.
        given: String,
        /// The columns that hold numbers.
        numbers: Vec<String>,
    },
    /// Rows of a table without a value.
    #[error(
        "{file}: {rows} of {of} rows lack a value; the first is in line {line}, column {column}, \"{}\"{advice}",
        Short(.given)
    )]
    Missing {
        /// The file.
        file: String,
        /// How many rows.
        rows: usize,
        /// Of how many.
        of: usize,
        /// Line of the first, from 1.
        line: u64,
        /// What the column is called, or its number.
        column: String,
        /// What is written there.
        given: String,
        /// What to do about it, after a semicolon, or nothing.
        advice: &'static str,
    },
    /// A line of a text file with another number of fields than the first.
    #[error("{file}: line {line} has {given} fields; allowed are {allowed}, as in the first line")]
    FieldCount {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Its number of fields.
        given: u64,
        /// The first line's.
        allowed: u64,
    },
    /// No samples, or samples without values.
    #[error("{file}: holds no values, its shape is {}", Shape(.shape))]
    Empty {
        /// The file.
        file: String,
        /// Length of each axis.
        shape: Vec<usize>,
    },
    /// A directory without the files that are needed.
    #[error("{directory}: {given}; allowed is {allowed}")]
    Directory {
        /// The directory.
        directory: String,
        /// What it holds.
        given: String,
        /// What it should hold.
        allowed: &'static str,
    },
    /// A setting outside what is allowed.
    #[error("{key} = {given}; allowed is {allowed}")]
    Setting {
        /// The key of the configuration file.
        key: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl DatasetError {
    /// Returns whether the file is shorter than it should be: cut off, or still being written by another program.
    ///
    /// Who waits for files of a running program tries again later if so. `false` says that the bytes which are there
    /// are wrong, and that more of them would not help. Of text files only a half-written last line that has too few
    /// fields is known to be cut; one that lacks whole lines, or digits of its last number, looks whole.
    pub fn is_truncated(&self) -> bool {
        match self {
            DatasetError::Ends { .. } | DatasetError::Truncated { .. } => true,
            DatasetError::Io { error, .. } => error.kind() == io::ErrorKind::UnexpectedEof,
            _ => false,
        }
    }

    /// Returns whether the system lacks memory for the data, rather than the data being too large for what was allowed.
    pub fn lacks_memory(&self) -> bool {
        match self {
            DatasetError::NoMemory { .. } => true,
            DatasetError::TooLarge { budget, .. } => budget.bound() != Bound::Allowed,
            _ => false,
        }
    }

    pub(crate) fn io(file: impl fmt::Display, error: io::Error) -> Self {
        DatasetError::Io { file: file.to_string(), error }
    }

    pub(crate) fn setting(key: &'static str, given: impl fmt::Display, allowed: &'static str) -> Self {
        DatasetError::Setting { key, given: given.to_string(), allowed }
    }
}

/// A shape as numpy writes it, `(4096, 12)` and `(4096,)`.
struct Shape<'a>(&'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.0.iter().map(usize::to_string).collect();
        let comma = if lengths.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", lengths.join(", "))
    }
}

/// Text from a file, which may be long and hold anything, as a message can show it.
struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        for c in self.0.chars().take(LONGEST) {
            if c.is_control() { write!(f, "{}", c.escape_debug())? } else { write!(f, "{c}")? }
        }
        if self.0.chars().nth(LONGEST).is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// The first of many names, and how many more there are.
pub(crate) fn names(present: &[String]) -> String {
    const MOST: usize = 20;
    let mut shown: Vec<String> = present.iter().take(MOST).map(|name| Short(name).to_string()).collect();
    if present.is_empty() {
        shown.push("none".into());
    } else if present.len() > MOST {
        shown.push(format!("and {} more", present.len() - MOST));
    }
    shown.join(", ")
}

fn of_numbers(columns: &[String]) -> String {
    match columns {
        [] => String::new(),
        columns => format!(" (columns of numbers: {})", names(columns)),
    }
}

fn counted(n_classes: usize) -> String {
    if n_classes == 1 { "a class".into() } else { format!("{n_classes} classes") }
}

fn at_most(exact: bool) -> &'static str {
    if exact { "" } else { "at most " }
}

fn asked(key: &Option<String>, present: &[String]) -> String {
    match key {
        Some(key) => {
            let nearest = nearest(key, present).map(|name| format!(" (did you mean \"{}\"?)", Short(name)));
            format!("nothing is called \"{}\"{}", Short(key), nearest.unwrap_or_default())
        }
        None => "holds not exactly one array of numbers, so a name is needed".into(),
    }
}

/// The name most like the one asked for, capital letters or not; none if no name is like it.
fn nearest<'a>(key: &str, present: &'a [String]) -> Option<&'a String> {
    let key = key.to_lowercase();
    let likeness = |name: &'a String| (strsim::jaro_winkler(&key, &name.to_lowercase()), name);
    let alike = present.iter().map(likeness).filter(|(likeness, _)| *likeness > 0.8);
    // Of names that are equally like it the first.
    alike.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_told_the_right_one() {
        let message = |given: &str, present: &[&str]| {
            let present = present.iter().map(|name| name.to_string()).collect();
            DatasetError::Key { file: "a.csv".into(), given: Some(given.into()), present }.to_string()
        };
        assert_eq!(
            message("heigth", &["age", "height", "class"]),
            "a.csv: nothing is called \"heigth\" (did you mean \"height\"?); there are: age, height, class"
        );
        assert!(message("Class", &["age", "class"]).contains("did you mean \"class\"?"));
        assert!(!message("weight_kg", &["age", "class"]).contains("did you mean"));
    }

    #[test]
    fn what_a_file_holds_cannot_flood_or_steer_a_terminal() {
        let file = || "a.csv".to_owned();
        let given = format!("\u{1b}[2J{}", "x".repeat(1000));
        let error = DatasetError::Field { file: file(), line: 1, field: 2, given, allowed: "numbers" };
        let message = error.to_string();
        assert!(message.len() < 200 && !message.contains('\u{1b}'), "{message}");
        let present = (0..1000).map(|n| n.to_string()).collect();
        let message = DatasetError::Key { file: file(), given: None, present }.to_string();
        assert!(message.ends_with("18, 19, and 980 more"), "{message}");
    }
}
