"""What consoles of many makers and languages call sequences; nothing of it is of a patient."""

from __future__ import annotations

CONSOLES = (
    "Ax T1 +C|SAG 3D BRAVO +C|Ax FSPGR 3D POST GAD|Ax T2 FRFSE-XL|Sag CUBE T2 FLAIR|Ax T1 FLAIR PRE|Ax T1 W/O CONTRAST"
    "|AXT1POST|3D T1 POST-CONTRAST AX MPR|t1_mprage_sag_p2_iso_KM|t1_mpr_ns_sag_post_Gd|t1_se_tra_nach KM"
    "|t1_tse_tra nativ|t2_tse_tra_512|t2_blade_tra|t2_space_dark-fluid_sag_p2_iso|t2_tirm_tra_dark-fluid_fs"
    "|sT1W_3D_TFE +Gd|T1W_3D_TFE_POST|sT2W_TSE_ax|T2W_TSE_MultiVane|FLAIR_longTR|3D_Brain_VIEW_FLAIR_SHC"
    "|t2_spc_da-fl_sag_p2_iso|T1W_SE_Gd-DTPA|WIP T1W_SE ohne KM|AX FLAIR FATSAT|3D T1 FFE CE|SAG T1 sans injection"
    "|T1 SE assiale dopo mdc|T1 tra met contrast|T1 po kontraście|T1 造影|T2 gewichtet tra|T1 GD-|T1 -KM|T1_reg_to_T1ce"
)
