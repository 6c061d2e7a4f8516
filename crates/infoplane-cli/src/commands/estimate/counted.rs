//! An estimator that counts what it has estimated.

use infoplane::estimator::{Reading, Symbols};
use infoplane::{Estimate, EstimateError, Estimator, Labels, Variable};

use crate::terminal::Clock;

/// Another estimator, of which a clock shows each estimate that is done: permutations, parts and draws are many
/// estimates of one call.
pub struct Counted<'a> {
    pub estimator: &'a dyn Estimator,
    pub clock: &'a Clock,
}

impl Estimator for Counted<'_> {
    fn name(&self) -> &'static str {
        self.estimator.name()
    }

    fn setting(&self) -> String {
        self.estimator.setting()
    }

    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let estimate = self.estimator.pair(x, y);
        self.clock.step();
        estimate
    }

    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.estimator.entropy(x)
    }

    fn conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.estimator.conditional(x, y, z)
    }

    fn total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.estimator.total_correlation(parts)
    }

    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError> {
        self.estimator.layer(t, labellings)
    }

    fn symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        self.estimator.symbols(t)
    }
}
