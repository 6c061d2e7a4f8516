use ndarray::Array2;

use super::*;

/// A small generator of its own: what is tested is the same whatever the rest of the library draws.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: the sum of four.
    fn bell(&mut self) -> f64 {
        (0..4).map(|_| self.uniform() - 0.5).sum()
    }
}

/// Point sets that searches go wrong on.
fn point_sets(n: usize, width: usize) -> Vec<(&'static str, Array2<f64>)> {
    let mut random = Random((n * 1000 + width) as u64);
    let mut bell = Array2::from_shape_simple_fn((n, width), || random.bell());
    let mut sets = vec![("bell", bell.clone())];
    sets.push(("offset", bell.mapv(|v| 1e8 + v)));
    sets.push(("far offset, few bits left", bell.mapv(|v| 1e15 + v)));
    sets.push(("huge", bell.mapv(|v| v * 1e150)));
    sets.push(("beyond squares", bell.mapv(|v| v * 1e200)));
    sets.push(("tiny", bell.mapv(|v| v * 1e-100)));
    sets.push(("beyond squares, tiny", bell.mapv(|v| v * 1e-200)));
    sets.push(("grid", bell.mapv(|v| (v * 2.0).round())));
    sets.push(("signs", bell.mapv(|v| if v < 0.0 { -0.0 } else { 1.0 })));
    sets.push(("all equal", Array2::from_elem((n, width), 0.3)));
    let mut halves = bell.clone();
    for i in n / 2..n {
        let row = halves.row(i - n / 2).to_owned();
        halves.row_mut(i).assign(&row);
    }
    sets.push(("every point twice", halves));
    let mut clusters = bell.mapv(|v| v * 1e-6);
    for (i, mut row) in clusters.rows_mut().into_iter().enumerate() {
        row.mapv_inplace(|v| v + (i % 3) as f64);
    }
    sets.push(("tight clusters", clusters));
    // In units of the far point the distances of the others vanish.
    for (name, unit, far) in [("a far point", 1.0, 1e15), ("a far point of tiny ones", 1e-250, 1e100)] {
        let mut points = bell.mapv(|v| v * unit);
        points[(0, 0)] = far;
        sets.push((name, points));
    }
    sets.push(("heavy tails", bell.mapv(|v| (8.0 * v).exp())));
    bell.column_mut(0).mapv_inplace(|v| v * 1e6);
    sets.push(("one wide column", bell));
    sets
}

fn searches(width: usize) -> Vec<Search> {
    let mut searches = vec![Search::Brute, Search::Scan];
    if width == 1 {
        searches.push(Search::Sorted);
    }
    if tree::WIDTHS.contains(&width) {
        searches.push(Search::Tree);
    }
    searches
}

fn check(n: usize, width: usize, ks: &[usize]) {
    for (name, points) in point_sets(n, width) {
        for metric in [Metric::Chebyshev, Metric::Euclidean] {
            let neighbors = Neighbors::new(points.view(), metric);
            for &k in ks.iter().filter(|&&k| k < n) {
                let expected = neighbors.nearest_by(Search::Reference, k);
                let radii = expected.radii();
                let mut wide = radii.iter().map(|radius| 2.0 * radius).collect::<Vec<_>>();
                if n > 3 {
                    (wide[0], wide[1], wide[2], wide[3]) = (f64::INFINITY, 0.0, -1.0, f64::NAN);
                }
                for search in searches(width) {
                    let context =
                        format!("{name}, {search:?}, {metric:?}, n = {n}, width = {width}, k = {k}");
                    let found = neighbors.nearest_by(search, k);
                    assert!(found == expected, "{context}");
                    for boundary in [Boundary::Open, Boundary::Closed] {
                        for radii in [&radii, &wide] {
                            let expected = neighbors.count_by(Search::Reference, radii, boundary);
                            let counts = neighbors.count_by(search, radii, boundary);
                            assert!(counts == expected, "{context}, {boundary:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_search_finds_what_a_linear_scan_finds() {
    for width in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 33, 130] {
        check(if width > 16 { 100 } else { 120 }, width, &[1, 5]);
    }
}

#[test]
fn few_points_and_many_neighbours_are_found_too() {
    for width in [1, 2, 3, 5, 13] {
        for n in [2, 3, 9, 48, 49] {
            check(n, width, &[1, 3, n - 1]);
        }
    }
}

#[test]
fn more_points_than_a_task_are_found_by_one_thread_and_by_eight() {
    for width in [1, 2, 3, 6, 10] {
        let points = &point_sets(2300, width)[0].1;
        let radii = vec![0.3; 2300];
        let neighbors = Neighbors::new(points.view(), Metric::Euclidean);
        let expected = neighbors.nearest_by(Search::Reference, 4);
        let counts = neighbors.count_by(Search::Reference, &radii, Boundary::Open);
        for threads in [1, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                for search in searches(width) {
                    assert!(neighbors.nearest_by(search, 4) == expected, "{search:?} {width} {threads}");
                    let found = neighbors.count_by(search, &radii, Boundary::Open);
                    assert!(found == counts, "{search:?} {width} {threads}");
                }
            });
        }
    }
}

#[test]
fn lists_that_are_not_kept_hold_the_same_neighbours() {
    for width in [1, 3, 6] {
        for (name, points) in point_sets(300, width) {
            let neighbors = Neighbors::new(points.view(), Metric::Euclidean);
            for (k, in_order) in [(5, 5), (60, 7), (100, 1), (299, 40)] {
                let expected = neighbors.nearest_by(Search::Reference, k);
                for search in searches(width) {
                    let lists = neighbors
                        .map_nearest_by(search, k, in_order, &|| Box::new(|row, list| (row, list.to_vec())));
                    assert_eq!(lists.len(), 300);
                    for (i, (row, mut list)) in lists.into_iter().enumerate() {
                        assert_eq!(row, i);
                        let all: Vec<(f64, u32)> = expected
                            .distances(i)
                            .iter()
                            .copied()
                            .zip(expected.indices(i).iter().copied())
                            .collect();
                        assert!(list[..in_order] == all[..in_order], "{name} {width} {k} {search:?}");
                        list.sort_unstable_by(by_distance);
                        assert!(list == all, "{name} {width} {k} {search:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn many_neighbours_are_selected_by_a_scan_and_few_are_not() {
    assert_eq!(nearest_search(20_000, 6, 19_999), Search::Scan);
    assert_eq!(nearest_search(20_000, 3, 7000), Search::Scan);
    assert_eq!(nearest_search(10_000, 2, 1273), Search::Tree);
    assert_eq!(nearest_search(10_000, 10, 3), Search::Brute);
    assert_eq!([list_search(10_000, 6, 20), list_search(10_000, 6, 200)], [Search::Brute, Search::Scan]);
    assert_eq!(nearest_search(10_000, 1, 9000), Search::Sorted);
}

/// Rows of a transposed matrix do not lie one after the other.
#[test]
fn any_layout_in_memory_gives_the_same() {
    let points = &point_sets(60, 3)[0].1;
    let turned = points.t().as_standard_layout().into_owned();
    let straight = Neighbors::new(points.view(), Metric::Chebyshev).nearest(2);
    assert_eq!(Neighbors::new(turned.t(), Metric::Chebyshev).nearest(2), straight);
}

#[test]
fn neighbours_of_some_points_are_those_among_all() {
    for width in [1, 2, 4, 7] {
        for (name, points) in point_sets(200, width) {
            let search = Neighbors::new(points.view(), Metric::Euclidean);
            let rows: Vec<usize> = (0..200).filter(|row| row % 7 < 2).collect();
            for k in [1, 5, 60] {
                let all = search.nearest(k);
                let expected = rows.iter().map(|&row| all.indices(row).iter().map(|&i| i as usize).collect());
                let expected: Vec<Vec<usize>> = expected.collect();
                assert_eq!(search.nearest_of(&rows, k), expected, "{name}, {width}, {k}");
            }
        }
    }
}
