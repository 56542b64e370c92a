"""What the losses of images share."""

from __future__ import annotations

from typing import Any

BOTH = {"labels": "images", "prediction": "images"}


def pictures(least: int = 1, **images: Any) -> None:
    """Refuse what is no image, or one with a side shorter than `least` pixels."""
    for name, image in images.items():
        if len(image.shape) != 4:
            raise ValueError(
                f"'{name}' must be (batch, height, width, channels), but its shape is "
                f"{tuple(image.shape)}."
            )
        if min(image.shape[1] or least, image.shape[2] or least) < least:
            raise ValueError(
                f"'{name}' has the shape {tuple(image.shape)}, but needs {least} pixels on a side."
            )
