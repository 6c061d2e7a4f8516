//! Tasks whose information is known, one file each; samples for judging estimators in [`known`].

mod symmetric12;

pub use infoplane_estimators::known;

pub use symmetric12::{SIGMOID_GAIN, Symmetric12, symmetric12};
