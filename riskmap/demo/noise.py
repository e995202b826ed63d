"""Random fields for the made-up land: smooth noise of a given wavelength, made in the frequency domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> Field:
    """Return Gaussian noise with mean 0 and standard deviation 1 whose bumps are `wavelength` cells apart.

    White noise is filtered by a log-normal band around the wavelength, so octaves do not repeat one another.
    """
    spectrum = np.fft.rfft2(rng.standard_normal(shape))
    fy = np.fft.fftfreq(shape[0])[:, None]
    fx = np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1.0
    band = np.exp(-0.5 * (np.log(frequency * wavelength) / 0.45) ** 2)
    band[0, 0] = 0.0
    field = np.fft.irfft2(spectrum * band, s=shape)
    return field / field.std()
