"""The door: the one place where a VM meets the world (docs/architecture.md, section 3)."""

from .door import Effects
from .following import Following
from .live import Live, Streams
from .recording import Recording
from .replaying import Replaying, ReplayingPrefix

__all__ = ["Effects", "Following", "Live", "Recording", "Replaying", "ReplayingPrefix", "Streams"]
