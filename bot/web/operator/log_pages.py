"""The log of the console: what operators did, newest first, to look at and as a file.

GET /operator/log?q=&after=    acts whose operator, name or subject has these words
GET /operator/log.csv?q=       all of them as CSV
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO

from flask import Blueprint, Response, render_template, request, stream_with_context
from sqlalchemy import Select, or_, select

from bot.web.operator.access import reading
from marketplace_api.models import OperatorAct

log = Blueprint("log", __name__)

A_PAGE = 50
READ_AT_ONCE = 500
COLUMNS = ("id", "at", "by", "act", "about", "before", "after")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be computed by a spreadsheet."""


@log.get("/log")
def page() -> str:
    asked, after = request.args.get("q", "").strip(), request.args.get("after", type=int)
    newest = _found(asked).order_by(OperatorAct.id.desc()).limit(A_PAGE + 1)
    if after is not None:
        newest = newest.where(OperatorAct.id < after)
    with reading() as shop:
        acts = shop.session.scalars(newest).all()
    return render_template("log.html", acts=acts[:A_PAGE], has_more=len(acts) > A_PAGE, asked=asked)


@log.get("/log.csv")
def as_csv() -> Response:
    lines = stream_with_context(_lines(request.args.get("q", "").strip()))
    headers = {"Content-Disposition": "attachment; filename=operators.csv"}
    return Response(lines, mimetype="text/csv", headers=headers)


def _lines(asked: str) -> Iterator[str]:
    """The file, line by line, so that a long log is never in memory as a whole."""
    yield _line(COLUMNS)
    last = 0
    while True:
        with reading() as shop:
            some = _found(asked).where(OperatorAct.id > last).order_by(OperatorAct.id).limit(READ_AT_ONCE)
            acts = shop.session.scalars(some).all()
        if not acts:
            return
        last = acts[-1].id
        for act in acts:
            before, after = (json.dumps(each, ensure_ascii=False) if each else "" for each in (act.before, act.after))
            yield _line((str(act.id), act.at.isoformat(), act.by, act.act, act.about or "", before, after))


def _line(cells: tuple[str, ...]) -> str:
    line = StringIO()
    csv.writer(line).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return line.getvalue()


def _found(asked: str) -> Select[OperatorAct]:
    columns = OperatorAct.by, OperatorAct.act, OperatorAct.about
    has_words = or_(*(column.icontains(asked, autoescape=True) for column in columns))
    return select(OperatorAct).where(has_words) if asked else select(OperatorAct)
