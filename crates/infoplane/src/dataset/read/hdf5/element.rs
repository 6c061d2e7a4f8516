//! The type of an array's elements.

use std::fmt;

use super::super::tensor::ElementType;
use super::source::Fields;
use crate::dataset::DatasetError;

/// What an element is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    Number {
        element: ElementType,
        big_endian: bool,
    },
    /// Text of so many bytes, padded with zeros or spaces.
    Text {
        length: usize,
    },
    Other(String),
}

impl Element {
    pub fn number(&self) -> Option<ElementType> {
        match self {
            Element::Number { element, .. } => Some(*element),
            _ => None,
        }
    }

    /// Reads a datatype message. Enumerations, such as h5py's booleans, are their numbers.
    pub fn read(fields: &mut Fields<'_>) -> Result<Element, DatasetError> {
        use ElementType::*;
        let class = fields.byte()? & 0x0f;
        let flags = fields.uint(3)?;
        let size = fields.uint(4)? as usize;
        let big_endian = flags & 1 != 0;
        let number = |element| Element::Number { element, big_endian };
        let other = |text: String| Ok(Element::Other(text));
        match class {
            0 => {
                let (offset, precision) = (fields.uint(2)?, fields.uint(2)?);
                let element = match (size, flags & 8 != 0) {
                    (1, false) => U8,
                    (1, true) => I8,
                    (2, false) => U16,
                    (2, true) => I16,
                    (4, false) => U32,
                    (4, true) => I32,
                    (8, false) => U64,
                    (8, true) => I64,
                    _ => return other(format!("integers of {size} bytes")),
                };
                if (offset, precision) != (0, 8 * size as u64) {
                    return other(format!("integers of {precision} bits in {size} bytes"));
                }
                Ok(number(element))
            }
            1 => {
                let (offset, precision) = (fields.uint(2)?, fields.uint(2)?);
                let (exponent_at, exponent) = (fields.byte()?, fields.byte()?);
                let (mantissa_at, mantissa) = (fields.byte()?, fields.byte()?);
                let bias = fields.uint(4)?;
                let sign_at = (flags >> 8) & 0xff;
                let element = match (size, exponent_at, exponent, mantissa, bias, sign_at) {
                    (2, 10, 5, 10, 15, 15) => F16,
                    (2, 7, 8, 7, 127, 15) => Bf16,
                    (4, 23, 8, 23, 127, 31) => F32,
                    (8, 52, 11, 52, 1023, 63) => F64,
                    _ => return other(format!("floats of {size} bytes, not of IEEE 754")),
                };
                // Bit 6 is the byte order of the VAX.
                if (offset, precision, mantissa_at, flags & 0x40) != (0, 8 * size as u64, 0, 0) {
                    return other(format!("floats of {size} bytes in an unusual order"));
                }
                Ok(number(element))
            }
            3 => Ok(Element::Text { length: size }),
            8 => match Element::read(fields)? {
                base @ Element::Number { .. } => Ok(base),
                _ => other("an enumeration".into()),
            },
            2 => other("times".into()),
            4 => other("bit fields".into()),
            5 => other("opaque".into()),
            6 => other("compound, such as complex numbers".into()),
            7 => other("references".into()),
            9 => other("of variable length; save labels as dtype='S10'".into()),
            10 => other("arrays".into()),
            _ => other(format!("of class {class}")),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Number { element, .. } => element.fmt(f),
            Element::Text { length } => write!(f, "text of {length} bytes"),
            Element::Other(text) => f.write_str(text),
        }
    }
}
