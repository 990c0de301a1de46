"""Trained runs in the formats of others: the native model file, a MONAI bundle, a zip of the MONAIAuto3DSeg extension."""
