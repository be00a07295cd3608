"""Any document that a parser accepts goes through install, again, and uninstall as it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.setup import test_json_edit, test_toml_edit
from weilink.errors import ConfigFileError
from weilink.setup.engine import files, transaction
from weilink.setup.engine.plan import Plan, WantedEdits, plan_install, plan_uninstall
from weilink.setup.engine.store import Store

_ends = st.sampled_from(["", "\n", " ", "\n\n", "\t\n"])


def _json() -> st.SearchStrategy[tuple[str, str]]:
    texts = test_json_edit.documents.flatmap(test_json_edit.commented)
    return st.tuples(st.just("jsonc"), st.builds("{}{}".format, texts, _ends))


def _toml() -> st.SearchStrategy[tuple[str, str]]:
    texts = test_toml_edit.documents.map(tomlkit.dumps)
    return st.tuples(st.just("toml"), st.builds("{}{}".format, texts, _ends))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties")


def carried_out(plan: Plan, store: Store) -> Plan:
    with store.lock():
        transaction.apply(plan, store)
    return plan


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(_json() | _toml(), st.booleans(), st.booleans(), st.sampled_from([0o600, 0o640, 0o755]))
def test_any_file_survives(
    folder: Path, document: tuple[str, str], mark: bool, crlf: bool, mode: int
) -> None:
    format_, text = document
    data = (text.replace("\r\n", "\n").replace("\n", "\r\n") if crlf else text).encode()
    data = files.BOM * mark + data
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    path = home / f"文件 🐼.{format_}"
    path.write_bytes(data)
    path.chmod(mode)
    edits = (test_json_edit.MEMBER, test_json_edit.GROUP)
    wanted = [WantedEdits(path, edits, ("a test",), format_)]
    store = Store(home / "notes")
    undisturbed: Any = pytest.MonkeyPatch()
    undisturbed.setattr(os, "fsync", lambda descriptor: None)
    try:
        plan = plan_install("one", wanted, store)
    except ConfigFileError:
        # tomlkit writes some documents that are not TOML.
        assert format_ == "toml" and path.read_bytes() == data
        return
    else:
        carried_out(plan, store)
        installed = path.read_bytes()
        assert installed != data
        assert not carried_out(plan_install("one", wanted, store), store).effective
        assert path.read_bytes() == installed
        carried_out(plan_uninstall("one", store), store)
    finally:
        undisturbed.undo()

    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == mode
    assert [each.name for each in home.iterdir()] == [path.name]
