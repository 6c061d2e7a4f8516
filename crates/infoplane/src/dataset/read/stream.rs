//! Bytes of a file, plain or unpacked, with a bound on how many there can be.
//!
//! A header may promise anything. Every reader asks the stream whether so much can follow before it makes
//! room, so that what a file takes in memory is bounded by what the file is on disk.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::dataset::DatasetError;

/// The most that a compressed file may unpack to, 4 GiB.
///
/// A few megabytes of zeros can unpack to more than any memory; 4 GiB is far above every data set this
/// program is for (MNIST takes 55 MB, the digits of EMNIST 220 MB).
pub const MAX_UNPACKED: u64 = 4 << 30;

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
}

/// Opens a regular file; says what it is if it is something else.
pub(super) fn open_file(path: &Path) -> Result<(File, u64), DatasetError> {
    let name = path.display().to_string();
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(|source| DatasetError::io(&name, source))?;
    if !metadata.is_file() {
        let given = if metadata.is_dir() { "a directory" } else { "a device or a pipe" };
        return Err(DatasetError::FileType { file: name, given, allowed: "a file" });
    }
    let file = File::open(path).map_err(|source| DatasetError::io(&name, source))?;
    Ok((file, metadata.len()))
}

impl<'a> Stream<'a> {
    /// A file, unpacked if it begins as gzip does, whatever its name.
    pub fn open(path: &Path) -> Result<Stream<'static>, DatasetError> {
        let (mut file, length) = open_file(path)?;
        let name = path.display().to_string();
        let mut magic = Vec::with_capacity(2);
        file.by_ref().take(2).read_to_end(&mut magic).map_err(|source| DatasetError::io(&name, source))?;
        let gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(file);
        Ok(if gzip {
            Stream::deflated(name, MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole)), length)
        } else {
            Stream { file: name, reader: Box::new(whole), offset: 0, length, exact: true }
        })
    }

    /// What `reader` unpacks from `packed` bytes.
    pub fn deflated(file: String, reader: impl Read + 'a, packed: u64) -> Stream<'a> {
        let length = packed.saturating_mul(MAX_DEFLATE_RATIO).saturating_add(64).min(MAX_UNPACKED);
        Stream { file, reader: Box::new(reader), offset: 0, length, exact: false }
    }

    /// What `reader` gives, of a length that is known.
    pub fn of_length(file: String, reader: impl Read + 'a, length: u64) -> Stream<'a> {
        Stream { file, reader: Box::new(reader), offset: 0, length, exact: true }
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
        if !self.exact && promised > u128::from(MAX_UNPACKED) {
            return Err(DatasetError::TooLarge {
                file: self.file.clone(),
                given: promised,
                allowed: MAX_UNPACKED,
            });
        }
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
        self.read_to_end(&mut bytes).map_err(|source| DatasetError::io(&self.file, source))?;
        Ok(bytes)
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

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.offset += n as u64;
        if !self.exact && self.offset > MAX_UNPACKED {
            return Err(io::Error::other(format!(
                "unpacks to more than {MAX_UNPACKED} bytes; unpack it first"
            )));
        }
        Ok(n)
    }
}
