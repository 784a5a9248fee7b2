"""The weights of a network as words that a chip with reloadable weights takes, in a JSON file.

The file names the architecture that it belongs to: the integer network without the values of its weights, and the
engine's multipliers, which decide on the order of the words. Software refuses an image of another one.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.model.spec import BatchNorm, Conv, Dense, Spec

PIECE_BITS = 32
_VALUES = {Dense: ("weight", "bias"), Conv: ("weight", "bias"), BatchNorm: ("scale", "bias")}


class Image(BaseModel):
    """An image.

    Attributes
    ----------
    name : str
        The design.
    architecture : str
        SHA-256 of the network without its weights, and of the engine's shape.
    model_sha256 : str
        SHA-256 of the integer network (``spec.json``) that the weights come from.
    words : list of int
        32-bit words in the order in which the chip takes them.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True, protected_namespaces=())

    schema_: Literal["asicflow.weights/1"] = Field("asicflow.weights/1", alias="schema")
    name: str
    architecture: str
    model_sha256: str
    words: list[int]

    @property
    def crc32(self) -> int:
        """CRC-32 of the words, lowest byte first: what the chip computes while it takes them."""
        return zlib.crc32(np.array(self.words, "<u4").tobytes())

    def save(self, path: Path) -> None:
        """Write the file; words and CRC as hexadecimal text."""
        data = self.model_dump() | {"crc32": f"{self.crc32:08x}", "words": [f"{word:08x}" for word in self.words]}
        path.write_text(json.dumps(data, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Image:
        """Read the file.

        Raises
        ------
        UserError
            If it is missing, is no image, or its words do not have its CRC.
        """
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            crc32 = int(data.pop("crc32"), 16)
            image = cls.model_validate(data | {"words": [int(word, 16) for word in data["words"]]})
        except OSError as error:
            raise UserError(f"cannot read the weights' image: {error.strerror}", where=str(path)) from error
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            raise UserError("no image of weights", where=str(path), hint="write one with: asicflow weights") from error
        if any(not 0 <= word < 1 << PIECE_BITS for word in image.words) or image.crc32 != crc32:
            raise UserError(
                "the weights' image is damaged: its words do not have its CRC", where=str(path), hint="write it again"
            )
        return image

    def check(self, architecture: str, where: str) -> None:
        """Refuse an image of another network or engine (UserError)."""
        if self.architecture != architecture:
            raise UserError(
                f"the image is for the architecture {self.architecture[:8]} ({self.name}), the chip has "
                f"{architecture[:8]}",
                where=where,
                hint="write the image with the run directory that the chip was made from: asicflow weights",
            )


def architecture(spec: Spec, outputs: int, inputs: int) -> str:
    """SHA-256, as hex, of a network without the values of its weights on an engine of so many multipliers.

    The name of the design takes no part.
    """
    layers = [
        layer.model_dump(mode="json", exclude=set(_VALUES.get(type(layer), ())) | {"reuse_factor"})
        for layer in spec.layers
    ]
    data = spec.model_dump(mode="json", exclude={"name", "layers"}) | {"layers": layers, "engine": [outputs, inputs]}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
