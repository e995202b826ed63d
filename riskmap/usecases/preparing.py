from dataclasses import dataclass


@dataclass
class Given:
    title: str = ""


def keep(*a, **k): ...
def prepare(*a, **k): ...
