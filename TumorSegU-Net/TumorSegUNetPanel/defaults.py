"""What a new scene starts with: the model and options of the last run, kept in the application's settings."""

from __future__ import annotations

import qt

from TumorSegUNetLib.device import Device

MODEL = "TumorSegUNet/Model"
DEVICE = "TumorSegUNet/Device"
TTA = "TumorSegUNet/AverageMirrored"


def defaultModel() -> str:
    """Name of the model; empty for the engine's default."""
    return str(qt.QSettings().value(MODEL) or "")


def defaultDevice() -> Device:
    """The device; automatic where the settings name none that this computer can have."""
    name = qt.QSettings().value(DEVICE)
    device = Device[name] if name in Device.__members__ else Device.AUTO
    return device if device.fitsPlatform() else Device.AUTO


def defaultTta() -> bool:
    """Whether mirrored copies are averaged."""
    # An .ini file gives back the text that it holds.
    return str(qt.QSettings().value(TTA)).lower() == "true"


def remember(model: str, device: Device, tta: bool) -> None:
    """Keep the choices of a run for new scenes."""
    settings = qt.QSettings()
    settings.setValue(MODEL, model)
    settings.setValue(DEVICE, device.name)
    settings.setValue(TTA, tta)
