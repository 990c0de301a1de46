"""The random changes that all contenders make: nnU-Net's defaults, as its trainer has them.

A chance counts for a patch (mirroring: for each axis), with ``_CHANNEL`` for each sequence of it; see
``docs/benchmarks.md`` for what each library cannot express.
"""

MIRROR = 0.5
ROTATION, DEGREES = 0.2, 30.0
SCALING, SCALE = 0.2, (0.7, 1.4)
NOISE, NOISE_VARIANCE = 0.1, 0.1
BLUR_CHANNEL, BLUR_VOXELS = 0.1, (0.5, 1.0)
BRIGHTNESS, BRIGHTNESS_FACTOR = 0.15, (0.75, 1.25)
CONTRAST, CONTRAST_FACTOR = 0.15, (0.75, 1.25)
LOW_RESOLUTION_CHANNEL, RESOLUTION = 0.125, (0.5, 1.0)
GAMMA_INVERTED, GAMMA, GAMMA_RANGE = 0.1, 0.3, (0.7, 1.5)
FOREGROUND = 1 / 3
