//! MATLAB's `.mat`, version 5: numeric arrays, plain or compressed.
//!
//! Format: MathWorks, *MAT-File Format* (MAT-file versions 5, 6 and 7). Version 7.3 is HDF5.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;

use super::array_file::ArrayInfo;
use super::choose;
use super::stream::Stream;
use super::tensor::{ElementType, Tensor, n_elements, read_values};
use crate::dataset::DatasetError;

const HEADER_LENGTH: usize = 128;
/// Types of data elements that hold other elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Bytes of a file or of an unpacked element, read from the front.
struct Bytes<'a> {
    file: &'a str,
    bytes: &'a [u8],
    /// Where `bytes` begins.
    offset: u64,
    big_endian: bool,
}

/// A data element: what it is, and its content.
struct Element<'a> {
    kind: u32,
    offset: u64,
    content: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn malformed(&self, problem: impl Into<String>) -> DatasetError {
        DatasetError::Malformed { file: self.file.into(), offset: self.offset, problem: problem.into() }
    }

    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], DatasetError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            let left = self.bytes.len();
            let what = format!("{what}, which takes {length} bytes of which {left} are there");
            return Err(DatasetError::Ends { file: self.file.into(), offset: self.offset, what });
        };
        self.bytes = rest;
        self.offset += length as u64;
        Ok(taken)
    }

    fn u32(&mut self, what: &str) -> Result<u32, DatasetError> {
        let bytes = self.take(4, what)?.try_into().expect("four bytes were taken");
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next data element. Elements of up to four bytes may be packed into the tag.
    fn element(&mut self, what: &str) -> Result<Element<'a>, DatasetError> {
        let tag = self.u32(what)?;
        let small = (tag >> 16) as usize;
        if small > 0 {
            if small > 4 {
                return Err(
                    self.malformed(format!("a small element of {small} bytes in {what}; allowed are 4"))
                );
            }
            let offset = self.offset;
            let content = &self.take(4, what)?[..small];
            return Ok(Element { kind: tag & 0xffff, offset, content });
        }
        let length = self.u32(what)? as usize;
        let offset = self.offset;
        let content = self.take(length, what)?;
        // Elements begin at multiples of eight bytes, except after compressed ones. The last of a compressed
        // matrix is sometimes not padded.
        if tag != COMPRESSED {
            let padding = (length.wrapping_neg() % 8).min(self.bytes.len());
            self.take(padding, what)?;
        }
        Ok(Element { kind: tag, offset, content })
    }
}

/// A variable before its values are read.
struct Variable<'a> {
    name: String,
    /// MATLAB's word for its class, and whether that class is numeric.
    class: String,
    numeric: bool,
    shape: Vec<usize>,
    rest: Bytes<'a>,
}

/// Reads what stands before the values.
fn variable<'a>(mut bytes: Bytes<'a>) -> Result<Variable<'a>, DatasetError> {
    let flags = bytes.element("the flags of a variable")?;
    let Some(&[first, second, third, fourth]) = flags.content.first_chunk() else {
        return Err(bytes.malformed("the flags of a variable take 8 bytes"));
    };
    let (flag, class) = if bytes.big_endian { (third, fourth) } else { (second, first) };
    let complex = flag & 0x08 != 0;
    let class_name = match class {
        1 => "cell",
        2 => "struct",
        3 => "object",
        4 => "char",
        5 => "sparse",
        6 => "double",
        7 => "single",
        8..=15 => "integer",
        _ => "unknown",
    };
    // Objects and functions go on in other ways; nothing here can use them.
    if !(1..=15).contains(&class) {
        let (name, class, shape) = (String::new(), class_name.into(), Vec::new());
        return Ok(Variable { name, class, numeric: false, shape, rest: bytes });
    }
    let dimensions = bytes.element("the dimensions of a variable")?;
    let mut shape = Vec::new();
    for length in dimensions.content.as_chunks::<4>().0 {
        let length = if bytes.big_endian { i32::from_be_bytes(*length) } else { i32::from_le_bytes(*length) };
        shape.push(usize::try_from(length).map_err(|_| bytes.malformed(format!("a dimension of {length}")))?);
    }
    let name = bytes.element("the name of a variable")?;
    Ok(Variable {
        name: String::from_utf8_lossy(name.content).into_owned(),
        class: format!("{}{class_name}", if complex { "complex " } else { "" }),
        numeric: (6..=15).contains(&class) && !complex,
        shape,
        rest: bytes,
    })
}

fn values(file: String, mut variable: Variable<'_>) -> Result<Tensor, DatasetError> {
    if !variable.numeric {
        let allowed = match &variable.class[..] {
            "struct" => "arrays of real numbers: save the fields, save('x.mat', '-struct', 's')",
            "cell" => "arrays of real numbers: save cell2mat(c), of text labels grp2idx(c)",
            "char" => "arrays of real numbers: of text labels save grp2idx(cellstr(c))",
            "sparse" => "arrays of real numbers: save full(s)",
            "object" => "arrays of real numbers: of a table save table2array(t), of labels grp2idx(y)",
            class if class.starts_with("complex") => "arrays of real numbers: save [real(z) imag(z)]",
            _ => "double, single and integer arrays of real numbers",
        };
        return Err(DatasetError::ElementType { file, given: variable.class, allowed });
    }
    // Values may be stored in a narrower type than their class: whole doubles below 256 are bytes.
    let data = variable.rest.element("the values of a variable")?;
    let Some(element) = stored_as(data.kind) else {
        return Err(DatasetError::ElementType {
            file,
            given: format!("stored as type {}", data.kind),
            allowed: "1 to 7, 9, 12 and 13, the numbers",
        });
    };
    let promised = n_elements(&variable.shape).and_then(|n| n.checked_mul(element.size() as u128));
    let promised = promised.unwrap_or(u128::MAX);
    let mut stream = Stream::of_length(file, data.content, data.content.len() as u64);
    let n_bytes = stream.check_promise(promised)?;
    let values = read_values(&mut stream, n_bytes, element, variable.rest.big_endian)?;
    let budget = stream.budget;
    Ok(Tensor { file: stream.file, shape: variable.shape, column_major: true, values, budget })
}

/// A file in memory whose variables have been found.
pub(super) struct MatFile {
    path: PathBuf,
    bytes: Vec<u8>,
    big_endian: bool,
    entries: Vec<Entry>,
    /// The first entry of each name.
    places: HashMap<String, usize>,
}

/// Where a variable is, and what its header says.
struct Entry {
    kind: u32,
    content: Range<usize>,
    name: String,
    numeric: bool,
    shape: Vec<usize>,
    /// How its values are stored; none if they are not numbers.
    stored: Option<ElementType>,
}

impl std::fmt::Debug for MatFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MatFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl MatFile {
    pub fn open(path: &Path) -> Result<MatFile, DatasetError> {
        MatFile::parse(path, Stream::open(path)?.rest()?)
    }

    fn parse(path: &Path, all: Vec<u8>) -> Result<MatFile, DatasetError> {
        let file = path.display().to_string();
        let mut bytes = Bytes { file: &file, bytes: &all, offset: 0, big_endian: false };
        let header = bytes.take(HEADER_LENGTH, "the header")?;
        bytes.big_endian = match &header[124..] {
            [0, 1, b'I', b'M'] => false,
            [1, 0, b'M', b'I'] => true,
            _ => {
                let problem = "the header is not that of a .mat file of version 5 to 7.3; one of version 4 can be saved anew: \
                               save('x.mat', 'x', '-v7'), scipy.io.savemat('x.mat', d)";
                return Err(DatasetError::Malformed { file, offset: 124, problem: problem.into() });
            }
        };
        let mut entries = Vec::new();
        while !bytes.bytes.is_empty() {
            let element = bytes.element("a variable")?;
            if !matches!(element.kind, MATRIX | COMPRESSED) {
                let problem = format!(
                    "an element of type {}; allowed are 14 (matrix) and 15 (compressed)",
                    element.kind
                );
                return Err(DatasetError::Malformed { file: file.clone(), offset: element.offset, problem });
            }
            let start = element.offset as usize;
            // What the variable is stands at its beginning.
            let prefix = content(&file, &element, bytes.big_endian, Some(4096))?;
            let prefix =
                Bytes { file: &file, bytes: &prefix, offset: element.offset, big_endian: bytes.big_endian };
            let Variable { name, numeric, shape, mut rest, .. } = variable(prefix)?;
            let stored = rest.u32("the values of a variable").ok().and_then(|tag| stored_as(tag & 0xffff));
            let content = start..start + element.content.len();
            // What MATLAB keeps for its objects is bytes without a name.
            let numeric = numeric && !name.is_empty();
            entries.push(Entry { kind: element.kind, content, name, numeric, shape, stored });
        }
        let mut places = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            places.entry(entry.name.clone()).or_insert(index);
        }
        let big_endian = bytes.big_endian;
        Ok(MatFile { path: path.into(), bytes: all, big_endian, entries, places })
    }

    pub fn arrays(&self) -> Vec<ArrayInfo> {
        let named = self.entries.iter().filter(|entry| !entry.name.is_empty());
        let describe = |entry: &Entry| ArrayInfo {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            element: entry.stored.filter(|_| entry.numeric),
        };
        named.map(describe).collect()
    }

    /// Reads the variable called `key`, or the only one of numbers.
    pub fn read(&self, key: Option<&str>) -> Result<Tensor, DatasetError> {
        // Without a name only numbers are looked at; with one, any variable is found, and refused for what it is.
        let (name, index) = match key.and_then(|name| Some((name, *self.places.get(name)?))) {
            Some(found) => found,
            None => {
                let asked = self.entries.iter().filter(|entry| key.is_some() || entry.numeric);
                let names: Vec<String> = asked.map(|entry| entry.name.clone()).collect();
                let name = choose(&self.path, key, &names)?;
                let (name, &index) = self.places.get_key_value(name).expect("the name comes from this file");
                (name.as_str(), index)
            }
        };
        let file = self.path.display().to_string();
        let Entry { kind, content: range, .. } = &self.entries[index];
        let offset = range.start as u64;
        let element = Element { kind: *kind, offset, content: &self.bytes[range.clone()] };
        let named = format!("{file}:{name}");
        if element.kind == COMPRESSED
            && let Some(tensor) = unpacked(&file, &named, &element, self.big_endian)?
        {
            return Ok(tensor);
        }
        let whole = content(&file, &element, self.big_endian, None)?;
        let bytes = Bytes { file: &file, bytes: &whole, offset, big_endian: self.big_endian };
        values(named, variable(bytes)?)
    }
}

/// How values are stored, by the number of the type; none if they are not numbers.
fn stored_as(kind: u32) -> Option<ElementType> {
    Some(match kind {
        1 => ElementType::I8,
        2 => ElementType::U8,
        3 => ElementType::I16,
        4 => ElementType::U16,
        5 => ElementType::I32,
        6 => ElementType::U32,
        7 => ElementType::F32,
        9 => ElementType::F64,
        12 => ElementType::I64,
        13 => ElementType::U64,
        _ => return None,
    })
}

/// As much of an element as tells what it is.
const PREFIX: u64 = 4096;

/// The values of a compressed variable as they are unpacked, so that they are in memory once; none of one that is small, or that is
/// no array of numbers.
fn unpacked(
    file: &str,
    named: &str,
    element: &Element<'_>,
    big_endian: bool,
) -> Result<Option<Tensor>, DatasetError> {
    let prefix = content(file, element, big_endian, Some(PREFIX))?;
    let (mut stream, length) = open(file, element, big_endian)?;
    if length <= PREFIX {
        return Ok(None);
    }
    let bytes = Bytes { file, bytes: &prefix, offset: element.offset, big_endian };
    let Variable { numeric, shape, mut rest, .. } = variable(bytes)?;
    if !numeric {
        return Ok(None);
    }
    let (tag, n_bytes) = (rest.u32("the values of a variable")?, rest.u32("the values of a variable")?);
    let Some(stored) = stored_as(tag) else { return Ok(None) };
    let (before, n_bytes) = ((prefix.len() - rest.bytes.len()) as u64, u64::from(n_bytes));
    let promised = n_elements(&shape).and_then(|n| n.checked_mul(stored.size() as u128)).unwrap_or(u128::MAX);
    if promised != u128::from(n_bytes) || before + n_bytes > length {
        return Ok(None);
    }
    stream.header_bytes(before, "a variable")?;
    stream.file = named.to_owned();
    let values = read_values(&mut stream, n_bytes, stored, big_endian)?;
    // Padding, and for the check sum the end.
    stream.header_bytes((length - before - n_bytes).min(8), "the end of a variable")?;
    stream.expect_end(length)?;
    let (file, budget) = (stream.file, stream.budget);
    Ok(Some(Tensor { file, shape, column_major: true, values, budget }))
}

/// A compressed element, unpacked as it is read, and the length of the matrix in it.
fn open<'a>(file: &str, element: &Element<'a>, big_endian: bool) -> Result<(Stream<'a>, u64), DatasetError> {
    let packed = element.content.len() as u64;
    let mut stream = Stream::deflated(file.into(), ZlibDecoder::new(element.content), packed);
    let (kind, length): ([u8; 4], [u8; 4]) = (stream.header("a variable")?, stream.header("a variable")?);
    let number = |bytes| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let (kind, length) = (number(kind), u64::from(number(length)));
    if kind != MATRIX {
        let problem = format!("a compressed element of type {kind}; allowed is 14 (matrix)");
        return Err(DatasetError::Malformed { file: file.into(), offset: element.offset, problem });
    }
    Ok((stream, length))
}

/// What stands inside the matrix element, unpacked; only the beginning if a limit is given.
fn content<'a>(
    file: &str,
    element: &Element<'a>,
    big_endian: bool,
    limit: Option<u64>,
) -> Result<std::borrow::Cow<'a, [u8]>, DatasetError> {
    if element.kind == MATRIX {
        return Ok(element.content.into());
    }
    let (mut stream, length) = open(file, element, big_endian)?;
    let unpacked = stream.first(limit.map_or(length, |limit| limit.min(length)))?;
    if limit.is_some() {
        return Ok(unpacked.into());
    }
    if (unpacked.len() as u64) < length {
        return Err(DatasetError::Truncated {
            file: file.into(),
            promised: u128::from(length),
            given: unpacked.len() as u64,
            exact: true,
        });
    }
    stream.expect_end(length)?;
    Ok(unpacked.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::dataset::read::tensor::Values;
    use proptest::prelude::*;

    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn variable_of(class: u8, name: &str, shape: [i32; 2], kind: u32, values: &[u8]) -> Vec<u8> {
        let mut content = element(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
        content.extend(element(5, &shape.map(i32::to_le_bytes).concat()));
        // A short name is packed into its tag.
        content.extend((1 | (name.len() as u32) << 16).to_le_bytes());
        content.extend(name.as_bytes());
        content.resize(content.len().next_multiple_of(8), 0);
        content.extend(element(kind, values));
        element(MATRIX, &content)
    }

    fn file(variables: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![b' '; 124];
        bytes.extend([0, 1, b'I', b'M']);
        bytes.extend(variables.concat());
        bytes
    }

    fn compressed(variable: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(variable).unwrap();
        let packed = encoder.finish().unwrap();
        let mut bytes = COMPRESSED.to_le_bytes().to_vec();
        bytes.extend((packed.len() as u32).to_le_bytes());
        bytes.extend(packed);
        bytes
    }

    fn parse(bytes: &[u8], key: Option<&str>) -> Result<Tensor, DatasetError> {
        MatFile::parse(Path::new("a.mat"), bytes.to_vec())?.read(key)
    }

    #[test]
    fn plain_and_compressed_variables_are_found_by_name() {
        // Class double, stored as bytes.
        let f = variable_of(6, "F", [2, 3], 2, &[1, 2, 3, 4, 5, 6]);
        let y = variable_of(6, "y", [1, 2], 9, &[0.5f64, -1.0].map(f64::to_le_bytes).concat());
        for bytes in [file(&[f.clone(), y.clone()]), file(&[compressed(&f), compressed(&y)])] {
            let inputs = parse(&bytes, Some("F")).unwrap();
            assert_eq!((inputs.shape, inputs.column_major), (vec![2, 3], true));
            assert_eq!(inputs.values, Values::Byte(vec![1, 2, 3, 4, 5, 6]));
            assert_eq!(parse(&bytes, Some("y")).unwrap().values, Values::Double(vec![0.5, -1.0]));
            assert!(parse(&bytes, None).unwrap_err().to_string().contains("there are: F, y"));
            for length in 0..bytes.len() {
                // A cut between the two variables leaves a whole file.
                let whole =
                    parse(&bytes[..length], Some("F")).is_ok() && parse(&bytes[..length], None).is_ok();
                assert!(!whole || length > HEADER_LENGTH, "cut to {length} bytes");
                assert!(parse(&bytes[..length], Some("y")).is_err(), "cut to {length} bytes");
            }
        }
    }

    #[test]
    fn a_variable_that_is_not_numeric_is_named() {
        let bytes = file(&[variable_of(4, "text", [1, 2], 4, &[65, 0, 66, 0])]);
        assert!(parse(&bytes, Some("text")).unwrap_err().to_string().contains("char"));
        assert!(matches!(parse(&bytes, None), Err(DatasetError::Key { .. })));
    }

    #[test]
    fn dimensions_that_promise_terabytes_take_no_memory() {
        let bytes = file(&[variable_of(6, "F", [i32::MAX, i32::MAX], 2, &[1, 2, 3])]);
        assert!(matches!(parse(&bytes, None), Err(DatasetError::Truncated { given: 3, .. })));
        let bytes = file(&[variable_of(6, "F", [-1, 3], 2, &[1, 2, 3])]);
        assert!(matches!(parse(&bytes, None), Err(DatasetError::Malformed { .. })));
    }

    #[test]
    fn objects_beside_the_data_do_not_hide_them() {
        let f = variable_of(6, "F", [1, 2], 2, &[1, 2]);
        let object = element(MATRIX, &[element(6, &[17, 0, 0, 0, 0, 0, 0, 0]), element(1, b"text")].concat());
        let bytes = file(&[object, f, variable_of(9, "", [1, 2], 2, &[1, 2])]);
        assert_eq!(parse(&bytes, None).unwrap().values, Values::Byte(vec![1, 2]));
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(
            at in 124usize..300,
            to in any::<u8>(),
            noise in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let f = variable_of(6, "F", [2, 3], 2, &[1, 2, 3, 4, 5, 6]);
            for mut bytes in [file(&[f.clone(), f.clone()]), file(&[compressed(&f)]), file(&[noise])] {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = to;
                }
                let _ = parse(&bytes, Some("F"));
                let _ = parse(&bytes, None);
            }
        }
    }
}
