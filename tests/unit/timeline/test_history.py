"""Back and forward through what was looked at."""

from flowscope_app.timeline.history import History

SECOND = 1_000_000_000


def test_back_and_forward_go_through_the_ranges_and_a_new_one_ends_forward():
    history = History()
    for at in range(3):
        history.note((at, at + 10), at, moving=False)
    assert [history.step(by) for by in (-1, -1, -1, 1)] == [(1, 11), (0, 10), None, (1, 11)]
    history.note((7, 8), 9, moving=False)
    assert history.step(1) is None
    assert history.step(-1) == (1, 11)


def test_a_movement_counts_once_and_a_rest_begins_another():
    history = History()
    history.note((0, 100), 0, moving=False)
    for step in range(1, 6):
        history.note((step, 100), step * SECOND // 10, moving=True)
    history.note((50, 60), 5 * SECOND, moving=True)
    assert [history.step(-1) for _ in range(3)] == [(5, 100), (0, 100), None]
