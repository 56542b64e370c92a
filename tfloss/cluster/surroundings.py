"""What the surroundings of this process say about the others: TF_CONFIG, SageMaker, SLURM."""

from __future__ import annotations

from collections.abc import Mapping

from tfloss.cluster.description import Cluster
from tfloss.cluster.sagemaker import sagemaker_cluster
from tfloss.cluster.slurm import slurm_cluster
from tfloss.cluster.tf_config import read_tf_config


def surrounding_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster that environment variables describe; None where this process is alone.

    The first that says something counts: TF_CONFIG, then SageMaker's variables, then SLURM's.

    Raises:
        UsageError: a description that cannot be.

    Example:
        >>> surrounding_cluster(os.environ)
    """
    text = environment.get("TF_CONFIG", "").strip()
    if text:
        found = read_tf_config(text)
    else:
        found = sagemaker_cluster(environment) or slurm_cluster(environment)
    return None if found is None or found.count == 1 else found
