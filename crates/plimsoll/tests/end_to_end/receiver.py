"""Receives notifications by HTTP and verifies them: CloudEvents and Standard Webhooks with their own libraries, DingTalk and Slack
by their documentation.

    receiver.py PORT FOLDER KIND [SECRET]

FOLDER/answers holds one answer a line, used up one by one, the last one again and again: a status, or `hang`. What came is a line of
JSON each in FOLDER/received.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, FOLDER, KIND = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
SECRET = sys.argv[4] if len(sys.argv) > 4 else ""
LOCK = threading.Lock()


def webhook(path, headers, body):
    from cloudevents.v1.http import from_http
    from standardwebhooks.webhooks import Webhook

    Webhook(SECRET).verify(body, headers)
    event = from_http(headers, body)
    return {"attributes": dict(event.get_attributes()), "data": event.get_data()}


def dingtalk(path, headers, body):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    stamp, sign = query["timestamp"][0], query["sign"][0]
    own = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert base64.b64encode(own).decode() == sign, "the signature differs"
    assert abs(int(stamp) / 1000 - time.time()) < 3600, "DingTalk takes an hour"
    assert query["access_token"] == ["canary-token"], query
    message = json.loads(body)
    assert message["msgtype"] == "markdown" and len(body) <= 20000
    return message["markdown"]


def slack(path, headers, body):
    assert path == "/services/canary-token", path
    message = json.loads(body)
    assert set(message) == {"text"} and 0 < len(message["text"]) <= 4000
    return message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry = {"id": headers.get("webhook-id"), "body": body.decode(), "type": headers["content-type"]}
        try:
            entry["read"] = {"webhook": webhook, "dingtalk": dingtalk, "slack": slack}[KIND](self.path, headers, body)
        except Exception as error:
            entry["error"] = repr(error)
        with LOCK:
            answers = (FOLDER / "answers").read_text().split()
            answer = answers[0]
            if len(answers) > 1:
                (FOLDER / "answers").write_text("\n".join(answers[1:]))
            with (FOLDER / "received").open("a") as received:
                received.write(json.dumps(entry) + "\n")
        if answer == "hang":
            time.sleep(3600)
        status = int(answer)
        if KIND == "dingtalk":
            code = {200: (0, "ok"), 400: (310000, "sign not match"), 429: (130101, "send too fast")}[status]
            status, text = 200, json.dumps({"errcode": code[0], "errmsg": code[1]})
        else:
            text = "ok" if status == 200 else "channel_is_archived"
        self.send_response(status)
        # Not followed, and its secret goes nowhere.
        if status == 302:
            self.send_header("location", f"http://127.0.0.1:{PORT}/elsewhere")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
