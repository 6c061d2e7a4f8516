//! What lies between an upper and a lower bound on I(X;T), over the epochs.

use super::{Band, BandRange, Figure, Line, Note, NoteCode, Of, Panel, ReportData, Series, information};
use crate::Bound;
use crate::plane::PlaneGroup;

/// For every method that gives both bounds, a figure of what is between them; nothing of methods without.
///
/// The bands are between the means over seeds. I(T;Y) is a difference of bounds, hence not bounded by them, and is not there.
pub(crate) fn bounds(data: &ReportData<'_>) -> Vec<Figure> {
    let groups = data.plane.groups();
    let lower_of = |upper: &PlaneGroup<'_>| {
        let same = |group: &&PlaneGroup<'_>| {
            let (a, b) = (group.method, upper.method);
            b.bound == Some(Bound::Upper)
                && a.bound == Some(Bound::Lower)
                && (&a.estimator, &a.setting, &a.settings, a.part)
                    == (&b.estimator, &b.setting, &b.settings, b.part)
        };
        groups.iter().find(same)
    };
    let between = |upper: &PlaneGroup<'_>| {
        let lower = information::figure(data, lower_of(upper)?)?;
        Some(between(information::figure(data, upper)?, &lower))
    };
    groups.iter().filter_map(between).collect()
}

fn between(upper: Figure, lower: &Figure) -> Figure {
    let plain = |text: &str| text.replace(", upper bound", ", between the bounds");
    let Some((panel, other)) = upper.panels.into_iter().zip(&lower.panels).next() else {
        return Figure { panels: vec![], ..upper };
    };
    let bands = mean_lines(&panel).filter_map(|line| {
        let other = mean_lines(other).find(|other| other.role == line.role)?;
        Some(Series::Band(Band { role: line.role, range: BandRange::Bounds, points: shared(line, other) }))
    });
    let bands: Vec<Series> = bands.collect();
    let low = panel.y.low.min(other.y.low);
    let panel = Panel { series: bands, y: super::Axis { low, ..panel.y }, ..panel };
    let text = "Bands: from the lower to the upper bound on I(X;T), of the means over seeds. The information of the layer with its noise \
                lies between them.";
    Figure {
        id: upper.id.replace("information-", "bounds-").replace("-upper", ""),
        heading: plain(&upper.heading),
        facts: upper.facts.iter().map(|fact| plain(fact)).collect(),
        panels: vec![panel],
        notes: vec![Note::reading(NoteCode::Bound, text)],
        ..upper
    }
}

fn mean_lines(panel: &Panel) -> impl Iterator<Item = &Line> {
    panel.lines().filter(|line| line.of == Of::Mean)
}

/// (epoch, lower, upper) at the epochs that both have.
fn shared(upper: &Line, lower: &Line) -> Vec<(f64, f64, f64)> {
    let mut lower = lower.points.iter().peekable();
    let point = |&(x, high): &(f64, f64)| {
        while lower.next_if(|point| point.0 < x).is_some() {}
        lower.next_if(|point| point.0 == x).map(|&(_, low)| (x, low, high))
    };
    upper.points.iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plane::MethodDescription;
    use crate::{InformationPlane, PlaneRow};

    #[test]
    fn a_band_is_between_the_bounds_where_both_are() {
        let method = |bound| Arc::new(MethodDescription::new("kde", "noise variance 0.001", Some(bound)));
        let (upper, lower) = (method(Bound::Upper), method(Bound::Lower));
        let row = |epoch, x, method| PlaneRow::new(1, epoch, (1, 3), method, (x, 0.5));
        let rows = [
            row(0, 5.0, &upper),
            row(3, 6.0, &upper),
            row(9, 4.0, &upper),
            row(0, 4.5, &lower),
            row(9, 3.0, &lower),
        ];
        let plane = InformationPlane::from_iter(rows);
        let [figure] = &bounds(&ReportData::empty(&plane))[..] else { panic!("one figure") };
        let [Series::Band(band)] = &figure.panels[0].series[..] else { panic!("a band") };
        assert_eq!(band.points, [(0.0, 4.5, 5.0), (9.0, 3.0, 4.0)]);
        assert_eq!((figure.panels.len(), band.range), (1, BandRange::Bounds));
        assert!(
            !figure.heading.contains("upper") && figure.id.starts_with("bounds-kde"),
            "{}",
            figure.heading
        );
    }

    #[test]
    fn methods_with_one_bound_or_none_have_no_such_figure() {
        let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
        let upper = Arc::new(MethodDescription::new("kde", "noise variance 0.001", Some(Bound::Upper)));
        let other = Arc::new(MethodDescription::new("kde", "noise variance 0.1", Some(Bound::Lower)));
        let row = |method| PlaneRow::new(1, 0, (1, 3), method, (4.0, 0.5));
        let plane = InformationPlane::from_iter([row(&binned), row(&upper), row(&other)]);
        assert!(bounds(&ReportData::empty(&plane)).is_empty());
    }
}
