"""The tree over processes and pools: what a span starts belongs to it, in whatever process or thread it runs."""

from __future__ import annotations

import pytest


def tree(listener, number):
    """Each span's operation with its parent's, once `number` have ended."""
    spans = {span["id"]: span for span in listener.finished(number)}
    assert len({span["session_id"] for span in spans.values()}) == 1
    return sorted(
        (span["operation"], spans[span["parent_id"]]["operation"] if span["parent_id"] else "")
        for span in spans.values()
    )


CHILD = "import flowscope\nwith flowscope.trace('child'): pass"


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run([sys.executable, '-c', CHILD], check=True)",
        "subprocess.run([sys.executable, '-c', CHILD], check=True, env={**os.environ, 'X': '1'})",
        "subprocess.run(f'{sys.executable} child.py', shell=True, check=True)",
        "asyncio.run(spawned())",
    ],
)
def test_a_child_process_belongs_to_the_span_that_starts_it(run_python, make_listener, free_addr, tmp_path, start):
    (tmp_path / "child.py").write_text(CHILD)
    listener = make_listener(free_addr)
    program = f"""
        import asyncio, flowscope, os, subprocess, sys
        CHILD = {CHILD!r}
        async def spawned():
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD)
            assert await process.wait() == 0
        before = dict(os.environ)
        with flowscope.trace("outer"), flowscope.trace("inner"):
            {start}
        assert dict(os.environ) == before
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    assert tree(listener, 3) == [("child", "inner"), ("inner", "outer"), ("outer", "")]


def test_a_traceparent_that_the_program_gives_its_child_stays_and_one_that_it_was_given_itself_is_the_root(
    run_python, make_listener, free_addr
):
    listener = make_listener(free_addr)
    given = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    program = """
        import flowscope, os, subprocess, sys
        show = [sys.executable, "-S", "-c", "import os; print(os.environ.get('TRACEPARENT'))"]
        with flowscope.trace("outer") as outer:
            other = {**os.environ, "TRACEPARENT": "other"}
            subprocess.run(show, env=other)
            said = subprocess.check_output(show, text=True).strip()
            assert said == f"00-{outer.trace_id}-{outer.id}-01", said
    """
    done = run_python(program, env={"FLOWSCOPE_ADDR": free_addr, "TRACEPARENT": given}, check=True)
    assert done.out == "other\n"
    outer = listener.one("outer")
    assert (outer["parent_id"], outer["metadata"]["flowscope.trace_id"]) == (given[36:52], given[3:35])


def test_a_command_that_is_not_there_fails_as_it_would(run_python):
    program = """
        import flowscope, subprocess
        with flowscope.trace("work"):
            subprocess.run(["/no/such/command"])
    """
    program = program.replace("import flowscope, ", "import ").replace('flowscope.trace("work")', "open('/dev/null')")
    plain = run_python(program)
    traced = run_python(program, env={"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9"})
    assert (traced.status, traced.out, traced.err) == (plain.status, plain.out, plain.err)


POOLS = {
    "threads of multiprocessing": "multiprocessing.pool.ThreadPool(2)",
    "forked": "multiprocessing.get_context('fork').Pool(2)",
    "spawned": "multiprocessing.get_context('spawn').Pool(2)",
}


@pytest.mark.parametrize("name", POOLS)
def test_the_work_of_a_pool_belongs_to_who_submits_it(run_python, make_listener, free_addr, name):
    listener = make_listener(free_addr)
    program = f"""
        import flowscope, multiprocessing, multiprocessing.pool

        def work(number):
            with flowscope.trace(f"work {{number}}"):
                return number

        if __name__ == "__main__":
            with flowscope.trace("creator"):
                pool = {POOLS[name]}
            with flowscope.trace("one"):
                assert pool.apply(work, (1,)) == 1
            with flowscope.trace("two"):
                assert pool.map(work, [2, 3]) == [2, 3]
            with flowscope.trace("three"):
                assert list(pool.imap_unordered(work, [4])) == [4]
            assert pool.apply_async(work, (5,)).get() == 5
            pool.close()
            pool.join()
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    found = dict(tree(listener, 9))
    works = {operation: parent for operation, parent in found.items() if operation.startswith("work")}
    unowned = "creator" if name == "spawned" else ""
    assert works == {"work 1": "one", "work 2": "two", "work 3": "two", "work 4": "three", "work 5": unowned}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_and_executors_of_every_start_method(run_python, make_listener, free_addr, method):
    listener = make_listener(free_addr)
    program = f"""
        import flowscope, multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        @flowscope.trace
        def work(number):
            return number

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with flowscope.trace("outer"):
                process = context.Process(target=work, args=(0,))
                process.start()
                process.join()
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                for name in ("first", "second"):
                    with flowscope.trace(name):
                        print(pool.submit(work, 1).result(), list(pool.map(work, [2])))
    """
    done = run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    assert (done.out, done.err) == ("1 [2]\n1 [2]\n", "")
    assert [parent for operation, parent in tree(listener, 8) if operation == "work"] == (
        ["first", "first", "outer", "second", "second"]
    )


def test_workers_that_a_server_forks_beforehand_each_deliver_what_they_serve(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope, os, signal, socket, sys

        server = socket.create_server(("127.0.0.1", 0))
        with flowscope.trace("configure"):
            pass

        def serve():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            while True:
                connection, _ = server.accept()
                with connection, flowscope.trace("request"):
                    connection.sendall(str(os.getpid()).encode())

        workers = []
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                serve()
            workers.append(pid)
        for _ in range(30):
            with flowscope.trace("call"), socket.create_connection(server.getsockname()) as client:
                assert int(client.recv(20)) in workers
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers])
    """
    assert run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True).out == "[0, 0, 0]\n"
    found = tree(listener, 61)
    assert found.count(("request", "")) == 30 and found.count(("call", "")) == 30
    assert max(header.dropped for header in listener.headers) == 0


def test_task_groups_executors_and_futures_keep_the_tree(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import asyncio, flowscope
        from concurrent.futures import ThreadPoolExecutor

        @flowscope.trace
        def blocking(): ...

        @flowscope.trace
        async def part(number):
            await asyncio.sleep(0.001 * (3 - number))
            with flowscope.trace(f"inner {number}"):
                await asyncio.to_thread(blocking)
                await asyncio.get_running_loop().run_in_executor(None, blocking)

        async def main():
            with flowscope.trace("group"):
                async with asyncio.TaskGroup() as group:
                    for number in range(3):
                        group.create_task(part(number))

        asyncio.run(main())
        with ThreadPoolExecutor(2) as pool, flowscope.trace("pooled"):
            list(pool.map(lambda _: blocking(), range(4)))
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    inner = [("inner 0", "part"), ("inner 1", "part"), ("inner 2", "part"), ("group", ""), ("pooled", "")]
    blocking = [("blocking", f"inner {number}") for number in (0, 1, 2)] * 2 + [("blocking", "pooled")] * 4
    assert tree(listener, 18) == sorted(inner + blocking + [("part", "group")] * 3)
