//! Pages of runs. With `INFOPLANE_PAGES` naming a folder, they are left there for a browser (`cargo xtask test --page`).

#[allow(dead_code)] // the rest of it is for other tests
mod made_up;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use infoplane::experiment::{Experiment, RunOptions};
use infoplane::figure::{
    Arrangement, Axis, AxisScale, Bar, BarStyle, Bars, Cell, Cells, Comparison, Figure, FigureKind, Key,
    LegendEntry, Panel, ReportData, Role, Series, figures,
};
use infoplane::page::Page;
use infoplane::plane::MethodDescription;
use infoplane::run::Run;
use infoplane::{InformationPlane, LayerDescription, PlaneRow};
use made_up::{MadeUp, make_up};
use serde_json::Value;

/// What a name may hold that a page must show as it is.
const HOSTILE: [&str; 6] = [
    "</script><script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "\"><svg onload=document.title='taken'>",
    "javascript:document.title='taken'",
    "<!--<script>",
    "{{7*7}}${7*7}&lt;b&gt;\u{2028}'",
];

/// Keeps a page for the browser, and returns it.
fn kept(name: &str, page: &Page) -> String {
    let html = page.html();
    if let Some(folder) = std::env::var_os("INFOPLANE_PAGES").map(PathBuf::from) {
        fs::create_dir_all(&folder).expect("the folder");
        fs::write(folder.join(name), &html).expect("the page");
    }
    html
}

fn small_run(folder: &std::path::Path, name: &str, changes: &[&str]) -> Run {
    let changes: Vec<String> = changes.iter().map(|&change| change.into()).collect();
    let experiment = Experiment::load("tishby2017", &changes).expect("an experiment");
    let path = folder.join(name);
    experiment.run(&path, RunOptions::default(), &(), &AtomicBool::new(false)).expect("a run");
    Run::read(&path).expect("the run")
}

fn values_of(html: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"document\">";
    let from = html.find(start).expect("the values") + start.len();
    let to = from + html[from..].find("</script>").expect("their end");
    let mut page: Value = serde_json::from_str(&html[from..to]).expect("JSON");
    let columns = page["columns"].take();
    put_columns(&mut page, &columns);
    page
}

/// Puts the columns of a page into the series that have them, as its scripts do.
fn put_columns(value: &mut Value, columns: &Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|value| put_columns(value, columns)),
        Value::Object(fields) => {
            let has_columns =
                matches!(fields.get("kind").and_then(Value::as_str), Some("path" | "line" | "dots" | "band"));
            for (name, field) in fields.iter_mut() {
                let is_column = has_columns
                    && ["epochs", "x", "y", "x_error", "y_error", "low", "high"].contains(&&**name);
                match field.as_u64() {
                    Some(place) if is_column => *field = columns[place as usize].clone(),
                    _ => put_columns(field, columns),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_page_holds_the_figures_of_a_run_with_all_their_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let changes = ["training.epochs=120", "seeds=3", "schedule.points=16"];
    let run = small_run(folder.path(), "three seeds", &changes);
    let data = ReportData::of(&run);
    let html = kept("run.html", &Page::of_run(&run, &data).made_by("infoplane report 'three seeds' --html"));
    let page = values_of(&html);
    let shown = &page["runs"][0]["figures"];
    let expected = figures(&data);
    // One more than the report has: what is between the bounds.
    let ids: Vec<&str> =
        shown.as_array().expect("figures").iter().filter_map(|figure| figure["id"].as_str()).collect();
    assert_eq!(ids.len(), expected.len() + 1);
    assert!(
        expected.iter().all(|figure| ids.contains(&&*figure.id))
            && ids.contains(&"bounds-kde-noise-variance-0.001"),
        "{ids:?}"
    );
    let infoplane::figure::Series::Path(path) = expected[0].panels[0].series.last().expect("a series") else {
        panic!("a plane shows paths")
    };
    let last = shown[0]["panels"][0]["series"].as_array().expect("series").last().expect("a series").clone();
    assert_eq!(last["kind"], "path");
    // Nine digits of each value.
    let x: Vec<f64> =
        path.points.iter().map(|point| format!("{:.8e}", point.x).parse().expect("a number")).collect();
    let epochs: Vec<u64> = path.points.iter().map(|point| point.epoch).collect();
    assert_eq!((&last["x"], &last["epochs"]), (&serde_json::json!(x), &serde_json::json!(epochs)));
    assert!(last["x_error"].is_array());
    let known =
        |name: &str| page["runs"][0]["facts"].as_array().expect("facts").iter().any(|fact| fact[0] == name);
    for name in
        ["data", "n", "H(X)", "H(Y)", "seeds", "state", "digest of the data", "infoplane", "epochs measured"]
    {
        assert!(known(name), "{name}");
    }
    assert!(page["runs"][0]["settings"].as_str().expect("TOML").contains("[training]"));
    assert_eq!(page["command"], "infoplane report 'three seeds' --html");
    assert_eq!(page["theme"]["layers"][1], "#e69f00");
}

#[test]
fn a_page_of_several_runs_has_the_figures_that_compare_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let changes = ["training.epochs=60", "seeds=2", "schedule.points=8"];
    let tanh = small_run(folder.path(), "tanh", &[&changes[..], &["name=tanh"]].concat());
    let relu = ["name=relu", "network.nonlinearity=relu"];
    let relu = small_run(folder.path(), "relu", &[&changes[..], &relu].concat());
    let again = |run: &Run| Run::read(run.path()).expect("a run");
    let comparison =
        Comparison::of_runs::<&str>(&[again(&tanh), again(&relu)], &[], false).expect("a comparison");
    let runs = [(&tanh, ReportData::of(&tanh)), (&relu, ReportData::of(&relu))];
    let page = Page::of_comparison(&comparison, Arrangement::SideBySide, &runs);
    let page = values_of(&kept("compared.html", &page));
    assert_eq!(page["runs"].as_array().map(Vec::len), Some(2));
    assert!(!page["compared"].as_array().expect("figures").is_empty());
}

#[test]
fn a_page_of_several_keys_has_rows_and_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = [("tanh", 256), ("tanh", 512), ("tanh", 1024), ("relu", 256), ("relu", 1024)];
    let runs: Vec<Run> = places
        .iter()
        .map(|(nonlinearity, batch)| {
            let name = format!("{nonlinearity} {batch}");
            let own = [
                format!("network.nonlinearity={nonlinearity}"),
                format!("training.batch_size={batch}"),
                format!("name={name}"),
            ];
            let changes = ["training.epochs=4", "seeds=2", "schedule.points=3"];
            let all: Vec<&str> = changes.into_iter().chain(own.iter().map(String::as_str)).collect();
            small_run(folder.path(), &name, &all)
        })
        .collect();
    let keys = ["network.nonlinearity", "training.batch_size"];
    let comparison = Comparison::of_runs(&runs, &keys, true).expect("a comparison");
    let members: Vec<_> = runs.iter().map(|run| (run, ReportData::of(run))).collect();
    let page = Page::of_comparison(&comparison, Arrangement::SideBySide, &members);
    let page = values_of(&kept("grid.html", &page));
    assert_eq!(page["title"], "5 groups");
    let plane = &page["compared"][1];
    assert_eq!(
        plane["grid"]["columns"],
        serde_json::json!(["batch_size 256", "batch_size 512", "batch_size 1024"])
    );
    assert_eq!(plane["grid"]["rows"], serde_json::json!([["tanh"], ["relu"]]));
    assert_eq!(plane["panels"][4]["remark"], "no run");
}

#[test]
fn a_page_shows_bars_and_cells() {
    let axis = |quantity: &str, scale, high, places: &[&str]| Axis {
        quantity: quantity.into(),
        unit: if scale == AxisScale::Linear { "bits".into() } else { String::new() },
        scale,
        low: 0.0,
        high,
        places: places.iter().map(|place| (*place).into()).collect(),
    };
    let panel = |x, y, series| Panel { name: String::new(), x, y, series, limits: vec![], remark: None };
    let bar = |value| Some(Bar { value, error: Some(0.25) });
    let bars = |style, values: [f64; 2]| {
        let values = vec![bar(values[0]), None, bar(values[1])];
        Series::Bars(Bars { role: Role::Input, style, values })
    };
    let places = axis("", AxisScale::Places, 3.0, &["T₁", "T₂", "T₃"]);
    let values = axis("I(X;T)", AxisScale::Linear, 4.0, &[]);
    let both = vec![bars(BarStyle::Full, [3.0, 1.0]), bars(BarStyle::Pale, [2.0, 0.5])];
    let cell = |value: f64, remark: Option<&str>| Cell {
        value: Some(value),
        text: format!("{value:.1}"),
        stands_out: false,
        remark: remark.map(Into::into),
    };
    let (across, down) = (&["a", "b"], &["A", "B"]);
    let cells = Series::Cells(Cells {
        values: axis("overlap", AxisScale::Linear, 4.0, &[]),
        cells: vec![cell(1.0, None), cell(2.0, None), cell(3.0, None), cell(4.0, Some("few"))],
        beside: None,
    });
    let cells =
        panel(axis("", AxisScale::Places, 2.0, across), axis("", AxisScale::Places, 2.0, down), vec![cells]);
    let entry = |name: &str, style| LegendEntry { key: Key::Bars { role: None, style }, name: name.into() };
    let figure = |id: &str, kind, panel, legend| Figure {
        id: id.into(),
        kind,
        heading: id.into(),
        title: id.into(),
        facts: vec![],
        layers: vec![],
        panels: vec![panel],
        grid: None,
        groups: vec![],
        legend,
        notes: vec![],
        table: None,
    };
    let legend = vec![entry("all networks", BarStyle::Full), entry("one network", BarStyle::Pale)];
    let figures = vec![
        figure("bars", FigureKind::PoolCompression, panel(places, values, both), legend),
        figure("cells", FigureKind::PoolOverlap, cells, vec![]),
    ];
    let page = values_of(&kept("bars-and-cells.html", &Page::of_figures("bars and cells", figures)));
    assert_eq!(page["compared"][0]["panels"][0]["series"][0]["values"][1], Value::Null);
}

#[test]
fn names_cannot_become_part_of_a_page() {
    let mut run =
        make_up(&MadeUp { widths: vec![5, 4, 3, 2, 2, 2], n_seeds: 2, last_epoch: 100, with_test_set: true });
    for (layer, name) in run.layers.iter_mut().zip(HOSTILE) {
        *layer = LayerDescription { name: name.into(), width: layer.width, nonlinearity: name.into() };
    }
    let mut data = run.data();
    data.title = HOSTILE.concat();
    data.dataset = HOSTILE[1].into();
    data.notes = HOSTILE.map(String::from).to_vec();
    let html =
        kept("hostile.html", &Page::of_figures(HOSTILE.concat(), figures(&data)).made_by(HOSTILE.concat()));
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script>").count(), 2);
    assert!(!html.contains("<img") && !html.contains("<svg onload"));
    let names = values_of(&html)["compared"][0]["layers"].to_string();
    assert!(names.contains("onerror"), "{names}");
}

#[test]
fn extreme_runs_have_pages() {
    let none = InformationPlane::default();
    let template = make_up(&MadeUp { widths: vec![2], n_seeds: 1, last_epoch: 10, with_test_set: false });
    let nothing = ReportData { plane: &none, training: &[], layers: vec![], ..template.data() };
    kept("nothing.html", &Page::of_figures("nothing", figures(&nothing)));

    let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
    let one = InformationPlane::from_iter([PlaneRow::new(1, 0, (1, 3), &binned, (5.9, 0.12))]);
    kept(
        "one-row.html",
        &Page::of_figures("one row", figures(&ReportData { plane: &one, ..nothing.clone() })),
    );

    let row = |epoch: u64, i_xt, i_ty| PlaneRow::new(1, epoch, (1, 3), &binned, (i_xt, i_ty));
    let lacking =
        [row(0, f64::NAN, 0.1), row(1, 5.0, f64::NAN), row(2, f64::INFINITY, 0.5), row(3, 4.0, 0.6)];
    let lacking = InformationPlane::from_iter(lacking);
    let page = Page::of_figures("not numbers", figures(&ReportData { plane: &lacking, ..nothing.clone() }));
    values_of(&kept("not-numbers.html", &page));

    let layers = 200;
    let many = InformationPlane::from_iter((0..layers).flat_map(|layer| {
        let binned = &binned;
        (0..20).map(move |epoch| {
            let share = layer as f64 / layers as f64;
            PlaneRow::new(
                1,
                epoch * 5,
                (layer + 1, 3),
                binned,
                (10.0 - 5.0 * share, 0.2 + 0.03 * epoch as f64),
            )
        })
    }));
    kept(
        "200-layers.html",
        &Page::of_figures("200 layers", figures(&ReportData { plane: &many, ..nothing.clone() })),
    );
}

/// Rows of so many seeds and epochs of six layers.
fn made_rows(seeds: u64, epochs: u64) -> InformationPlane {
    let kde = Arc::new(MethodDescription::new("kde", "noise variance 0.001", None));
    let rows = (0..seeds).flat_map(|seed| {
        let kde = &kde;
        (0..epochs).flat_map(move |epoch| {
            (1..=6usize).map(move |layer| {
                let (time, depth) = ((epoch as f64).ln_1p(), layer as f64);
                let wave = (0.37 * depth + 0.9 * time + seed as f64).sin();
                let (x, y) =
                    (12.0 - 1.3 * depth * (0.4 + 0.1 * wave), 0.99 - 0.5 / (1.0 + time) - 0.02 * wave);
                PlaneRow::new(seed, epoch, (layer, 12 - layer), kde, (x, y))
            })
        })
    });
    rows.collect()
}

#[test]
fn long_runs_are_thinned_and_say_so() {
    let template = make_up(&MadeUp { widths: vec![2], n_seeds: 1, last_epoch: 10, with_test_set: false });
    let page = |plane: &InformationPlane| {
        let data = ReportData { plane, training: &[], layers: vec![], ..template.data() };
        Page::of_figures("long", figures(&data))
    };
    // 24,000 points are all there.
    let html = kept("24000-points.html", &page(&made_rows(4, 1000)));
    let plane = &values_of(&html)["compared"][0];
    let series = plane["panels"][0]["series"].as_array().expect("series");
    let points = |series: &&Value| series["x"].as_array().map_or(0, Vec::len);
    assert_eq!(
        series.iter().filter(|series| series["of"] != "mean").map(|series| points(&series)).sum::<usize>(),
        24_000
    );
    assert!(!plane["notes"].to_string().contains("Drawn:"));
    // Of paths longer than can be seen, the figures have the peaks.
    let html = kept("long-paths.html", &page(&made_rows(2, 8334)));
    let plane = &values_of(&html)["compared"][0];
    assert!(plane["notes"].to_string().contains("at most 1000 of 8334 epochs"), "{}", plane["notes"]);
    for series in plane["panels"][0]["series"].as_array().expect("series") {
        let epochs = series["epochs"].as_array().expect("epochs");
        assert_eq!((&epochs[0], &epochs[epochs.len() - 1]), (&0.into(), &8333.into()));
    }
    // A million points of many paths are not all there, as the page says.
    let html = kept("1000000-points.html", &page(&made_rows(170, 1000)));
    let document = values_of(&html);
    let plane = &document["compared"][0];
    assert!(plane["notes"].to_string().contains("Drawn: one of every "), "{}", plane["notes"]);
    assert!(html.len() < 12_000_000, "{}", html.len());
    for series in plane["panels"][0]["series"].as_array().expect("series") {
        let epochs = series["epochs"].as_array().expect("epochs");
        assert_eq!((&epochs[0], &epochs[epochs.len() - 1]), (&0.into(), &999.into()));
    }
}
