//! Files of data sets and activations.

use std::path::Path;

use infoplane::dataset::read::{self, ArrayFile, Missing, Reader};

use super::place;

pub fn npy(bytes: &[u8]) {
    arrays("a.npy", bytes);
}

/// As they are, and as the one member of an archive, whose checksum is right.
pub fn npz(bytes: &[u8]) {
    arrays("a.npz", bytes);
    arrays("a.npz", &archive(b"a.npy", bytes));
}

pub fn idx(bytes: &[u8]) {
    arrays("a-ubyte", bytes);
}

pub fn mat(bytes: &[u8]) {
    arrays("a.mat", bytes);
}

pub fn hdf5(bytes: &[u8]) {
    arrays("a.h5", bytes);
}

pub fn safetensors(bytes: &[u8]) {
    arrays("a.safetensors", bytes);
}

pub fn csv(bytes: &[u8]) {
    let path = place::file("a.csv", bytes);
    as_variable(&path, None);
    for key in ["0", "x", "a,b", "0-2"] {
        as_variable(&path, Some(key));
    }
    let _ = read::csv(&path, None, None);
    let reader = Reader { missing: Missing::Drop, ..Reader::default() };
    let _ = reader.array(&path, None);
    let _ = reader.labels(&path, None);
    let _ = reader.columns(&path, None);
}

fn arrays(name: &str, bytes: &[u8]) {
    let path = place::file(name, bytes);
    as_variable(&path, None);
    let Ok(mut file) = ArrayFile::open(&path) else { return };
    let Ok(arrays) = file.arrays() else { return };
    for array in arrays.iter().take(4) {
        let _ = file.read(Some(&array.name));
        as_variable(&path, Some(&array.name));
    }
    let names: Vec<&str> = arrays.iter().map(|array| &array.name[..]).take(2).collect();
    if let [inputs, labels] = names[..] {
        let _ = read::arrays((&path, Some(inputs)), (&path, Some(labels)));
    }
}

/// As `infoplane estimate` reads a file: numbers, labels, names.
fn as_variable(path: &Path, key: Option<&str>) {
    if let Ok(array) = read::read_array(path, key) {
        let _ = array.variable().first_non_finite();
    }
    let _ = read::read_labels(path, key);
    let _ = read::read_symbols(path, key);
}

/// A ZIP archive with one member that is not compressed.
fn archive(name: &[u8], content: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(content).to_le_bytes();
    let length = u32::try_from(content.len()).expect("inputs are small").to_le_bytes();
    let name_length = u16::try_from(name.len()).expect("a short name").to_le_bytes();
    let shared =
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..], &sum, &length, &length, &name_length, &[0, 0]].concat();
    let local = [&b"PK\x03\x04"[..], &shared, name, content].concat();
    let central = [&b"PK\x01\x02\x14\x00"[..], &shared, &[0; 14], name].concat();
    let place = u32::try_from(local.len()).expect("inputs are small").to_le_bytes();
    let size = u32::try_from(central.len()).expect("a short name").to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &size, &place, &[0, 0]].concat();
    [local, central, end].concat()
}
