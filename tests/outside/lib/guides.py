"""Runs the fenced shell blocks of the guides: guides.py REPOSITORY PROGRAMS FOLDER

Each block runs as it stands there, but for places: folders, the address of the server, passwords. It must succeed, and say what its
comments say that it says: a comment right below a command is that command's output, with `…` for what differs. What can't be run is
in SKIPPED with the reason; a block that is in neither list and fails, and a line of the lists that fits no block, fail the check.
"""
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

REPO, PROGRAMS, DIR = sys.argv[1:]
SECRET = "a-trial-secret-of-at-least-32-bytes"
OWN = "a password of my own"

# In this order: who logs in comes before who is logged in, orders that end sessions come last.
GUIDES = [
    "README.md",
    "README.zh-CN.md",
    "docs/integrator/reading.md",
    "docs/auditor.md",
    "docs/integrator/http.md",
    "docs/integrator/web.md",
    "docs/compliance-officer.md",
    "docs/compliance-officer.zh-CN.md",
    "docs/routing.md",
    "docs/operator.md",
]

# A block by its beginning: why it is not run here.
SKIPPED = {
    "./x run      #": "./x run and ./x test are what runs this",
    "./x run                                #": "./x run builds and stays; the server here is its own",
    "sudo -u liaowaiwai": "needs the account and the folders of the service; tests/outside/unit.sh runs the unit",
    "LWW_OWNER_URL=": "needs a bank's PostgreSQL; tests/database_plan.rs migrates one",
    "target/release/lww db plan": "needs a bank's PostgreSQL; tests/database_plan.rs runs both",
    "target/release/lww run --config node2": "needs a second node; tests/failover.rs starts one",
    "lww subject erase --identity": "takes two people with second factors and a customer to erase; tests/erasure.rs runs them",
    "dpkg -i liaowaiwai": "needs the package and systemd; tests/outside/unit.sh runs the unit",
    "lww policy propose": "takes three people with second factors; tests/governance.rs and the browser's tests run them",
    "lww policy reports": "takes an officer and a report of the desk; tests/reports.rs runs them",
    "lww unmask list --login": "takes people with second factors; tests/vault.rs and the browser's tests do what these ask for",
    "lww policy preview": "takes an officer's login; tests/history.rs runs the same calls",
    "lww policy remask": "takes two people with second factors; tests/history.rs runs the same calls",
    "lww witness run --dir /var/lib": "stays, and needs a certificate; tests/witness.rs and tests/outside/witness.sh run one",
    "lww ledger recover": "needs a database that was put back and two people with second factors; tests/recover.rs runs them",
    "lww restore": "needs the backup's own name and an empty place; tests/backup.rs restores",
    "openssl pkeyutl -verify -rawin -pubin": "needs a signed package; tests/outside/package.sh makes one and runs these",
}

# A block by its beginning: what else it says, or that a command of it is meant to fail.
FAILS = {
    "cp -r /tmp/lww-demo/tiles": ["REFUSED", "bad_proof", "exit 13"],
    "target/release/lww route replay": ["SAME conversation.assigned/2", "SAME conversation.opened/2", "made with the table"],
    "target/release/lww doctor": ["ok"],
    # The list has a message that was never sent.
    "target/release/lww audit reconcile": ["not recorded: row 2, id sent-elsewhere", "differ in 1 messages"],
    # Nobody has a second factor here yet.
    "target/release/lww admin reset": [
        "password of admin", "wen can: card, english", "agent may log in", "no such second factor", "1 accounts made",
    ],
}


def blocks(guide):
    """The guide's shell blocks with their lines."""
    text = open(f"{REPO}/{guide}", encoding="utf8").read()
    for found in re.finditer(r"^( *)```sh\n(.*?)^ *```", text, re.M | re.S):
        indent = len(found[1])
        lines = [line[indent:] for line in found[2].splitlines()]
        yield text[: found.start()].count("\n") + 1, "\n".join(lines)


def fence(guide, after, language):
    """The first block of a language after a word."""
    text = open(f"{REPO}/{guide}", encoding="utf8").read()
    found = re.compile(rf"^( *)```{language}\n(.*?)^ *```", re.M | re.S).search(text, text.index(after))
    return "\n".join(line[len(found[1]) :] for line in found[2].splitlines())


def outputs(block):
    """What the block says that its commands print: comments right below a command."""
    lines, below = block.splitlines(), False
    for line in lines:
        is_comment = line.startswith("# ") and not re.match(r"# \d+\. ", line)
        if is_comment and below:
            yield line[2:]
        below = bool(line.strip()) and (below if is_comment else True)


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf8") as file:
        file.write(text)
    os.chmod(path, mode)


def prepare():
    """A folder that looks like the repository after `./x run`, and the configuration of the fresh server."""
    os.makedirs(f"{DIR}/here/target/release")
    os.symlink(f"{REPO}/policies", f"{DIR}/here/policies")
    os.makedirs(f"{DIR}/here/audit")
    os.symlink(f"{REPO}/audit/vectors", f"{DIR}/here/audit/vectors")
    os.symlink(f"{PROGRAMS}/lww-verify", f"{DIR}/here/target/release/lww-verify")
    # Operators' commands find this server's configuration, as on its machine.
    write(
        f"{DIR}/here/target/release/lww",
        f'#!/bin/bash\ncase "$1 $2 $*" in *--config*|*--data-dir*|*--table*) exec {PROGRAMS}/lww "$@";;\n'
        f'admin*|evidence*|audit*|keys*|ledger*|"policy activate"*|"route activate"*|"route replay"*) exec {PROGRAMS}/lww "$@" --config {DIR}/lww.toml;;\n'
        f'*) exec {PROGRAMS}/lww "$@";; esac\n',
        0o755,
    )
    # The story is told once, however many guides begin with it; a configuration is looked at, its server is ours.
    write(
        f"{DIR}/here/x",
        f'#!/bin/bash\ncase "$*" in "run --demo --keep "*) [ -e "$4" ] || exec {PROGRAMS}/lww demo --keep "$4";;\n'
        f'"run --config "*) exec {PROGRAMS}/lww config check --config "$3";; *) exit 2;; esac\n',
        0o755,
    )
    write(f"{DIR}/secret", SECRET, 0o600)
    channel = lambda name, account, key: (
        f'[[tenant.channel]]\nchannel = "{name}"\naccount = "{account}"\nkey_id = "{key}"\nsecret = "secret://file{DIR}/secret"\n'
    )
    write(
        f"{DIR}/lww.toml",
        f'data_dir = "{DIR}/data"\n[http]\nlisten = "127.0.0.1:0"\ntrial_listen = "127.0.0.1:0"\ncerts_dir = "{DIR}/certs"\n'
        f'[[tenant]]\nname = "demo"\ndemo = true\n{channel("http", "app", "key-1")}{channel("web", "widget", "widget")}',
    )


def post(url, body, cookie=""):
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers.get("Set-Cookie", "").split(";")[0], answer.read().decode()


def furnish(told):
    """What the guides take for granted: a password of one's own, a visitor, files to work on."""
    api = told["http"] + "/api/v1"
    for account in told["accounts"]:
        login = {"tenant": "demo", "login": account["login"], "password": account["password"]}
        cookie, _ = post(f"{api}/session", login)
        post(f"{api}/session/password", {"old": account["password"], "new": OWN}, cookie)
    _, visit = post(f"{api}/channels/web/demo/widget/visits", {})
    work = f"{DIR}/here"
    write(f"{work}/base.txt", fence("docs/integrator/http.md", "Write the signature base", ""))
    write(f"{work}/send.py", fence("docs/integrator/http.md", "## A client in Python", "python") + "\n")
    policy = open(f"{REPO}/policies/masking/cn-retail.yaml", encoding="utf8").read()
    write(f"{work}/my-policy.yaml", policy.replace("\nversion: 2\n", "\nversion: 3\n"))
    write(f"{DIR}/tmp.password", OWN + "\n", 0o600)
    write(f"{work}/list.csv", "id,time\nsent-elsewhere,2026-01-05T08:00:00+08:00\n")
    write(f"{work}/agents.csv", "login,name,role,capacity\nwang,王,agent,8\n")
    os.makedirs(f"{DIR}/backup")
    os.makedirs(f"{DIR}/elsewhere")
    return {
        "B": api,
        "J": "content-type: application/json",
        "TOKEN": json.loads(visit)["token"],
        "TIME": "1800000000",
        "SECRET_HEX": SECRET.encode().hex(),
        "LWW_BASE": told["http"],
        "LC_ALL": "C.UTF-8",
    }


def entry(env, kind):
    """The newest entry of a kind, as the auditor reads it."""
    login = {"tenant": "demo", "login": "auditor", "password": OWN}
    cookie, _ = post(f"{env['B']}/session", login)
    request = urllib.request.Request(f"{env['B']}/ledger/entries?kind={kind}&limit=1", headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["entries"][0]


def placed(guide, block, env):
    """The block with the places of this run."""
    for old, new in [
        ("http://127.0.0.1:8080", env["LWW_BASE"]),
        ("/tmp/lww", f"{DIR}/tmp"),
        ('"password": "…"', f'"password": "{OWN}"'),
        ("/backup", f"{DIR}/backup"),
        ("/elsewhere", f"{DIR}/elsewhere"),
        ("lww backup --config lww.toml", f"target/release/lww backup --config {DIR}/lww.toml"),
        ("lww doctor --config lww.toml", f"lww doctor --config {DIR}/lww.toml"),
        ("--tenant retail --config lww.toml", f"--tenant demo --config {DIR}/lww.toml"),
        ("--tenant retail", "--tenant demo"),
    ]:
        block = block.replace(old, new)
    if guide == "docs/operator.md":
        block = block.replace("--login lin", "--login wen")
    if block.startswith("target/release/lww route replay"):
        opened, assigned = entry(env, "conversation.opened"), entry(env, "conversation.assigned")
        write(f"{DIR}/here/entry.json", opened["entry"])
        block = block.replace(" 14 ", f" {assigned['index']} ")
    return block


def run(guide, block, env):
    """What is wrong with the block, if anything."""
    fails = next((words for beginning, words in FAILS.items() if block.startswith(beginning)), None)
    options = ["-o", "pipefail"] + ([] if fails else ["-e"])
    done = subprocess.run(
        ["bash", *options, "-c", placed(guide, block, env)],
        cwd=f"{DIR}/here",
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    expected = fails if fails is not None else list(outputs(block))
    for line in expected:
        if not re.search(".*".join(map(re.escape, line.split("…"))), said):
            return f"does not say: {line}\n{said[-2000:]}"
    if not fails and done.returncode != 0:
        return f"exit code {done.returncode}\n{said[-2000:]}"
    return None


def check(env):
    counts, unused = {"ran": 0, "failed": 0}, set(SKIPPED) | set(FAILS)
    for guide in GUIDES:
        for line, block in blocks(guide):
            unused -= {beginning for beginning in unused if block.startswith(beginning)}
            reason = next((why for beginning, why in SKIPPED.items() if block.startswith(beginning)), None)
            if reason is not None:
                print(f"not run: {guide}:{line}: {reason}")
                continue
            fault = run(guide, block, env)
            counts["failed" if fault else "ran"] += 1
            if fault:
                print(f"{guide}:{line}: {fault}", file=sys.stderr)
    for beginning in unused:
        print(f"no guide has a block that begins with: {beginning}", file=sys.stderr)
    print(f"{counts['ran']} blocks of {len(GUIDES)} guides ran, {counts['failed']} failed")
    return counts["failed"] == 0 and not unused


def main():
    prepare()
    with open(f"{DIR}/errors", "w", encoding="utf8") as errors:
        server = subprocess.Popen(
            [f"{PROGRAMS}/lww", "run", "--json", "--fill", "stories", "--config", f"{DIR}/lww.toml"],
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        line = server.stdout.readline()
        if not line:
            sys.exit(f"the server did not start: {open(f'{DIR}/errors', encoding='utf8').read()}")
        is_right = check(furnish(json.loads(line)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(120)
    sys.exit(0 if is_right else 1)


main()
