"""A workflow engine in small: nodes of JavaScript, each with what the one before it returned.

    SANDBOXD_TOKEN=sbx_… python3 workflow.py

Needs Python 3.9 or later and code_node.py beside it.
"""

import json
import sys

from code_node import execute

ORDERS = """
return [{ customer: 'Ada', amount: 120 }, { customer: 'Bob', amount: 30 }, { customer: 'Ada', amount: 50 }];
"""
SUM_UP = """
for (const { customer, amount } of input) results[customer] = (results[customer] ?? 0) + amount;
"""
GREET = """
console.log(`${Object.keys(input).length} customers`);
return Object.entries(input).map(([customer, sum]) => `${customer}: ${sum}`);
"""
WORKFLOW = {"orders": ORDERS, "sum up": SUM_UP, "greet": GREET}


def run(workflow, value=None):
    """The last node's value. Stops at the first node that fails, and says where in its code."""
    for name, code in workflow.items():
        result = execute(code, value)
        for text in result["console_logs"]:
            print(f"[{name}] {text}")
        if result["status"] != "success":
            place = f" (line {result['line']})" if result.get("line") else ""
            sys.exit(f"node {name!r}: {result['status']}: {result['error']}{place}")
        value = result["return_value"]
    return value


if __name__ == "__main__":
    print(json.dumps(run(WORKFLOW)))
