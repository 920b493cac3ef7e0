"""The JSON tree's model: lazy, foldable, right under Qt's own model tester."""

import orjson
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from flowscope_app.qtmodels.json_model import RANGE, JsonModel, KeyRole, TypeRole, ValueTextRole
from flowscope_app.spans import skim


def _texts(model, parent=None):
    parent = parent or QModelIndex()
    return [model.index(row, 0, parent).data() for row in range(model.rowCount(parent))]


def test_shows_members_with_a_preview_of_what_is_folded(qapp):
    model = JsonModel({"role": "user", "n": 3, "ok": None, "parts": [1, 2], "meta": {"a": 1, "b": {}}})
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert _texts(model) == ['role: "user"', "n: 3", "ok: null", "parts: [2]", "meta: {a, b}"]
    parts = model.index(3, 0)
    assert _texts(model, parts) == ["0: 1", "1: 2"]
    assert model.path_of(model.index(1, 0, parts)) == "$.parts[1]"
    assert model.value_of(model.index(4, 0)) == {"a": 1, "b": {}}
    model.set_value([1])
    assert _texts(model) == ["0: 1"]
    del tester


def test_a_value_without_members_stands_alone(qapp):
    for value, text in (("hello", '"hello"'), (None, "null"), (True, "true"), ([], "[0]")):
        model = JsonModel(value)
        assert _texts(model) == ([text] if value != [] else [])


def test_long_arrays_fold_into_ranges(qapp):
    model = JsonModel(list(range(RANGE * 2 + 5)))
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert model.rowCount() == 3
    last = model.index(2, 0)
    assert last.data(KeyRole) == f"{RANGE * 2:,} … {RANGE * 2 + 4:,}"
    assert model.rowCount(last) == 5
    assert model.path_of(model.index(4, 0, last)) == f"$[{RANGE * 2 + 4}]"
    assert model.value_of(last) == list(range(RANGE * 2, RANGE * 2 + 5))


def test_a_megabyte_string_is_one_short_line(qapp):
    model = JsonModel({"s": "x" * 1_000_000})
    assert len(model.index(0, 0).data(ValueTextRole)) < 400
    assert "1.0 MB" in model.index(0, 0).data(ValueTextRole)


def test_control_and_reordering_characters_show(qapp):
    model = JsonModel({"a\u202eb": "x\u202ey\n<b>"})
    shown = model.index(0, 0).data(Qt.ItemDataRole.DisplayRole)
    assert "\u202e" not in shown and "\n" not in shown and "<b>" in shown


def test_a_cut_document_says_so(qapp):
    data = orjson.dumps({"rows": [{"i": i} for i in range(400_000)]})
    model = JsonModel(skim.decode(data))
    rows = model.index(0, 0)
    last = model.index(model.rowCount(rows) - 1, 0, rows)
    assert last.data(TypeRole) == "cut" and "too long" in last.data()
    assert model.value_of(last) is None
