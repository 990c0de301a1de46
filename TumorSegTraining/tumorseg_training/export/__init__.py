"""Trained runs as files for others: our model file, a MONAI bundle, a zip of the MONAIAuto3DSeg extension."""
