//! `infoplane calibrate`.
use crate::arguments::Calibrate;
use crate::failure::Failure;
use std::process::ExitCode;
/// Tries methods.
pub fn calibrate(_: &Calibrate) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
