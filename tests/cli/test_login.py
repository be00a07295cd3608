"""`weilink login` as somebody at a terminal meets it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.cli.conftest import Weilink
from weilink.sandbox.phone import Phone
from weilink.sandbox.process import SandboxProcess

# Each runs the command several times, most of them at the speed of a person.
pytestmark = pytest.mark.slow

NUMBER = "number that WeChat shows on your phone"
SCAN = "Scan the code with WeChat on your phone."
CONFIRM = "Confirm on your phone."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    started = SandboxProcess.start()
    yield started
    started.stop()


@pytest.fixture
def phone(sandbox: SandboxProcess, request: pytest.FixtureRequest) -> Iterator[Phone]:
    """A phone of a user of this test alone."""
    name = re.sub(r"\W", "-", request.node.name)[:60]
    with Phone(sandbox.phone.base_url, name) as phone:
        yield phone
        phone.lab.clear_faults()
        phone.lab.set_options(pair_code=False)


@pytest.fixture
def env(tmp_path: Path, phone: Phone) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "WEILINK_BASE_PATH": str(tmp_path / "base"),
        "WEILINK_LANG": "en",
        "LANG": "C.UTF-8",
        **phone.environment,
    }


class Terminal:
    """`weilink login` on a terminal of its own."""

    def __init__(self, env: dict[str, str], phone: Phone, *arguments: str) -> None:
        self.phone = phone
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "weilink", "login", *arguments],
            env=env,
            encoding="utf-8",
            timeout=30,
        )
        self.qrcode = ""

    def see(self, text: str) -> None:
        self.process.expect_exact(text)

    def code(self) -> str:
        """Wait for a QR code to be shown, and return it."""
        self.process.expect(r"/q/([\w-]+)")
        assert self.process.match
        self.qrcode = str(self.process.match.group(1))
        self.see(SCAN)
        return self.qrcode

    def log_in(self) -> str:
        """Scan and confirm; return the new bot's id."""
        self.phone.scan(self.code())
        self.see(CONFIRM)
        return self.phone.confirm(self.qrcode).bot_id

    def end(self) -> tuple[int | None, str]:
        self.process.expect(pexpect.EOF)
        said = str(self.process.before)
        self.process.close()
        assert "Traceback" not in said and "Fatal" not in said
        return self.process.exitstatus, said


@pytest.fixture
def login(env: dict[str, str], phone: Phone) -> Iterator[Any]:
    """Run `weilink login` with arguments on a terminal; keyword: on whose phone."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, phone: Phone = phone) -> Terminal:
            terminal = Terminal(env, phone, *arguments)
            stack.callback(terminal.process.close, force=True)
            return terminal

        yield start


# -- the number -------------------------------------------------------------------------------


def test_a_number_that_nobody_types(login: Any, phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    terminal = login("--timeout", "6")
    phone.scan(terminal.code())
    terminal.see(NUMBER)
    terminal.process.send("12")  # and no Enter
    code, said = terminal.end()
    assert code == 3
    assert "nobody confirmed within 6 seconds" in said


def test_a_number_that_nobody_writes_into_a_pipe(env: dict[str, str], phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "weilink", "login", "--timeout", "6"],
        env=env,
        stdin=subprocess.PIPE,  # stays open
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        phone.scan(phone.wait_login(30).qrcode)
        assert process.wait(30) == 3
        assert process.stdout and process.stderr and process.stdin
        said = process.stderr.read()
        assert NUMBER in process.stdout.read()
    finally:
        process.kill()
        process.communicate()
    assert said == "weilink: nobody confirmed within 6 seconds; run 'weilink login' again\n"


def test_a_number_where_nothing_can_be_typed(env: dict[str, str], phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "weilink", "login"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    phone.scan(phone.wait_login(30).qrcode)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "run 'weilink login' in a terminal" in said


def test_numbers_from_a_pipe(env: dict[str, str], phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "weilink", "login"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    scanned = phone.scan(phone.wait_login(30).qrcode)
    assert process.stdin
    # All at once; an empty line is asked for again, and is no wrong number.
    process.stdin.write(f"\nwrong\n{scanned.pair_code}\r\n")
    process.stdin.flush()
    phone.wait_until(lambda state: _status(state, scanned.qrcode) == "scaned", 30)
    phone.confirm(scanned.qrcode)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert said.count(NUMBER) == 3 and said.count("not right") == 1


def _status(state: Any, qrcode: str) -> str:
    (login,) = [one for one in state.logins if one.qrcode == qrcode]
    return str(login.status)


def test_ctrl_c_at_the_number(login: Any, phone: Phone) -> None:
    phone.lab.set_options(pair_code=True)
    terminal = login()
    phone.scan(terminal.code())
    terminal.see(NUMBER)
    terminal.process.sendintr()
    code, said = terminal.end()
    assert code == 1
    assert "Stopped." in said


# -- a login that has ended, and one that is wanted anew --------------------------------------


def test_force_gives_a_login_that_works_another_one(login: Any, phone: Phone) -> None:
    first = login()
    old = first.log_in()
    assert first.end()[0] == 0
    again = login("--force")
    new = again.log_in()
    assert again.end()[0] == 0
    assert new != old


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_login_that_has_ended_is_cured(
    login: Any, phone: Phone, weilink: Weilink, env: dict[str, str], options: list[str]
) -> None:
    first = login("my-bot")
    first.log_in()
    first.end()
    phone.lab.make_stale()
    assert "weilink login my-bot" in weilink("recv", "-t", "0.1", **env).stderr
    again = login("my-bot", *options)
    new = again.log_in()
    assert again.end()[0] == 0
    listed = weilink("sessions", **env).stdout
    assert listed.split() == ["*", "my-bot", new]


def test_a_session_of_weilink_06_with_a_space_is_cured(
    login: Any, phone: Phone, weilink: Weilink, env: dict[str, str]
) -> None:
    first = login("work")
    first.log_in()
    first.end()
    base = Path(env["WEILINK_BASE_PATH"])
    (base / "work").rename(base / "at work")
    phone.lab.make_stale()
    weilink("recv", "-t", "0.1", **env)
    again = login("at work")
    new = again.log_in()
    assert again.end()[0] == 0
    assert new in weilink("sessions", **env).stdout


# -- bound already ----------------------------------------------------------------------------


def test_an_account_whose_bot_is_here_already(login: Any, phone: Phone) -> None:
    first = login("work")
    bot = first.log_in()
    first.end()
    second = login("home")
    phone.scan(second.code())
    code, said = second.end()
    assert code == 0
    assert f"'work' is {bot}" in said
    assert "weilink login work --force" in said


def test_an_account_whose_bot_is_elsewhere(login: Any, phone: Phone) -> None:
    phone.lab.fault("answer", "*/get_qrcode_status", {"ret": 0, "status": "binded_redirect"})
    terminal = login()
    code, said = terminal.end()
    assert code == 3
    assert "does not have its login" in said


def test_force_that_gets_no_new_login(login: Any, phone: Phone) -> None:
    first = login()
    first.log_in()
    first.end()
    phone.lab.fault("answer", "*/get_qrcode_status", {"ret": 0, "status": "binded_redirect"})
    code, said = login("--force").end()
    assert code == 3
    assert "no new login" in said


# -- several bots -----------------------------------------------------------------------------


def test_two_accounts_at_once_are_two_bots(
    login: Any, phone: Phone, weilink: Weilink, env: dict[str, str]
) -> None:
    with Phone(phone.base_url, "somebody-else") as other:
        one, two = login(), login(phone=other)
        two.code()
        first = one.log_in()
        assert one.end()[0] == 0
        other.scan(two.qrcode)
        two.see(CONFIRM)
        second = other.confirm(two.qrcode).bot_id
        code, said = two.end()
    assert code == 0
    assert f"'default-2' is {second}" in said
    listed = weilink("sessions", **env).stdout.splitlines()
    assert [line.split() for line in listed] == [["*", "default", first], ["default-2", second]]


def test_a_new_login_keeps_its_place_as_the_default_and_what_it_is_bound_to(
    login: Any, phone: Phone, weilink: Weilink, env: dict[str, str], tmp_path: Path
) -> None:
    with Phone(phone.base_url, "somebody-third") as other:
        for terminal in (login("一号"), login("work.2", phone=other)):
            terminal.log_in()
            assert terminal.end()[0] == 0
    weilink("sessions", "default", "一号", **env)
    assert weilink("bind", "一号", "--cwd", str(tmp_path), **env).returncode == 0
    phone.lab.make_stale()
    weilink("recv", "-t", "0.1", **env)
    again = login("三号")
    new = again.log_in()
    code, said = again.end()
    assert code == 0
    assert "'一号' was the older bot" in said
    assert f"* 三号  {new}" in weilink("sessions", **env).stdout
    agents = weilink("agents", **env).stdout
    assert new in agents and str(tmp_path) in agents


def test_without_a_choice_the_default_stays_too(
    login: Any, phone: Phone, weilink: Weilink, env: dict[str, str]
) -> None:
    with Phone(phone.base_url, "somebody-fourth") as other:
        for terminal in (login("first"), login("second", phone=other)):
            terminal.log_in()
            assert terminal.end()[0] == 0
    again = login("first", "--force")
    new = again.log_in()
    assert again.end()[0] == 0
    assert f"* first  {new}" in weilink("sessions", **env).stdout


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a/b",
        "🙂",
        "x" * 10_000,
        "𠀀" * 64,
        "weilink.db",
        "config.toml",
        "NUL",
        "com1.x",
        "\udcff",
        "notes",
    ],
)
def test_names(
    weilink: Weilink, env: dict[str, str], phone: Phone, name: str, tmp_path: Path
) -> None:
    """Whoever cannot keep the login says so before somebody scans."""
    (tmp_path / "base").mkdir(mode=0o700)
    (tmp_path / "base" / "notes").write_text("")
    done = weilink("login", name, **env)
    assert done.returncode == 2
    assert "cannot name a bot session" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr) < 1000


@pytest.mark.slow
def test_names_that_are_one_folder_on_other_computers(
    login: Any, weilink: Weilink, env: dict[str, str]
) -> None:
    base = Path(env["WEILINK_BASE_PATH"])
    terminal = login("工作-Büro")
    bot = terminal.log_in()
    terminal.end()
    done = weilink("login", "工作-BÜRO", **env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "beside '工作-Büro'" in done.stderr
    # Its own name in other letters.
    assert weilink("sessions", "rename", "工作-Büro", "工作-büro", **env).returncode == 0
    assert "工作-büro" in weilink("sessions", **env).stdout
    # Those that are there already go on, and none is written over.
    shutil.copytree(base / "工作-büro", base / "工作-BÜRO")
    assert weilink("sessions", **env).stdout.count(bot) == 2
    done = weilink("sessions", "rename", "工作-büro", "工作-BÜRO", **env)
    assert (done.returncode, "is taken" in done.stderr) == (1, True)
    assert "logged in already" in weilink("login", "工作-BÜRO", **env).stdout


def test_a_session_cannot_take_the_place_of_the_settings(
    login: Any, weilink: Weilink, env: dict[str, str]
) -> None:
    terminal = login()
    bot = terminal.log_in()
    terminal.end()
    assert weilink("sessions", "rename", "default", "config.toml", **env).returncode == 2
    assert bot in weilink("sessions", **env).stdout


def test_a_login_that_cannot_be_kept(login: Any, env: dict[str, str]) -> None:
    (Path(env["WEILINK_BASE_PATH"]) / "default" / "token.json").mkdir(parents=True)
    terminal = login()
    terminal.log_in()
    code, said = terminal.end()
    assert code == 1
    assert "cannot be kept in" in said


def test_a_time_that_is_no_number(weilink: Weilink) -> None:
    done = weilink("login", "--timeout", "nan")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# -- the service ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "value"), [("status", 500), ("answer", {"ret": -1})])
def test_one_bad_answer_does_not_end_a_login(
    login: Any, phone: Phone, kind: Any, value: Any
) -> None:
    phone.lab.fault(kind, "*/get_qrcode_status", value, times=2)
    terminal = login()
    terminal.log_in()
    assert terminal.end()[0] == 0


def test_a_service_that_goes_away(login: Any, phone: Phone) -> None:
    phone.lab.fault("drop", "*/get_qrcode_status", times=None)
    code, said = login().end()
    assert code == 1
    assert "the login broke off" in said and "run 'weilink login' again" in said


def test_the_default_time_is_enough_for_every_qr_code(weilink: Weilink) -> None:
    from weilink.ilink.login import LIFETIME, MAX_QR_CODES

    assert f"[default: {LIFETIME * MAX_QR_CODES}" in weilink("login", "--help").stdout


def test_a_database_that_is_none_in_chinese(weilink: Weilink, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "weilink.db").write_bytes(b"this is no database, and longer than a header" * 100)
    done = weilink("status", WEILINK_BASE_PATH=str(base), WEILINK_LANG="zh")
    assert done.returncode == 1
    assert "无法作为 WeiLink 的数据库打开" in done.stderr
