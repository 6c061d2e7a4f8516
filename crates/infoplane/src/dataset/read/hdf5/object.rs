//! Object headers: what an object of the file is.

use super::element::Element;
use super::source::{Fields, Source};
use crate::dataset::DatasetError;

/// What a header says, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// What messages call it; set where it is found by name.
    pub file: String,
    pub shape: Vec<usize>,
    pub element: Element,
    pub layout: Layout,
    pub filters: Vec<Filter>,
    /// Why the values cannot be read, wherever they are.
    pub refused: Option<String>,
    /// Addresses of the tree and the heap of a group in the old style.
    pub symbol_table: Option<(u64, u64)>,
    /// Addresses of the heap and the tree of a group of many links in the new style.
    pub dense_links: Option<(u64, u64)>,
    /// Links in the header itself.
    pub links: Vec<(String, u64)>,
    /// Whether the header tells the shape, the type of the elements and where they are.
    pub has: (bool, bool, bool),
}

/// Where the values are.
#[derive(Debug, Clone)]
pub(super) enum Layout {
    /// In the header.
    Compact(Vec<u8>),
    Contiguous {
        address: Option<u64>,
        length: u64,
    },
    Chunked(Chunked),
    /// In a way that is not read, and which.
    Refused(String),
}

/// Values in blocks of one shape.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    /// Lengths of the axes of a chunk.
    pub shape: Vec<usize>,
    pub index: Index,
}

/// How the chunks are found.
#[derive(Debug, Clone)]
pub(super) enum Index {
    /// A tree; none if no chunk has been written.
    Tree(Option<u64>),
    /// One chunk holds everything: its address, and its length if it is packed.
    Single { address: Option<u64>, packed: Option<u64>, mask: u32 },
    /// One after the other.
    Implicit(Option<u64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    Shuffle { size: usize },
    Fletcher32,
}

impl Object {
    pub fn is_array(&self) -> bool {
        self.has == (true, true, true)
    }
}

/// Reads the header at an address.
pub(super) fn read(source: &mut Source, address: u64) -> Result<Object, DatasetError> {
    let mut object = Object {
        file: String::new(),
        shape: Vec::new(),
        element: Element::Other("nothing".into()),
        layout: Layout::Refused("the values are nowhere".into()),
        filters: Vec::new(),
        refused: None,
        symbol_table: None,
        dense_links: None,
        links: Vec::new(),
        has: (false, false, false),
    };
    const WHAT: &str = "an object header";
    let first = source.block(address, 16, WHAT)?;
    let mut fields = source.fields(&first, address, WHAT);
    let second = first.starts_with(b"OHDR");
    let (mut blocks, order_size);
    if second {
        fields.take(4)?;
        let (version, flags) = (fields.byte()?, fields.byte()?);
        if version != 2 {
            return Err(
                fields.malformed(format!("an object header of version {version}; allowed are 1 and 2"))
            );
        }
        let times = if flags & 0x20 != 0 { 16 } else { 0 };
        let phases = if flags & 0x10 != 0 { 4 } else { 0 };
        let size = 1 << (flags & 3);
        let start = address + 6 + times + phases;
        let bytes = source.block(start, size, WHAT)?;
        let length = source.fields(&bytes, start, WHAT).uint(size as usize)?;
        blocks = vec![(start + size, length)];
        order_size = if flags & 0x04 != 0 { 2 } else { 0 };
    } else {
        let version = fields.byte()?;
        if version != 1 {
            return Err(
                fields.malformed(format!("an object header of version {version}; allowed are 1 and 2"))
            );
        }
        fields.take(7)?;
        blocks = vec![(address + 16, fields.uint(4)?)];
        order_size = 0;
    }
    while let Some((start, length)) = blocks.pop() {
        let bytes = source.block(start, length, WHAT)?;
        let mut fields = source.fields(&bytes, start, WHAT);
        // The rest may be a gap too small for a message.
        let head = if second { 4 + order_size } else { 8 };
        while fields.rest().len() >= head {
            let kind = fields.uint(if second { 1 } else { 2 })?;
            let size = fields.uint(2)? as usize;
            let flags = fields.byte()?;
            fields.take(if second { order_size } else { 3 })?;
            if kind == 0 && second && fields.rest().len() < size {
                break;
            }
            let body = fields.take(size)?;
            let mut message = source.fields(body, start, "a message of an object header");
            if kind == 0x10 {
                let (next, length) = (message.defined()?, message.length()?);
                blocks.push(if second { (next + 4, length.saturating_sub(8)) } else { (next, length) });
            } else if flags & 2 != 0 && kind == 0x03 {
                object.element = Element::Other("of a type that is kept elsewhere in the file".into());
                object.has.1 = true;
            } else if flags & 2 == 0 {
                object.message(kind, &mut message)?;
            }
        }
    }
    Ok(object)
}

impl Object {
    fn message(&mut self, kind: u64, fields: &mut Fields<'_>) -> Result<(), DatasetError> {
        match kind {
            0x01 => {
                self.has.0 = true;
                let (version, rank, _flags) = (fields.byte()?, fields.byte()?, fields.byte()?);
                match version {
                    1 => fields.take(5)?,
                    2 => {
                        // An array of no elements, not even one, is empty.
                        if fields.byte()? == 2 {
                            self.shape = vec![0];
                            return Ok(());
                        }
                        &[]
                    }
                    _ => {
                        return Err(fields
                            .malformed(format!("a dataspace of version {version}; allowed are 1 and 2")));
                    }
                };
                for _ in 0..rank {
                    let length = fields.length()?;
                    let length =
                        usize::try_from(length).map_err(|_| fields.malformed("an axis beyond all memory"))?;
                    self.shape.push(length);
                }
            }
            0x02 => {
                let (_version, flags) = (fields.byte()?, fields.byte()?);
                if flags & 1 != 0 {
                    fields.take(8)?;
                }
                if let (Some(heap), Some(tree)) = (fields.address()?, fields.address()?) {
                    self.dense_links = Some((heap, tree));
                }
            }
            0x03 => {
                self.has.1 = true;
                self.element = Element::read(fields)?;
            }
            0x06 => self.links.extend(super::group::link(fields)?),
            0x07 => self.refused = Some("the values are in other files; save them in one".into()),
            0x08 => {
                self.has.2 = true;
                self.layout = layout(fields)?;
            }
            0x0b => match filters(fields)? {
                Ok(filters) => self.filters = filters,
                Err(problem) => self.refused = Some(problem),
            },
            0x11 => self.symbol_table = Some((fields.defined()?, fields.defined()?)),
            _ => {}
        }
        Ok(())
    }
}

/// Reads a layout message.
fn layout(fields: &mut Fields<'_>) -> Result<Layout, DatasetError> {
    let (version, class) = (fields.byte()?, fields.byte()?);
    if !(3..=5).contains(&version) {
        return Ok(Layout::Refused(format!(
            "a layout of version {version}; save the array anew with a newer h5py"
        )));
    }
    Ok(match class {
        0 => {
            let length = fields.uint(2)? as usize;
            Layout::Compact(fields.take(length)?.to_vec())
        }
        1 => Layout::Contiguous { address: fields.address()?, length: fields.length()? },
        2 if version == 3 => {
            let rank = usize::from(fields.byte()?).saturating_sub(1);
            let index = Index::Tree(fields.address()?);
            let shape =
                (0..rank).map(|_| Ok(fields.uint(4)? as usize)).collect::<Result<_, DatasetError>>()?;
            Layout::Chunked(Chunked { shape, index })
        }
        2 => {
            let (flags, rank, size) = (fields.byte()?, fields.byte()?, fields.byte()?);
            if !(1..=8).contains(&size) {
                return Err(fields.malformed(format!("lengths of {size} bytes; allowed are 1 to 8")));
            }
            let length = |fields: &mut Fields<'_>| Ok(fields.uint(size.into())? as usize);
            let mut shape: Vec<usize> =
                (0..rank).map(|_| length(fields)).collect::<Result<_, DatasetError>>()?;
            // The last is the size of an element.
            shape.pop();
            let index = match fields.byte()? {
                1 => {
                    let packed = if flags & 2 != 0 { Some(fields.length()?) } else { None };
                    let mask = if flags & 2 != 0 { fields.uint(4)? as u32 } else { 0 };
                    Index::Single { address: fields.address()?, packed, mask }
                }
                2 => Index::Implicit(fields.address()?),
                _ => {
                    let problem = "the chunks are listed in the way of the newest HDF5 only; open the file with h5py \
                                   without libver=\"latest\", or save the array with numpy.savez";
                    return Ok(Layout::Refused(problem.into()));
                }
            };
            Layout::Chunked(Chunked { shape, index })
        }
        3 => Layout::Refused("the array is virtual, its values are in other files; save a copy of it".into()),
        _ => Layout::Refused(format!("values of the unknown layout {class}")),
    })
}

/// Reads a filter message; the inner error is a filter that is not known.
fn filters(fields: &mut Fields<'_>) -> Result<Result<Vec<Filter>, String>, DatasetError> {
    let (version, n_filters) = (fields.byte()?, fields.byte()?);
    if version == 1 {
        fields.take(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..n_filters {
        let id = fields.uint(2)?;
        let name_length = if version == 1 || id >= 256 { fields.uint(2)? as usize } else { 0 };
        let (_flags, n_values) = (fields.uint(2)?, fields.uint(2)? as usize);
        let name = fields.take(if version == 1 { name_length.next_multiple_of(8) } else { name_length })?;
        let mut values = fields.take(4 * n_values)?.as_chunks::<4>().0.iter().map(|v| u32::from_le_bytes(*v));
        if version == 1 && n_values % 2 == 1 {
            fields.take(4)?;
        }
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle { size: values.next().unwrap_or(0) as usize },
            3 => Filter::Fletcher32,
            _ => {
                let name = String::from_utf8_lossy(name);
                let name = name.trim_end_matches('\0');
                let called = if name.is_empty() { String::new() } else { format!(" ({name:?})") };
                return Ok(Err(format!(
                    "the values are packed by filter {id}{called}; save them with compression=\"gzip\" or none"
                )));
            }
        });
    }
    Ok(Ok(filters))
}
