import hashlib
import json
from pathlib import Path

import pytest

from likeness.core.errors import EngineError
from likeness.core.weights import FOLDER, card, weights_path

CONTENT = b"weights"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.safetensors").write_bytes(CONTENT)
    (tmp_path / "net.json").write_text(json.dumps({"sha256": hashlib.sha256(CONTENT).hexdigest()}))
    return tmp_path


def test_weights_that_agree_with_their_card_are_found(folder: Path) -> None:
    assert weights_path("net", folder) == folder / "net.safetensors"


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("net.safetensors", b"weightz", "The weights file net.safetensors is damaged; reinstall Likeness."),
        ("net.safetensors", b"", "The weights file net.safetensors is damaged; reinstall Likeness."),
        ("net.safetensors", None, "The weights file net.safetensors is missing; reinstall Likeness."),
        ("net.json", None, "The weights card net.json is missing; reinstall Likeness."),
        ("net.json", b'{"sha256"', "The weights card net.json is damaged; reinstall Likeness."),
        ("net.json", b"[]", "The weights card net.json is damaged; reinstall Likeness."),
    ],
)
def test_anything_else_is_one_sentence(folder: Path, file: str, content: bytes | None, sentence: str) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(EngineError) as error:
        weights_path("net", folder)
    assert str(error.value) == sentence


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_weights_agree_with_their_cards_and_say_where_they_come_from(path: Path) -> None:
    assert weights_path(path.stem) == path
    assert path.stat().st_size < 32 << 20
    assert {"recipe", "data", "licence", "metrics"} <= set(card(path.stem))
