#!/usr/bin/env bash
# make_peers_venv.sh FOLDER [PYTHON]: an environment of its own for the peers of the benchmarks, because
# nnunetv2 pulls torchvision and may replace torch. The versions are those of docs/benchmarks.md.
set -euo pipefail
folder="${1:?usage: make_peers_venv.sh FOLDER [PYTHON]}"
"${2:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --disable-pip-version-check \
    monai==1.6.1 nnunetv2==2.8.1 batchgeneratorsv2==0.3.6
