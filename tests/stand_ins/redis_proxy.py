"""A proxy in front of Redis that can lose answers: a command is executed, but its sender never
knows.
"""

import contextlib
import socket
import threading
from pathlib import Path


class LossyProxy:
    """Listens on its own socket and forwards to `target`; a connection gets no more answers once it
    sends a command that contains `lost`.
    """

    def __init__(self, target: Path, directory: Path, lost: bytes) -> None:
        self._target, self._lost, self.losses = str(target), lost, 0
        path = directory / "proxy.sock"
        self.url = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._target)
        deaf = threading.Event()
        threading.Thread(target=self._answer, args=(far, near, deaf), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if self._lost in data:
                    deaf.set()
                    self.losses += 1
                far.sendall(data)
        far.close()

    @staticmethod
    def _answer(far: socket.socket, near: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if not deaf.is_set():
                    near.sendall(data)
