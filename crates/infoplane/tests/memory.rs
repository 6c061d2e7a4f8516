//! Small files that unpack to much are refused while they are read, whatever their format.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use infoplane::dataset::DatasetError;
use infoplane::dataset::read::{ArrayFile, Reader, read_array, read_labels, read_symbols};
use infoplane::memory;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The budget is one of the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Does something while the data of a file may take so many bytes.
fn with_budget<T>(bytes: u64, then: impl FnOnce() -> T) -> T {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    memory::allow(Some(bytes), "allow more with --memory");
    let done = then();
    memory::allow(None, "");
    done
}

/// Values of an array, more than the budgets here.
const N: usize = 1 << 22;

fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend(values);
    bytes
}

fn idx(n: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend((n as u32).to_be_bytes());
    bytes.resize(8 + n, 0);
    bytes
}

fn mat(n: usize) -> Vec<u8> {
    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
    // Flags, dimensions, name and values of a matrix of bytes.
    let shape = [n as i32, 1].map(i32::to_le_bytes).concat();
    let parts = [
        element(6, &[9, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &shape),
        element(1, b"x"),
        element(2, &vec![0; n]),
    ];
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&element(14, &parts.concat())).unwrap();
    let packed = encoder.finish().unwrap();
    let mut bytes = vec![b' '; 124];
    bytes.extend([0, 1, b'I', b'M']);
    bytes.extend([15u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat());
    bytes.extend(packed);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.start_file(name, options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Whether a file is refused for its memory, with its name, what it takes and how to allow more.
fn is_refused<T>(path: &Path, read: Result<T, DatasetError>) {
    let error = read.err().unwrap_or_else(|| panic!("{} was read", path.display()));
    let message = error.to_string();
    assert!(matches!(error, DatasetError::TooLarge { .. }), "{message}");
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(message.contains(" MiB or more; allowed are 1.0 MiB; allow more with --memory"), "{message}");
    assert!(!error.lacks_memory());
}

#[test]
fn what_unpacks_to_more_than_is_allowed_is_refused() {
    let folder = TempDir::new().unwrap();
    let zeros = npy("|u1", &format!("({N}, 1)"), &vec![0; N]);
    let numbers = "0,1\n".repeat(N / 4);
    let texts: String = (0..N / 16).map(|number| format!("text {number}\n")).collect();
    let line = "x".repeat(N);
    let quote = format!("a,b\n1,2\n3,4\n5,\"{}", "x\n".repeat(N / 2));
    let utf16: Vec<u8> = format!("\u{feff}{numbers}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files = [
        written(&folder, "x-idx1-ubyte.gz", &gzip(&idx(N))),
        written(&folder, "x.npy.gz", &gzip(&zeros)),
        written(&folder, "text.npy.gz", &gzip(&npy("|S4", &format!("({},)", N / 4), &vec![b'a'; N]))),
        written(&folder, "x.npz", &zipped("x.npy", &zeros)),
        written(&folder, "x.mat", &mat(N)),
        written(&folder, "x.csv.gz", &gzip(numbers.as_bytes())),
        written(&folder, "x.csv.zip", &zipped("x.csv", numbers.as_bytes())),
        written(&folder, "texts.csv.gz", &gzip(texts.as_bytes())),
        written(&folder, "line.csv.gz", &gzip(line.as_bytes())),
        written(&folder, "quote.csv.gz", &gzip(quote.as_bytes())),
        written(&folder, "utf16.csv.gz", &gzip(&utf16)),
        // Not packed: as much is refused of a file that is as large on disk.
        written(&folder, "x.npy", &zeros),
        written(&folder, "x.csv", numbers.as_bytes()),
    ];
    for path in &files {
        let words = ["text", "line", "quote"];
        let is_text = words.iter().any(|word| path.file_name().unwrap().to_str().unwrap().starts_with(word));
        let (symbols, labels, numbers, columns) = with_budget(1 << 20, || {
            let columns = Reader::default().columns(path, None);
            (read_symbols(path, None), read_labels(path, None), read_array(path, None), columns)
        });
        is_refused(path, symbols);
        is_refused(path, labels);
        is_refused(path, columns);
        if !is_text {
            is_refused(path, numbers);
        }
    }
    // With as much as it takes each is read.
    for path in &files[..7] {
        with_budget(64 << 20, || read_symbols(path, None)).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn one_column_of_a_long_table_takes_what_it_takes_alone() {
    let folder = TempDir::new().unwrap();
    let rows = "0.25,text of which nobody reads a word,1\n".repeat(20_000);
    let path = written(&folder, "x.csv.gz", &gzip(rows.as_bytes()));
    let read = with_budget(1 << 19, || read_array(&path, Some("0")));
    assert_eq!(read.unwrap().n_samples(), 20_000);
}

#[test]
fn packed_chunks_are_refused_before_they_are_unpacked() {
    let folder = TempDir::new().unwrap();
    let mut bytes = Vec::new();
    let packed = include_bytes!("../src/dataset/read/hdf5/files/v108.h5.gz");
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let path = written(&folder, "v108.h5", &bytes);
    // 120 numbers of four bytes, in chunks of which each is unpacked beside them.
    let read = || ArrayFile::open(&path).unwrap().read(Some("epoch-010/conv1"));
    let error = with_budget(500, read).unwrap_err();
    assert!(matches!(error, DatasetError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("v108.h5:epoch-010/conv1: its data take "), "{error}");
    with_budget(5000, read).unwrap();
}
