"""Runs one code node: sends code with its input, prints what it printed and returned.

    SANDBOXD_TOKEN=sbx_… python3 code_node.py

Needs Python 3.9 or later and nothing else.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("SANDBOXD_URL", "http://127.0.0.1:8000")
TOKEN = os.environ["SANDBOXD_TOKEN"]

CODE = """
const total = input.items.reduce((sum, item) => sum + item.price * item.count, 0);
console.log(`${input.items.length} items`);
return { total };
"""
INPUT = {"items": [{"price": 5, "count": 3}, {"price": 2, "count": 4}]}


def execute(code, value, timeout_ms=5000, tries=5):
    """What the code came to; `value` is its `input`. Who is told to come again within a minute does so."""
    body = json.dumps({"code": code, "input": value, "timeout_ms": timeout_ms}).encode()
    request = urllib.request.Request(URL + "/api/ai-automation/code/execute", body)
    request.add_header("Authorization", "Bearer " + TOKEN)
    request.add_header("Content-Type", "application/json")
    while True:
        tries -= 1
        try:
            with urllib.request.urlopen(request, timeout=timeout_ms / 1000 + 60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            told = json.load(problem)
            if "status" in told:  # a source that was refused: an execution's answer, and no error of the request
                return told
            if tries == 0 or told.get("retry_after", 3600) > 60:
                raise RuntimeError(f"{problem.code}: {told['error']}") from None
            time.sleep(told["retry_after"])


def main():
    result = execute(CODE, INPUT)
    for text in result["console_logs"]:
        print(text)
    if result["status"] != "success":
        sys.exit(f"{result['status']}: {result['error']}")
    print(json.dumps(result["return_value"]))


if __name__ == "__main__":
    main()
