//! The bytes of an HDF5 file, and the superblock that says how to read them.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::super::room::zeros;
use super::super::stream::{self, ReadSeek};
use crate::dataset::DatasetError;

pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// A file with the widths of its numbers.
pub(super) struct Source {
    pub file: String,
    reader: Box<dyn ReadSeek>,
    pub length: u64,
    /// Where address 0 is: after what others keep at the front of the file.
    base: u64,
    /// Bytes of an address.
    pub offset_size: usize,
    /// Bytes of a length.
    pub length_size: usize,
    /// Bytes of structure that may still be read.
    budget: u64,
}

/// Opens a file; gives the address of its root group, and whether MATLAB wrote it.
pub(super) fn open(path: &Path) -> Result<(Source, u64, bool), DatasetError> {
    let (reader, length) = stream::open_file(path)?;
    let file = path.display().to_string();
    // Each structure is read about once; references that go in circles read the same ones again and again.
    let budget = length.saturating_mul(4).saturating_add(1 << 20);
    let mut source = Source { file, reader, length, base: 0, offset_size: 8, length_size: 8, budget };
    // The superblock is at 0, or after a block of another format, at 512, 1024, 2048, …
    while source.block(0, 8, "the signature")? != SIGNATURE {
        source.base = if source.base == 0 { 512 } else { source.base * 2 };
        // A short file may be one whose first block is not followed by anything yet.
        if source.base > 512 && source.base >= length {
            let problem = "no signature of HDF5 at 0, 512, 1024, …";
            return Err(DatasetError::Malformed { file: source.file, offset: 0, problem: problem.into() });
        }
    }
    let matlab = source.base > 0 && {
        let mut first = [0; 10];
        let rewound = source.reader.rewind().and_then(|()| source.reader.read_exact(&mut first));
        rewound.map_err(|error| DatasetError::io(&source.file, error))?;
        first == *b"MATLAB 7.3"
    };
    let root = source.superblock()?;
    Ok((source, root, matlab))
}

impl Source {
    /// Reads what follows the signature; gives the address of the root group.
    fn superblock(&mut self) -> Result<u64, DatasetError> {
        const WHAT: &str = "the superblock";
        let head = self.block(8, 8, WHAT)?;
        let version = head[0];
        let (offset_size, length_size, at) = match version {
            // Up to the sizes of the trees; version 1 has one more.
            0 => (head[5], head[6], 24),
            1 => (head[5], head[6], 28),
            2 | 3 => (head[1], head[2], 12),
            _ => {
                let problem = format!("a superblock of version {version}; allowed are 0 to 3");
                return Err(self.malformed(8, problem));
            }
        };
        if ![4, 8].contains(&offset_size) || ![4, 8].contains(&length_size) {
            let problem =
                format!("addresses of {offset_size} and lengths of {length_size} bytes; allowed are 4 and 8");
            return Err(self.malformed(8, problem));
        }
        (self.offset_size, self.length_size) = (offset_size.into(), length_size.into());
        let bytes = self.block(at, 6 * self.offset_size as u64, WHAT)?;
        let mut fields = self.fields(&bytes, at, WHAT);
        let (_base, _other, end) = (fields.address()?, fields.address()?, fields.uint(self.offset_size)?);
        if version < 2 {
            // The driver, and the name of the root.
            fields.take(2 * self.offset_size)?;
        }
        let root = fields.address()?;
        if end > self.length {
            let what = format!("the data, which should take {end} bytes of which {} are there", self.length);
            return Err(DatasetError::Ends { file: self.file.clone(), offset: self.length, what });
        }
        root.ok_or_else(|| self.malformed(at, "there is no root group"))
    }

    /// Reads `length` bytes of structure at an address.
    pub fn block(&mut self, address: u64, length: u64, what: &str) -> Result<Vec<u8>, DatasetError> {
        match self.budget.checked_sub(length.max(8)) {
            Some(left) => self.budget = left,
            None if length > self.length => {}
            None => return Err(self.malformed(address, "the structure of the file refers to itself")),
        }
        self.read(address, length, what)
    }

    /// Reads the values of an array, of a length that may be a lie.
    pub fn values(&mut self, address: u64, length: u128, file: &str) -> Result<Vec<u8>, DatasetError> {
        let given = self.length.saturating_sub(self.base.saturating_add(address));
        if length > u128::from(given) {
            let file = file.to_owned();
            return Err(DatasetError::Truncated { file, promised: length, given, exact: true });
        }
        self.read(address, length as u64, "the values")
    }

    fn read(&mut self, address: u64, length: u64, what: &str) -> Result<Vec<u8>, DatasetError> {
        let start = self.base.saturating_add(address);
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            let file = self.file.clone();
            return Err(DatasetError::Ends { file, offset: start.min(self.length), what: what.into() });
        }
        let mut bytes = zeros(&self.file, length as usize)?;
        let read = self.reader.seek(SeekFrom::Start(start)).and_then(|_| self.reader.read_exact(&mut bytes));
        read.map_err(|error| DatasetError::io(&self.file, error))?;
        Ok(bytes)
    }

    /// Lets as much structure be read again as the first time: another array is asked for.
    pub fn refresh(&mut self) {
        self.budget = self.length.saturating_mul(4).saturating_add(1 << 20);
    }

    /// The fields of a block that was read from `address`.
    pub fn fields<'a>(&'a self, bytes: &'a [u8], address: u64, what: &'static str) -> Fields<'a> {
        Fields { source: self, bytes, address, what }
    }

    /// An error at an address.
    pub fn malformed(&self, address: u64, problem: impl Into<String>) -> DatasetError {
        let offset = self.base.saturating_add(address);
        DatasetError::Malformed { file: self.file.clone(), offset, problem: problem.into() }
    }
}

/// Bytes of a block, read from the front.
pub(super) struct Fields<'a> {
    source: &'a Source,
    bytes: &'a [u8],
    address: u64,
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DatasetError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| {
            let (what, left) = (self.what, self.bytes.len());
            self.source
                .malformed(self.address, format!("{what} is {left} bytes long where {length} are needed"))
        })?;
        self.bytes = rest;
        self.address += length as u64;
        Ok(taken)
    }

    /// The next number, of up to eight bytes.
    pub fn uint(&mut self, size: usize) -> Result<u64, DatasetError> {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.take(size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn byte(&mut self) -> Result<u8, DatasetError> {
        Ok(self.take(1)?[0])
    }

    /// The next length.
    pub fn length(&mut self) -> Result<u64, DatasetError> {
        self.uint(self.source.length_size)
    }

    /// The next address; none if it is undefined, all ones.
    pub fn address(&mut self) -> Result<Option<u64>, DatasetError> {
        let size = self.source.offset_size;
        let address = self.uint(size)?;
        Ok((address != u64::MAX >> (64 - 8 * size)).then_some(address))
    }

    /// The next address, which must be defined.
    pub fn defined(&mut self) -> Result<u64, DatasetError> {
        let what = self.what;
        self.address()?.ok_or_else(|| self.malformed(format!("{what} leads nowhere")))
    }

    /// The bytes that every structure of some kind begins with.
    pub fn signature(&mut self, signature: &[u8]) -> Result<(), DatasetError> {
        if self.take(signature.len())? == signature {
            return Ok(());
        }
        let what = self.what;
        Err(self.malformed(format!("{what} does not begin with {}", signature.escape_ascii())))
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn malformed(&self, problem: impl Into<String>) -> DatasetError {
        self.source.malformed(self.address, problem)
    }
}
