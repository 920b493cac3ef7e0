"""The style sheet: what Fusion and the palette alone do not say."""

from __future__ import annotations

from string import Template

from PySide6.QtGui import QColor

from flowscope_app.theme.tokens import Tokens, ink

_SHEET = Template(
    """
QMainWindow, QWidget#window { background: $window; }
QWidget#panel, QWidget[surface="panel"] { background: $panel; }
QWidget[surface="raised"] { background: $raised; border-radius: 6px; }
QLabel { background: transparent; }
QLabel[role="dim"] { color: $dim; }
QLabel[role="section"] { color: $dim; font-weight: 600; font-size: 11px; letter-spacing: 0.6px; }
QLabel[role="heading"] { font-weight: 600; font-size: 16px; }
QLabel[role="error"] { color: $error; }
QLabel[role="success"] { color: $success_ink; }
QLabel[role="warn"] { color: $warn; }
QLabel[role="mono"] { font-family: "JetBrains Mono", monospace; font-size: 12px; }
QLabel[role="mono-dim"] { font-family: "JetBrains Mono", monospace; font-size: 12px; color: $dim; }
QLabel[role="failure"] { font-weight: 600; font-size: 14px; color: $error; }
QWidget#commandRow { background: $raised; border-radius: 6px; }
QLabel[role="brand"] { font-weight: 600; font-size: 14px; }

QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QFrame[role="line"] { background: $line; border: none; max-height: 1px; }
QFrame[role="upright"] { background: $line; border: none; max-width: 1px; }

QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar { background: transparent; }
QTabBar::tab {
    background: transparent; color: $dim; padding: 8px 12px; margin: 0; border: none;
    border-bottom: 2px solid transparent;
}
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:hover:!selected { color: $text; }
QTabBar::tab:disabled { color: $faint; }
QTabBar#inspectorTabs::tab { padding: 8px 9px; }
QTabBar::tab:focus { color: $accent; }

QLineEdit {
    background: $window; border: 1px solid $line; border-radius: 6px; padding: 4px 8px; color: $text;
    selection-background-color: $selection; selection-color: $text;
}
QLineEdit:focus { border-color: $accent; }
QLineEdit[invalid="true"] { border-color: $error; }

QFrame#searchBar { background: $window; border: 1px solid $line; border-radius: 6px; }
QFrame#searchBar[focused="true"] { border-color: $accent; }
QFrame#searchBar[invalid="true"] { border-color: $error; }
QLineEdit#query { background: transparent; border: none; padding: 0; }
QLabel#searchProblem {
    background: $raised; border: 1px solid $error; border-radius: 6px; padding: 4px 8px;
}
QListView#completions { background: $raised; border: 1px solid $line; }

QPushButton, QToolButton {
    background: $raised; border: 1px solid $line; border-radius: 6px; padding: 4px 12px; color: $text;
}
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed, QToolButton:checked { background: $selection; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $faint; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 500; }
QToolButton[autoRaise="true"] { background: transparent; border: 1px solid transparent; padding: 4px; }
QToolButton[autoRaise="true"]:hover { background: $hover; }
QToolButton[autoRaise="true"]:focus { border-color: $accent; }
QPushButton[role="flat"], QToolButton[role="flat"] {
    background: transparent; border: 1px solid transparent; color: $dim; padding: 4px 8px;
}
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover { background: $hover; color: $text; }
QPushButton[role="flat"]:focus, QToolButton[role="flat"]:focus { border-color: $accent; }
QToolButton[role="bare"] { background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 2px; }
QToolButton[role="bare"]:hover { background: $hover; }
QToolButton[role="bare"]:focus { border-color: $accent; }
QPushButton[role="link"] { background: transparent; border: none; color: $accent; padding: 0; text-align: left; }
QPushButton[role="link"]:hover, QPushButton[role="link"]:focus { text-decoration: underline; }
QToolButton[role="choice"] {
    background: transparent; border: 1px solid transparent; color: $dim; padding: 3px 6px; font-size: 12px;
}
QToolButton[role="choice"]::menu-indicator { subcontrol-position: right center; width: 12px; }
QToolButton[role="choice"][popupMode="2"] { padding-right: 16px; }
QToolButton[role="choice"]:hover { color: $text; }
QToolButton[role="choice"]:checked { background: transparent; color: $text; }
QToolButton[role="choice"]:focus { border-color: $accent; }
QPushButton[role="pill"], QToolButton[role="pill"] {
    background: $raised; border: 1px solid $raised; border-radius: 12px; padding: 3px 12px; color: $dim;
}
QPushButton[role="pill"]:hover, QToolButton[role="pill"]:hover { background: $hover; color: $text; }
QPushButton[role="pill"]:checked, QToolButton[role="pill"]:checked { background: $selection; color: $text; }
QPushButton[role="pill"]:focus, QToolButton[role="pill"]:focus { border-color: $accent; }

QAbstractItemView {
    background: $panel; border: none; outline: none; color: $text; alternate-background-color: $panel;
    selection-background-color: $selection; selection-color: $text;
}
QAbstractItemView::item { border: none; padding: 2px 4px; }
QAbstractItemView::item:hover { background: $hover; }
QAbstractItemView::item:selected { background: $selection; color: $text; }
QHeaderView { background: $panel; border: none; }
QHeaderView::section {
    background: $panel; color: $dim; border: none; border-bottom: 1px solid $line; padding: 6px 8px;
}
QHeaderView::section:hover { color: $text; }
QTableView { gridline-color: transparent; }
QPlainTextEdit, QTextEdit {
    background: transparent; border: none; color: $text;
    selection-background-color: $selection; selection-color: $text;
}
QTextEdit[role="dim"] { color: $dim; }

QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }

QMenu { background: $raised; border: 1px solid $line; border-radius: 6px; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $selection; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 8px; }
QWidget#topBar { background: $panel; border-bottom: 1px solid $line; }
QWidget#statusBar { background: $panel; border-top: 1px solid $line; }
QWidget#statusBar QLabel { font-size: 12px; }
QWidget#banner { background: $raised; border-bottom: 1px solid $warn; }
QWidget#banner[busy="true"] { border-bottom: 1px solid $line; }
QProgressBar { background: $window; border: 1px solid $line; border-radius: 3px; text-align: center; color: $text; }
QProgressBar::chunk { background: $selection; border-radius: 2px; }
QDialog#palette { background: $raised; border: 1px solid $line; border-radius: 8px; }
QDialog#palette QListWidget { background: transparent; }
QStatusBar { background: $panel; border-top: 1px solid $line; color: $dim; }
QStatusBar::item { border: none; }
QDialog { background: $panel; }
"""
)


def stylesheet_of(tokens: Tokens) -> str:
    """The application's style sheet in the colours of a theme."""
    colours = {name: colour.name() for name, colour in vars(tokens).items() if isinstance(colour, QColor)}
    return _SHEET.substitute(colours, success_ink=ink(tokens.success, tokens.panel, tokens.text).name())
