"""A time-stamping authority on loopback: each question is answered by `openssl ts -reply`.

tsa.py FOLDER: FOLDER holds tsa.cnf (section tsa); prints the port, and serves until it is killed.
"""

import http.server
import subprocess
import sys
import tempfile

folder = sys.argv[1]


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["content-length"])
        with tempfile.NamedTemporaryFile(dir=folder) as query:
            query.write(self.rfile.read(length))
            query.flush()
            command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", query.name]
            answer = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
        self.send_response(200)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


# One question at a time: OpenSSL counts its stamps in a file.
server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
print(server.server_port, flush=True)
server.serve_forever()
