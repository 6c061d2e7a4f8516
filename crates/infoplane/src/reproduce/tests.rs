use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::sweep::expected_cpu_seconds;

fn to_repeat(figure: &Figure, _: &Setup) -> String {
    format!("`make {}`", figure.name)
}

fn setup() -> Setup {
    Setup { size: Size::Tiny, mnist: Some("mnist".into()) }
}

#[test]
fn names_of_figures_are_unique() {
    let names: BTreeSet<&str> = FIGURES.iter().map(|figure| figure.name).collect();
    assert_eq!(names.len(), FIGURES.len());
}

#[test]
fn every_run_of_every_size_is_an_experiment_and_equal_ones_share_a_directory() {
    for size in [Size::Full, Size::Quick, Size::Tiny] {
        let mut keys = std::collections::BTreeMap::new();
        for figure in FIGURES {
            let plan = figure.plan(&Setup { size, ..setup() }).unwrap();
            let labels: BTreeSet<&str> = plan.iter().map(|planned| planned.label.as_str()).collect();
            assert_eq!(labels.len(), plan.len(), "{}", figure.name);
            for planned in plan {
                // The digest of the data is the same in all of them.
                let key = planned.id(None);
                assert!(expected_cpu_seconds(&planned) > 0.0);
                let what = (planned.experiment, planned.pooled);
                let other = keys.insert(key, what.clone());
                assert!(other.is_none_or(|other| other == what), "{}", figure.name);
            }
        }
    }
}

fn bytes(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_figure_is_made_from_nothing_and_the_second_time_from_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReproduceOptions {
        out: folder.path().join("out"),
        setup: setup(),
        run: RunOptions { threads: 2, ..RunOptions::default() },
        only_draw: false,
        to_repeat,
    };
    let figures = [figure("tishby-data-share").unwrap()];
    // Interrupted before anything could be done: nothing is drawn, and it goes on from there.
    let stopped = reproduce(&figures, &options, &(), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(ReproduceError::Interrupted)), "{stopped:?}");
    assert!(!options.out.join("figures").exists());

    let made = reproduce(&figures, &options, &(), &AtomicBool::new(false)).unwrap();
    assert!(made[0].result.as_ref().unwrap().iter().any(|path| path.ends_with("tishby-data-share.png")));
    let page = std::fs::read_to_string(options.out.join("results.md")).unwrap();
    assert!(page.contains("`make tishby-data-share`") && page.contains("| 5 % of the data | 1 |"));
    let first = bytes(&options.out.join("figures/tiny"));

    let again = ReproduceOptions { only_draw: true, ..options.clone() };
    assert_eq!(reproduce(&figures, &again, &(), &AtomicBool::new(false)).unwrap(), made);
    assert_eq!(bytes(&options.out.join("figures/tiny")), first);
    assert_eq!(std::fs::read_to_string(options.out.join("results.md")).unwrap(), page);
}

/// The four files, with images of as many pixels but few of them.
fn small_mnist(directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    for (part, n) in [("train", 120u32), ("t10k", 60)] {
        let pixels = (0..n * 784).map(|i| if i % 784 % 10 == i / 784 % 10 { 200 } else { (i % 7) as u8 });
        let mut images = vec![0, 0, 8, 3];
        [n, 28, 28].iter().for_each(|size| images.extend(size.to_be_bytes()));
        images.extend(pixels);
        std::fs::write(directory.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        let mut labels = vec![0, 0, 8, 1];
        labels.extend(n.to_be_bytes());
        labels.extend((0..n).map(|i| (i % 10) as u8));
        std::fs::write(directory.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn every_figure_is_drawn_at_its_smallest_with_a_row_for_each_claim() {
    let folder = tempfile::tempdir().unwrap();
    let mnist = folder.path().join("mnist");
    small_mnist(&mnist);
    let options = ReproduceOptions {
        out: folder.path().join("out"),
        setup: Setup { mnist: Some(mnist), ..setup() },
        run: RunOptions { threads: 2, ..RunOptions::default() },
        only_draw: false,
        to_repeat,
    };
    let figures: Vec<&Figure> = FIGURES.iter().collect();
    let outcomes = reproduce(&figures, &options, &(), &AtomicBool::new(false)).unwrap();
    for outcome in outcomes {
        outcome.result.unwrap_or_else(|why| panic!("{}: {why}", outcome.name));
    }
    let page = std::fs::read_to_string(options.out.join("results.md")).unwrap();
    assert_eq!(page.matches("| | paper | here | agrees? |").count(), FIGURES.len(), "{page}");
    // Every claim has a number, and every picture is there.
    assert!(!page.contains("NaN") && !page.contains("not made"), "{page}");
    let links = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    for (link, _) in links.filter(|(link, _)| !link.starts_with('#')) {
        assert!(options.out.join(link).is_file(), "{link}");
    }
}

#[test]
fn sizes_stand_side_by_side_and_what_is_missing_is_named_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let part = |agrees: bool, here: &str| {
        format!(
            "to_repeat = 'make'\ninfoplane_version = '1.2.3'\npictures = ['gradients']\n[[claims]]\nof = 'norms'\n\
             paper = 'grow'\nhere = '{here}'\nagrees = {agrees}\n[[runs]]\nrun = 'tanh'\nseeds = '4'\nepochs = '9'\n\
             measured = '3'\nsamples = '5 of 6'\nseconds = 7200.0\n"
        )
    };
    for (size, agrees, here) in [("quick", false, "0.1 ± 0.3"), ("full", true, "0.5 ± 0.1")] {
        let directory = out.join("figures").join(size);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("gradients.toml"), part(agrees, here)).unwrap();
    }
    let setup = Setup { size: Size::Full, mnist: None };
    let options =
        ReproduceOptions { out: out.clone(), setup, run: RunOptions::default(), only_draw: true, to_repeat };
    reproduce(&[figure("mnist").unwrap()], &options, &(), &AtomicBool::new(false)).unwrap();
    let page = std::fs::read_to_string(out.join("results.md")).unwrap();
    for line in [
        "| norms | grow | 0.1 ± 0.3 | **no** | 0.5 ± 0.1 | yes |",
        "| quick | tanh | 4 | 9 | 3 | 5 of 6 | 2.0 h |",
        "| | paper | here, quick | agrees? | here, full | agrees? |",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    assert!(page.contains("![Gradient") && page.contains("](figures/full/gradients.png)"), "{page}");
    assert!(page.contains("| 0 | 1 | 0 | 1 | 0 | 0 |"), "{page}");
    let mnist = page.split("`mnist` ·").nth(1).unwrap();
    assert!(
        mnist.contains("Full: not made, **missing:** needs MNIST; about ")
            && mnist.contains(" h of one processor"),
        "{mnist}"
    );
}

#[test]
fn one_figure_without_its_data_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let setup = Setup { mnist: None, ..setup() };
    let options =
        ReproduceOptions { out: out.clone(), setup, run: RunOptions::default(), only_draw: true, to_repeat };
    let figures: Vec<&Figure> = FIGURES.iter().collect();
    let outcomes = reproduce(&figures, &options, &(), &AtomicBool::new(false)).unwrap();
    assert_eq!(outcomes.len(), FIGURES.len());
    let page = std::fs::read_to_string(out.join("results.md")).unwrap();
    for outcome in outcomes {
        assert!(page.contains(&outcome.result.unwrap_err()), "{}", outcome.name);
    }
}

#[test]
fn a_training_that_diverges_is_an_outcome_and_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReproduceOptions {
        out: folder.path().join("out"),
        setup: setup(),
        run: RunOptions { threads: 1, ..RunOptions::default() },
        only_draw: false,
        to_repeat,
    };
    let grid = figure("as-if-random").unwrap();
    let mut planned = grid.plan(&options.setup).unwrap().remove(0);
    let diverging =
        ["training.optimizer.learning_rate=1e30".to_string(), "network.nonlinearity=linear".into()];
    planned.experiment = planned.experiment.overridden(&diverging).unwrap();
    let store = Store::open(&options.out).unwrap();
    let mut attempts = 0;
    for _ in 0..2 {
        let mut work = Work::of(&[(grid, Ok(vec![planned.clone()]))], &store);
        attempts += usize::from(!store.at(&planned).unwrap().is_complete());
        work.complete(grid, &planned, &store, &options, &(), &AtomicBool::new(false)).unwrap();
    }
    assert_eq!(attempts, 1);
    let why = store.at(&planned).unwrap().pool().unwrap().unwrap_err();
    assert!(why.contains("the training ended at epoch"), "{why}");
}
