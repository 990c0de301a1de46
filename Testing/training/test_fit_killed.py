"""A training that is killed at a random step ends with the weights of one that was not, bit for bit."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from support.prepared import prepared_folder
from tumorseg_training.cli import main
from tumorseg_training.run_folder import MODEL_FILE

RECIPE = """
patch_size = [16, 16, 16]
epochs = 4
steps_per_epoch = 5
learning_rate = 1e-2
warm_up_steps = 3
ema_decay = 0.9
precision = "32-true"
[network]
preset = "tiny"
[augmentation]
mirror = 0.5
rotation = 0.5
scaling = 0.5
elastic = 0.3
blur = 0.3
lowering = 0.3
noising = 0.5
shading = 0.5
bending = 0.3
dropping = 0.3
"""

KILLED = """
import os, signal, sys
from tumorseg_training.cli import main
from tumorseg_training.module import SegmentationModule

when, step = int(sys.argv[1]), SegmentationModule.training_step

def killed(self, *batch):
    if self.global_step == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *batch)

SegmentationModule.training_step = killed
sys.exit(main(sys.argv[2:]))
"""


def test_a_killed_run_resumes_exactly(tmp_path: Path) -> None:
    prepared_folder(tmp_path / "prepared", train=3, validation=1)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    common = ["--prepared", str(tmp_path / "prepared"), "--recipe", str(tmp_path / "recipe.toml")]
    arguments = ["fit", *common, "--accelerator", "cpu", "--run"]
    when = random.randrange(20)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(when), *arguments, str(tmp_path / "killed")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (tmp_path / "killed" / MODEL_FILE).exists()
    assert main([*arguments, str(tmp_path / "killed")]) == 0
    assert main([*arguments, str(tmp_path / "undisturbed")]) == 0
    resumed, undisturbed = ((tmp_path / name / MODEL_FILE).read_bytes() for name in ("killed", "undisturbed"))
    assert resumed == undisturbed, f"killed at step {when}"
