//! safetensors: a JSON header, then the elements of every array.

use std::path::Path;

use ::safetensors::{Dtype, SafeTensors};

use super::choose;
use super::stream::{self, Stream};
use super::tensor::{ALLOWED_ELEMENTS, ElementType, Tensor, read_tensor};
use crate::dataset::DatasetError;

/// Reads the array called `key`, or the only one.
pub(super) fn read(path: &Path, key: Option<&str>) -> Result<Tensor, DatasetError> {
    let (file, length) = stream::open_file(path)?;
    let file_name = path.display().to_string();
    let bytes = Stream::of_length(file_name.clone(), file, length).rest()?;
    parse(path, &bytes, key)
}

fn parse(path: &Path, bytes: &[u8], key: Option<&str>) -> Result<Tensor, DatasetError> {
    // The crate checks every offset against the length of the file, and that the arrays fill it exactly.
    let container = SafeTensors::deserialize(bytes).map_err(|error| DatasetError::Malformed {
        file: path.display().to_string(),
        offset: 0,
        problem: format!("not a safetensors file: {error}"),
    })?;
    let names: Vec<String> = container.names().into_iter().map(Into::into).collect();
    let name = choose(path, key, &names)?;
    let view = container.tensor(name).expect("the name comes from this container");
    let file = format!("{}:{name}", path.display());
    let element = match view.dtype() {
        Dtype::BOOL => ElementType::Bool,
        Dtype::U8 => ElementType::U8,
        Dtype::I8 => ElementType::I8,
        Dtype::U16 => ElementType::U16,
        Dtype::I16 => ElementType::I16,
        Dtype::U32 => ElementType::U32,
        Dtype::I32 => ElementType::I32,
        Dtype::U64 => ElementType::U64,
        Dtype::I64 => ElementType::I64,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        Dtype::F32 => ElementType::F32,
        Dtype::F64 => ElementType::F64,
        other => {
            let given = format!("{other:?}");
            return Err(DatasetError::ElementType { file, given, allowed: ALLOWED_ELEMENTS });
        }
    };
    let data = view.data();
    let mut stream = Stream::of_length(file, data, data.len() as u64);
    read_tensor(&mut stream, view.shape().to_vec(), false, element, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), header in ".{0,80}") {
            let _ = parse(Path::new("x"), &bytes, None);
            let mut framed = (header.len() as u64).to_le_bytes().to_vec();
            framed.extend(header.as_bytes());
            framed.extend(bytes);
            let _ = parse(Path::new("x"), &framed, None);
        }
    }
}
