"""Logs a demo account in, after changing its one-time password: session.py TOLD LOGIN prints the cookie."""
import json
import sys
import urllib.request

told = json.load(open(sys.argv[1]))
login = sys.argv[2]
account = next(one for one in told["accounts"] if one["login"] == login)
chosen = "outside-" + account["password"]


def post(path, body, cookie=""):
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(told["http"] + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers.get("Set-Cookie", "").split(";")[0]


def begin(password):
    return post("/api/v1/session", {"tenant": account["tenant"], "login": login, "password": password})


post("/api/v1/session/password", {"old": account["password"], "new": chosen}, begin(account["password"]))
print(begin(chosen))
