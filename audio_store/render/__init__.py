"""Mixes clips into one Ogg Vorbis file.

Decoding, mixing and encoding happen in a worker process under limits. This package, as it is
imported here, loads neither decoder nor encoder: the server's own process stays clear of them.
"""

from audio_store.render.mix import Fade, Mix, Part
from audio_store.render.renderer import Renderer, RenderFailed, RenderLimits

__all__ = ["Fade", "Mix", "Part", "RenderFailed", "RenderLimits", "Renderer"]
