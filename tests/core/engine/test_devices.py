import pytest
import torch

from likeness.core.engine import devices
from likeness.core.errors import EngineError, UsageError


def test_auto_is_a_device_that_torch_has() -> None:
    assert devices.resolve("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert devices.resolve("cpu") == "cpu"


def test_devices_that_are_not_there_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match="no CUDA device"):
        devices.resolve("cuda")
    with pytest.raises(UsageError, match="no device 'tpu'"):
        devices.resolve("tpu")


def test_a_job_that_exhausts_the_gpu_runs_on_the_cpu_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def job(device: str) -> str:
        if device == "cuda":
            raise torch.cuda.OutOfMemoryError("out of memory")
        return f"made on {device}"

    result, device, warnings = devices.run(job, "auto")
    assert (result, device) == ("made on cpu", "cpu")
    assert len(warnings) == 1


def test_other_errors_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def job(device: str) -> None:
        calls.append(device)
        raise KeyError

    with pytest.raises(KeyError):
        devices.run(job, "cpu")
    assert calls == ["cpu"]
