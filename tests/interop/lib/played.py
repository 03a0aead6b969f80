"""A server of bytes that a test plays, by TCP or at a UNIX socket, and a front in TLS for one that has none."""

import os
import socket
import tempfile
import threading

from lib.relay import folder


class Played:
    """PLAY is called with each accepted socket, which is closed behind it.  Running until stop()."""

    def __init__(self, play, local=False):
        self.play = play
        self.accepted = []
        if local:
            self.name = os.path.join(tempfile.mkdtemp(prefix="played-", dir=folder().path), "socket")
            os.chmod(os.path.dirname(self.name), 0o755)
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(self.name)
        else:
            self.socket = socket.socket()
            self.socket.bind(("127.0.0.1", 0))
            self.name = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.socket.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                accepted = self.socket.accept()[0]
            except OSError:
                return
            self.accepted.append(accepted)
            threading.Thread(target=self._run, args=(accepted,), daemon=True).start()

    def _run(self, accepted):
        try:
            self.play(accepted)
        except OSError:
            pass  # the other side, or the test, has ended it
        finally:
            accepted.close()

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for accepted in self.accepted:
            try:
                accepted.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def silent(accepted):
    while accepted.recv(65536):
        pass


def says(*texts):
    """Each text behind something that has come, and then the end."""

    def play(accepted):
        for text in texts:
            accepted.recv(65536)
            accepted.sendall(text)

    return play


def tls_front(context, port):
    """In front of a server at 127.0.0.1 that speaks no TLS itself."""

    def play(accepted):
        with context.wrap_socket(accepted, server_side=True) as inside, socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=pump, args=(server, inside), daemon=True)
            back.start()
            pump(inside, server)
            back.join()

    def pump(source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    return Played(play)
