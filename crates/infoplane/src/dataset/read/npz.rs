//! numpy's `.npz`: a zip archive of `.npy` files, stored or deflated.

use std::io::BufReader;
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::stream::{self, Stream};
use super::tensor::Tensor;
use super::{choose, npy};
use crate::dataset::DatasetError;

/// Reads the array called `key`, or the only one.
pub(super) fn read(path: &Path, key: Option<&str>) -> Result<Tensor, DatasetError> {
    let (file, length) = stream::open_file(path)?;
    let zip_error = |error| DatasetError::io(path.display(), std::io::Error::from(error));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_error)?;
    let mut names = Vec::with_capacity(archive.len());
    for name in archive.file_names() {
        let name = name.map_err(zip_error)?;
        names.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
    }
    let name = choose(path, key, &names)?;
    let member = match archive.index_for_name(&format!("{name}.npy")) {
        Some(index) => index,
        None => archive.index_for_name(name).expect("the name comes from this archive"),
    };
    let member = archive.by_index(member).map_err(zip_error)?;
    let label = format!("{}:{name}", path.display());
    let (packed, unpacked) = (member.compressed_size(), member.size());
    let mut stream = match member.compression() {
        // The sizes are the archive's word; what is really there bounds them.
        CompressionMethod::Stored => Stream::of_length(label, member, unpacked.min(length)),
        _ => Stream::deflated(label, member, packed.min(length)),
    };
    npy::read(&mut stream)
}
