//! The KDE bounds on a trained network's layers, against values from an independent program.

use std::io::Read;
use std::path::Path;

use infoplane::estimator::kde::Kde;
use infoplane::{Bound, Estimator, Labels, Variable};
use ndarray::Array2;

/// (I(X;T), I(T;Y)) in bits at noise variance 1e-3, from a double-precision NumPy program.
const UPPER: [(f64, f64); 6] = [
    (12.000000, 0.999157),
    (11.996490, 0.997968),
    (11.851497, 0.962001),
    (10.993639, 0.733234),
    (9.132891, 0.362012),
    (2.077098, 0.062201),
];
const LOWER: [(f64, f64); 6] = [
    (11.999867, 0.999086),
    (11.965287, 0.989583),
    (11.254212, 0.801972),
    (9.565935, 0.480237),
    (7.038067, 0.167930),
    (1.334287, 0.060043),
];

#[test]
fn a_trained_tanh_network_has_the_published_bounds() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden/tanh4096.npz"));
    let Ok(bytes) = std::fs::read(path) else {
        eprintln!("skipped: {} is absent", path.display());
        return;
    };
    let y: Vec<i64> = match array(&bytes, "y") {
        (_, kind, data) if kind == "<i8" => {
            data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
        }
        (_, kind, data) if kind == "<i4" => {
            data.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect()
        }
        (_, _, data) => data.iter().map(|&b| b.into()).collect(),
    };
    let y = Labels::from_symbols(&y);
    let x = Labels::distinct(y.len());
    let kde = Kde::new(vec![1e-3]).unwrap();
    for layer in 0..6 {
        let (shape, kind, data) = array(&bytes, &format!("T{layer}"));
        assert_eq!(kind, "<f4");
        let values = data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let t = Array2::from_shape_vec((shape[0], shape[1]), values).unwrap();
        for reading in kde.layer(Variable::Single(t.view()), &[&x, &y]).unwrap() {
            let wanted = if reading.bound == Some(Bound::Upper) { UPPER[layer] } else { LOWER[layer] };
            let bits: Vec<f64> = reading.estimates.iter().map(|e| e.information.bits()).collect();
            assert!((bits[0] - wanted.0).abs() < 1.5e-6, "I(X;T{layer}) = {} for {}", bits[0], wanted.0);
            assert!((bits[1] - wanted.1).abs() < 1.5e-6, "I(T{layer};Y) = {} for {}", bits[1], wanted.1);
        }
    }
}

/// One array of an npz: shape, type, bytes.
fn array(npz: &[u8], name: &str) -> (Vec<usize>, String, Vec<u8>) {
    let file = format!("{name}.npy");
    let mut at = 0;
    loop {
        assert_eq!(&npz[at..at + 4], b"PK\x03\x04", "no array {name}");
        let half = |o: usize| usize::from(u16::from_le_bytes([npz[at + o], npz[at + o + 1]]));
        let start = at + 30 + half(26) + half(28);
        let mut size = half(18) + (half(20) << 16);
        if size == 0xffff_ffff {
            // NumPy writes the size in eight bytes: second of the extra field, after a mark and two sizes.
            size = half(30 + half(26) + 12) + (half(30 + half(26) + 14) << 16);
        }
        if &npz[at + 30..at + 30 + half(26)] == file.as_bytes() {
            let mut npy = Vec::new();
            flate2::read::DeflateDecoder::new(&npz[start..start + size]).read_to_end(&mut npy).unwrap();
            let header = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
            let text = std::str::from_utf8(&npy[10..10 + header]).unwrap();
            let between =
                |a: &str, b: &str| text.split(a).nth(1).unwrap().split(b).next().unwrap().to_owned();
            let shape = between("(", ")").split(',').filter_map(|s| s.trim().parse().ok()).collect();
            return (shape, between("'descr': '", "'"), npy[10 + header..].to_vec());
        }
        at = start + size;
    }
}
