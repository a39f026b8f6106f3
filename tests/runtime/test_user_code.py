"""The process of the user's code: whatever the code does costs its own event alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.samples import TWIN, event, log
from twin_runtime.events import user_code
from twin_runtime.events.user_call import Call, Failure
from twin_runtime.events.user_code import Outcome, UserCode, call_of
from twin_runtime.model import DeviceType

THERMOSTAT = TWIN.device_types["thermostat"]._replace(processor="p.py")
PUMP = TWIN.device_types["pump"]._replace(processor="q.py")
DOES = """
def process(event):
    do = event["data"].get("do")
    if do:
        exec(do, {"event": event, "process": process})
    event["data"]["seen"] = True
    return event
"""


def write(folder: Path, code: str, name: str = "p.py") -> Path:
    (folder / name).write_text(code)
    return folder / name


def tried(folder: Path, *does: str, limit_s: float = 5.0, code: str = DOES) -> list[Outcome]:
    """What becomes of one event for each text of code, between two events that do nothing."""
    events = [event(f"e{n}", {"do": do}) for n, do in enumerate(("", *does, ""))]
    first, *outcomes, last = user_code.try_out(
        write(folder, code), THERMOSTAT, events, twin=TWIN, limit_s=limit_s
    )
    assert [made["data"]["seen"] for good in (first, last) for made in good.results] == [True, True]
    return outcomes


def failure(outcome: Outcome) -> Failure:
    assert outcome.texts == []
    assert outcome.failure is not None
    return outcome.failure


@pytest.fixture
def code(tmp_path: Path) -> Iterator[UserCode]:
    write(tmp_path, DOES)
    made = UserCode(tmp_path, limit_s=5)
    yield made
    made.close()


def calls(*does: str, device_type: DeviceType = THERMOSTAT) -> list[Call]:
    return [call_of(device_type, event(f"e{n}", {"do": do})) for n, do in enumerate(does)]


def done(made: list[Any]) -> list[bool | None]:
    """Which have results, which failed, and which were not done."""
    return [None if each is None else isinstance(each, list) for each in made]


def gone(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


EXCEPTIONS = {
    "an error": ("raise ValueError('cannot divide')", "ValueError", "ValueError: cannot divide"),
    "exit": ("raise SystemExit(3)", "SystemExit", "SystemExit: 3"),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
    "an end of a generator": ("raise GeneratorExit", "GeneratorExit", "GeneratorExit"),
    "a cancellation": (
        "import asyncio\nraise asyncio.CancelledError",
        "CancelledError",
        "CancelledError",
    ),
    "a group": (
        "raise BaseExceptionGroup('g', [KeyboardInterrupt()])",
        "BaseExceptionGroup",
        "BaseExceptionGroup: g (1 sub",
    ),
    "a recursion": ("process(event)", "RecursionError", "RecursionError: maximum recursion depth"),
    "a signal of its own": ("import signal\nsignal.raise_signal(2)", "KeyboardInterrupt", ""),
}


@pytest.mark.parametrize(("do", "kind", "text"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_exception_of_any_kind(tmp_path: Path, do: str, kind: str, text: str) -> None:
    failed = failure(tried(tmp_path, do)[0])
    assert (failed.kind, failed.final) == (kind, False)
    assert failed.text.startswith(text)
    assert "p.py, line 5, in process: exec(do, " in failed.detail


FILES = "max(map(int, os.listdir('/dev/fd')))"
"""The highest of its open files: pipes keep the numbers that they have in the process of the tests."""

ENDINGS = {
    "exits at once": ("import os\nos._exit(3)", "exit status 3"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "is killed": ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
    "aborts": ("import os\nos.abort()", "SIGABRT"),
    "closes all its files": (f"import os\nos.closerange(0, {FILES} + 1)", "it closed its pipe"),
    "closes all and goes on": (
        f"import os, time\nos.closerange(0, {FILES} + 1)\ntime.sleep(60)",
        "it closed its pipe",
    ),
    "interrupts itself later": (
        "import threading, os\nthreading.Timer(0.05, os._exit, [4]).start()\nimport time\ntime.sleep(60)",
        "exit status 4",
    ),
}


@pytest.mark.parametrize("do", ["while True: pass", "import os; os._exit(3)"])
def test_what_was_done_before_a_call_that_never_returns_is_not_done_again(tmp_path: Path, do: str) -> None:
    code = f"""
def process(event):
    with open({str(tmp_path / "seen")!r}, "a") as file:
        file.write(event["id"] + "\\n")
    if event["id"] == "e30":
        {do}
    return event
"""
    events = [event(f"e{n}", {"n": n}) for n in range(60)]
    made = user_code.try_out(write(tmp_path, code), THERMOSTAT, events, twin=TWIN, limit_s=0.5)
    assert [at for at, outcome in enumerate(made) if outcome.failure] == [30]
    assert (tmp_path / "seen").read_text().split() == [each["id"] for each in events]


@pytest.mark.parametrize(("do", "how"), ENDINGS.values(), ids=ENDINGS)
def test_code_that_ends_its_process(tmp_path: Path, do: str, how: str) -> None:
    failed = failure(tried(tmp_path, do)[0])
    assert (failed.kind, failed.final) == (f"its process ended ({how})", False)


def test_a_crash_says_where(tmp_path: Path) -> None:
    code = "import ctypes\ndef process(event):\n    if event['data']['do']:\n        ctypes.string_at(0)\n"
    code += "    event['data']['seen'] = True\n    return event\n"
    assert (
        "p.py, line 4, in process: ctypes.string_at(0)" in failure(tried(tmp_path, "x", code=code)[0]).detail
    )


STUCK = {
    "a loop": "while True:\n            pass",
    "a pause": "time.sleep(60)",
    "a regular expression, which keeps the interpreter's lock": 're.match(r"(a+)+$", "a" * 60 + "b")',
    "a lock": "threading.Semaphore(0).acquire()",
    "a deaf one": "[signal.signal(n, signal.SIG_IGN) for n in (2, 10, 15)], time.sleep(60)",
}


@pytest.mark.parametrize("stuck", STUCK.values(), ids=STUCK)
def test_a_call_that_gets_stuck_is_ended_with_its_place(tmp_path: Path, stuck: str) -> None:
    code = "import re, signal, threading, time\ndef process(event):\n"
    code += f"    if event['data']['do']:\n        {stuck}\n"
    code += "    event['data']['seen'] = True\n    return event\n"
    began = time.monotonic()
    failed = failure(tried(tmp_path, "x", limit_s=0.5, code=code)[0])
    assert time.monotonic() - began < 20
    assert (failed.kind, failed.final) == ("a call took longer than 0.5 s", True)
    assert failed.text == "A call took longer than 0.5 s and was ended."
    if "SIG_IGN" not in stuck:  # which ignores the question too
        assert "p.py, line " in failed.detail
        assert "in process: " in failed.detail


def test_memory_is_bounded_and_what_filled_it_is_gone(tmp_path: Path) -> None:
    code = (
        "kept = []\ndef process(event):\n    while event['data']['do']:\n        kept.append(bytes(10**7))\n"
    )
    code += "    event['data']['seen'] = True\n    return event\n"
    (failed,) = [failure(each) for each in tried(tmp_path, "x", limit_s=60, code=code)]
    assert failed.kind == "MemoryError"
    assert "p.py, line 4" in failed.detail


def test_threads_and_processes_that_are_left_behind(code: UserCode) -> None:
    forks = "import os, time\nif os.fork() == 0: time.sleep(60)"
    returns = "import os\nos.fork()"
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()"
    made = code.process_all(calls(forks, returns, thread, ""))
    assert done(made) == [True] * 4
    pid = code.pid
    assert pid is not None
    began = time.monotonic()
    code.close()
    assert gone(pid)
    assert time.monotonic() - began < 5
    alive = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/stat")
        if f" {pid} " in _text(path) and not gone(int(path.parent.name))
    ]
    assert alive == [], "processes of its group"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_what_it_prints_is_about_the_event(tmp_path: Path) -> None:
    write(tmp_path, "import logging, os, sys\n" + DOES)
    logger, lines = log("processor")
    code = UserCode(tmp_path, log=logger)
    does = (
        "print('one')",
        "",
        "import sys\nprint('two', file=sys.stderr)\nraise ValueError",
        "import logging\nlogging.getLogger('mine').info('three %s', 3)",
        "import os\nprint('four')\nos._exit(1)",
        "import os\nos.write(1, b'five\\n')",
    )
    made = code.process_all(calls(*does))
    code.close()
    assert done(made) == [True, True, False, True, False, True]
    said = [(line["id"], line["text"]) for line in lines.named("processor_output")]
    assert said == [
        ("e0", "one"),
        ("e2", "two"),
        ("e3", "INFO mine: three 3"),
        ("e4", "four"),
        ("e5", "five"),
    ]
    assert {line["traceparent"] for line in lines.named("processor_output")} == {
        event(f"e{n}")["traceparent"] for n in (0, 2, 3, 4, 5)
    }


def test_what_it_prints_is_cut(tmp_path: Path) -> None:
    (outcome,) = tried(tmp_path, "for n in range(100_000): print('x' * 100)")
    assert len(outcome.results) == 1
    assert 0 < len(outcome.output) < 10_000
    logger, lines = log("processor")
    code = UserCode(tmp_path, log=logger)
    code.process_all(calls("for n in range(50): print(n)", "print('y' * 1000)"))
    code.close()
    said = lines.named("processor_output")
    assert len(said) == 21
    assert lines.named("processor_output_cut")[0]["lines"] == 30
    assert len(said[-1]["text"]) < 400


def test_a_flood_past_python_is_drained(tmp_path: Path) -> None:
    (outcome,) = tried(tmp_path, "import os\nfor n in range(200): os.write(1, b'x' * 100_000)", limit_s=60)
    assert len(outcome.results) == 1


FORGED = {
    "a line": "b'forged\\n'",
    "another event's results": "b'0\\tk\\t{\"a\":1}\\n'",
    "results with an event inside": 'b\'1\\tk\\t{"a":1}},{"source":"x"\\n\'',
    "a line without an end": "b'x' * 100",
    "no text": "b'\\xff\\xfe\\n'",
    "an endless line": "b'x' * 9_000_000",
}


@pytest.mark.parametrize("written", FORGED.values(), ids=FORGED)
def test_code_that_writes_into_its_pipes(tmp_path: Path, written: str) -> None:
    """It finds them among its open files. Nothing but its own event's data can come of it."""
    do = f"""
import os
for n in range(3, {FILES} + 1):
    try:
        os.set_blocking(n, True)
        text = {written}
        while text: text = text[os.write(n, text):]
    except OSError:
        pass
"""
    (outcome,) = tried(tmp_path, do)
    failure(outcome)


def test_a_forged_result_keeps_the_event_s_identity(tmp_path: Path) -> None:
    do = f"""
import os
for n in range(3, {FILES} + 1):
    try:
        os.write(n, b'1\\tk\\t{{"forged":true}}\\n')
    except OSError:
        pass
"""
    events = [event(f"e{n}", {"do": do if n == 1 else ""}) for n in range(4)]
    made = user_code.try_out(write(tmp_path, DOES), THERMOSTAT, events, twin=TWIN)
    for given, outcome in zip(events, made, strict=True):
        for result in outcome.results:
            assert {**result, "data": 0} == {**given, "data": 0}
            assert ("forged" in result["data"]) == (given["id"] == "e1")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            "{'temperature': '21'}",
            "process returned temperature as string; thermostat declares it as number.",
        ),
        (
            "{'temperature': True}",
            "process returned temperature as boolean; thermostat declares it as number.",
        ),
        ("{'temperature': [1]}", "process returned temperature as list; thermostat declares it as number."),
        ("{'temperature': None, 'mine': [{'a': 'x'}]}", None),
        ("{'temperature': 5, 'mine': 'x'}", None),
    ],
)
def test_values_are_of_the_declared_types(tmp_path: Path, data: str, said: str | None) -> None:
    do = f"event['data'].clear()\nevent['data'].update({data})"
    for outcome in tried(tmp_path, do, do):
        if said is None:
            assert outcome.results[0]["data"] == {**eval(data), "seen": True}
        else:
            assert failure(outcome).text == said


def test_a_whole_number_has_no_fraction(tmp_path: Path) -> None:
    kind = THERMOSTAT._replace(telemetry={"n": {"type": "integer"}})
    file = write(tmp_path, "def process(event): return {'data': {'n': event['data']['n']}}")
    events = [event(f"e{n}", {"n": value}) for n, value in enumerate((1, 1.0, 10**30, "x"))]
    made = user_code.try_out(file, kind, events, twin=TWIN)
    assert [outcome.failure is None for outcome in made] == [True, False, True, False]
    assert "as number with a fraction; thermostat declares it as integer" in failure(made[1]).text


LOADS = {
    "an import": (
        "import nothing_there\n",
        "ModuleNotFoundError: No module named",
        "line 1, in <module>: import n",
    ),
    "a syntax error": ("x = 1\ndef process(:\n", "SyntaxError: invalid syntax", "p.py, line 2: def process("),
    "an error": ("\nx = 1 / 0\n", "ZeroDivisionError: division", "p.py, line 2, in <module>: x = 1 / 0"),
    "an exit": ("raise SystemExit(5)\n", "SystemExit: 5", "p.py, line 1"),
    "no function": ("x = 1\n", "ImportError: p.py has no function process.", ""),
    "a process that ends": ("import os\nos._exit(0)\n", "The process ended by itself (exit status 0).", ""),
}


@pytest.mark.parametrize(("text", "said", "where"), LOADS.values(), ids=LOADS)
def test_a_module_that_does_not_load_says_where(tmp_path: Path, text: str, said: str, where: str) -> None:
    write(tmp_path, text)
    write(tmp_path, DOES, "q.py")
    code = UserCode(tmp_path)
    given = [*calls("", ""), *calls("", device_type=PUMP), *calls("")]
    made = code.process_all(given)
    code.close()
    assert done(made) == [False, False, True, False]
    for each in (made[0], made[1], made[3]):
        assert isinstance(each, Failure)
        assert each.text.startswith(said)
        assert where in each.detail
        assert not each.final


def test_a_module_that_does_not_load_is_tried_again_after_a_while(tmp_path: Path) -> None:
    write(tmp_path, "raise OSError")
    code = UserCode(tmp_path)
    assert done(code.process_all(calls("", ""))) == [False, False]
    write(tmp_path, DOES)
    time.sleep(1.1)
    assert done(code.process_all(calls(""))) == [True]
    code.close()


def test_a_module_that_never_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin_runtime.events.user_round.LOAD_LIMIT_S", 0.5)
    write(tmp_path, "import time\ntime.sleep(60)")
    write(tmp_path, DOES, "q.py")
    code = UserCode(tmp_path)
    made = code.process_all([*calls("", ""), *calls("", device_type=PUMP)])
    code.close()
    assert done(made) == [False, False, True]
    assert isinstance(made[0], Failure)
    assert made[0].text == "Loading its module took longer than 0.5 s and was ended."
    assert not made[0].final
    assert "p.py, line 2, in <module>: time.sleep(60)" in made[0].detail


def test_others_are_not_kept_waiting_by_a_type_that_gets_stuck(tmp_path: Path) -> None:
    write(tmp_path, DOES)
    write(tmp_path, DOES, "q.py")
    code = UserCode(tmp_path, limit_s=1)
    stuck = "import time\ntime.sleep(60)"
    given = [*calls(*[stuck] * 5), *calls("", "", device_type=PUMP)]
    made = code.process_all(given, deadline=time.monotonic() + 4.5)
    code.close()
    assert done(made)[0] is False
    assert done(made)[-2:] == [True, True]
    assert done(made)[4] is None, "there was time for some of them"


def test_a_call_that_the_batch_has_no_time_for_is_not_blamed(code: UserCode) -> None:
    code.process_all(calls(""))
    made = code.process_all(calls("", "import time\ntime.sleep(60)", ""), deadline=time.monotonic() + 1)
    assert done(made) == [True, None, None]
    assert done(code.process_all(calls("", ""))) == [True, True]


def test_large_events_in_flight_block_neither_side(tmp_path: Path) -> None:
    file = write(tmp_path, "def process(event): return [event] + [{'data': event['data']}] * 3")
    events = [event(f"e{n}", {"text": "x" * 100_000}) for n in range(40)]
    made = user_code.try_out(file, THERMOSTAT, events, twin=TWIN, limit_s=60)
    assert [len(outcome.results) for outcome in made] == [4] * 40
    assert made[-1].results[3]["data"] == events[-1]["data"]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("{'data': {'t': 'x' * 1_000_000}}", "more than 128000 bytes of data"),
        ("[{'data': {'t': 'x' * 800_000}}] * 10", "more than 4000000 bytes of data"),
    ],
)
def test_results_are_bounded(tmp_path: Path, returned: str, said: str) -> None:
    file = write(tmp_path, f"def process(event): return {returned}")
    (outcome,) = user_code.try_out(file, THERMOSTAT, [event()], twin=TWIN)
    assert said in failure(outcome).text


def test_any_text_passes_unchanged(tmp_path: Path) -> None:
    data = {"a": "tab\tline\nü€😀\ud800 \x01\x02", "\n": {"b": [1, None, 2.5e-8, 10**40]}}
    file = write(tmp_path, "def process(event): return event")
    (outcome,) = user_code.try_out(file, THERMOSTAT, [event(data=data)], twin=TWIN)
    assert outcome.results[0]["data"] == data


def test_a_child_that_died_while_nothing_was_to_do_is_replaced(code: UserCode) -> None:
    assert done(code.process_all(calls(""))) == [True]
    assert code.pid is not None
    os.kill(code.pid, signal.SIGKILL)
    assert gone(code.pid)
    assert done(code.process_all(calls("", ""))) == [True, True]


def test_from_any_thread(code: UserCode) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: done(code.process_all(calls("", "raise ValueError"))), range(8)))
    assert made == [[True, False]] * 8


def test_a_forked_function_does_not_share_the_process(code: UserCode) -> None:
    code.process_all(calls(""))
    fork = os.fork()
    if fork == 0:
        try:
            os._exit(0 if done(code.process_all(calls("", ""))) == [True, True] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert done(code.process_all(calls(""))) == [True]


FUNCTION = """
import sys, threading, time
from pathlib import Path
sys.path[:0] = {path}
from runtime.test_user_code import *
code = UserCode(Path({folder!r}), limit_s=60)
run = threading.Thread(target=code.process_all, args=[calls({do!r})])
run.start()
while not code.pid: time.sleep(0.01)
time.sleep(1)
print(code.pid, flush=True)
run.join()
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("do", ["while True: pass", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", ""])
def test_no_process_is_left_when_the_function_ends(tmp_path: Path, how: int, do: str) -> None:
    write(tmp_path, DOES)
    # At the end of the queue: without anything to do, the function would end by itself.
    script = FUNCTION.format(path=sys.path, folder=str(tmp_path), do=do or "import time\ntime.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as function:
        assert function.stdout is not None
        pid = int(function.stdout.readline())
        assert not gone(pid, 0.1)
        function.send_signal(how)
        function.wait(10)
        assert gone(pid)


def test_the_process_gets_the_function_s_import_path_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere", "VALUE = 5", "a_library.py")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TWIN_ROLE", "processor")
    file = write(
        tmp_path,
        "import os, a_library\n"
        "def process(event): return {'data': {'v': a_library.VALUE, 'r': os.environ['TWIN_ROLE']}}",
    )
    (outcome,) = user_code.try_out(file, THERMOSTAT, [event()], twin=TWIN)
    assert outcome.results[0]["data"] == {"v": 5, "r": "processor"}


def test_a_process_that_does_not_start_is_nobody_s_fault(
    code: UserCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twin_runtime.errors import Retry

    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Retry, match="No such file"):
        code.process_all(calls(""))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Retry, match="did not start \\(exit status 1\\)"):
        code.process_all(calls(""))


def test_trying_out_tells_what_was_printed(tmp_path: Path) -> None:
    (outcome,) = tried(tmp_path, "print('hello', event['id'])")
    assert (outcome.output, json.loads(outcome.texts[0])["id"]) == ("hello e1\n", "e1")
