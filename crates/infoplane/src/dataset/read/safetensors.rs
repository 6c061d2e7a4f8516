//! safetensors: a JSON header, then the elements of every array.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use ::safetensors::tensor::Metadata;

use super::array_file::ArrayInfo;
use super::choose;
use super::stream::Stream;
use super::tensor::{ALLOWED_ELEMENTS, ElementType, Tensor, read_tensor};
use crate::dataset::DatasetError;

/// The format's own limit, which the crate keeps where it reads a whole file.
const MAX_HEADER: u64 = 100_000_000;

/// A file whose header has been read and checked.
#[derive(Debug)]
pub(super) struct Archive<R> {
    path: PathBuf,
    reader: R,
    metadata: Metadata,
    /// Where the elements begin.
    start: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the header of a file of `length` bytes.
    pub fn new(path: &Path, mut reader: R, length: u64) -> Result<Archive<R>, DatasetError> {
        let mut stream = Stream::of_length(path.display().to_string(), &mut reader, length);
        let n_header = u64::from_le_bytes(stream.header("the length of the header")?);
        if n_header > MAX_HEADER {
            let problem = format!("a header of {n_header} bytes; allowed are {MAX_HEADER}");
            return Err(stream.malformed(0, problem));
        }
        let header = stream.header_bytes(n_header, "the header")?;
        // The crate checks every shape against its offsets, and that the arrays follow each other without a gap.
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| stream.malformed(8, format!("not a safetensors header: {error}")))?;
        stream.check_promise(metadata.data_len() as u128)?;
        let start = stream.offset;
        drop(stream);
        Ok(Archive { path: path.into(), reader, metadata, start })
    }

    pub fn arrays(&self) -> Vec<ArrayInfo> {
        let describe = |name: String| {
            let info = self.metadata.info(&name).expect("the name comes from this header");
            ArrayInfo { shape: info.shape.clone(), element: element_type(info.dtype), name }
        };
        self.metadata.offset_keys().into_iter().map(describe).collect()
    }

    /// Reads the array called `key`, or the only one.
    pub fn read(&mut self, key: Option<&str>) -> Result<Tensor, DatasetError> {
        // A name is looked up; the list of all names is for the message.
        let name = match key.filter(|name| self.metadata.info(name).is_some()) {
            Some(name) => name.to_owned(),
            None => choose(&self.path, key, &self.metadata.offset_keys())?.to_owned(),
        };
        let info = self.metadata.info(&name).expect("the name comes from this header");
        let file = format!("{}:{name}", self.path.display());
        let Some(element) = element_type(info.dtype) else {
            let given = format!("{:?}", info.dtype);
            return Err(DatasetError::ElementType { file, given, allowed: ALLOWED_ELEMENTS });
        };
        let (begin, end) = info.data_offsets;
        let from = SeekFrom::Start(self.start + begin as u64);
        self.reader.seek(from).map_err(|error| DatasetError::io(&file, error))?;
        let n_bytes = (end - begin) as u64;
        let mut stream = Stream::of_length(file, self.reader.by_ref().take(n_bytes), n_bytes);
        read_tensor(&mut stream, info.shape.clone(), false, element, false)
    }
}

/// How an element is read; none for those of fewer than eight bits and the like.
fn element_type(dtype: Dtype) -> Option<ElementType> {
    Some(match dtype {
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), header in ".{0,80}") {
            let parse = |bytes: &[u8]| {
                let reader = std::io::Cursor::new(bytes);
                Archive::new(Path::new("x"), reader, bytes.len() as u64).and_then(|mut archive| {
                    archive.arrays();
                    archive.read(None)
                })
            };
            let _ = parse(&bytes);
            let mut framed = (header.len() as u64).to_le_bytes().to_vec();
            framed.extend(header.as_bytes());
            framed.extend(bytes);
            let _ = parse(&framed);
        }
    }
}
