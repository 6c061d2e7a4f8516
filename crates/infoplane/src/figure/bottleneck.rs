//! The information-bottleneck curve of a known joint distribution: I(T;Y) against I(X;T).

use super::axis::NO_BITS;
use super::{
    Axis, Direction, Figure, FigureKind, Limit, Line, MarkStyle, Note, NoteCode, Of, Panel, Point, Points,
    Role, Series,
};
use crate::bottleneck::BottleneckCurve;

impl Figure {
    /// The information-bottleneck curve of a joint distribution, which `subject` names; nothing for a curve without a
    /// point.
    ///
    /// A line through the points of the curve, in bits, each labelled with how many values T needs there; H(Y) and I(X;Y)
    /// as limits.
    ///
    /// # Examples
    /// ```
    /// use infoplane::bottleneck::bottleneck_curve;
    /// use infoplane::figure::{Figure, Series};
    /// use ndarray::array;
    ///
    /// let curve = bottleneck_curve(&[0.5, 0.5], array![[0.9, 0.1], [0.1, 0.9]].view(), 12)?;
    /// let figure = Figure::bottleneck("a coin", &curve).expect("a curve with points");
    /// assert_eq!(figure.facts[1], "I(X;Y) = 0.5310 bits");
    /// let Some(Series::Points(last)) = figure.panels[0].series.last() else { panic!("the points come last") };
    /// assert_eq!(last.points.len(), 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bottleneck(subject: &str, curve: &BottleneckCurve) -> Option<Figure> {
        let last = curve.points.last()?;
        let (last_x, last_y) = (last.i_xt.bits(), last.i_ty.bits());
        let h_y = curve.h_y.bits();
        let line =
            |role, dashed, points| Series::Line(Line { dashed, ..Line::new(role, Of::Theory, points) });
        let points = curve.points.iter().map(|point| Point {
            x: point.i_xt.bits(),
            y: point.i_ty.bits(),
            error: None,
            label: Some(point.clusters.to_string()),
        });
        let points: Vec<Point> = points.collect();
        let limit =
            |name: &str, value| Limit { axis: Direction::Y, value, name: name.into(), text: String::new() };
        let role = Role::Group(0);
        let panel = Panel {
            name: String::new(),
            x: Axis::bits("I(X;T)", [last_x], [], 0.04),
            y: Axis::bits("I(T;Y)", [last_y], [h_y], 0.06),
            series: vec![
                line(Role::Theory, true, vec![(0.0, 0.0), (last_y, last_y)]),
                line(role, false, points.iter().map(|point| (point.x, point.y)).collect()),
                Series::Points(Points { role, marks: MarkStyle::Filled, points }),
            ],
            limits: vec![limit("H(Y)", h_y), limit("I(X;Y)", last_y)],
            remark: None,
        };
        Some(Figure {
            id: "bottleneck".into(),
            kind: FigureKind::Bottleneck,
            heading: "Information-bottleneck curve".into(),
            title: "Information-bottleneck curve".into(),
            facts: vec![
                subject.into(),
                format!("I(X;Y) = {:.4} bits", curve.i_xy.bits()),
                format!("H(Y) = {h_y:.4} bits"),
            ],
            layers: vec![],
            panels: vec![panel],
            grid: None,
            groups: vec![subject.into()],
            legend: vec![],
            notes: notes(curve),
            table: Some("bottleneck.csv".into()),
        })
    }
}

fn notes(curve: &BottleneckCurve) -> Vec<Note> {
    let gap = curve.points.iter().map(|point| point.gap.bits()).fold(0.0, f64::max);
    if curve.i_xy.bits() < NO_BITS {
        let text = if curve.h_y.bits() < NO_BITS {
            "All labels are one class: H(Y) is 0, and so is I(T;Y) of every T."
        } else {
            "X tells nothing of Y: p(y|x) is the same for every x, and I(T;Y) is 0 for every T made from X alone."
        };
        return vec![Note::fact(NoteCode::Bottleneck, text)];
    }
    let above = match gap {
        gap if gap > 0.0 => format!("the curve is at most {gap:.0e} bits above them"),
        _ => "the curve goes through them".into(),
    };
    let shape = match (curve.deterministic, curve.points.len()) {
        (true, _) => "Every x has one label: the curve is a straight line, all of it at β = 1.".to_string(),
        (false, 1) => format!("One point, of an actual p(t|x); {}.", above.replace("them", "it")),
        (false, n) => format!("{n} points, each of an actual p(t|x); {above}."),
    };
    let merged = match curve.distinct_inputs {
        1 => "All inputs have the same p(y|x).".to_string(),
        n => format!("{n} inputs differ in p(y|x); others were merged."),
    };
    let chords =
        if curve.deterministic { "" } else { ", and the straight lines between its points lie below it" };
    let reading = format!(
        "No T made from X alone lies above the curve{chords}. Dashed: I(T;Y) = I(X;T), H(Y) and I(X;Y). \
         Numbers beside the line: how many values T needs."
    );
    vec![
        Note::fact(NoteCode::Bottleneck, format!("{shape} {merged}")),
        Note::reading(NoteCode::Bottleneck, reading),
    ]
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::bottleneck::bottleneck_curve;

    #[test]
    fn every_point_is_on_the_figure_with_the_values_that_t_needs() {
        let rows = array![[0.9, 0.1], [0.1, 0.9]];
        let curve = bottleneck_curve(&[0.5, 0.5], rows.view(), 12).unwrap();
        let figure = Figure::bottleneck("a coin", &curve).unwrap();
        assert_eq!(figure.subtitle(), "a coin · I(X;Y) = 0.5310 bits · H(Y) = 1.0000 bits");
        assert!(figure.notes[0].text.starts_with("12 points"), "{:?}", figure.notes);
        let points = &figure.panels[0].points().next().unwrap().points;
        assert_eq!((points.len(), points[0].label.as_deref()), (12, Some("1")));
        assert!((points[11].x - 1.0).abs() < 1e-9 && points[11].label.as_deref() == Some("2"));
        let chords = "No T made from X alone lies above the curve, and the straight lines between its points lie below";
        assert!(figure.notes[1].text.starts_with(chords), "{:?}", figure.notes);
        let nothing = BottleneckCurve { points: vec![], ..curve };
        assert_eq!(Figure::bottleneck("a coin", &nothing), None);
    }

    #[test]
    fn of_independent_x_and_y_the_axes_are_one_bit_long() {
        let rows = array![[0.5, 0.5], [0.5, 0.5]];
        let curve = bottleneck_curve(&[0.5, 0.5], rows.view(), 12).unwrap();
        let figure = Figure::bottleneck("a coin", &curve).unwrap();
        let (x, y) = (&figure.panels[0].x, &figure.panels[0].y);
        assert!((x.low + 0.04).abs() < 1e-9 && (x.high - 1.04).abs() < 1e-9, "{x:?}");
        assert!((y.low + 0.06).abs() < 1e-9 && (y.high - 1.06).abs() < 1e-9, "{y:?}");
        assert_eq!(figure.notes.len(), 1);
        assert!(figure.notes[0].text.starts_with("X tells nothing of Y"), "{:?}", figure.notes);
    }
}
