//! numpy's `.npz`: a zip archive of `.npy` files, stored or deflated.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::array_file::ArrayInfo;
use super::stream::{self, ReadSeek, Stream};
use super::{Format, choose, npy};
use crate::dataset::DatasetError;

/// What a zip archive holds, by the names in it: arrays of numpy, or the one file that was packed.
pub(super) fn format(file: Box<dyn ReadSeek>, length: u64, name: &str) -> Result<Format, DatasetError> {
    let mut reader = BufReader::new(file);
    reader.rewind().map_err(|error| DatasetError::io(name, error))?;
    // One that is cut is told so where it is read.
    if ends_early(&mut reader, length).map_err(|error| DatasetError::io(name, error))? {
        return Ok(Format::Npz);
    }
    let mut zip =
        ZipArchive::new(reader).map_err(|error| DatasetError::io(name, std::io::Error::from(error)))?;
    let is_array = |member: &str| member.ends_with(".npy");
    if zip.file_names().all(|member| member.is_ok_and(|member| is_array(&member))) {
        return Ok(Format::Npz);
    }
    let (_, member) = stream::only_file(name, &mut zip)?;
    Ok(match member.rsplit_once('.').map(|(_, extension)| extension) {
        Some("npy") => Format::Npy,
        Some("mat") => Format::Mat,
        _ => Format::Csv,
    })
}

/// An archive whose directory has been read.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    length: u64,
    zip: ZipArchive<BufReader<Box<dyn ReadSeek>>>,
    /// Names of the arrays, without `.npy`, in the order of the archive.
    names: Vec<String>,
}

impl Archive {
    pub fn open(path: &Path) -> Result<Archive, DatasetError> {
        let (file, length) = stream::open_file(path)?;
        let mut reader = BufReader::new(file);
        let ended =
            ends_early(&mut reader, length).map_err(|error| DatasetError::io(path.display(), error))?;
        if ended {
            let what = "the archive, whose directory comes last".into();
            return Err(DatasetError::Ends { file: path.display().to_string(), offset: length, what });
        }
        let zip_error = |error| DatasetError::io(path.display(), std::io::Error::from(error));
        let zip = ZipArchive::new(reader).map_err(zip_error)?;
        let mut names = Vec::with_capacity(zip.len());
        for name in zip.file_names() {
            let name = name.map_err(zip_error)?;
            names.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
        }
        Ok(Archive { path: path.into(), length, zip, names })
    }

    pub fn arrays(&mut self) -> Result<Vec<ArrayInfo>, DatasetError> {
        let mut arrays = Vec::with_capacity(self.names.len());
        for name in self.names.clone() {
            let (shape, element) = npy::describe(&mut self.member(Some(&name))?)?;
            arrays.push(ArrayInfo { name, shape, element });
        }
        Ok(arrays)
    }

    /// The bytes of the array called `key`, or of the only one.
    pub fn member(&mut self, key: Option<&str>) -> Result<Stream<'_>, DatasetError> {
        let find = |zip: &ZipArchive<_>, name: &str| {
            zip.index_for_name(&format!("{name}.npy")).or_else(|| zip.index_for_name(name))
        };
        // A name is looked up; the list of all names is for the message.
        let (name, index) = match key.and_then(|name| Some((name, find(&self.zip, name)?))) {
            Some(found) => found,
            None => {
                let name = choose(&self.path, key, &self.names)?;
                (name, find(&self.zip, name).expect("the name comes from this archive"))
            }
        };
        let label = format!("{}:{name}", self.path.display());
        let member = self.zip.by_index(index);
        let member =
            member.map_err(|error| DatasetError::io(self.path.display(), std::io::Error::from(error)))?;
        let (packed, unpacked) = (member.compressed_size(), member.size());
        Ok(match member.compression() {
            // The sizes are the archive's word; what is really there bounds them.
            CompressionMethod::Stored => Stream::of_length(label, member, unpacked.min(self.length)),
            _ => Stream::deflated(label, member, packed.min(self.length)),
        })
    }
}

/// Whether an archive stops before the record that ends every archive; something else than an archive does not.
fn ends_early(reader: &mut (impl Read + Seek), length: u64) -> std::io::Result<bool> {
    const END_RECORD: [u8; 4] = *b"PK\x05\x06";
    // The record takes 22 bytes and a comment of up to 65,535.
    const LONGEST: u64 = 22 + 65_535;
    let mut first = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut first)?;
    if !b"PK\x03\x04".starts_with(&first) {
        reader.rewind()?;
        return Ok(false);
    }
    let mut tail = Vec::new();
    reader.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    reader.by_ref().take(LONGEST).read_to_end(&mut tail)?;
    reader.rewind()?;
    let found = tail.windows(4).rposition(|bytes| bytes == END_RECORD);
    Ok(found.is_none_or(|at| tail.len() - at < 22))
}
