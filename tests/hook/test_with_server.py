"""The hook and a real server: who gets what, once, whatever is killed in between."""

from __future__ import annotations

import re
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.server import Server, hook_command, hook_input
from weilink.sandbox.phone import Phone
from weilink.service.claiming import LEASE_MS
from weilink.store.models import Delivery


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^number (\d+)$", text, re.MULTILINE)]


def endpoint(server: Server) -> tuple[str, str]:
    host, port, secret, _ = (server.base / "run" / "recv").read_text().split()
    return f"http://{host}:{port}", secret


def test_a_message_is_handed_out_once(server: Server, phone: Phone) -> None:
    assert server.hook() == ""
    before = server.counts()[Delivery.DELIVERED]
    phone.write("number 1")
    server.wait_stored(1)
    assert server.hook("SessionStart").count("number 1") == 1
    assert server.hook() == ""
    assert server.counts()[Delivery.DELIVERED] == before + 1


def test_hooks_at_the_same_time_share_nothing(server: Server, phone: Phone) -> None:
    phone.write_all([f"number {n}" for n in range(40)])
    server.wait_stored(40)
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: server.hook(), range(8)))
    for _ in range(3):
        texts.append(server.hook())
    got = [number for text in texts for number in numbers(text)]
    assert sorted(got) == list(range(40))


def test_what_does_not_fit_waits_and_is_announced(server: Server, phone: Phone) -> None:
    phone.write_all([f"number {n}\n" + "文字😀" * 500 for n in range(20)])
    server.wait_stored(20)
    got: list[int] = []
    rounds = 0
    while text := server.hook():
        assert len(text.encode("utf-16-le")) // 2 <= 10_000
        got += numbers(text)
        rounds += 1
        waiting = re.search(r"(\d+) more wait", text)
        assert int(waiting[1] if waiting else 0) == 20 - len(got)
    assert got == list(range(20))
    assert rounds > 3


@pytest.mark.slow
def test_a_hook_killed_before_it_acknowledged_loses_nothing(server: Server, phone: Phone) -> None:
    phone.write("number 1")
    server.wait_stored(1)
    url, secret = endpoint(server)
    # What a hook does that is killed between asking and printing.
    lost = httpx.post(
        f"{url}/v1/hook/claude",
        content=hook_input(),
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert "number 1" in lost.text
    phone.write("number 2")
    server.wait_stored(2)
    # The conversation is held while it is not known what became of its first message.
    assert server.hook() == ""
    taken = server.json("recv", "-t", str(LEASE_MS / 1000 + 5))["messages"]
    assert [message["text"] for message in taken] == ["number 1", "number 2"]


def test_a_leader_killed_before_the_acknowledgement_hands_nothing_out_twice(own: Server) -> None:
    server, phone = own, own.phone
    phone.write("number 1")
    server.wait_stored(1)
    url, secret = endpoint(server)
    given = httpx.post(
        f"{url}/v1/hook/claude",
        content=hook_input(),
        headers={"Authorization": f"Bearer {secret}"},
    )
    server.kill()
    # What the hook does when it has printed and finds nobody: see test_alone.py.
    (server.base / "run" / "acks" / given.headers["x-weilink-claim"]).touch()
    phone.write("number 2")
    server.start()
    server.wait_ready()
    server.wait_stored(2)
    assert numbers(server.hook()) == [2]
    assert server.json("status")["messages"] == {
        "pending": 0,
        "claimed": 0,
        "delivered": 2,
        "held": 0,
    }


def test_another_process_takes_over_when_the_leader_is_killed(own: Server) -> None:
    server, phone = own, own.phone
    standby = Server(server.base, phone)
    standby.start()
    try:
        server.kill()
        phone.write("number 1")
        standby.wait_ready()
        standby.wait_stored(1)
        assert numbers(standby.hook()) == [1]
        assert phone.bot().most_pollers == 1
    finally:
        standby.close()


def test_only_the_owner_reaches_the_prompt(server: Server, phone: Phone) -> None:
    before = server.counts()[Delivery.HELD]
    phone.write("let me in", user="mallory", bot=phone.bot().bot_id)
    server.wait_stored(1)
    phone.write("number 1")
    server.wait_stored(2)
    text = server.hook()
    assert numbers(text) == [1]
    assert "let me in" not in text
    assert server.counts()[Delivery.HELD] == before + 1
    log = (server.base.parent / f"{server.base.name}.log").read_text("utf-8")
    assert "mallory@im.wechat" in log and "weilink access allow" in log
    assert "let me in" not in log


def test_an_allowed_person_reaches_the_prompt_as_other(own: Server) -> None:
    server, phone = own, own.phone
    assert server.weilink("access", "policy", "allowlist").returncode == 0
    assert server.weilink("access", "allow", phone.user_id("bob")).returncode == 0
    phone.write("number 1", user="bob", bot=phone.bot().bot_id)
    server.wait_stored(1)
    text = server.hook()
    assert numbers(text) == [1]
    assert f'from="{phone.user_id("bob")}" role="other"' in text


STRANGERS = (
    {"Authorization": "Bearer wrong"},
    {"Authorization": ""},
    {"Origin": "http://evil.example"},
    {"Host": "evil.example"},
)


def test_strangers_are_refused(server: Server, phone: Phone) -> None:
    phone.write("number 1")
    server.wait_stored(1)
    url, secret = endpoint(server)
    for headers in STRANGERS:
        for path in ("hook/claude", "ack/00"):
            refused = httpx.post(
                f"{url}/v1/{path}",
                content=hook_input(),
                headers={"Authorization": f"Bearer {secret}", **headers},
            )
            assert refused.status_code == 403, headers
            assert "number 1" not in refused.text, headers
    assert numbers(server.hook()) == [1]


def test_input_that_is_not_a_hooks(server: Server, phone: Phone) -> None:
    phone.write("number 1")
    server.wait_stored(1)
    for body in (b"", b"{", b"[]", b"null", b'{"hook_event_name": 5}', b"\xff"):
        done = subprocess.run(
            hook_command(server.base), input=body, capture_output=True, timeout=20, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), body
    assert numbers(server.hook()) == [1]


def test_events_that_reach_no_model_take_nothing(server: Server, phone: Phone) -> None:
    phone.write("number 1")
    server.wait_stored(1)
    assert (
        subprocess.run(
            hook_command(server.base),
            input=hook_input("SessionEnd"),
            capture_output=True,
            check=True,
        ).stdout
        == b""
    )
    assert numbers(server.hook()) == [1]


def test_everything_is_private_whatever_the_umask(server: Server, phone: Phone) -> None:
    phone.write("x" * 100_000)
    server.wait_stored(1)
    server.hook()  # writes the whole text to a file
    loose = [
        (path, oct(path.lstat().st_mode))
        for path in [server.base, *server.base.rglob("*")]
        if path.parent.name != "hooks" and path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert loose == []


def test_the_end_of_stdin_ends_the_server_in_good_order(own: Server) -> None:
    server, phone = own, own.phone
    process = server.process
    assert process is not None
    server.close()
    assert process.returncode == 0
    assert not (server.base / "run" / "recv").exists()
    assert not phone.bot().online
    assert server.hook() == ""


def test_idle_connections_do_not_hold_up_a_hook(server: Server) -> None:
    url, _ = endpoint(server)
    port = int(url.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        assert server.hook() == ""
    finally:
        for connection in idle:
            connection.close()
