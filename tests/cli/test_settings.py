"""Where settings come from, and what a mistake in them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Weilink
from weilink.errors import ConfigFileError, UsageError
from weilink.settings import load


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEILINK_BASE_PATH", str(tmp_path / "base"))
    (tmp_path / "base").mkdir()
    return tmp_path / "base" / "config.toml"


def test_option_then_environment_then_file_then_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().log_level == "INFO"
    config.write_text('log_level = "ERROR"\nlang = "zh"\n')
    assert load().log_level == "ERROR"
    monkeypatch.setenv("WEILINK_LOG_LEVEL", "WARNING")
    assert load().log_level == "WARNING"
    assert load(log_level="DEBUG").log_level == "DEBUG"
    assert load(log_level=None).log_level == "WARNING"
    assert load().lang == "zh"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'log_lvel = "INFO"', "'log_lvel'"),
        (b"log_level = 5", "'log_level'"),
        (b'lang = "fr"', "'lang'"),
        (b'ilink_base_url = "ftp://x"', "'ilink_base_url'"),
        (b'base_path = "/tmp"', "--base-path"),
        (b"log_level = ", "not valid TOML"),
        (b'lang = "en"\nlang = "zh"', "not valid TOML"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
@pytest.mark.slow
def test_a_mistake_in_the_file_names_file_and_key(
    weilink: Weilink, config: Path, content: bytes, said: str
) -> None:
    config.write_bytes(content)
    done = weilink("status", WEILINK_BASE_PATH=str(config.parent))
    assert done.returncode == 4
    assert done.stdout == ""
    assert str(config) in done.stderr and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_key_lists_the_known_ones(config: Path) -> None:
    config.write_text("colour = 1")
    with pytest.raises(ConfigFileError, match=r"the keys are .*cdn_base_url.*log_level"):
        load()


def test_a_wrong_value_does_not_hide_behind_an_option(config: Path) -> None:
    config.write_text("log_level = 5")
    with pytest.raises(ConfigFileError):
        load(log_level="DEBUG")


def test_a_wrong_environment_variable_is_wrong_usage(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEILINK_LANG", "fr")
    with pytest.raises(UsageError, match="'lang'"):
        load()


@pytest.mark.parametrize(
    ("variable", "value", "cure"),
    [
        ("WEILINK_LANG", "fr", "one of 'en', 'zh'"),
        ("WEILINK_LOG_LEVEL", "LOUD", "one of 'DEBUG', 'INFO', 'WARNING', 'ERROR'"),
        ("WEILINK_ILINK_BASE_URL", "nonsense", "http:// or https://"),
    ],
)
def test_a_wrong_environment_variable_is_named_with_what_it_may_be(
    weilink: Weilink, config: Path, variable: str, value: str, cure: str
) -> None:
    done = weilink("status", **{"LC_ALL": "C", variable: value})
    assert done.returncode == 2
    assert variable in done.stderr and cure in done.stderr


def test_a_mistake_in_the_file_is_told_in_chinese(weilink: Weilink, config: Path) -> None:
    config.write_text("colour = 1")
    done = weilink("status", WEILINK_BASE_PATH=str(config.parent), WEILINK_LANG="zh")
    assert done.returncode == 4
    assert "没有“colour”这个设置" in done.stderr


def test_a_file_with_a_byte_order_mark_is_read(config: Path) -> None:
    config.write_bytes(b'\xef\xbb\xbflang = "zh"\r\n')
    assert load().lang == "zh"


def test_the_token_is_never_shown(config: Path) -> None:
    config.write_text('token = "s3cret"')
    assert "s3cret" not in repr(load())
    config.write_text('token = "s3cret"\nlang = 7')
    with pytest.raises(ConfigFileError) as caught:
        load()
    assert "s3cret" not in str(caught.value)
