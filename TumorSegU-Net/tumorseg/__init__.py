"""The engine of TumorSegU-Net: everything that decides a voxel, with no knowledge of Slicer or Qt.

Importing this package loads neither torch nor SimpleITK; each stage imports what it needs.
"""

__version__ = "0.2.0"
