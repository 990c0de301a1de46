"""The Slicer side of TumorSegU-Net: MRML nodes to volumes and back, the worker process, pictures and the panel's state.

Nothing here knows Qt, so all of it runs in the application, in scripts with the ``slicer-core`` wheel and in tests.
"""
