"""Teachers that were saved, `.skops` or `.keras`; pickles are refused: loading them runs code."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tfloss
from tfloss.errors import first_line
from tfloss_teachers.networks import network_loader, yes_or_no

_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")

_KERNELS = (
    *("CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation"),
    *("Matern", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
)
_DISTANCES = ("Chebyshev", "Euclidean", "Manhattan", "Minkowski")

# Types that skops does not trust by itself, by the estimators that need them. Reviewed: each only
# holds arrays, numbers and other estimators, and rebuilding it calls nothing that the file names.
_REVIEWED = {
    "trees, forests, boosting": ("sklearn.tree._tree.Tree",),
    "HistGradientBoosting": ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
    "Gaussian processes": (
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        *(f"sklearn.gaussian_process.kernels.{kernel}" for kernel in _KERNELS),
    ),
    "neighbours": (
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in _DISTANCES),
    ),
    "CalibratedClassifierCV": (
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
    ),
    "OneHotEncoder": ("numpy.dtype",),
    "MLP": (
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    ),
    "Voting, Stacking": ("sklearn.utils._bunch.Bunch",),
    "OneVsRest": ("sklearn.multiclass._ConstantPredictor",),
    "TweedieRegressor": ("sklearn._loss.loss.HalfTweedieLossIdentity",),
}


def by_file(name: str) -> Any | None:
    """The declaration of a `.skops` file, or None when `name` is no file of a model.

    Raises:
        tfloss.UsageError: a pickle, or no such file.
    """
    path = Path(name)
    if path.suffix.lower() in _PICKLES:
        raise tfloss.UsageError(
            f"The teacher '{name}' is a pickle, and loading a pickle runs whatever code it holds; "
            f"save the estimator with skops.io.dump(estimator, '{path.stem}.skops') where you "
            f"trust it, or name the code that makes it as package.module:object."
        )
    if path.suffix.lower() not in (".skops", ".keras"):
        return None
    if not path.is_file():
        from tfloss.errors import did_you_mean

        beside = (entry.name for entry in path.parent.glob(f"*{path.suffix}"))
        near = did_you_mean(path.name, beside)
        raise tfloss.UsageError(f"There is no file '{name}' to load the teacher from.{near}")
    if path.suffix.lower() == ".keras":
        return tfloss.teacher(network_loader(path), name="network", layers=True)
    return tfloss.teacher(_loader(path), name="saved")


def _loader(path: Path) -> Any:
    def load(
        *, trust: str | Sequence[str] = (), scaled: bool = False, allow_seen: bool = False
    ) -> Any:
        """A fitted estimator in a .skops file.

        trust: types to load besides those that skops trusts and those reviewed here.
        scaled: whether it was fitted on features scaled as in this training.
        allow_seen: take it though it was fitted on rows that are held out here.
        """
        from tfloss.teachers import PrefittedTeacher, rows_of

        yes_or_no("scaled", scaled)
        yes_or_no("allow_seen", allow_seen)
        own = [trust] if isinstance(trust, str) else list(trust)
        return PrefittedTeacher(
            _load(path, own), str(path), scaled, seen=rows_of(path), allow_seen=allow_seen
        )

    return load


def _load(path: Path, own: list[str]) -> Any:
    try:
        from skops import io
    except ImportError as error:
        raise tfloss.UsageError(
            f"Loading '{path}' needs skops; install it with: pip install 'tfloss[skops]'."
        ) from error
    from tfloss.data import check_archive

    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # a member's name can be damaged, too
                raise tfloss.DataError(f"The teacher '{path}' is damaged; get it once more.")
        unknown = set(io.get_untrusted_types(file=path))
        allowed = unknown & {*own, *(name for names in _REVIEWED.values() for name in names)}
        if unknown - allowed:
            raise tfloss.UsageError(
                f"The teacher '{path}' holds types that nobody has vouched for: "
                f"{', '.join(sorted(unknown - allowed))}; if you trust them, add "
                f"trust=[{','.join(sorted(unknown - allowed))}]."
            )
        return io.load(path, trusted=sorted(allowed))
    except tfloss.TflossError:
        raise
    except Exception as error:
        reason = first_line(error)
        raise tfloss.DataError(
            f"The teacher '{path}' cannot be loaded: {type(error).__name__}: {reason.rstrip('.')}; "
            f"save it again where it was made."
        ) from error
