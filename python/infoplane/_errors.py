"""Exceptions and warnings."""

from __future__ import annotations


class InfoplaneError(Exception):
    """The base of all exceptions of this package."""


class EstimateError(InfoplaneError, ValueError):
    """There is no estimate: settings or data are such that the estimator cannot answer.

    Attributes
    ----------
    code
        The kind of reason, for programs: ``"too-few-samples"``, ``"undetermined"``.
    """

    def __init__(self, message: str, code: str = "estimate") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[EstimateError], tuple[str, str]]:
        return type(self), (str(self), self.code)


class UndeterminedError(EstimateError):
    """The answer is infinite, or a function of the number of samples alone; the message names what makes it finite."""


class RunError(InfoplaneError, OSError):
    """A run directory cannot be read or written."""


class RecordError(InfoplaneError, ValueError):
    """What is recorded makes no sense, or differs from the run that goes on."""


class ExperimentError(InfoplaneError, ValueError):
    """A configuration is wrong, or an experiment cannot be run."""


class SweepError(InfoplaneError, ValueError):
    """A sweep is described wrongly, its store holds another one, or cells that are needed are not complete."""


class InfoplaneWarning(UserWarning):
    """A caveat of an estimate; its words are also in the ``warnings`` of the result."""
