import os
import sys
from types import ModuleType

import forking
import numpy as np
import pytest
import soundfile
import torch
from serving import ROOT

from voxdemo.model_support import torchaudio_stand_in
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

RATE = 16_000


def tone(hertz, rate, seconds=1.0):
    times = torch.arange(int(rate * seconds)) / rate
    return torch.sin(2 * torch.pi * hertz * times)[None]


def loudest_hertz(waveform, rate):
    spectrum = np.abs(np.fft.rfft(waveform[0].numpy()))
    return spectrum.argmax() * rate / waveform.shape[1]


def run(script, torchaudio, folder):
    """Run `script` in a process whose torchaudio is a package made of the source `torchaudio`."""
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text(torchaudio)
    path = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
    ended = forking.run(["-c", path + script], os.environ)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.decode().split()


ENSURE = """
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio
ensure_torchaudio()
import torchaudio
"""


@pytest.mark.parametrize(
    "failure", ["OSError('undefined symbol')", "ImportError('no such file')", "RuntimeError('ABI')"]
)
def test_it_stands_in_for_one_that_cannot_be_imported(tmp_path, failure):
    script = ENSURE + "print(torchaudio.load.__module__, torchaudio.functional.resample.__module__)"
    assert run(script, f"raise {failure}", tmp_path) == [torchaudio_stand_in.__name__] * 2


def test_nothing_of_a_half_imported_one_is_left(tmp_path):
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "half.py").write_text("")
    (tmp_path / "torchaudio").rename(tmp_path / "kept")
    script = ENSURE + "print('torchaudio.half' in sys.modules, 'torchaudio' in sys.modules)"
    source = f"__path__.append({str(tmp_path / 'kept')!r})\nimport torchaudio.half\nraise OSError"
    assert run(script, source, tmp_path) == ["False", "True"]


def test_other_threads_may_import_meanwhile(tmp_path):
    script = f"""
import itertools, threading
sys.modules.update((f"many{{number}}", sys) for number in range(300_000))
def importing():
    for number in itertools.count():
        sys.modules[f"more{{number}}"] = sys
threading.Thread(target=importing, daemon=True).start()
{ENSURE}
print(torchaudio.load.__module__)
"""
    assert run(script, "raise OSError", tmp_path) == [torchaudio_stand_in.__name__]


def test_packages_that_look_for_torchaudio_find_it(tmp_path):
    script = ENSURE + "from importlib.util import find_spec\nprint(find_spec('torchaudio').name)"
    assert run(script, "raise OSError", tmp_path) == ["torchaudio"]


def test_what_it_does_not_have_counts_as_not_installed(tmp_path):
    script = ENSURE + "try: import torchaudio.compliance.kaldi\nexcept ImportError: print('absent')"
    assert run(script, "raise OSError", tmp_path) == ["absent"]


def test_one_that_works_is_left_alone(tmp_path):
    assert run(ENSURE + "print(torchaudio.mark)", "mark = 'real'", tmp_path) == ["real"]


def test_one_that_is_imported_already_is_left_alone(monkeypatch):
    real = ModuleType("torchaudio")
    monkeypatch.setitem(sys.modules, "torchaudio", real)
    ensure_torchaudio()
    assert sys.modules["torchaudio"] is real


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_resampling_keeps_length_and_pitch(rate):
    resampled = torchaudio_stand_in.resample(tone(440, 24_000), 24_000, rate)
    assert resampled.dtype == torch.float32
    assert resampled.shape == (1, rate)
    assert loudest_hertz(resampled, rate) == pytest.approx(440, abs=1)


def test_resampling_keeps_channels_apart():
    stereo = torch.cat([tone(440, RATE), tone(1000, RATE)])
    resampled = torchaudio_stand_in.resample(stereo, RATE, 2 * RATE)
    assert [round(loudest_hertz(channel[None], 2 * RATE)) for channel in resampled] == [440, 1000]


def test_a_file_is_loaded_with_its_channels_apart(tmp_path):
    stereo = 0.5 * torch.cat([tone(440, RATE), tone(1000, RATE)])
    soundfile.write(tmp_path / "stereo.wav", stereo.numpy().T, RATE)
    loaded, rate = torchaudio_stand_in.load(tmp_path / "stereo.wav")
    assert rate == RATE
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, stereo, atol=1 / 32768, rtol=0)
