//! IDX, the format of MNIST: two zeros, an element type, the number of axes, their lengths, the elements.
//!
//! Format: <http://yann.lecun.com/exdb/mnist/>. All numbers are big-endian.

use super::stream::Stream;
use super::tensor::{ElementType, Tensor, read_tensor};
use crate::dataset::DatasetError;

/// Reads one array, which must end where the stream does.
pub(super) fn read(stream: &mut Stream<'_>) -> Result<Tensor, DatasetError> {
    let (shape, element) = header(stream)?;
    read_tensor(stream, shape, false, element, true)
}

/// Reads what stands before the elements: the length of each axis and the type of the elements.
pub(super) fn header(stream: &mut Stream<'_>) -> Result<(Vec<usize>, ElementType), DatasetError> {
    let [zero, nil, code, n_axes] = stream.header("the first four bytes")?;
    if (zero, nil) != (0, 0) {
        return Err(stream.malformed(0, "the file does not begin with two zeros, as IDX files do"));
    }
    let element = match code {
        0x08 => ElementType::U8,
        0x09 => ElementType::I8,
        0x0b => ElementType::I16,
        0x0c => ElementType::I32,
        0x0d => ElementType::F32,
        0x0e => ElementType::F64,
        _ => {
            return Err(DatasetError::ElementType {
                file: stream.file.clone(),
                given: format!("of type 0x{code:02x}"),
                allowed: "0x08 (u8), 0x09 (i8), 0x0b (i16), 0x0c (i32), 0x0d (f32), 0x0e (f64)",
            });
        }
    };
    let mut shape = Vec::with_capacity(n_axes.into());
    for _ in 0..n_axes {
        shape.push(u32::from_be_bytes(stream.header("the lengths of the axes")?) as usize);
    }
    Ok((shape, element))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::read::tensor::Values;

    const FILE: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6];

    #[test]
    fn shape_and_bytes_come_as_written() {
        let tensor = read(&mut Stream::of_bytes(&FILE)).unwrap();
        assert_eq!((tensor.shape, tensor.values), (vec![3, 2], Values::Byte(vec![1, 2, 3, 4, 5, 6])));
    }

    #[test]
    fn every_cut_and_every_extension_is_an_error() {
        for length in 0..FILE.len() {
            assert!(read(&mut Stream::of_bytes(&FILE[..length])).is_err(), "cut to {length} bytes");
        }
        let longer = [&FILE[..], &[0]].concat();
        let error = read(&mut Stream::of_bytes(&longer)).unwrap_err();
        assert!(matches!(error, DatasetError::Trailing { promised: 6, given: 7, .. }), "{error}");
    }

    #[test]
    fn a_promise_of_terabytes_takes_no_memory() {
        let mut bytes = vec![0, 0, 0x0e, 255];
        bytes.extend([0xff; 4 * 255]);
        let error = read(&mut Stream::of_bytes(&bytes)).unwrap_err();
        assert!(matches!(error, DatasetError::Truncated { given: 0, .. }), "{error}");
    }

    #[test]
    fn other_formats_and_element_types_are_refused() {
        assert!(matches!(read(&mut Stream::of_bytes(b"PK\x03\x04")), Err(DatasetError::Malformed { .. })));
        let error = read(&mut Stream::of_bytes(&[0, 0, 0x0a, 1, 0, 0, 0, 0])).unwrap_err();
        assert!(error.to_string().contains("0x0a"), "{error}");
    }
}
