//! Defines an estimator: the information of variables whose values are cut into cells of equal side.

use infoplane_estimators::*;

struct Grid(f64);

impl Grid {
    fn cells(&self, v: &Variable<'_>) -> Labels {
        let columns: Vec<_> = (0..v.width()).map(|column| v.column(column)).collect();
        // Adding 0 makes the number of −0 that of 0.
        let number = |value: f64| ((value / self.0).floor() + 0.0).to_bits();
        let cell = |row| columns.iter().map(|column| number(column[row])).collect::<Vec<_>>();
        Labels::from_symbols(&(0..v.n_samples()).map(cell).collect::<Vec<_>>())
    }
}

impl Estimator for Grid {
    fn info(&self) -> &'static EstimatorInfo {
        &EstimatorInfo {
            name: "grid",
            title: "grid",
            family: Family::Bins,
            estimates: "I(X;Y) of the cells",
            when: "few columns and many samples",
            cost: "O(n log n)",
            offers: &[Quantity::Information],
            labels: LabelSides::None,
            uncertainty: Uncertainty::Bootstrap,
            with_noise: None,
            reference: "this program",
        }
    }
    fn setting(&self) -> String {
        format!("side={}", self.0)
    }
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let counted = MillerMadow::default().pair(&self.cells(&x), &self.cells(&y))?;
        let kind = EstimateKind::Binned { bins: self.setting() };
        Ok(Estimate::new(counted.information, kind, &[x.view(), y.view()]))
    }
}

fn main() -> Result<(), EstimateError> {
    let x: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.618).fract()).collect();
    let y: Vec<f64> = x.iter().zip(0..).map(|(x, i)| x + (f64::from(i) * 0.414).fract()).collect();
    let estimate = Grid(0.125).pair_with_error(&x, &y, Options::default())?;
    println!("{:.3} nats, {}, {:?}", estimate.information.nats(), estimate.kind, estimate.standard_error);
    Ok(())
}
