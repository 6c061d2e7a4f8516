//! The information-bottleneck curve of a known joint distribution.

use std::path::{Path, PathBuf};

use super::ReportError;
use super::caption::{note_height, note_lines, write_notes, write_title};
use super::plane_figure::LABEL_SIZE;
use crate::bottleneck::BottleneckCurve;
use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text};
use crate::run::Disk;

const WIDTH: f64 = 640.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 78.0;
const PLOT: (f64, f64) = (490.0, 380.0);

/// Writes `bottleneck.csv`, `bottleneck.svg` and `bottleneck.png` into `directory` and returns their paths.
///
/// `subject` names the joint distribution in the figure. The directory is made if it is not there.
///
/// # Errors
/// [`ReportError::Empty`] for a curve without a point; [`ReportError::Write`] if a file cannot be written.
pub fn write_bottleneck(
    subject: &str,
    curve: &BottleneckCurve,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    if curve.points.is_empty() {
        return Err(ReportError::Empty);
    }
    let at = |path: &Path, source| ReportError::Write { path: path.to_path_buf(), source };
    std::fs::create_dir_all(directory).map_err(|source| at(directory, source))?;
    let scene = draw(subject, curve);
    let png = scene.to_png();
    let png = png.map_err(|reason| ReportError::Picture { figure: "bottleneck".into(), reason })?;
    let files = [
        ("bottleneck.csv", bottleneck_csv(curve).into_bytes()),
        ("bottleneck.svg", scene.to_svg().into_bytes()),
        ("bottleneck.png", png),
    ];
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = directory.join(name);
        Disk::default().replace(&path, &bytes).map_err(|source| at(&path, source))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// The points as comma-separated values, in bits, all digits: `beta,i_xt_bits,i_ty_bits,clusters,gap_bits`.
///
/// β is 0 at the origin and `inf` at the other end.
pub fn bottleneck_csv(curve: &BottleneckCurve) -> String {
    let mut text = String::from("beta,i_xt_bits,i_ty_bits,clusters,gap_bits\n");
    for point in &curve.points {
        text += &format!(
            "{},{},{},{},{}\n",
            point.beta,
            point.i_xt.bits(),
            point.i_ty.bits(),
            point.clusters,
            point.gap.bits()
        );
    }
    text
}

fn draw(subject: &str, curve: &BottleneckCurve) -> Scene {
    let last = curve.points.last().map_or((0.0, 0.0), |point| (point.i_xt.bits(), point.i_ty.bits()));
    let gap = curve.points.iter().map(|point| point.gap.bits()).fold(0.0, f64::max);
    let shape = match curve.deterministic {
        true => "Every x has one label: the curve is a straight line, all of it at β = 1.".to_string(),
        false => format!(
            "{} points, each of an actual p(t|x); the curve is at most {gap:.0e} bits above them.",
            curve.points.len()
        ),
    };
    let notes = [
        format!("{shape} {} inputs differ in p(y|x); others were merged.", curve.distinct_inputs),
        "No T made from X alone lies above the solid line. Dashed: I(T;Y) = I(X;T), H(Y) and I(X;Y). \
         Numbers beside the line: how many values T needs."
            .into(),
    ];
    let notes = note_lines(&notes, WIDTH - 2.0 * 24.0);
    let mut scene = Scene::new(WIDTH, TOP + PLOT.1 + 58.0 + note_height(&notes) + 10.0);
    let subtitle =
        format!("{subject} · I(X;Y) = {:.4} bits · H(Y) = {:.4} bits", curve.i_xy.bits(), curve.h_y.bits());
    write_title(&mut scene, LEFT, "Information-bottleneck curve", &subtitle);
    let h_y = curve.h_y.bits();
    let (x, y) = (Scale::linear([0.0, last.0], 0.04), Scale::linear([0.0, h_y.max(last.1)], 0.06));
    let panel = Panel { left: LEFT, top: TOP, width: PLOT.0, height: PLOT.1, x, y };
    panel.grid(&mut scene);
    let dashed = |scene: &mut Scene, from, to| {
        panel.curve(scene, [from, to], Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
    };
    dashed(&mut scene, (0.0, 0.0), (last.1, last.1));
    dashed(&mut scene, (0.0, h_y), (last.0, h_y));
    dashed(&mut scene, (0.0, last.1), (last.0, last.1));
    let at_side = |value: f64| panel.at(0.0, value).map(|(_, y)| y);
    if let Some(y) = at_side(h_y) {
        scene.text(Text::new(panel.right() + 6.0, y + 1.0, LABEL_SIZE, "H(Y)").color(Color::QUIET));
        let room = at_side(last.1).map_or(0.0, |below| (below - y).max(14.0));
        scene.text(Text::new(panel.right() + 6.0, y + 1.0 + room, LABEL_SIZE, "I(X;Y)").color(Color::QUIET));
    }
    let points = || curve.points.iter().map(|point| (point.i_xt.bits(), point.i_ty.bits()));
    panel.curve(&mut scene, points(), Color(31, 119, 180), 1.6, 1.0, &[]);
    for (x, y) in points().filter_map(|(x, y)| panel.at(x, y)) {
        let fill = Color(31, 119, 180);
        scene.marks.push(Mark::Circle { x, y, radius: 2.4, fill, opacity: 1.0, outline: None });
    }
    // How many values T needs where that changes, as far as the numbers stand apart.
    let mut written: Option<((f64, f64), usize)> = None;
    for point in &curve.points {
        let Some(place) = panel.at(point.i_xt.bits(), point.i_ty.bits()) else { continue };
        let far = |old: (f64, f64)| (old.0 - place.0).hypot(old.1 - place.1) > 24.0;
        if written.is_none_or(|(old, clusters)| clusters != point.clusters && far(old)) {
            let text = Text::new(place.0 + 5.0, place.1 + 14.0, 10.0, format!("{}", point.clusters));
            scene.text(text.color(Color::QUIET).anchor(Anchor::Start));
            written = Some((place, point.clusters));
        }
    }
    panel.axes(&mut scene, "I(X;T)  [bits]", "I(T;Y)  [bits]");
    write_notes(&mut scene, 24.0, TOP + PLOT.1 + 56.0, &notes);
    scene
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::bottleneck::bottleneck_curve;

    #[test]
    fn every_point_is_in_the_table_and_what_it_is_on_the_figure() {
        let rows = array![[0.9, 0.1], [0.1, 0.9]];
        let curve = bottleneck_curve(&[0.5, 0.5], rows.view(), 12).unwrap();
        let csv = bottleneck_csv(&curve);
        assert_eq!(csv.lines().count(), 13);
        assert!(csv.lines().nth(1).unwrap().starts_with("0,0,0,1,"));
        assert!(csv.lines().last().unwrap().starts_with("inf,1,0.531"));
        let svg = draw("a coin", &curve).to_svg();
        for part in ["a coin", "I(X;Y) = 0.5310 bits", "H(Y)", "12 points"] {
            assert!(svg.contains(part), "{part}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_bottleneck("a coin", &curve, folder.path()).unwrap().len(), 3);
        let nothing = BottleneckCurve { points: vec![], ..curve };
        assert!(matches!(write_bottleneck("", &nothing, folder.path()), Err(ReportError::Empty)));
    }
}
