//! Numbers as files keep them: a shape, an element type, bytes.

use std::fmt;

use half::{bf16, f16};
use ndarray::Array2;

use super::room::{afford, grow, reserve, room};
use super::stream::Stream;
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// The type of an array's elements in its file.
///
/// ```
/// # use infoplane::dataset::read::ElementType;
/// assert_eq!(ElementType::Bf16.to_string(), "bfloat16");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// True and false, read as 1 and 0.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// Half precision.
    F16,
    /// The upper half of a single-precision number.
    Bf16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl fmt::Display for ElementType {
    /// Writes the name that numpy has for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ElementType::*;
        f.write_str(match self {
            Bool => "bool",
            U8 => "uint8",
            I8 => "int8",
            U16 => "uint16",
            I16 => "int16",
            U32 => "uint32",
            I32 => "int32",
            U64 => "uint64",
            I64 => "int64",
            F16 => "float16",
            Bf16 => "bfloat16",
            F32 => "float32",
            F64 => "float64",
        })
    }
}

/// What messages say when an element type is none of these.
pub(super) const ALLOWED_ELEMENTS: &str =
    "booleans, integers of 8 to 64 bits and floats of 16, 32 or 64 bits";

impl ElementType {
    pub(super) fn size(self) -> usize {
        use ElementType::*;
        match self {
            Bool | U8 | I8 => 1,
            U16 | I16 | F16 | Bf16 => 2,
            U32 | I32 | F32 => 4,
            U64 | I64 | F64 => 8,
        }
    }
}

/// Elements in the narrowest of these types that holds all of them exactly.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Byte(Vec<u8>),
    SignedByte(Vec<i8>),
    Short(Vec<i16>),
    UnsignedShort(Vec<u16>),
    Int(Vec<i32>),
    Integer(Vec<i64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
}

/// The same expression for the elements of any type.
macro_rules! each {
    ($values:expr, $name:ident => $then:expr) => {
        match $values {
            $crate::dataset::read::tensor::Values::Byte($name) => $then,
            $crate::dataset::read::tensor::Values::SignedByte($name) => $then,
            $crate::dataset::read::tensor::Values::Short($name) => $then,
            $crate::dataset::read::tensor::Values::UnsignedShort($name) => $then,
            $crate::dataset::read::tensor::Values::Int($name) => $then,
            $crate::dataset::read::tensor::Values::Integer($name) => $then,
            $crate::dataset::read::tensor::Values::Single($name) => $then,
            $crate::dataset::read::tensor::Values::Double($name) => $then,
        }
    };
}
pub(super) use each;

/// An array of any number of axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    /// What messages call it.
    pub file: String,
    pub shape: Vec<usize>,
    /// Whether the first axis, not the last, is the one whose neighbours lie together.
    pub column_major: bool,
    pub values: Values,
    /// What it may take in memory.
    pub budget: Budget,
}

/// An array of any number of axes in single precision: activations of a layer as another program saved them.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleTensor {
    /// Length of each axis. The first counts the samples: `(n, units)`, `(n, channels, height, width)`,
    /// `(n, positions, units)`, or `(n,)`.
    pub shape: Vec<usize>,
    /// The values in row-major order, sample after sample. NaN and infinity are as in the file.
    pub values: Vec<f32>,
}

impl SampleTensor {
    /// The number of samples, at least 1.
    pub fn n_samples(&self) -> usize {
        self.shape[0]
    }

    /// The number of values of one sample, at least 1: the product of the other axes.
    pub fn values_per_sample(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// The product of the lengths; none if it does not fit.
pub(super) fn n_elements(shape: &[usize]) -> Option<u128> {
    shape.iter().try_fold(1u128, |product, &length| product.checked_mul(length as u128))
}

/// Reads elements until the end of the stream, which must come right after the last.
pub(super) fn read_tensor(
    stream: &mut Stream<'_>,
    shape: Vec<usize>,
    column_major: bool,
    element: ElementType,
    big_endian: bool,
) -> Result<Tensor, DatasetError> {
    let promised =
        n_elements(&shape).and_then(|n| n.checked_mul(element.size() as u128)).unwrap_or(u128::MAX);
    let n_bytes = stream.check_promise(promised)?;
    let values = read_values(stream, n_bytes, element, big_endian)?;
    stream.expect_end(n_bytes)?;
    Ok(Tensor { file: stream.file.clone(), shape, column_major, values, budget: stream.budget })
}

/// Reads `n_bytes` of elements; the promise has been checked.
pub(super) fn read_values(
    stream: &mut Stream<'_>,
    n_bytes: u64,
    element: ElementType,
    big_endian: bool,
) -> Result<Values, DatasetError> {
    use ElementType::*;
    macro_rules! decode {
        ($kind:ident, $number:ty, $convert:expr) => {
            Values::$kind(decode::<{ size_of::<$number>() }, _>(stream, n_bytes, |mut bytes| {
                if big_endian {
                    bytes.reverse();
                }
                $convert(<$number>::from_le_bytes(bytes))
            })?)
        };
    }
    let start = stream.offset;
    Ok(match element {
        Bool => decode!(Byte, u8, |v| u8::from(v != 0)),
        U8 => decode!(Byte, u8, |v| v),
        I8 => decode!(SignedByte, i8, |v| v),
        U16 => decode!(UnsignedShort, u16, |v| v),
        I16 => decode!(Short, i16, |v| v),
        U32 => decode!(Integer, u32, i64::from),
        I32 => decode!(Int, i32, |v| v),
        I64 => decode!(Integer, i64, |v| v),
        F16 => decode!(Single, f16, f16::to_f32),
        Bf16 => decode!(Single, bf16, bf16::to_f32),
        F32 => decode!(Single, f32, |v| v),
        F64 => decode!(Double, f64, |v| v),
        U64 => {
            let mut too_large = None;
            let values = decode!(Integer, u64, |v| i64::try_from(v).unwrap_or_else(|_| {
                too_large.get_or_insert(v);
                0
            }));
            if let Some(value) = too_large {
                let problem = format!("the values hold {value}; allowed are integers up to {}", i64::MAX);
                return Err(stream.malformed(start, problem));
            }
            values
        }
    })
}

fn decode<const SIZE: usize, T>(
    stream: &mut Stream<'_>,
    n_bytes: u64,
    mut convert: impl FnMut([u8; SIZE]) -> T,
) -> Result<Vec<T>, DatasetError> {
    let n = n_bytes as usize / SIZE;
    afford(stream.budget, &stream.file, n as u128 * size_of::<T>() as u128)?;
    let mut values = Vec::new();
    let mut chunk = vec![0; (1 << 16).min(n_bytes as usize)];
    let mut left = n_bytes as usize;
    // For compressed data the promise is only known to be possible, so most room is made as the data come.
    let sure = if stream.exact { n } else { n.min((1 << 28) / SIZE) };
    reserve(&mut values, &stream.file, sure)?;
    while left > 0 {
        let wanted = chunk.len().min(left);
        let found = stream.fill(&mut chunk[..wanted])?;
        if found < wanted {
            return Err(DatasetError::Truncated {
                file: stream.file.clone(),
                promised: u128::from(n_bytes),
                given: n_bytes - (left - found) as u64,
                exact: true,
            });
        }
        grow(&mut values, &stream.file, wanted / SIZE)?;
        let (elements, _) = chunk[..wanted].as_chunks::<SIZE>();
        values.extend(elements.iter().map(|&bytes| convert(bytes)));
        left -= wanted;
    }
    Ok(values)
}

impl Tensor {
    /// Rows and columns: one axis is one column.
    pub fn rows_and_columns(&self) -> Result<(usize, usize), DatasetError> {
        let (rows, columns) = match self.shape[..] {
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => return Err(self.shape_error("one axis (samples) or two (samples, columns)")),
        };
        if rows == 0 || columns == 0 {
            return Err(DatasetError::Empty { file: self.file.clone(), shape: self.shape.clone() });
        }
        Ok((rows, columns))
    }

    /// Makes one axis of all but the first: an image becomes a row.
    pub fn flatten(mut self) -> Result<Tensor, DatasetError> {
        if self.shape.len() > 2 {
            // With a zero among them, the lengths of the other axes may multiply to anything.
            if self.shape.contains(&0) {
                return Err(DatasetError::Empty { file: self.file, shape: self.shape });
            }
            if self.column_major {
                let Tensor { file, shape, budget, .. } = &self;
                let (file, shape, budget) = (file.clone(), shape.clone(), *budget);
                self.values = match self.values {
                    Values::Byte(values) => Values::Byte(row_major(&file, &shape, budget, values)?),
                    Values::SignedByte(values) => {
                        Values::SignedByte(row_major(&file, &shape, budget, values)?)
                    }
                    Values::Short(values) => Values::Short(row_major(&file, &shape, budget, values)?),
                    Values::UnsignedShort(values) => {
                        Values::UnsignedShort(row_major(&file, &shape, budget, values)?)
                    }
                    Values::Int(values) => Values::Int(row_major(&file, &shape, budget, values)?),
                    Values::Integer(values) => Values::Integer(row_major(&file, &shape, budget, values)?),
                    Values::Single(values) => Values::Single(row_major(&file, &shape, budget, values)?),
                    Values::Double(values) => Values::Double(row_major(&file, &shape, budget, values)?),
                };
                self.column_major = false;
            }
            let columns = self.shape[1..].iter().product();
            self.shape = vec![self.shape[0], columns];
        }
        Ok(self)
    }

    /// The values in single precision and row-major order, of any number of axes; NaN and infinity are kept.
    pub fn into_samples(self) -> Result<SampleTensor, DatasetError> {
        if self.shape.is_empty() {
            return Err(self.shape_error("one axis or more, the first of which counts the samples"));
        }
        // An empty file may be one that is not written yet, but its header says otherwise.
        if self.shape.contains(&0) {
            return Err(DatasetError::Empty { file: self.file, shape: self.shape });
        }
        let Tensor { file, shape, column_major, values, budget } = self;
        let values = match values {
            Values::Single(values) if !column_major || shape.len() == 1 => values,
            Values::Single(values) => row_major(&file, &shape, budget, values)?,
            Values::Byte(values) => singles(&file, &shape, column_major, budget, values, f32::from)?,
            Values::SignedByte(values) => singles(&file, &shape, column_major, budget, values, f32::from)?,
            Values::Short(values) => singles(&file, &shape, column_major, budget, values, f32::from)?,
            Values::UnsignedShort(values) => singles(&file, &shape, column_major, budget, values, f32::from)?,
            Values::Int(values) => {
                singles(&file, &shape, column_major, budget, values, |value| value as f32)?
            }
            Values::Integer(values) => {
                singles(&file, &shape, column_major, budget, values, |value| value as f32)?
            }
            Values::Double(values) => {
                let fits = |value: f64| !value.is_finite() || (value as f32).is_finite();
                if let Some(index) = values.iter().position(|&value| !fits(value)) {
                    // As a row and the place in it, whatever the number of axes.
                    let width = values.len() / shape[0];
                    let (row, column) = match column_major {
                        true => (index % shape[0], index / shape[0]),
                        false => (index / width, index % width),
                    };
                    return Err(DatasetError::Overflow { file, row, column, value: values[index] });
                }
                singles(&file, &shape, column_major, budget, values, |value| value as f32)?
            }
        };
        Ok(SampleTensor { shape, values })
    }

    pub fn shape_error(&self, allowed: &'static str) -> DatasetError {
        DatasetError::Shape { file: self.file.clone(), given: self.shape.clone(), allowed }
    }
}

/// Values of any order in single precision and row-major order.
fn singles<T: Copy>(
    file: &str,
    shape: &[usize],
    column_major: bool,
    budget: Budget,
    values: Vec<T>,
    convert: impl Fn(T) -> f32,
) -> Result<Vec<f32>, DatasetError> {
    let given = size_of::<T>() as u128 * values.len() as u128;
    afford(budget, file, given + size_of::<f32>() as u128 * values.len() as u128)?;
    let mut converted = room(file, values.len())?;
    converted.extend(values.iter().map(|&value| convert(value)));
    drop(values);
    if column_major && shape.len() > 1 { row_major(file, shape, budget, converted) } else { Ok(converted) }
}

/// Values in column-major order in row-major order.
fn row_major<T: Copy>(
    file: &str,
    shape: &[usize],
    budget: Budget,
    values: Vec<T>,
) -> Result<Vec<T>, DatasetError> {
    afford(budget, file, 2 * size_of::<T>() as u128 * values.len() as u128)?;
    let mut turned = room(file, values.len())?;
    // How far apart neighbours along each axis lie.
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &length in shape {
        strides.push(stride);
        stride *= length;
    }
    let Some((&width, &step)) = shape.last().zip(strides.last()) else { return Ok(values) };
    // Runs along the last axis are copied whole; the index counts through the other axes.
    let mut index = vec![0; shape.len() - 1];
    let mut from = 0;
    while turned.len() < values.len() {
        turned.extend((0..width).map(|place| values[from + place * step]));
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            from += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    Ok(turned)
}

/// The values of a matrix in the order of a file, converted, as a matrix in row-major order.
///
/// There are never more than two copies, what was read and what comes of it.
pub(super) fn converted<T: Copy, U>(
    (file, budget): (&str, Budget),
    values: Vec<T>,
    (rows, columns): (usize, usize),
    column_major: bool,
    convert: impl Fn(T) -> U,
) -> Result<Array2<U>, DatasetError> {
    let n = values.len();
    afford(budget, file, n as u128 * (size_of::<T>() + size_of::<U>()) as u128)?;
    let mut converted = room(file, n)?;
    if column_major && columns > 1 && rows > 1 {
        for row in 0..rows {
            converted.extend((0..columns).map(|column| convert(values[row + column * rows])));
        }
    } else {
        converted.extend(values.into_iter().map(convert));
    }
    Ok(whole(converted, rows, columns))
}

/// The values of a matrix in the order of a file as a matrix in row-major order.
pub(super) fn matrix<T: Copy>(
    (file, budget): (&str, Budget),
    values: Vec<T>,
    (rows, columns): (usize, usize),
    column_major: bool,
) -> Result<Array2<T>, DatasetError> {
    if column_major && columns > 1 && rows > 1 {
        return converted((file, budget), values, (rows, columns), true, |value| value);
    }
    Ok(whole(values, rows, columns))
}

fn whole<T>(values: Vec<T>, rows: usize, columns: usize) -> Array2<T> {
    Array2::from_shape_vec((rows, columns), values).expect("a tensor has as many values as its shape says")
}
