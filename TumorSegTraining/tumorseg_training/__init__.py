"""The training companion of TumorSegU-Net: from labelled cases to a model file, without 3D Slicer."""

__version__ = "0.2.0"
