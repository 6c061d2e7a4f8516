//! Groups: names and what they lead to.

use super::heap::{FractalHeap, tree_records};
use super::object::Object;
use super::source::{Fields, Source};
use crate::dataset::DatasetError;

/// The links of a group to objects of the same file; soft links and links to other files are not followed.
pub(super) fn links(source: &mut Source, object: &Object) -> Result<Vec<(String, u64)>, DatasetError> {
    let mut links = object.links.clone();
    if let Some((tree, heap)) = object.symbol_table {
        let names = local_heap(source, heap)?;
        let mut symbols = Vec::new();
        symbol_nodes(source, tree, None, &mut symbols)?;
        for node in symbols {
            symbol_node(source, node, &names, &mut links)?;
        }
    }
    if let Some((heap, tree)) = object.dense_links {
        let heap = FractalHeap::read(source, heap)?;
        for record in tree_records(source, tree)? {
            // A hash of the name, then where the link is.
            let id = record.get(4..).unwrap_or(&[]);
            let bytes = heap.object(source, id)?;
            links.extend(link(&mut source.fields(&bytes, 0, "a link"))?);
        }
    }
    // Large groups list their links in the order of a hash.
    links.sort();
    Ok(links)
}

/// Reads a link message; none for a link that is not to an object of this file.
pub(super) fn link(fields: &mut Fields<'_>) -> Result<Option<(String, u64)>, DatasetError> {
    let (_version, flags) = (fields.byte()?, fields.byte()?);
    let kind = if flags & 0x08 != 0 { fields.byte()? } else { 0 };
    if flags & 0x04 != 0 {
        fields.take(8)?;
    }
    if flags & 0x10 != 0 {
        fields.take(1)?;
    }
    let length = fields.uint(1 << (flags & 3))?;
    let length = usize::try_from(length).map_err(|_| fields.malformed("a name beyond all memory"))?;
    let name = String::from_utf8_lossy(fields.take(length)?).into_owned();
    if kind == 0 { Ok(Some((name, fields.defined()?))) } else { Ok(None) }
}

/// The names of a group, each ended by a zero.
fn local_heap(source: &mut Source, address: u64) -> Result<Vec<u8>, DatasetError> {
    const WHAT: &str = "the names of a group";
    let size = 8 + 2 * source.length_size as u64 + source.offset_size as u64;
    let bytes = source.block(address, size, WHAT)?;
    let mut fields = source.fields(&bytes, address, WHAT);
    fields.signature(b"HEAP")?;
    fields.take(4)?;
    let (length, _free, start) = (fields.length()?, fields.length()?, fields.defined()?);
    source.block(start, length, WHAT)
}

/// Collects the leaves of a tree of symbol nodes.
fn symbol_nodes(
    source: &mut Source,
    address: u64,
    level: Option<u8>,
    found: &mut Vec<u64>,
) -> Result<(), DatasetError> {
    const WHAT: &str = "the tree of a group";
    let (node, n) = tree_node(source, address, level, 0, WHAT)?;
    let size = n * (source.length_size + source.offset_size);
    let start = address + 8 + 2 * source.offset_size as u64;
    let bytes = source.block(start, size as u64, WHAT)?;
    for index in 0..n {
        let at = index * (source.length_size + source.offset_size) + source.length_size;
        let child = source.fields(&bytes[at..], start, WHAT).defined()?;
        match node {
            0 => found.push(child),
            level => symbol_nodes(source, child, Some(level - 1), found)?,
        }
    }
    Ok(())
}

/// Reads the head of a node of a version 1 tree: its level and the number of its children.
pub(super) fn tree_node(
    source: &mut Source,
    address: u64,
    level: Option<u8>,
    kind: u8,
    what: &'static str,
) -> Result<(u8, usize), DatasetError> {
    let bytes = source.block(address, 8, what)?;
    let mut fields = source.fields(&bytes, address, what);
    fields.signature(b"TREE")?;
    let (found, node, n) = (fields.byte()?, fields.byte()?, fields.uint(2)? as usize);
    // Levels that go down by one end at 0, whatever the addresses.
    if found != kind || level.is_some_and(|level| level != node) {
        return Err(
            fields.malformed(format!("{what} has a node of kind {found} and level {node} in a wrong place"))
        );
    }
    Ok((node, n))
}

fn symbol_node(
    source: &mut Source,
    address: u64,
    names: &[u8],
    links: &mut Vec<(String, u64)>,
) -> Result<(), DatasetError> {
    const WHAT: &str = "a symbol node";
    let bytes = source.block(address, 8, WHAT)?;
    let mut fields = source.fields(&bytes, address, WHAT);
    fields.signature(b"SNOD")?;
    let n = {
        fields.take(2)?;
        fields.uint(2)?
    };
    let size = 24 + 2 * source.offset_size as u64;
    let bytes = source.block(address + 8, n * size, WHAT)?;
    for entry in bytes.chunks_exact(size as usize) {
        let mut fields = source.fields(entry, address, WHAT);
        let (name, target, cache) = (fields.uint(source.offset_size)?, fields.address()?, fields.uint(4)?);
        let rest = usize::try_from(name).ok().and_then(|at| names.get(at..));
        let rest = rest.ok_or_else(|| source.malformed(address, "a name outside the names of its group"))?;
        let name = rest.split(|&byte| byte == 0).next().unwrap_or(rest);
        // A cache of kind 2 is that of a soft link, which has no object.
        if let (Some(target), true) = (target, cache != 2) {
            links.push((String::from_utf8_lossy(name).into_owned(), target));
        }
    }
    Ok(())
}
