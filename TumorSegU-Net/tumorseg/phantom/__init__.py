"""Deterministic synthetic glioma patients in the look of BraTS: demo, test and pre-training data."""

from .patient import Patient, make_patient
from .spec import PatientSpec, draw_spec
from .write import write_patient

__all__ = ["Patient", "PatientSpec", "draw_spec", "make_patient", "write_patient"]
