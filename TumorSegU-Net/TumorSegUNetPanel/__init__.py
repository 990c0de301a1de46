"""Qt side of the panel: puts what the presenters of ``TumorSegUNetLib`` decide onto the widgets of the .ui files.

Only this package, ``TumorSegUNet.py`` and the .ui files know Qt.
"""
