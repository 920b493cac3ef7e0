"""Processes that split: each child is a producer of its own, and the parent's spans stay the parent's."""

from __future__ import annotations

import pytest


def producers(listener):
    return {header.producer.id for header in listener.headers}


def test_a_forked_child_sends_its_own_spans_and_not_its_parents(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope, os, sys
        with flowscope.trace("before"):
            pass
        with flowscope.trace("around") as around:
            pid = os.fork()
            if pid == 0:
                with flowscope.trace("in child"):
                    pass
                flowscope.flush(60)
            else:
                os.waitpid(pid, 0)
        if pid == 0:
            os._exit(0)
        with flowscope.trace("after"):
            pass
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    listener.finished(4)
    listener.drain()
    assert len({span["session_id"] for span in listener.spans.values()}) == 1
    assert listener.one("in child")["parent_id"] == listener.one("around")["id"]
    assert len(producers(listener)) == 2
    ended = [record["operation"] for record in listener.records if record["end_time"]]
    assert sorted(ended) == ["after", "around", "before", "in child"]


def test_a_fork_right_after_the_first_span_does_not_hang(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope, os
        with flowscope.trace("first"):
            pass
        pid = os.fork()  # while the background thread is still importing
        with flowscope.trace(f"{'child' if pid == 0 else 'parent'}"):
            pass
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
            print("done")
    """
    for _ in range(3):
        assert run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True).out == "done\n"
    listener.finished(9)


def test_a_child_of_a_parent_without_spans_yet(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope, os
        flowscope.init(session_id="shared")
        pid = os.fork()
        with flowscope.trace("child" if pid == 0 else "parent"):
            pass
        if pid:
            os.waitpid(pid, 0)
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    listener.finished(2)
    assert {span["session_id"] for span in listener.spans.values()} == {"shared"}
    ids = {span["id"][:10] for span in listener.spans.values()}
    assert len(ids) == 2 and len(producers(listener)) == 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_deliver_before_they_end(run_python, make_listener, free_addr, method):
    listener = make_listener(free_addr)
    program = f"""
        import flowscope, multiprocessing

        def work(number):
            with flowscope.trace(f"child {{number}}"):
                return number

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with flowscope.trace("parent"):
                processes = [context.Process(target=work, args=(number,)) for number in range(3)]
                for process in processes:
                    process.start()
                for process in processes:
                    process.join()
            print([process.exitcode for process in processes])
    """
    assert run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True).out == "[0, 0, 0]\n"
    listener.finished(4)
    operations = {span["operation"] for span in listener.spans.values()}
    assert operations == {"parent", "child 0", "child 1", "child 2"}
    if method == "fork":
        assert {listener.one(f"child {number}")["parent_id"] for number in range(3)} == {listener.one("parent")["id"]}


def test_a_pool_of_processes(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope
        from concurrent.futures import ProcessPoolExecutor

        @flowscope.trace
        def square(number):
            return number * number

        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                print(list(pool.map(square, range(8))))
    """
    done = run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    assert done.out == "[0, 1, 4, 9, 16, 25, 36, 49]\n" and done.err == ""
    assert sorted(span["output"] for span in listener.finished(8)) == [0, 1, 4, 9, 16, 25, 36, 49]
    assert len({span["session_id"] for span in listener.spans.values()}) == 1


def test_children_record_into_one_file(run_python, tmp_path):
    import gzip

    import orjson

    path = tmp_path / "all.flowscope"
    program = """
        import flowscope, os
        pids = []
        for number in range(4):
            pid = os.fork()
            if pid == 0:
                for step in range(50):
                    with flowscope.trace(f"{number} {step}", input="x" * 1000):
                        pass
                flowscope.flush(60)
                os._exit(0)
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)
    """
    run_python(program, env={"FLOWSCOPE_ADDR": f"file://{path}"}, check=True)
    lines = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert len({line["operation"] for line in lines if "id" in line}) == 200
    assert lines[0]["flowscope"] == "session"


def test_daemonizing_leaves_the_grandchild_traced(run_python, make_listener, free_addr):
    listener = make_listener(free_addr)
    program = """
        import flowscope, os
        with flowscope.trace("start"):
            pass
        flowscope.flush()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with flowscope.trace("daemon"):
                    pass
                raise SystemExit
            os._exit(0)
        os.wait()
    """
    run_python(program, env={"FLOWSCOPE_ADDR": free_addr}, check=True)
    assert listener.one("daemon")["status"] == "success"
