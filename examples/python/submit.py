"""Submits a program, shows its output as it comes, and prints its result.

    SANDBOXD_TOKEN=sbx_… python3 submit.py [FILE]

Needs Python 3.9 or later and nothing else. A connection that is lost is taken up again where it broke off.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.client import HTTPException
from pathlib import Path

URL = os.environ.get("SANDBOXD_URL", "http://127.0.0.1:8000")
TOKEN = os.environ["SANDBOXD_TOKEN"]

PROGRAM = """
for (let n = 1; n <= 3; n++) {
  console.log(`step ${n}`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
export default { steps: 3 };
"""


def ask(path, body=None, **headers):
    """One request; its answer is open."""
    request = urllib.request.Request(URL + path, body)
    request.add_header("Authorization", "Bearer " + TOKEN)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    return urllib.request.urlopen(request, timeout=60)


def submit(program):
    """The id of the execution. The key is the same at each try, so that it runs once however often it is sent."""
    body, key, pause_s = json.dumps({"code": program}).encode(), str(uuid.uuid4()), 1
    while True:
        try:
            with ask("/api/exec", body, Content_Type="application/json", Idempotency_Key=key) as answer:
                return json.load(answer)["execution_id"]
        except urllib.error.HTTPError as problem:
            if problem.code not in (429, 503) or pause_s > 30:
                raise RuntimeError(json.load(problem)["error"]) from None
        except (OSError, HTTPException):  # nobody knows whether it arrived
            if pause_s > 30:
                raise
        time.sleep(pause_s)
        pause_s *= 2


def events(execution_id):
    """The events of its journal as (kind, data), until it has finished."""
    last = "0"
    while True:
        try:
            with ask(f"/api/executions/{execution_id}/events", Last_Event_ID=last) as stream:
                event = {}
                for line in stream:
                    name, _, value = line.decode().rstrip("\n").partition(": ")
                    if name:
                        event[name] = value
                    elif "event" in event:
                        last = event["id"]
                        yield event["event"], json.loads(event["data"])
                        if event["event"] == "finished":
                            return
                        event = {}
        except urllib.error.HTTPError:
            raise
        except (OSError, HTTPException):  # the connection was lost
            time.sleep(1)


def main():
    program = PROGRAM
    if len(sys.argv) > 1:
        program = Path(sys.argv[1]).read_text("utf-8")
    for kind, data in events(submit(program)):
        if kind == "log":
            print(data["text"], end="", flush=True)
        elif kind == "finished":
            print(data["result"] if data["error"] is None else data["error"])
            sys.exit(data["status"] != "completed")


if __name__ == "__main__":
    main()
