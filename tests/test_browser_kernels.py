"""A live demo on an old kernel: ipykernel 6.31, which has no subshells, beside the one that is installed.

The old package lies in a folder that only its kernel looks into. Where it cannot be installed the test is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import ipykernel
import pytest

from tests.browser import key_times, opened, press, quantiles, run, serve, wait_for
from tests.test_browser_demos import LIVE, SOURCE

pytestmark = pytest.mark.browser

OLD = "6.31.0"


@pytest.fixture(scope="module")
def old_kernel(tmp_path_factory):
    """A folder with the old ipykernel in it."""
    folder = tmp_path_factory.mktemp("ipykernel-old")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, f"ipykernel=={OLD}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        reason = f"ipykernel {OLD} cannot be installed here: {done.stderr.strip()[-200:]}"
        pytest.fail(reason) if os.environ.get("GANLIB_REQUIRE_BROWSER") == "1" else pytest.skip(reason)
    return folder


def test_it_trains_and_answers_on_an_old_kernel(old_kernel, _chromium, tmp_path):
    assert ipykernel.version_info[0] >= 7  # what all the other tests run on
    kernel = tmp_path / "jupyter_data_dir" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (tmp_path / "source").mkdir()
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": {"PYTHONPATH": str(old_kernel)},
    }
    (kernel / "kernel.json").write_text(json.dumps(spec))
    with (
        serve(tmp_path / "source", tmp_path, prefer_own=True) as server,
        opened(_chromium, server, "old.ipynb", SOURCE[:1]) as lab,
    ):
        assert run(lab, "import ipykernel; print(ipykernel.__version__)")[0] == OLD
        press(lab, "Start", of=LIVE)
        wait_for(lab, "e.dataset.state === 'running' && Number(e.querySelector('b').textContent) > 10", LIVE)
        said, _ = quantiles(key_times(lab, 6, of=LIVE))
        print(f"\nipykernel {OLD}: from a key to the applied value on the page: {said}")
        assert run(lab, "print(live.state, live.k, live.trainer.step > 10)")[0] == "running 1 True"
