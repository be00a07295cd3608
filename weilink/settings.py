"""The one model of all settings: option, then environment, then `config.toml`, then default."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from weilink.errors import ConfigFileError, UsageError
from weilink.i18n import t

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomlkit as tomllib

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(BaseSettings):
    """Every setting of WeiLink. Construct it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="WEILINK_", extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    base_path: Path = Field(Path("~/.weilink"), description="folder of WeiLink's data")
    ilink_base_url: str = Field(
        "https://ilinkai.weixin.qq.com", pattern=r"^https?://", description="iLink service"
    )
    cdn_base_url: str = Field(
        "https://novac2c.cdn.weixin.qq.com/c2c", pattern=r"^https?://", description="media service"
    )
    log_level: LogLevel = Field("INFO", description="how much to log on stderr")
    token: SecretStr | None = Field(None, description="bearer token for the HTTP transports")
    media_limit_mib: int = Field(100, ge=1, description="largest file to send or fetch, in MiB")
    send_folders: list[Path] = Field([], description="only files in these may be sent; [] for any")
    show_typing: bool = Field(True, description="show in WeChat that an agent works on a message")
    show_tool_calls: bool = Field(False, description="show an agent's tool calls in the chat")
    tell_absent: bool = Field(False, description="tell senders once when no agent is there")
    lang: Literal["en", "zh"] | None = Field(None, description="language of messages to people")

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load` merges config.toml itself, below the environment, to name it in errors.
        return init_settings, env_settings


def _options(options: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _expected(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(set(Settings.model_fields) - {"base_path"}))
        return t("unknown key '{name}'; the keys are {known}", name=name, known=known)
    if first["type"] == "literal_error":
        values = first["ctx"]["expected"].replace(" or ", ", ")
        return t("'{name}' must be one of {values}", name=name, values=values)
    if first["type"] == "string_pattern_mismatch":
        return t("'{name}' must start with http:// or https://", name=name)
    return f"'{name}': {first['msg'][0].lower()}{first['msg'][1:]}"


def load(**options: object) -> Settings:
    """Return the settings of this process; `options` are those of the command line.

    Raises:
        ConfigFileError: `config.toml` cannot be read or holds an unknown key or wrong value.
        UsageError: an option or environment variable has a wrong value.
    """
    return _load(_options(options), config_file=True)


def load_without_file(**options: object) -> Settings:
    """Return what the settings would be if there were no `config.toml`.

    Raises:
        UsageError: an option or environment variable has a wrong value.
    """
    return _load(_options(options), config_file=False)


def _load(given: dict[str, Any], *, config_file: bool) -> Settings:
    try:
        settings = Settings(**given)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        origin = f"--{name.replace('_', '-')}" if name in given else f"WEILINK_{name.upper()}"
        raise UsageError(f"{origin}: {_expected(error)}") from None
    base_path = settings.base_path.expanduser().absolute()
    there = next(folder for folder in (base_path, *base_path.parents) if folder.exists())
    if not there.is_dir():
        raise UsageError(t("{path} is a file; --base-path must name a folder", path=there))
    path = base_path / "config.toml"
    from_file = _read(path) if config_file else {}
    if "base_path" in from_file:
        raise ConfigFileError(
            t(
                "{path}: 'base_path' cannot be set here; use --base-path or WEILINK_BASE_PATH",
                path=path,
            )
        )
    from_environment = Settings(**given).model_dump(exclude_unset=True)
    try:
        # Validated alone first: a mistake in the file must not hide behind an option.
        Settings.model_validate(from_file)
        merged = Settings.model_validate({**from_file, **from_environment})
    except ValidationError as error:
        raise ConfigFileError(f"{path}: {_expected(error)}") from None
    merged.base_path = base_path
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(
            t("{path}: cannot be read ({error})", path=path, error=error)
        ) from None
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise ConfigFileError(
            t("{path}: not valid TOML: {error}", path=path, error=error)
        ) from None
    return dict(values)
