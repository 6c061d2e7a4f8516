//! The table behind the information plane: one row per seed, epoch, layer and method.

mod columns;
mod description;
mod distance;
mod group;
mod mean;
mod row;

pub use columns::InformationPlane;
pub(crate) use description::make_ids_unique;
pub use description::{LayerDescription, MethodDescription, Part};
pub use distance::{Distance, Entropies, Scale};
pub use group::{LayerPath, MeanPoint, PlaneGroup, PlanePoint, ProcessingViolations, Unmeasured};
pub use mean::{Mean, Percentiles};
pub(crate) use mean::{mean_over_seeds, value_at};
pub(crate) use row::StoredRow;
pub use row::{Missing, PlaneQuantity, PlaneRow};
