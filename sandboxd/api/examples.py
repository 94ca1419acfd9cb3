"""A request and its answer for the operations, by name. The tests send each and compare the shapes."""

from typing import Any, Final

from msgspec import Struct

_ID: Final = "798ea08d-2d05-456f-a5ed-2fabfc147394"
_SUMMARY: Final = {
    "execution_id": _ID,
    "status": "completed",
    "started_at": "2026-11-22T14:14:45.863Z",
    "completed_at": "2026-11-22T14:14:45.875Z",
}
_MAIN: Final = "exports.main = async (event) => ({ outputFields: { name: event.name.trim() } });"
_AT: Final = "2026-11-22T14:14:45.887Z"


class Example(Struct, frozen=True):
    """What is sent, where anything is, and what is answered when all is well."""

    answer: Any
    body: Any = None


EXAMPLES: Final = {
    "execute_code": Example(
        body={
            "code": "console.log('Sum:', input.a + input.b); return { sum: input.a + input.b };",
            "input": {"a": 5, "b": 3},
            "timeout_ms": 5000,
        },
        answer={
            "status": "success",
            "output": "Sum: 8",
            "error": None,
            "execution_time": 0.002,
            "console_logs": ["Sum: 8"],
            "return_value": {"sum": 8},
            "execution_id": "66d73a70-8a36-4885-b46f-3badc1645141",
            "usage": {"cpu_ms": 1.393, "memory_bytes": 659456, "wall_ms": 1.633},
        },
    ),
    "validate_code": Example(
        body={"code": "if (x) {"},
        answer={"valid": False, "error": "Unmatched curly braces", "line": 1, "column": 8},
    ),
    "exec_handler": Example(
        body={"code": "console.log('working'); ({ sum: 5 + 3 })", "execution_timeout_secs": 10},
        answer={"execution_id": _ID},
    ),
    "get_execution_handler": Example(
        _SUMMARY | {"result": '{"sum":8}', "error": None, "heap": None, "fs": None},
    ),
    "list_executions_handler": Example({"executions": [_SUMMARY]}),
    "get_execution_output_handler": Example(
        {
            "execution_id": _ID,
            "data": "working\n",
            "start_line": 0,
            "end_line": 1,
            "next_line_offset": 1,
            "total_lines": 1,
            "start_byte": 0,
            "end_byte": 8,
            "next_byte_offset": 8,
            "total_bytes": 8,
            "has_more": False,
            "status": "completed",
            "truncated": False,
        },
    ),
    "execute_action": Example(
        body={
            "config": {
                "version": 1,
                "action": {"language": "js", "source": _MAIN},
                "fixtures": [{"name": "ada", "source": '{"name": " Ada "}'}],
            }
        },
        answer={
            "summary": {
                "status": "executed",
                "execution_id": "d0363963-6d95-4f3f-9181-734a3ad0fb52",
                "duration_ms": 6,
                "result": {
                    "ok": True,
                    "runs": 1,
                    "failures": [],
                    "max_duration_ms": 1,
                    "max_memory_kb": 348,
                    "output_fields": {"name": "Ada"},
                    "flaky": False,
                    "snapshots_ok": True,
                },
            },
            "events": [
                {"seq": 1, "timestamp": _AT, "kind": "execution_created"},
                {"seq": 2, "timestamp": _AT, "kind": "validation_started"},
                {"seq": 3, "timestamp": _AT, "kind": "execution_started", "fixture": "ada", "repeat": 1},
                {
                    "seq": 4,
                    "timestamp": _AT,
                    "kind": "execution_completed",
                    "fixture": "ada",
                    "repeat": 1,
                    "duration_ms": 1,
                    "memory_kb": 348,
                    "output_fields": {"name": "Ada"},
                },
            ],
        },
    ),
    "validate_action": Example(
        body={"version": 1, "action": {"type": "js", "entry": "action.js"}, "fixtures": ["event.json"]},
        answer={
            "execution_id": "5e8a3a1f-56c5-4d8b-9b45-0c2e6a0b7f0e",
            "valid": True,
            "errors": [],
            "mode": "validate",
        },
    ),
    "limits": Example(
        {
            "tier": "enterprise",
            "quota": {"concurrent": 5, "hourly": 100, "daily": 1000, "monthly": None},
            "doors": {
                "executions": {
                    "profile": "executions",
                    "wall_ms": {"min": 1000, "default": 30000, "max": 300000},
                    "memory_bytes": {"min": 33554432, "default": 134217728, "max": 536870912},
                    "output_bytes": 10485760,
                    "result_bytes": 1048576,
                    "source_bytes": 16777216,
                    "depth": 256,
                    "fetch": {
                        "hosts": ["localhost", "127.0.0.1", "api.example.com", "jsonplaceholder.typicode.com"],
                        "calls": 60,
                        "concurrent": 6,
                        "wall_ms": 10000,
                        "request_bytes": 1048576,
                        "response_bytes": 5242880,
                    },
                }
            },
        },
    ),
    "livez": Example({"status": "alive"}),
}
