"""How much of the machine one file may take."""

from __future__ import annotations

from dataclasses import dataclass, replace

_MIB = 1024 * 1024

_LEAST_MEMORY = 1024 * _MIB
_LEAST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one file. `file_bytes` as stored, `unpacked_bytes` of all archive members.

    `ratio` (unpacked ÷ stored) is judged only above `ratio_free_bytes`: small sheets of repeated
    words pack very well. `memory_bytes` and `seconds` bind the parsing subprocess. `cells` and
    `cell_chars` bound what it may hand back.
    """

    file_bytes: int = 512 * _MIB
    unpacked_bytes: int = 2048 * _MIB
    ratio: float = 120.0
    ratio_free_bytes: int = 64 * _MIB
    members: int = 5000
    memory_bytes: int = 3072 * _MIB
    seconds: float = 240.0
    columns: int = 2000
    cell_chars: int = 20_000
    sheets: int = 300

    def for_size(self, size: int) -> Limits:
        """Return the limits for a file of `size` bytes: a small one is given little memory and time.

        Honest files need some ten times their (compressed) size; a hostile one then ends in seconds.
        """
        return replace(
            self,
            memory_bytes=min(self.memory_bytes, _LEAST_MEMORY + 64 * size),
            seconds=min(self.seconds, _LEAST_SECONDS + size / _MIB * 4),
        )
