//! Files as h5py writes them; `files/make.py` made them.

use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::dataset::DatasetError;
use crate::dataset::read::{
    Array, ArrayFile, ElementType, SampleTensor, list_arrays, read_array, read_labels, read_tensor,
};

const EARLIEST: (&str, &[u8]) = ("earliest.h5", include_bytes!("files/earliest.h5.gz"));
const V108: (&str, &[u8]) = ("v108.h5", include_bytes!("files/v108.h5.gz"));
const LATEST: (&str, &[u8]) = ("latest.h5", include_bytes!("files/latest.h5.gz"));
const MATLAB: (&str, &[u8]) = ("v73.mat", include_bytes!("files/v73.mat.gz"));

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    bytes
}

fn write(folder: &TempDir, (name, packed): (&str, &[u8])) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, unpacked(packed)).unwrap();
    path
}

/// What make.py calls `values`.
fn values() -> Vec<f32> {
    (0..120u8).map(|value| f32::from(value) / 4.0 - 7.0).collect()
}

#[test]
fn arrays_of_every_storage_and_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (file, links) in [(EARLIEST, 70), (V108, 150)] {
        let path = write(&folder, file);
        let mut file = ArrayFile::open(&path).unwrap();
        let arrays = file.arrays().unwrap();
        let info = |name: &str| arrays.iter().find(|array| array.name == name).unwrap();
        assert_eq!(arrays.iter().filter(|array| array.name.starts_with("many/")).count(), links);
        assert_eq!(arrays.len(), links + 14);
        for name in ["plain", "half", "epoch-010/conv1", "/plain"] {
            let tensor = file.read(Some(name)).unwrap();
            assert_eq!(tensor, SampleTensor { shape: vec![10, 3, 2, 2], values: values() }, "{name}");
        }
        assert_eq!(file.read(Some("epoch-010/f8")).unwrap().values, values());
        assert_eq!(info("epoch-010/f8").element, Some(ElementType::F64));
        assert_eq!(
            (info("half").element, &info("half").shape[..]),
            (Some(ElementType::F16), &[10, 3, 2, 2][..])
        );
        let grown = file.read(Some("grown")).unwrap();
        assert_eq!((&grown.shape[..], &grown.values[..]), (&[7, 3, 2, 2][..], &values()[..84]));
        let sums = file.read(Some("sums")).unwrap();
        assert_eq!(sums.values, (-3..40i8).map(f32::from).collect::<Vec<_>>());
        assert_eq!(file.read(Some("yes")).unwrap().values, [1.0, 0.0, 1.0]);
        for link in 0..links {
            let layer = file.read(Some(&format!("many/layer {link} of many"))).unwrap();
            assert_eq!(layer.values, [link as f32]);
        }
        assert_eq!(read_labels(&path, Some("animal")).unwrap().codes(), [1, 0, 1]);
        assert_eq!(read_labels(&path, Some("yes")).unwrap().codes(), [1, 0, 1]);
    }
}

#[test]
fn what_is_not_read_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, V108);
    let error = |name| read_tensor(&path, Some(name)).unwrap_err();
    for (name, word) in [("words", "dtype='S10'"), ("complex", "compound"), ("animal", "text of 3 bytes")] {
        assert!(matches!(error(name), DatasetError::ElementType { .. }));
        assert!(error(name).to_string().contains(word), "{}", error(name));
    }
    let lzf = |file| read_tensor(&write(&folder, file), Some("lzf")).unwrap_err().to_string();
    assert_eq!(lzf(EARLIEST).replace("earliest", "v108"), lzf(V108));
    assert!(error("lzf").to_string().contains("(\"lzf\"); save them with compression=\"gzip\""));
    assert!(matches!(error("soft"), DatasetError::Key { .. }));
    // What was not written yet is not zero.
    assert!(error("unwritten").is_truncated() && error("unwritten").to_string().contains("never written"));
    let latest = write(&folder, LATEST);
    for name in ["plain", "one"] {
        assert_eq!(read_tensor(&latest, Some(name)).unwrap().values, values());
    }
    let message = read_tensor(&latest, Some("several")).unwrap_err().to_string();
    assert!(message.contains("without libver=\"latest\""), "{message}");
}

#[test]
fn matlab_files_have_their_axes_in_matlabs_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, MATLAB);
    let names: Vec<String> = list_arrays(&path).unwrap().into_iter().map(|array| array.name).collect();
    assert_eq!(names, ["x", "y"]);
    let x = read_tensor(&path, Some("x")).unwrap();
    // x(i, j, k) = i + 4 j + 12 k, from 0.
    let expected = (0..24).map(|n| (n / 6 + 4 * (n / 2 % 3) + 12 * (n % 2)) as f32).collect();
    assert_eq!(x, SampleTensor { shape: vec![4, 3, 2], values: expected });
    assert_eq!(
        read_array(&path, Some("y")).unwrap(),
        Array::Double(ndarray::array![[2.0], [0.0], [1.0], [1.0]])
    );
    assert_eq!(read_labels(&path, Some("y")).unwrap().codes(), [2, 0, 1, 1]);
}

#[test]
fn a_file_that_is_cut_is_not_complete() {
    let folder = tempfile::tempdir().unwrap();
    for file in [EARLIEST, V108, LATEST, MATLAB] {
        let bytes = unpacked(file.1);
        let path = folder.path().join(format!("cut-{}", file.0));
        // A prime step meets every kind of place.
        for length in (0..bytes.len()).step_by(97) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = list_arrays(&path).unwrap_err();
            assert!(error.is_truncated(), "{} cut to {length} bytes: {error}", file.0);
        }
    }
}

#[test]
fn damaged_values_are_found_by_their_check_sum() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, EARLIEST);
    let mut bytes = std::fs::read(&path).unwrap();
    let seven: Vec<u8> = (4..11i16).flat_map(i16::to_be_bytes).collect();
    let at = bytes.windows(14).position(|window| window == seven).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let message = read_tensor(&path, Some("sums")).unwrap_err().to_string();
    assert!(message.contains("check sum of a chunk is wrong"), "{message}");
}

#[test]
fn a_group_that_holds_itself_is_walked_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, LATEST);
    let mut bytes = std::fs::read(&path).unwrap();
    // The address of the root is the last field of the superblock before its check sum; every link is 8 bytes at the
    // end of its message. All links are led to the root.
    let root: [u8; 8] = bytes[36..44].try_into().unwrap();
    let name = bytes.windows(5).position(|window| window == b"plain").unwrap();
    bytes[name + 5..name + 13].copy_from_slice(&root);
    std::fs::write(&path, bytes).unwrap();
    let names: Vec<String> = list_arrays(&path).unwrap().into_iter().map(|array| array.name).collect();
    assert_eq!(names, ["one", "several"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        which in 0usize..4,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = [EARLIEST, V108, LATEST, MATLAB][which];
        let mut bytes = unpacked(file.1);
        for (at, to, structure) in damage {
            // Where there is nothing but zeros, damage changes little.
            let used: Vec<usize> = (0..bytes.len()).filter(|&at| !structure || bytes[at] != 0).collect();
            bytes[used[at.index(used.len())]] = to;
        }
        let path = folder.path().join(file.0);
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(mut file) = ArrayFile::open(&path) {
            for array in file.arrays().unwrap() {
                let _ = file.read(Some(&array.name));
                let _ = file.numbers_or_text(Some(&array.name));
            }
        }
    }
}
