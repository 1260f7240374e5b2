"""An HTTP server on loopback that a test answers for."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackServer:
    """Use it as a context; ``get`` and ``post`` answer requests, ``stop`` lets waiting ones go."""

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.get(self)

            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.post(self, self.rfile.read(length))

            def log_message(self, *_):
                """Tests are quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A client may leave, or be killed."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._server.shutdown()
        self._server.server_close()

    def stop(self):
        """Nothing waits by itself."""
