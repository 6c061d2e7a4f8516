//! numpy's `.npy`: a text header, then the elements.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, versions 1 to 3.

use super::distinct::Distinct;
use super::room::{afford, grow, reserve, zeros};
use super::stream::Stream;
use super::tensor::{ALLOWED_ELEMENTS, ElementType, Tensor, n_elements, read_tensor};
use crate::dataset::DatasetError;

/// A plain array's header is about a hundred bytes; only structured types, which are refused, need thousands.
const MAX_HEADER: u64 = 1 << 16;

/// An array of numbers, or of text.
pub(super) enum Content {
    Numbers(Tensor),
    Text(Text),
}

impl Content {
    /// What messages call it.
    pub fn file(&self) -> &str {
        match self {
            Content::Numbers(tensor) => &tensor.file,
            Content::Text(text) => &text.file,
        }
    }

    pub fn shape(&self) -> &[usize] {
        match self {
            Content::Numbers(tensor) => &tensor.shape,
            Content::Text(text) => &text.shape,
        }
    }
}

/// An array of text, in which few values usually occur often.
pub(super) struct Text {
    /// What messages call it.
    pub file: String,
    pub shape: Vec<usize>,
    /// Each value once, in the order of first occurrence.
    pub distinct: Distinct,
    /// For each element the number of its value.
    pub codes: Vec<u32>,
}

/// Reads one array of numbers, which must end where the stream does.
pub(super) fn read(stream: &mut Stream<'_>) -> Result<Tensor, DatasetError> {
    let header = read_header(stream)?;
    read_numbers(stream, header)
}

/// Reads one array of numbers or of text, which must end where the stream does.
pub(super) fn read_content(stream: &mut Stream<'_>) -> Result<Content, DatasetError> {
    let header = read_header(stream)?;
    match text_type(&header.descr) {
        None => read_numbers(stream, header).map(Content::Numbers),
        Some(text) => text.read(stream, header.shape).map(Content::Text),
    }
}

/// Reads the header: the length of each axis, and the type of the elements if they are numbers.
pub(super) fn describe(stream: &mut Stream<'_>) -> Result<(Vec<usize>, Option<ElementType>), DatasetError> {
    let header = read_header(stream)?;
    let element = element_type(&header.descr).map(|(element, _)| element);
    Ok((header.shape, element))
}

fn read_numbers(stream: &mut Stream<'_>, header: Header) -> Result<Tensor, DatasetError> {
    let Some((element, big_endian)) = element_type(&header.descr) else {
        let allowed = allowed_instead_of(&header.descr);
        return Err(DatasetError::ElementType { file: stream.file.clone(), given: header.descr, allowed });
    };
    read_tensor(stream, header.shape, header.fortran_order, element, big_endian)
}

fn read_header(stream: &mut Stream<'_>) -> Result<Header, DatasetError> {
    if stream.header::<6>("the first six bytes")? != *b"\x93NUMPY" {
        return Err(stream.malformed(0, "the file does not begin with \\x93NUMPY, as .npy files do"));
    }
    let [major, minor] = stream.header("the version")?;
    let length = match major {
        1 => u64::from(u16::from_le_bytes(stream.header("the length of the header")?)),
        2 | 3 => u64::from(u32::from_le_bytes(stream.header("the length of the header")?)),
        _ => {
            return Err(stream.malformed(6, format!("version {major}.{minor}; allowed are 1.0, 2.0 and 3.0")));
        }
    };
    let start = stream.offset;
    if length > MAX_HEADER {
        return Err(stream.malformed(start, format!("a header of {length} bytes; allowed are {MAX_HEADER}")));
    }
    let text = stream.header_bytes(length, "the header")?;
    let header = match std::str::from_utf8(&text).map_err(|_| "the header is not text".to_owned()) {
        Ok(text) => Header::parse(text),
        Err(problem) => Err(problem),
    };
    header.map_err(|problem| stream.malformed(start, problem))
}

/// Text of a fixed length, padded with zeros.
pub(super) struct TextType {
    /// Characters of an element.
    length: usize,
    /// Whether a character is a Unicode number of four bytes; else it is one byte.
    wide: bool,
    big_endian: bool,
}

/// `<U10` and `|S10`.
fn text_type(descr: &str) -> Option<TextType> {
    let (order, code) = descr.split_at_checked(1)?;
    let (kind, length) = code.split_at_checked(1)?;
    let big_endian = match order {
        "<" | "|" => false,
        ">" => true,
        "=" => cfg!(target_endian = "big"),
        _ => return None,
    };
    if !matches!(kind, "U" | "S") || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(TextType { length: length.parse().ok()?, wide: kind == "U", big_endian })
}

impl TextType {
    /// Text of so many bytes.
    pub fn bytes(length: usize) -> TextType {
        TextType { length, wide: false, big_endian: false }
    }

    /// Reads an array of text, which must end where the stream does.
    pub fn read(&self, stream: &mut Stream<'_>, shape: Vec<usize>) -> Result<Text, DatasetError> {
        let start = stream.offset;
        let size = self.length as u128 * if self.wide { 4 } else { 1 };
        let n = n_elements(&shape).unwrap_or(u128::MAX);
        let n_bytes = stream.check_promise(n.saturating_mul(size))?;
        // Elements without a byte would take memory that no file backs.
        if size == 0 {
            return Err(stream.malformed(start, "text of no characters; labels need at least one"));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut left = n_bytes as usize / size;
        let (mut distinct, mut codes) = (Distinct::default(), Vec::new());
        if stream.exact {
            afford(stream.budget, &stream.file, 4 * left as u128)?;
            reserve(&mut codes, &stream.file, left)?;
        }
        // Whole elements at a time.
        let at_once = ((1 << 16) / size).max(1).min(left);
        afford(stream.budget, &stream.file, (at_once * size) as u128)?;
        let mut chunk: Vec<u8> = zeros(&stream.file, at_once * size)?;
        let mut text = String::new();
        while left > 0 {
            let wanted = at_once.min(left) * size;
            let found = stream.fill(&mut chunk[..wanted])?;
            if found < wanted {
                return Err(DatasetError::Truncated {
                    file: stream.file.clone(),
                    promised: u128::from(n_bytes),
                    given: n_bytes - (left * size - found) as u64,
                    exact: true,
                });
            }
            grow(&mut codes, &stream.file, wanted / size)?;
            for element in chunk[..wanted].chunks_exact(size) {
                let Some(text) = self.decode(element, &mut text) else {
                    let index = codes.len();
                    let offset = start + (index * size) as u64;
                    return Err(
                        stream.malformed(offset, format!("element {index} (from 0) is not Unicode text"))
                    );
                };
                codes.push(distinct.number(&stream.file, text)?);
            }
            afford(stream.budget, &stream.file, (distinct.size() + 4 * codes.len()) as u128)?;
            left -= wanted / size;
        }
        stream.expect_end(n_bytes)?;
        Ok(Text { file: stream.file.clone(), shape, distinct, codes })
    }

    /// The text of an element, if it is some; wide characters are put together in `buffer`.
    fn decode<'e>(&self, element: &'e [u8], buffer: &'e mut String) -> Option<&'e str> {
        if !self.wide {
            return std::str::from_utf8(element).ok().map(|text| text.trim_end_matches('\0'));
        }
        buffer.clear();
        for bytes in element.as_chunks::<4>().0 {
            buffer.push(match self.big_endian {
                true => char::from_u32(u32::from_be_bytes(*bytes))?,
                false => char::from_u32(u32::from_le_bytes(*bytes))?,
            });
        }
        Some(buffer.trim_end_matches('\0'))
    }
}

/// What is allowed, and how an array of another type becomes one of numbers.
fn allowed_instead_of(descr: &str) -> &'static str {
    match descr.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('O') => {
            "numbers, not Python objects: save arrays of numbers, several of them by name, np.savez(\"acts.npz\", l1=l1, l2=l2)"
        }
        Some('U' | 'S') => "numbers: save array.astype(float) if the text holds numbers",
        Some('c') => "real numbers: save np.stack([z.real, z.imag], -1)",
        Some('M' | 'm') => "numbers: save array.astype(\"int64\")",
        Some('f') => "floats of 16, 32 or 64 bits: save array.astype(float)",
        Some('[' | 'V') => {
            "numbers: save the columns, np.savez(\"table.npz\", **{name: array[name] for name in array.dtype.names})"
        }
        _ => ALLOWED_ELEMENTS,
    }
}

fn element_type(descr: &str) -> Option<(ElementType, bool)> {
    use ElementType::*;
    let (order, code) = descr.split_at_checked(1)?;
    let big_endian = match order {
        "<" | "|" => false,
        ">" => true,
        "=" => cfg!(target_endian = "big"),
        _ => return None,
    };
    let element = match code {
        "b1" => Bool,
        "u1" => U8,
        "i1" => I8,
        "u2" => U16,
        "i2" => I16,
        "u4" => U32,
        "i4" => I32,
        "u8" => U64,
        "i8" => I64,
        "f2" => F16,
        "f4" => F32,
        "f8" => F64,
        _ => return None,
    };
    Some((element, big_endian))
}

/// The header: a Python dictionary with exactly these keys.
#[derive(Debug, PartialEq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Header, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{').ok_or("the header does not begin with {")?;
        loop {
            rest = rest.trim_start();
            if let Some(end) = rest.strip_prefix('}') {
                if !end.trim().is_empty() {
                    return Err("the header goes on after }".into());
                }
                break;
            }
            let (key, after) = quoted(rest).ok_or("a key of the header is not quoted")?;
            let value =
                after.trim_start().strip_prefix(':').ok_or("a key of the header has no value")?.trim_start();
            rest = match key {
                "descr" => {
                    // A structured type is a list of fields; it is kept to be shown, and refused.
                    let (value, after) = match quoted(value) {
                        Some(found) => found,
                        None => (value.split_inclusive(']').next().unwrap_or(value), "}"),
                    };
                    descr = Some(value.to_owned());
                    after
                }
                "fortran_order" => {
                    let (value, after) = match (value.strip_prefix("True"), value.strip_prefix("False")) {
                        (Some(after), _) => (true, after),
                        (_, Some(after)) => (false, after),
                        _ => return Err("fortran_order is neither True nor False".into()),
                    };
                    fortran_order = Some(value);
                    after
                }
                "shape" => {
                    let (value, after) = tuple(value)?;
                    shape = Some(value);
                    after
                }
                key => return Err(format!("the header has the unknown key {key:?}")),
            };
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        let descr = descr.ok_or("the header has no descr")?;
        // Only a refused type may end the header early.
        if descr.starts_with('[') {
            return Ok(Header { descr, fortran_order: false, shape: Vec::new() });
        }
        Ok(Header {
            descr,
            fortran_order: fortran_order.ok_or("the header has no fortran_order")?,
            shape: shape.ok_or("the header has no shape")?,
        })
    }
}

/// The quoted text at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// The tuple of lengths at the beginning, and what follows it.
fn tuple(text: &str) -> Result<(Vec<usize>, &str), String> {
    let (inside, after) = text
        .strip_prefix('(')
        .and_then(|text| text.split_once(')'))
        .ok_or("the shape is not a tuple in parentheses")?;
    let mut lengths = Vec::new();
    for length in inside.split(',').map(str::trim).filter(|length| !length.is_empty()) {
        // Python 2 wrote long integers with an L.
        let digits = length.strip_suffix('L').unwrap_or(length);
        lengths.push(digits.parse().map_err(|_| format!("the shape holds {length:?}, not a length"))?);
    }
    Ok((lengths, after))
}

#[cfg(test)]
mod tests {
    use super::super::tensor::Values;
    use super::*;

    /// A file of version 1.0, padded as numpy pads it.
    pub(crate) fn npy(header: &str, values: &[u8]) -> Vec<u8> {
        let mut text = header.to_owned();
        while !(10 + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(values);
        bytes
    }

    fn matrix(descr: &str, values: &[u8]) -> Result<Tensor, DatasetError> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1, 2), }}");
        read(&mut Stream::of_bytes(&npy(&header, values)))
    }

    #[test]
    fn every_element_type_is_read_in_either_byte_order() {
        let read = |descr, bytes: &[u8]| matrix(descr, bytes).unwrap().values;
        assert_eq!(read("|b1", &[0, 1]), Values::Byte(vec![0, 1]));
        assert_eq!(read("|u1", &[3, 255]), Values::Byte(vec![3, 255]));
        assert_eq!(read("|i1", &[3, 255]), Values::SignedByte(vec![3, -1]));
        assert_eq!(read("<i2", &[1, 0, 0xfe, 0xff]), Values::Short(vec![1, -2]));
        assert_eq!(read(">i2", &[0, 1, 0xff, 0xfe]), Values::Short(vec![1, -2]));
        assert_eq!(read(">u4", &[0, 0, 0, 7, 1, 0, 0, 0]), Values::Integer(vec![7, 1 << 24]));
        assert_eq!(read("<f2", &[0x00, 0x3c, 0x00, 0xc0]), Values::Single(vec![1.0, -2.0]));
        let floats: Vec<u8> = [1.5f32, -0.25].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(read(">f4", &floats), Values::Single(vec![1.5, -0.25]));
        let doubles: Vec<u8> = [0.1f64, 2e300].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(read(">f8", &doubles), Values::Double(vec![0.1, 2e300]));
        let longs: Vec<u8> = [i64::MIN, 5].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read("<i8", &longs), Values::Integer(vec![i64::MIN, 5]));
    }

    #[test]
    fn an_integer_beyond_63_bits_is_refused_not_wrapped() {
        let bytes: Vec<u8> = [u64::MAX, 5].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert!(matrix("<u8", &bytes).unwrap_err().to_string().contains("18446744073709551615"));
    }

    #[test]
    fn other_element_types_are_named() {
        for descr in ["<c8", "|O", "<U4", "<M8[ns]", "", "f4", "é4"] {
            let error = matrix(descr, &[0; 16]).unwrap_err();
            assert!(matches!(&error, DatasetError::ElementType { given, .. } if given == descr), "{error}");
        }
        let header = "{'descr': [('x', '<f4'), ('y', '<f4')], 'fortran_order': False, 'shape': (2,), }";
        let error = read(&mut Stream::of_bytes(&npy(header, &[0; 16]))).unwrap_err();
        assert!(
            matches!(&error, DatasetError::ElementType { given, .. } if given.starts_with("[('x'")),
            "{error}"
        );
    }

    #[test]
    fn the_header_may_be_written_in_other_ways() {
        for text in [
            "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4)}",
            "{\"shape\":(3L,4L,),\"fortran_order\":True,\"descr\":\"<f4\"}  \n",
        ] {
            let expected = Header { descr: "<f4".into(), fortran_order: true, shape: vec![3, 4] };
            assert_eq!(Header::parse(text), Ok(expected));
        }
        assert_eq!(
            Header::parse("{'descr':'<f4','fortran_order':False,'shape':()}").unwrap().shape,
            Vec::<usize>::new()
        );
    }

    #[test]
    fn every_cut_and_every_extension_is_an_error() {
        let bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", &[0; 16]);
        assert!(read(&mut Stream::of_bytes(&bytes)).is_ok());
        for length in 0..bytes.len() {
            assert!(read(&mut Stream::of_bytes(&bytes[..length])).is_err(), "cut to {length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        let error = read(&mut Stream::of_bytes(&longer)).unwrap_err();
        assert!(matches!(error, DatasetError::Trailing { promised: 16, given: 17, .. }), "{error}");
    }

    #[test]
    fn a_promise_of_terabytes_takes_no_memory() {
        for shape in ["(1099511627776, 1)", "(18446744073709551615, 18446744073709551615, 9)"] {
            let bytes =
                npy(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"), &[0; 16]);
            let error = read(&mut Stream::of_bytes(&bytes)).unwrap_err();
            assert!(matches!(error, DatasetError::Truncated { given: 16, .. }), "{error}");
        }
        // A zero hides the product of the others.
        let bytes = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 18446744073709551615)}", &[]);
        assert!(read(&mut Stream::of_bytes(&bytes)).unwrap().rows_and_columns().is_err());
        let error = read(&mut Stream::of_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{")).unwrap_err();
        assert!(error.to_string().contains("4294967295"), "{error}");
    }
}
