"""HTTP byte by byte, for clients that do not behave."""

import re
import socket

BOUND = 60.0  # seconds


class RawClient:
    """A connection that sends exactly what it is told."""

    def __init__(self, port: int, receive_buffer: int = 0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(BOUND)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def to_end(self) -> bytes:
        """What comes until the other side closes."""
        received = b""
        try:
            while block := self.socket.recv(65536):
                received += block
        except ConnectionResetError:
            pass
        return received


def exchange(port: int, data: bytes) -> bytes:
    """All that is answered to these bytes, when nothing follows them."""
    with RawClient(port) as client:
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        return client.to_end()


def statuses(answers: bytes) -> list[int]:
    """Of the answers on one connection (whose bodies do not look like answers)."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]
