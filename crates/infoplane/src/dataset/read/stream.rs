//! Bytes of a file, plain or unpacked, with a bound on how many there can be.
//!
//! A header may promise anything. Every reader asks the stream whether so much can follow before it makes
//! room, and whether the budget affords it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::room::{afford, grow, reserve};
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// How many bytes one byte of deflated data can unpack to: a two-bit code repeats 258 bytes.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Bytes to read, in order, with what is known of their number.
pub(super) struct Stream<'a> {
    /// What messages call it.
    pub file: String,
    reader: Box<dyn Read + 'a>,
    /// Bytes read so far.
    pub offset: u64,
    /// The length: exact for plain files, an upper bound for compressed ones.
    length: u64,
    pub exact: bool,
    /// What its data may take in memory.
    pub budget: Budget,
}

/// A file, or bytes in memory.
pub(super) trait ReadSeek: Read + Seek + fmt::Debug + Send + Sync {}

impl<R: Read + Seek + fmt::Debug + Send + Sync> ReadSeek for R {}

/// Opens a regular file, or standard input, which is `-`; says what it is if it is something else.
pub(super) fn open_file(path: &Path) -> Result<(Box<dyn ReadSeek>, u64), DatasetError> {
    if is_standard_input(path) {
        let bytes = standard_input()?;
        return Ok((Box::new(Cursor::new(bytes)), bytes.len() as u64));
    }
    let name = path.display().to_string();
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(|source| DatasetError::io(&name, source))?;
    if !metadata.is_file() {
        let given = if metadata.is_dir() { "a directory" } else { "a device or a pipe" };
        let allowed = "a file, or - for standard input";
        return Err(DatasetError::FileType { file: name, given, allowed });
    }
    let file = File::open(path).map_err(|source| DatasetError::io(&name, source))?;
    Ok((Box::new(file), metadata.len()))
}

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin")
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".into() } else { path.display().to_string() }
}

/// All of standard input, which can be read once and is kept: several arrays may come from it.
fn standard_input() -> Result<&'static [u8], DatasetError> {
    static BYTES: OnceLock<Result<Vec<u8>, DatasetError>> = OnceLock::new();
    let read = || Stream::of_length("standard input".into(), io::stdin().lock(), u64::MAX).rest();
    BYTES.get_or_init(read).as_deref().map_err(again)
}

/// The same error once more.
fn again(error: &DatasetError) -> DatasetError {
    match error {
        DatasetError::TooLarge { file, needed, budget } => {
            DatasetError::TooLarge { file: file.clone(), needed: *needed, budget: *budget }
        }
        DatasetError::NoMemory { file, asked } => {
            DatasetError::NoMemory { file: file.clone(), asked: *asked }
        }
        DatasetError::Io { file, error } => DatasetError::io(file, io::Error::other(error.to_string())),
        other => DatasetError::io("standard input", io::Error::other(other.to_string())),
    }
}

impl<'a> Stream<'a> {
    /// A file, unpacked if it begins as gzip does, whatever its name.
    pub fn open(path: &Path) -> Result<Stream<'static>, DatasetError> {
        let (mut file, length) = open_file(path)?;
        let name = name(path);
        let mut magic = Vec::with_capacity(4);
        file.by_ref().take(4).read_to_end(&mut magic).map_err(|source| DatasetError::io(&name, source))?;
        if magic == *b"PK\x03\x04" {
            file.rewind().map_err(|source| DatasetError::io(&name, source))?;
            return Stream::zipped(name, file, length);
        }
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        let whole = Cursor::new(magic).chain(file);
        Ok(match gzip {
            true => {
                Stream::deflated(name, MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole)), length)
            }
            false => Stream::of_length(name, whole, length),
        })
    }

    /// The only file of a zip archive, unpacked as it is read.
    fn zipped(name: String, file: Box<dyn ReadSeek>, length: u64) -> Result<Stream<'static>, DatasetError> {
        let failed = |error| DatasetError::io(&name, io::Error::from(error));
        let mut zip = ZipArchive::new(BufReader::with_capacity(1 << 16, file)).map_err(failed)?;
        let (index, _) = only_file(&name, &mut zip)?;
        let member = zip.by_index(index).map_err(failed)?;
        let (packed, unpacked) = (member.compressed_size().min(length), member.size());
        let (method, sum, start) = (member.compression(), member.crc32(), member.data_start());
        drop(member);
        let mut file = zip.into_inner();
        let start = start.ok_or_else(|| DatasetError::io(&name, io::ErrorKind::InvalidData.into()))?;
        file.seek(SeekFrom::Start(start)).map_err(|error| DatasetError::io(&name, error))?;
        let packed_bytes = file.take(packed);
        Ok(match method {
            CompressionMethod::Stored => {
                Stream::of_length(name, Summed::new(packed_bytes, sum), unpacked.min(packed))
            }
            _ => Stream::deflated(name, Summed::new(DeflateDecoder::new(packed_bytes), sum), packed),
        })
    }

    /// What `reader` unpacks from `packed` bytes.
    pub fn deflated(file: String, reader: impl Read + 'a, packed: u64) -> Stream<'a> {
        let length = packed.saturating_mul(MAX_DEFLATE_RATIO).saturating_add(64);
        Stream { exact: false, ..Stream::of_length(file, reader, length) }
    }

    /// What `reader` gives, of a length that is known.
    pub fn of_length(file: String, reader: impl Read + 'a, length: u64) -> Stream<'a> {
        Stream { file, reader: Box::new(reader), offset: 0, length, exact: true, budget: Budget::now() }
    }

    /// The same with another budget.
    pub fn within(self, budget: Budget) -> Stream<'a> {
        Stream { budget, ..self }
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub fn of_bytes(bytes: &'a [u8]) -> Stream<'a> {
        Stream::of_length("bytes".into(), bytes, bytes.len() as u64)
    }

    /// At most how many bytes are left.
    pub fn left(&self) -> u64 {
        self.length.saturating_sub(self.offset)
    }

    /// Refuses a promise of values that cannot be kept.
    pub fn check_promise(&self, promised: u128) -> Result<u64, DatasetError> {
        if promised > u128::from(self.left()) {
            return Err(DatasetError::Truncated {
                file: self.file.clone(),
                promised,
                given: self.left(),
                exact: self.exact,
            });
        }
        let promised = promised as u64;
        if self.exact && promised < self.left() {
            return Err(DatasetError::Trailing { file: self.file.clone(), promised, given: self.left() });
        }
        Ok(promised)
    }

    /// Fills `buffer` as far as there are bytes; says how many there were.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, DatasetError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(DatasetError::io(&self.file, source)),
            }
        }
        Ok(filled)
    }

    /// The next `N` bytes of a header.
    pub fn header<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DatasetError> {
        let mut bytes = [0; N];
        let start = self.offset;
        let found = self.fill(&mut bytes)?;
        if found < N {
            return Err(self.ends(start, what));
        }
        Ok(bytes)
    }

    /// The next `length` bytes of a header; `length` may be a lie.
    pub fn header_bytes(&mut self, length: u64, what: &str) -> Result<Vec<u8>, DatasetError> {
        let start = self.offset;
        let mut bytes = Vec::new();
        if length <= self.left() {
            bytes.resize(length as usize, 0);
            if self.fill(&mut bytes)? as u64 == length {
                return Ok(bytes);
            }
        }
        Err(self.ends(start, what))
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> Result<Vec<u8>, DatasetError> {
        let mut bytes = Vec::new();
        if self.exact && self.length < u64::MAX {
            afford(self.budget, &self.file, self.left().into())?;
            reserve(&mut bytes, &self.file, self.left() as usize)?;
        }
        self.add(&mut bytes, self.left())?;
        Ok(bytes)
    }

    /// The next `n` bytes, or what there is of them; `n` may be a lie.
    pub fn first(&mut self, n: u64) -> Result<Vec<u8>, DatasetError> {
        let mut bytes = Vec::new();
        self.add(&mut bytes, n)?;
        Ok(bytes)
    }

    /// Adds up to `n` bytes to `bytes`, for which room is made as they come.
    fn add(&mut self, bytes: &mut Vec<u8>, n: u64) -> Result<(), DatasetError> {
        const AT_ONCE: u64 = 1 << 16;
        let mut left = n;
        loop {
            afford(self.budget, &self.file, bytes.len() as u128)?;
            let at_once = left.min(AT_ONCE) as usize;
            grow(bytes, &self.file, at_once)?;
            let start = bytes.len();
            bytes.resize(start + at_once, 0);
            let found = self.fill(&mut bytes[start..])?;
            bytes.truncate(start + found);
            left -= found as u64;
            if found < at_once || left == 0 {
                return Ok(());
            }
        }
    }

    /// Refuses bytes after the last value. For compressed data this also checks the check sum.
    pub fn expect_end(&mut self, promised: u64) -> Result<(), DatasetError> {
        match self.fill(&mut [0])? {
            0 => Ok(()),
            more => Err(DatasetError::Trailing {
                file: self.file.clone(),
                promised,
                given: promised + more as u64,
            }),
        }
    }

    /// The file ends inside `what`, which begins at `offset`.
    fn ends(&self, offset: u64, what: &str) -> DatasetError {
        DatasetError::Ends { file: self.file.clone(), offset, what: what.into() }
    }

    /// An error at a place in this stream.
    pub fn malformed(&self, offset: u64, problem: impl Into<String>) -> DatasetError {
        DatasetError::Malformed { file: self.file.clone(), offset, problem: problem.into() }
    }
}

/// The number and name of the only file of a zip archive.
pub(super) fn only_file<R: Read + Seek>(
    name: &str,
    zip: &mut ZipArchive<R>,
) -> Result<(usize, String), DatasetError> {
    let mut files = Vec::new();
    for (index, member) in zip.file_names().enumerate() {
        let member = member.map_err(|error| DatasetError::io(name, io::Error::from(error)))?;
        // What macOS adds is no file of its user's.
        if !member.ends_with('/') && !member.starts_with("__MACOSX/") {
            files.push((index, member.to_string()));
        }
    }
    match <[_; 1]>::try_from(files) {
        Ok([only]) => Ok(only),
        Err(files) => {
            let listed: Vec<String> = files.into_iter().map(|(_, file)| file).collect();
            let problem = format!(
                "a zip archive of {} files ({}); one is read: unpack the one that is wanted",
                listed.len(),
                crate::dataset::names(&listed)
            );
            Err(DatasetError::Malformed { file: name.to_owned(), offset: 0, problem })
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.offset += n as u64;
        Ok(n)
    }
}

/// Bytes whose check sum is compared at their end.
struct Summed<R> {
    reader: R,
    sum: u32,
    hasher: crc32fast::Hasher,
}

impl<R> Summed<R> {
    fn new(reader: R, sum: u32) -> Self {
        Summed { reader, sum, hasher: crc32fast::Hasher::new() }
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        if n == 0 && !buffer.is_empty() && self.hasher.clone().finalize() != self.sum {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the check sum is wrong, so it is damaged",
            ));
        }
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}
