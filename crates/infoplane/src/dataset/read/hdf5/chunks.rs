//! Values in chunks: where they are, how they are packed, and how they make one array.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::room::{afford, room, zeros};
use super::group::tree_node;
use super::object::{Chunked, Filter, Index, Object};
use super::source::Source;
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// A chunk in the file.
struct Chunk {
    address: u64,
    /// Bytes as they are in the file.
    length: u64,
    /// The filters that were left out, a bit each.
    mask: u32,
    /// Where it begins along each axis.
    start: Vec<u64>,
}

/// Reads all chunks into an array of `n_bytes`, of elements of `size` bytes each.
pub(super) fn read(
    source: &mut Source,
    object: &Object,
    chunked: &Chunked,
    (size, n_bytes): (usize, usize),
    budget: Budget,
) -> Result<Vec<u8>, DatasetError> {
    let malformed =
        |problem: String| DatasetError::Malformed { file: object.file.clone(), offset: 0, problem };
    let shape = &chunked.shape;
    if shape.len() != object.shape.len() || shape.contains(&0) {
        return Err(malformed(format!("chunks of shape {shape:?} for an array of shape {:?}", object.shape)));
    }
    let chunk_bytes = shape.iter().try_fold(size, |product, &length| product.checked_mul(length));
    let allowed = match object.filters.is_empty() {
        true => source.length,
        false => source.length.saturating_mul(1032),
    };
    let Some(chunk_bytes) = chunk_bytes.filter(|&bytes| bytes as u64 <= allowed) else {
        return Err(malformed(format!("chunks of shape {shape:?}, which is more than the file can hold")));
    };
    // A chunk is unpacked and put into order beside the array.
    afford(budget, &object.file, n_bytes as u128 + 2 * chunk_bytes as u128)?;
    source.refresh();
    let mut found = Vec::new();
    let grid: Vec<u64> =
        object.shape.iter().zip(shape).map(|(&length, &chunk)| length.div_ceil(chunk) as u64).collect();
    let unwritten = DatasetError::Ends {
        file: object.file.clone(),
        offset: source.length,
        what: "the values, some of which were never written".into(),
    };
    match chunked.index {
        Index::Tree(None) | Index::Implicit(None) | Index::Single { address: None, .. } => {
            return Err(unwritten);
        }
        Index::Tree(Some(root)) => tree(source, root, None, shape.len(), &mut found)?,
        Index::Single { address: Some(address), packed, mask } => {
            let (length, start) = (packed.unwrap_or(chunk_bytes as u64), vec![0; shape.len()]);
            found.push(Chunk { address, length, mask, start });
        }
        Index::Implicit(Some(first)) => {
            // No byte of the file stands for such a chunk but its values.
            let each = (size_of::<Chunk>() + 8 * shape.len().max(4)) as u128;
            let n = grid.iter().try_fold(1u64, |n, &length| n.checked_mul(length)).unwrap_or(u64::MAX);
            afford(budget, &object.file, n_bytes as u128 + each * u128::from(n))?;
            implicit(first, object, shape, chunk_bytes as u64, &mut found);
        }
    }
    // Every chunk of the grid once; a file whose array was made smaller has others as well.
    let mut left: u64 = grid.iter().product();
    let mut seen =
        vec![false; if left <= found.len() as u64 { left as usize } else { return Err(unwritten) }];
    let mut values = Vec::new();
    for chunk in &found {
        let place = |axis: usize| {
            let (start, length) = (chunk.start[axis], shape[axis] as u64);
            (start % length == 0 && start / length < grid[axis]).then_some(start / length)
        };
        let places: Option<Vec<u64>> = (0..shape.len()).map(place).collect();
        let Some(places) = places else { continue };
        let index = places.iter().zip(&grid).fold(0, |index, (place, n)| index * n + place) as usize;
        if std::mem::replace(&mut seen[index], true) {
            return Err(malformed(format!("two chunks at {:?}", chunk.start)));
        }
        left -= 1;
        let packed = source.values(chunk.address, chunk.length.into(), &object.file)?;
        let bytes = unpack(&object.file, packed, &object.filters, chunk.mask, chunk_bytes)?;
        if shape == &object.shape {
            // The only chunk is the array.
            values = bytes;
            continue;
        }
        if values.is_empty() {
            values = zeros(&object.file, n_bytes)?;
        }
        place_chunk(&mut values, &object.shape, &bytes, shape, &places, size);
    }
    if left == 0 { Ok(values) } else { Err(unwritten) }
}

/// Collects the chunks of a version 1 tree.
fn tree(
    source: &mut Source,
    address: u64,
    level: Option<u8>,
    rank: usize,
    found: &mut Vec<Chunk>,
) -> Result<(), DatasetError> {
    const WHAT: &str = "the tree of chunks";
    let (node, n) = tree_node(source, address, level, 1, WHAT)?;
    // The key: length, filters left out, where it begins, and an offset in the element, which is 0.
    let size = 8 + 8 * (rank + 1) + source.offset_size;
    let start = address + 8 + 2 * source.offset_size as u64;
    let bytes = source.block(start, (n * size) as u64, WHAT)?;
    for entry in bytes.chunks_exact(size) {
        let mut fields = source.fields(entry, start, WHAT);
        let (length, mask) = (fields.uint(4)?, fields.uint(4)? as u32);
        let begin = (0..rank).map(|_| fields.uint(8)).collect::<Result<_, _>>()?;
        fields.take(8)?;
        let child = fields.defined()?;
        match node {
            0 => found.push(Chunk { address: child, length, mask, start: begin }),
            level => tree(source, child, Some(level - 1), rank, found)?,
        }
    }
    Ok(())
}

/// Chunks that lie one after the other, in the order of the grid.
fn implicit(first: u64, object: &Object, shape: &[usize], chunk_bytes: u64, found: &mut Vec<Chunk>) {
    let mut start = vec![0u64; shape.len()];
    let mut address = first;
    loop {
        found.push(Chunk { address, length: chunk_bytes, mask: 0, start: start.clone() });
        address = address.saturating_add(chunk_bytes);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            start[axis] += shape[axis] as u64;
            if start[axis] < object.shape[axis] as u64 {
                break;
            }
            start[axis] = 0;
        }
    }
}

/// Undoes the filters, the last first.
fn unpack(
    file: &str,
    mut bytes: Vec<u8>,
    filters: &[Filter],
    mask: u32,
    chunk_bytes: usize,
) -> Result<Vec<u8>, DatasetError> {
    let malformed = |problem: String| DatasetError::Malformed { file: file.to_owned(), offset: 0, problem };
    for (index, filter) in filters.iter().enumerate().rev() {
        if mask.checked_shr(index as u32).unwrap_or(0) & 1 == 1 {
            continue;
        }
        match *filter {
            Filter::Deflate => {
                // Check sums of filters before this one are packed with the values.
                let most = chunk_bytes + 4 * filters.len();
                let mut unpacked = room(file, (most + 1).min(bytes.len().saturating_mul(1032)))?;
                ZlibDecoder::new(&bytes[..])
                    .take(most as u64 + 1)
                    .read_to_end(&mut unpacked)
                    .map_err(|error| malformed(format!("a packed chunk is damaged: {error}")))?;
                bytes = unpacked;
            }
            Filter::Shuffle { size } => bytes = unshuffle(file, bytes, size)?,
            Filter::Fletcher32 => {
                let Some((values, sum)) = bytes.split_last_chunk::<4>() else {
                    return Err(malformed("a chunk is too short for its check sum".into()));
                };
                if fletcher32(values) != u32::from_le_bytes(*sum) {
                    let problem = "the check sum of a chunk is wrong, so its values are damaged";
                    return Err(malformed(problem.into()));
                }
                bytes.truncate(bytes.len() - 4);
            }
        }
    }
    match bytes.len() == chunk_bytes {
        true => Ok(bytes),
        false => {
            let problem = format!("a chunk holds {} bytes where its shape needs {chunk_bytes}", bytes.len());
            Err(malformed(problem))
        }
    }
}

/// Brings the bytes of each element together again: the file has all first bytes, then all second bytes, and so on.
fn unshuffle(file: &str, bytes: Vec<u8>, size: usize) -> Result<Vec<u8>, DatasetError> {
    if size < 2 || bytes.len() < size {
        return Ok(bytes);
    }
    let mut values = zeros(file, bytes.len())?;
    let n = bytes.len() / size;
    for (place, plane) in bytes[..n * size].chunks_exact(n).enumerate() {
        for (element, &byte) in plane.iter().enumerate() {
            values[element * size + place] = byte;
        }
    }
    // What is left over by whole elements stays at the end.
    values[n * size..].copy_from_slice(&bytes[n * size..]);
    Ok(values)
}

/// Fletcher's check sum as HDF5 computes it: of big-endian words of two bytes, modulo 65,535.
fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0u32, 0u32);
    let (words, last) = bytes.as_chunks::<2>();
    // So many words do not overflow 32 bits.
    for block in words.chunks(360) {
        for word in block {
            first += u32::from(u16::from_be_bytes(*word));
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    if let [last] = last {
        first += u32::from(*last) << 8;
        second += first;
        (first, second) = (fold(first), fold(second));
    }
    (fold(second) << 16) | fold(first)
}

/// Copies what of a chunk lies inside the array.
fn place_chunk(
    values: &mut [u8],
    shape: &[usize],
    chunk: &[u8],
    chunk_shape: &[usize],
    places: &[u64],
    size: usize,
) {
    let rank = shape.len();
    let start: Vec<usize> = places.iter().zip(chunk_shape).map(|(&place, &n)| place as usize * n).collect();
    let inside: Vec<usize> = (0..rank).map(|axis| chunk_shape[axis].min(shape[axis] - start[axis])).collect();
    // Runs along the last axis are copied whole; the index counts through the other axes.
    let run = inside[rank - 1] * size;
    let mut index = vec![0; rank - 1];
    loop {
        let (mut from, mut to) = (0, 0);
        for axis in 0..rank {
            let within = index.get(axis).copied().unwrap_or(0);
            from = from * chunk_shape[axis] + within;
            to = to * shape[axis] + start[axis] + within;
        }
        values[to * size..][..run].copy_from_slice(&chunk[from * size..][..run]);
        let mut axis = rank - 1;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < inside[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}
