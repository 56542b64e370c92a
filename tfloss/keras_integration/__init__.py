"""A formula in your own Keras model: `attach`, and `Loss` for `compile`.

Importing this module imports Keras and registers both classes. `import tfloss` sees to it as soon
as Keras is imported, so that `keras.models.load_model` knows them in a new process.
"""

from tfloss.keras_integration.attach import attach
from tfloss.keras_integration.checkpoint_callback import Checkpoint
from tfloss.keras_integration.fit import fit_model
from tfloss.keras_integration.keras_loss import Loss
from tfloss.keras_integration.model import Attached

__all__ = ["Attached", "Checkpoint", "Loss", "attach", "fit_model"]
