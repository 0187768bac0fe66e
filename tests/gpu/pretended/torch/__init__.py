"""Stands in for PyTorch where there is no GPU, as far as holder.py uses it: a tensor on the GPU holds a little of the host's
memory, and the fixture that stands for the driver is told that it is the GPU's."""

import os
from pathlib import Path

HOLDERS = "ROUSE_PRETENDED_HOLDERS"  # a folder; a file in it says what the process of its name holds
UNTOLD = "ROUSE_PRETENDED_UNTOLD"  # percent that is taken beyond what memory_reserved says
CONTEXT = 300 << 20
SHARE = 1024  # one byte of the host's stands for as many of the GPU's
uint8 = "uint8"
_held = 0


def _hold(more: int) -> None:
    global _held
    _held += more
    taken = CONTEXT + _held * (100 + int(os.environ.get(UNTOLD, 0))) // 100
    holders = Path(os.environ[HOLDERS])
    making = holders.parent / f"{os.getpid()}.making"
    making.write_text(f"{taken}\n")
    making.rename(holders / str(os.getpid()))


class _Tensor:
    def __init__(self, count: int):
        self.count = count
        self.stand_in = b"\1" * (count // SHARE)
        _hold(count)

    def __del__(self):
        _hold(-self.count)

    def fill_(self, _value: int):
        return self


def device(kind: str, _index: int) -> str:
    assert kind == "cuda"
    return kind


def empty(count: int, dtype: str, device: str) -> _Tensor:
    return _Tensor(count)


class cuda:
    empty_cache = synchronize = staticmethod(lambda: None)
    memory_reserved = staticmethod(lambda _device: _held)
