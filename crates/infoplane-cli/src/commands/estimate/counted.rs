//! An estimator that counts what it has estimated.

use std::sync::Arc;

use infoplane::estimator::{Choice, EstimatorInfo, LayerEstimate, LayerRange, Symbols};
use infoplane::{Bound, Estimate, EstimateError, Estimator, Labels, Variable};
use serde_json::{Map, Value};

use crate::terminal::Clock;

/// Another estimator, of which a clock shows each estimate that is done: permutations, parts and draws are many
/// estimates of one call.
pub struct Counted {
    pub estimator: Box<dyn Estimator>,
    pub clock: Arc<Clock>,
}

impl Estimator for Counted {
    fn info(&self) -> &'static EstimatorInfo {
        self.estimator.info()
    }

    fn setting(&self) -> String {
        self.estimator.setting()
    }

    fn name(&self) -> &'static str {
        self.estimator.name()
    }

    fn check(&self) -> Result<(), EstimateError> {
        self.estimator.check()
    }

    fn keys(&self) -> Map<String, Value> {
        self.estimator.keys()
    }

    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        self.estimator.layer_settings()
    }

    fn needs_observed_range(&self) -> bool {
        self.estimator.needs_observed_range()
    }

    fn fixed(&self, range: &LayerRange) -> Result<Option<Box<dyn Estimator>>, EstimateError> {
        let counted = |estimator| Box::new(Counted { estimator, clock: Arc::clone(&self.clock) }) as _;
        Ok(self.estimator.fixed(range)?.map(counted))
    }

    fn choose(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Option<Choice>, EstimateError> {
        self.estimator.choose(x, y)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let estimate = self.estimator.estimate_pair(x, y);
        self.clock.step();
        estimate
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.estimator.estimate_entropy(x)
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.estimator.estimate_conditional(x, y, z)
    }

    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.estimator.estimate_total_correlation(parts)
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let estimates = self.estimator.estimate_layer(t, labellings);
        self.clock.step();
        estimates
    }

    fn layer_symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        self.estimator.layer_symbols(t)
    }
}
