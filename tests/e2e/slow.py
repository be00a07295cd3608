"""A WeiLink that answers hooks as slowly as a test wants: a relay before the real endpoint."""

from __future__ import annotations

import os
import socket
import threading
from typing import Literal

from tests.hook.conftest import request
from tests.support.server import Server

Phase = Literal["", "answer", "acknowledgement"]


class SlowEndpoint:
    """Takes the place of the endpoint that hooks find; a context manager.

    While `holds` names a phase, what the real endpoint says in it is not passed on before the
    test is over; `held` is set when that happens.
    """

    def __init__(self, server: Server) -> None:
        self._file = server.base / "run" / "recv"
        self._original = self._file.read_text()
        host, port, secret, _ = self._original.split()
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._own = f"127.0.0.1:{self._listener.getsockname()[1]}".encode()
        self._over = threading.Event()
        self.holds: Phase = ""
        self.held = threading.Event()
        own = self._own.decode().replace(":", " ")
        self._file.write_text(f"{own} {secret} {os.getpid()}\n")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(connection,), daemon=True).start()

    def _relay(self, connection: socket.socket) -> None:
        upstream = b"%s:%d" % (self._upstream[0].encode(), self._upstream[1])
        with connection, socket.create_connection(self._upstream) as real:
            while True:
                try:
                    asked = request(connection)
                except (IndexError, OSError):
                    return  # the hook has ended
                phase: Phase = "acknowledgement" if b" /v1/ack/" in asked[:80] else "answer"
                if phase == self.holds == "acknowledgement":
                    self._hold()  # the real endpoint does not hear of it
                    return
                real.sendall(asked.replace(self._own, upstream))
                answer = request(real)  # the whole of it, in however many pieces
                if phase == self.holds:
                    self._hold()
                    return
                try:
                    connection.sendall(answer)
                except OSError:
                    return

    def _hold(self) -> None:
        self.held.set()
        self._over.wait(120)

    def __enter__(self) -> SlowEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._file.write_text(self._original)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
