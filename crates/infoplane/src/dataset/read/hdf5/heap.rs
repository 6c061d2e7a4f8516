//! Where groups of many links keep them: a fractal heap of messages and a version 2 tree of where they are.

use super::source::Source;
use crate::dataset::DatasetError;

/// A heap whose blocks double in size from row to row.
pub(super) struct FractalHeap {
    /// Bytes of an offset and of a length in the identifier of an object.
    offset_size: usize,
    length_size: usize,
    width: u64,
    first_block: u64,
    /// Rows of blocks that hold objects; those after them hold further tables of blocks.
    direct_rows: u64,
    root: u64,
    /// None if the root is itself a block of objects.
    root_rows: Option<u64>,
}

impl FractalHeap {
    pub fn read(source: &mut Source, address: u64) -> Result<FractalHeap, DatasetError> {
        const WHAT: &str = "a fractal heap";
        let size = 4 + 1 + 2 + 2 + 1 + 4 + 2 + 2 + 2 + 2 + 12 * source.length_size + 3 * source.offset_size;
        let bytes = source.block(address, size as u64, WHAT)?;
        let mut fields = source.fields(&bytes, address, WHAT);
        fields.signature(b"FRHP")?;
        let (_version, _id_length) = (fields.byte()?, fields.uint(2)?);
        let filtered = fields.uint(2)? > 0;
        let (_flags, largest) = (fields.byte()?, fields.uint(4)?);
        // Huge objects, free space, and how many objects of each kind there are.
        fields.take(2 * source.offset_size + 10 * source.length_size)?;
        let (width, first_block, largest_block) = (fields.uint(2)?, fields.length()?, fields.length()?);
        let (bits, _start_rows) = (fields.uint(2)?, fields.uint(2)?);
        let (root, rows) = (fields.defined()?, fields.uint(2)?);
        let sound = width > 0
            && first_block.is_power_of_two()
            && largest_block.is_power_of_two()
            && first_block <= largest_block
            && largest_block < 1 << 40
            && (1..=64).contains(&bits);
        if filtered || !sound {
            let problem = "the links of a group are packed or damaged; save the arrays in several groups";
            return Err(source.malformed(address, problem));
        }
        let bytes_for = |number: u64| ((64 - number.leading_zeros()) as usize).div_ceil(8).max(1);
        Ok(FractalHeap {
            offset_size: (bits as usize).div_ceil(8),
            length_size: bytes_for(largest.min(largest_block)),
            width,
            first_block,
            direct_rows: u64::from(largest_block.ilog2() - first_block.ilog2()) + 2,
            root,
            root_rows: (rows > 0).then_some(rows),
        })
    }

    /// The object of an identifier.
    pub fn object(&self, source: &mut Source, id: &[u8]) -> Result<Vec<u8>, DatasetError> {
        const WHAT: &str = "the identifier of a link";
        let mut fields = source.fields(id, self.root, WHAT);
        // Links longer than a block or shorter than their identifier are kept in other ways; no h5py name is.
        let kind = fields.byte()? & 0x30;
        if kind != 0 {
            return Err(fields.malformed("a link with an unusually long name; use shorter names"));
        }
        let (offset, length) = (fields.uint(self.offset_size)?, fields.uint(self.length_size)?);
        let (address, within) = self.block_of(source, offset)?;
        source.block(address.saturating_add(within), length, "a link")
    }

    /// The address of the block that holds an offset of the heap, and the place in it.
    fn block_of(&self, source: &mut Source, mut offset: u64) -> Result<(u64, u64), DatasetError> {
        const WHAT: &str = "a table of heap blocks";
        let Some(mut rows) = self.root_rows else { return Ok((self.root, offset)) };
        let mut table = self.root;
        loop {
            // Rows 0 and 1 have blocks of the first size, each further row of twice the size before.
            let row = match offset / (self.width * self.first_block) {
                0 => 0,
                n => u64::from(n.ilog2()) + 1,
            };
            let doublings = row.saturating_sub(1);
            if row >= rows || doublings > 40 {
                return Err(source.malformed(table, "a link outside its heap"));
            }
            let size = self.first_block << doublings;
            let start = if row == 0 { 0 } else { self.width * size };
            let (column, within) = ((offset - start) / size, (offset - start) % size);
            // The signature, a version, the address of the heap, the offset of the block; then addresses.
            let head = (5 + source.offset_size + self.offset_size) as u64;
            let at = table + head + (row * self.width + column) * source.offset_size as u64;
            let bytes = source.block(at, source.offset_size as u64, WHAT)?;
            let child = source.fields(&bytes, at, WHAT).defined()?;
            if row < self.direct_rows {
                return Ok((child, within));
            }
            // A table in itself covers what one block of its size would.
            rows = u64::from(size.ilog2() - (self.first_block * self.width).ilog2().min(size.ilog2())) + 1;
            (table, offset) = (child, within);
        }
    }
}

/// The records of a version 2 tree, in order.
pub(super) fn tree_records(source: &mut Source, address: u64) -> Result<Vec<Vec<u8>>, DatasetError> {
    const WHAT: &str = "a tree of links";
    let size = 16 + source.offset_size + 2 + source.length_size;
    let bytes = source.block(address, size as u64, WHAT)?;
    let mut fields = source.fields(&bytes, address, WHAT);
    fields.signature(b"BTHD")?;
    fields.take(2)?;
    let (node_size, record_size, depth) = (fields.uint(4)?, fields.uint(2)?, fields.uint(2)?);
    fields.take(2)?;
    let (root, n_root) = (fields.address()?, fields.uint(2)?);
    let Some(root) = root else { return Ok(Vec::new()) };
    // A node's signature, version, kind and check sum.
    const OVERHEAD: u64 = 10;
    if record_size == 0 || node_size < OVERHEAD + record_size || depth > 16 {
        return Err(source.malformed(address, "a tree of links with impossible sizes"));
    }
    let bytes_for = |number: u64| (number.max(1).ilog2() / 8 + 1) as usize;
    let leaf = (node_size - OVERHEAD) / record_size;
    let mut tree = Tree {
        node_size,
        record_size,
        count_size: bytes_for(leaf),
        total_sizes: vec![0],
        records: Vec::new(),
    };
    // How many records a subtree can have decides how many bytes their number takes.
    let mut total = leaf;
    for _ in 0..depth {
        let pointer =
            (source.offset_size + tree.count_size + tree.total_sizes[tree.total_sizes.len() - 1]) as u64;
        let most = node_size.saturating_sub(OVERHEAD + pointer) / (record_size + pointer);
        total = total.saturating_mul(most + 1).saturating_add(most);
        tree.total_sizes.push(bytes_for(total));
    }
    tree.node(source, root, n_root, depth as usize)?;
    Ok(tree.records)
}

struct Tree {
    node_size: u64,
    record_size: u64,
    /// Bytes of the number of records of a child.
    count_size: usize,
    /// By depth, bytes of the number of records of a whole subtree.
    total_sizes: Vec<usize>,
    records: Vec<Vec<u8>>,
}

impl Tree {
    fn node(&mut self, source: &mut Source, address: u64, n: u64, depth: usize) -> Result<(), DatasetError> {
        const WHAT: &str = "a node of a tree of links";
        let bytes = source.block(address, self.node_size, WHAT)?;
        let mut fields = source.fields(&bytes, address, WHAT);
        fields.signature(if depth == 0 { b"BTLF" } else { b"BTIN" })?;
        fields.take(2)?;
        let mut records = Vec::new();
        for _ in 0..n {
            records.push(fields.take(self.record_size as usize)?.to_vec());
        }
        if depth == 0 {
            self.records.extend(records);
            return Ok(());
        }
        let mut children = Vec::new();
        for _ in 0..=n {
            children.push((fields.defined()?, fields.uint(self.count_size)?));
            fields.take(self.total_sizes[depth - 1])?;
        }
        let mut records = records.into_iter();
        for (child, n) in children {
            self.node(source, child, n, depth - 1)?;
            self.records.extend(records.next());
        }
        Ok(())
    }
}
