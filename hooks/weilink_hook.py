"""Ask the running WeiLink for new messages and print them for the coding agent.

    python -I -S weilink_hook.py AGENT [SECONDS|wait [PURPOSE]]

`weilink setup` copies this file to `<base path>/hooks/` and names it in the agent's hooks. It
hands its standard input to WeiLink's recv endpoint and prints what comes back; everything that an
agent needs to see is made there, so this script need not change when WeiLink does. Without a
running WeiLink it prints nothing and exits with 0.

With `wait` it runs in the background of an agent that is idle, for as long as that lives: it waits
at the endpoint for something to say, and for another WeiLink when the one it asked ends.

An agent waits for it at every prompt: standard library only, and of that as little as possible
(importing json or socket would double its time). Python 3.8 or newer.
"""

import sys

try:
    import _socket as socket  # what the socket module is made of, in a tenth of its time
except ImportError:
    import socket  # type: ignore[no-redef]

try:
    import posix
except ImportError:  # Windows
    posix = None  # type: ignore[assignment]

ANSWER_SECONDS = 3.0  # a WeiLink that hangs must not hold up a prompt
LOOK_SECONDS = 5.0  # how often one that waits looks whether its agent is still there
LONGEST_PAUSE = 2.0  # between two looks for a WeiLink that answers


def find_endpoint(run: str) -> "tuple[str, int, str] | None":
    """Return (host, port, secret) of the running WeiLink, None when there is none."""
    try:
        with open(run + "/recv", "rb") as file:  # noqa: PTH123  (pathlib is slow to import)
            host, port, secret, pid = file.read().decode("ascii").split()
        if posix is not None:
            # After a crash the file stays; its port may belong to a stranger by now, and what
            # the agent tells a hook is not for strangers.
            posix.kill(int(pid), 0)
        return host, int(port), secret
    except (OSError, ValueError, OverflowError):
        return None


def who() -> "tuple[int, str]":
    """Return the process of the agent, 0 when unknown, and how it says that it was started."""
    if posix is None:
        return 0, ""
    pid = posix.environ.get(b"CLAUDE_PID", b"")
    entry = posix.environ.get(b"CLAUDE_CODE_ENTRYPOINT", b"")
    parent = posix.getppid()
    # Whose parent is the first process of the computer has lost its own.
    known = int(pid) if pid.isdigit() else parent if parent != 1 else 0
    return known, entry.decode("ascii", "replace")


def there(agent: int, parent: int) -> bool:
    """Return whether the agent is still there, and still our parent."""
    try:
        posix.kill(agent, 0)
    except OSError:
        return False
    return posix.getppid() == parent


def ask(
    connection: socket.socket,
    host: str,
    secret: str,
    path: str,
    body: bytes,
    more: str = "",
    agent: "tuple[int, int] | None" = None,
) -> "tuple[dict[str, str], bytes]":
    """POST `body`; return (headers, body) of the answer. OSError or ValueError when it fails.

    `more` are further header lines. With `agent` and our parent, two processes, the answer may
    take as long as they are there.
    """
    lines = ["POST %s HTTP/1.1", "Host: %s", "Authorization: Bearer %s", "Content-Length: %d"]
    head = "\r\n".join(lines) % (path, host, secret, len(body)) + "\r\n" + more + "\r\n"
    connection.sendall(head.encode("ascii") + body)
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            data += receive(connection)
        except socket.timeout:  # noqa: UP041  (another one before Python 3.10)
            if agent is None or not there(*agent):
                raise
    start, _, data = data.partition(b"\r\n\r\n")
    lines = start.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if lines[0].split()[1][0] != "2":
        raise ValueError(lines[0])
    length = int(headers.get("content-length", "0"))
    while len(data) < length:
        data += receive(connection)
    return headers, data


def receive(connection: socket.socket) -> bytes:
    """Return the next bytes; OSError at the end of the connection."""
    data = connection.recv(65536)
    if not data:
        raise OSError("the connection ended early")
    return data


def leave_ack(path: str) -> None:
    """Leave an acknowledgement for the next leader, as an empty file named after the claim."""
    try:
        open(path, "xb").close()  # noqa: PTH123
    except OSError:
        return  # then the messages come again: better twice than never


def deliver(
    connection: socket.socket,
    address: str,
    secret: str,
    run: str,
    headers: "dict[str, str]",
    answer: bytes,
) -> int:
    """Print the answer, acknowledge it, and return the exit code. OSError: it is not printed."""
    until = headers.get("x-weilink-until", "")
    if until and posix is not None:
        import time  # built in

        if time.monotonic() > float(until):
            # We stood still since it was sent: somebody else may have got these messages.
            raise OSError("the answer is too old")
    if answer:
        stream = sys.stderr if headers.get("x-weilink-stream") == "stderr" else sys.stdout
        stream.buffer.write(answer)
        stream.buffer.flush()
    claim = headers.get("x-weilink-claim", "")
    if claim.isalnum():
        try:
            connection.settimeout(ANSWER_SECONDS)
            ask(connection, address, secret, "/v1/ack/" + claim, b"")
        except (OSError, ValueError, IndexError):
            # WeiLink ended in between. Its successor reads this before it hands out anything.
            leave_ack(run + "/acks/" + claim)
    return int(headers.get("x-weilink-exit", "0"))


def ask_once(run: str, path: str, body: bytes, more: str, seconds: float) -> int:
    """Do one exchange and return the exit code."""
    endpoint = find_endpoint(run)
    if endpoint is None:
        return 0
    host, port, secret = endpoint
    address = host + ":" + str(port)
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        connection.connect((host, port))
        headers, answer = ask(connection, address, secret, path, body, more)
        return deliver(connection, address, secret, run, headers, answer)
    except (OSError, ValueError, IndexError):
        # Not printed, so not acknowledged: WeiLink hands the messages to the next reader.
        return 0


def wait(run: str, path: str, body: bytes, more: str, pid: int) -> int:
    """Wait until there is something to say, and return the exit code; 0 when the agent is gone."""
    import time

    agent = (pid, posix.getppid())
    connected = time.monotonic()
    pause = 0.05
    while pid and there(*agent):
        endpoint = find_endpoint(run)
        if endpoint is not None:
            host, port, secret = endpoint
            address = host + ":" + str(port)
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.settimeout(LOOK_SECONDS)
            try:
                connection.connect((host, port))
                connected = time.monotonic()
                headers, answer = ask(connection, address, secret, path, body, more, agent)
                if answer and not there(*agent):
                    return 0  # nobody would read it; the next one gets it
                return deliver(connection, address, secret, run, headers, answer)
            except ValueError as error:
                if " 4" in str(error)[:13]:
                    return 0  # this WeiLink wants no waiting hooks
            except (OSError, IndexError):
                # It ended; another one takes over within a second, if any is there.
                if time.monotonic() - connected > 1:
                    pause = 0.05
            finally:
                connection.close()
            more = more.replace("X-WeiLink-Again: 0", "X-WeiLink-Again: 1")
        try:
            posix.stat(__file__)
        except OSError:
            return 0  # WeiLink was removed
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return 0


def main(arguments: "list[str]") -> int:
    """Ask as the arguments say and return the exit code."""
    folder = __file__.replace("\\", "/").rpartition("/")[0]
    run = (folder.rpartition("/")[0] or ".") + "/run"
    given = arguments[1:] + ["claude", "", ""][len(arguments) - 1 :]
    waits = given[1] == "wait"
    if sys.stdin is None or sys.stdin.isatty() or (not waits and find_endpoint(run) is None):
        return 0
    pid, entry = who()
    path = "/v1/hook/" + given[0] + (given[2] and "/" + given[2])
    more = "X-WeiLink-Agent: " + str(pid) + " " + entry + "\r\n"
    body = sys.stdin.buffer.read()
    if not waits:
        seconds = float(given[1] or ANSWER_SECONDS)
        more += "X-WeiLink-Seconds: " + str(seconds) + "\r\n"
        return ask_once(run, path, body, more, seconds)
    if posix is None or entry.startswith("sdk"):  # type: ignore[redundant-expr]
        # `claude -p` would wait for us before it ends, and nothing can wake it.
        return 0
    return wait(run, path, body, more + "X-WeiLink-Again: 0\r\n", pid)


if __name__ == "__main__":
    code = main(sys.argv)
    if posix is not None:
        # All is written and flushed; taking the interpreter down in order would cost a
        # tenth of the whole run.
        posix._exit(code)
    sys.exit(code)
