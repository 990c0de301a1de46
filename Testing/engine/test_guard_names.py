"""Names of volumes that are of several patients or examinations, and names that say nothing of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from support.series_names import CONSOLES
from tumorseg.finding import Finding
from tumorseg.guard_names import different_names
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

GRID = Geometry((1, 1, 1))


def findings(*names: str, **provenance: str) -> list[Finding]:
    """Of volumes called so, in the order T1, T1ce, T2, FLAIR."""
    array = np.zeros(GRID.shape, np.float32)
    named = zip(SEQUENCES, names, strict=False)
    return list(different_names({s: Volume(array, GRID, name, provenance) for s, name in named}))


def test_two_patients() -> None:
    (finding,) = findings("A_01479_t1.nii.gz", "A_01479_t1ce.nii.gz", "A_01483_t2.nii.gz", "A_01483_flair.nii.gz")
    assert (finding.code, finding.severity, finding.volumes) == ("different-names", "warning", SEQUENCES)
    assert finding.sentence == (
        "The names of the volumes are of different patients or examinations: "
        "T1 (A_01479_t1.nii.gz) and T1ce (A_01479_t1ce.nii.gz); "
        "T2 (A_01483_t2.nii.gz) and FLAIR (A_01483_flair.nii.gz). "
        "Check that all volumes are of one patient and one examination."
    )


@pytest.mark.parametrize(
    "names",
    [
        "Müller_T1|Müller_T1ce|Schmidt_T2|Müller_FLAIR",
        "sub-01_ses-01_T1w|sub-01_ses-01_ce-gad_T1w|sub-01_ses-02_T2w|sub-01_ses-01_FLAIR",
        "BraTS-GLI-00005-100-t1n|BraTS-GLI-00005-101-t1c|BraTS-GLI-00005-100-t2w|BraTS-GLI-00005-100-t2f",
        "smith_baseline_t1|smith_baseline_t1ce|smith_followup_t2|smith_baseline_flair",
        "T1_2019|T1ce_2019|T2_2020|FLAIR_2019",
    ],
)
def test_other_patients_visits_and_dates(names: str) -> None:
    assert len(findings(*names.split("|"))) == 1


@pytest.mark.parametrize(
    "names",
    [
        "t1.nii.gz|t1ce.nii.gz|t2.nii.gz|flair.nii.gz",
        "a.nii|b.nii|c.nii|d.nii",
        "smith.nii|jones.nii|miller.nii|brown.nii",
        "BraTS20_Training_001_t1.nii|BraTS20_Training_001_t1ce.nii|BraTS20_Training_001_t2.nii|BraTS20_Training_001_flair.nii",
        "BraTS-GLI-00001-000-t1n.nii.gz|BraTS-GLI-00001-000-t1c.nii.gz|BraTS-GLI-00001-000-t2w.nii.gz|BraTS-GLI-00001-000-t2f.nii.gz",
        "UPENN-GBM-00001_11_T1|UPENN-GBM-00001_11_T1GD|UPENN-GBM-00001_11_T2|UPENN-GBM-00001_11_FLAIR",
        "UCSF-PDGM-0004_T1|UCSF-PDGM-0004_T1c_bias|UCSF-PDGM-0004_T2|UCSF-PDGM-0004_FLAIR_bias",
        "sub-01_T1w|sub-01_ce-gadolinium_T1w|sub-01_acq-tse_run-2_T2w|sub-01_space-T1w_desc-preproc_FLAIR",
        "P01_pre_t1|P01_post_t1|P01_t2|P01_FLAIR_to_T1ce",
        "brain_t1|stripped_t1ce|reg_t2|final_flair",
        "3_AX_T1|9_AX_T1_POST|5_AX_T2|7: AX FLAIR",
        "t1|Case_t1ce|Case_t2|FLAIR",
        "Brats18_2013_2_1_t1|Brats18_2013_2_1_t1ce|Brats18_2013_2_1_t2|Brats18_2013_2_1_flair",
        "Case_0_t1|Case_0_t1ce|Case_0_t2|Case_0_flair",
    ],
)
def test_names_of_one_patient_or_of_none(names: str) -> None:
    assert findings(*names.split("|")) == []


def test_names_of_consoles() -> None:
    told = [pair for pair in combinations(CONSOLES.split("|"), 2) if findings(*pair)]
    assert told == []


def test_what_dicom_says_counts_more() -> None:
    assert findings("A_t1", "B_t1ce", "A_t2", study_uid="1.2.3") == []
    assert findings("A_t1", "B_t1ce", "A_t2", patient_id="7") == []
    assert len(findings("A_t1", "B_t1ce", "A_t2")) == 1


def test_numbers_of_series_are_no_patients() -> None:
    assert findings("T1_s3", "T1_post_s5", "T2_s4", "FLAIR_s6") == []
    assert findings("I12346_T1", "I12345_T1_post", "I12347_T2", "I12348_FLAIR") == []
