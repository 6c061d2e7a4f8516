//! The published 12-bit experiment learns as it was published.
//!
//! Reads the authors' data where a folder `shared` beside the workspace has them, and says so where not.

use std::io::Read;
use std::path::Path;

use infoplane_train::network::{Initialization, Initializer};
use infoplane_train::train::{StatisticsEpochs, TrainConfig, Trainer};
use infoplane_train::{Labels, Network, Nonlinearity};
use ndarray::Array2;

/// The bytes after the header of a gzipped IDX file with `dimensions` dimensions.
fn idx(name: &str, dimensions: usize) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tishby");
    let file = std::fs::File::open(folder.join(name)).ok()?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
    Some(bytes.split_off(4 + 4 * dimensions))
}

#[test]
fn the_twelve_bit_task_is_learned_as_published() {
    let features = idx("var_u-features-idx2-ubyte.gz", 2);
    let (Some(features), Some(labels)) = (features, idx("var_u-labels-idx1-ubyte.gz", 1)) else {
        eprintln!("skipped: no shared/data/tishby beside the workspace");
        return;
    };
    let inputs = Array2::from_shape_fn((4096, 12), |(i, j)| f32::from(features[i * 12 + j]));
    let labels = Labels::from_symbols(&labels);
    let config = TrainConfig { epochs: 1000, statistics: StatisticsEpochs::Never, ..TrainConfig::default() };
    let start = Initialization { weights: Initializer::TruncatedNormalOwnWidth, bias: 0.0 };
    // Published runs, mean of five seeds at epoch 1000: .968 and .945. Single ReLU networks may die, so the
    // median is held against it.
    for (hidden, published) in [(Nonlinearity::Tanh, 0.968), (Nonlinearity::Relu, 0.945)] {
        let mut accuracies: Vec<f32> = (0..5)
            .map(|seed| {
                // A permutation of 0..4096: an odd multiplier, then a shift.
                let order = |i: usize| (i * (2 * 977 * seed + 1717) + 31 * seed) % 4096;
                let rows: Vec<usize> = (0..4096).map(|i| order(i ^ (i >> 5))).collect();
                let (train, test) = rows.split_at(3277);
                let mut kinds = [hidden; 6];
                kinds[5] = Nonlinearity::Softmax;
                let network =
                    Network::initialized(&[12, 10, 7, 5, 4, 3, 2], &kinds, &start, seed as u64).unwrap();
                let mut trainer =
                    Trainer::new(&config, network, inputs.view(), &labels, train, test, seed as u64).unwrap();
                for _ in 0..config.epochs {
                    trainer.step_epoch().unwrap();
                }
                trainer.stats().test_accuracy.unwrap()
            })
            .collect();
        eprintln!("{hidden:?}: {accuracies:?}, published mean {published}");
        accuracies.sort_by(f32::total_cmp);
        assert!((accuracies[2] - published).abs() < 0.03, "{hidden:?}: {accuracies:?}");
    }
}
