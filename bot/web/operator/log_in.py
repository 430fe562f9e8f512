"""Logging in and out, and the page of an invitation.

    GET  /operator                            the log-in to strangers, Today to operators
    POST /operator/log-in                     by name and one-time code
    POST /operator/log-in/passkey[/options]   by passkey, as JSON
    GET  /operator/invitation/<token>         how to set up the first log-in; spends nothing
    POST /operator/invitation/<token>         with the first one-time code: spends the link, and logs in
    POST /operator/invitation/<token>/passkey[/options]

Attempts are counted by address and name (`bot.web.door`).
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, g, jsonify, make_response, redirect, render_template, request, session, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound, TooManyRequests
from werkzeug.wrappers import Response

from bot.runtime.keys import Purpose
from bot.web.door import Stranger
from bot.web.operator import one_time_codes, passkeys
from bot.web.operator.access import COOKIE, resources
from bot.web.operator.passkeys import InvalidPasskeyError
from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.models import ConsoleOperator
from marketplace_api.shop import Shop

WRONG = "That is not right. Check your name and type the code that the app shows now; each code is good once."
WRONG_PASSKEY = "This passkey does not open the console. Use another one, or a one-time code."
WRONG_FIRST_CODE = "That is not the code. Type the six digits that the app shows now."

log_in = Blueprint("log_in", __name__)
invitation = Blueprint("invitation", __name__)


@log_in.get("/")
def home() -> Response | str:
    if g.operator is None:
        return _log_in_page()
    return redirect(url_for("today.page"), 303)


@log_in.get("/log-in")
def page() -> Response:
    return redirect(url_for(".home"), 303)


@log_in.post("/log-in")
def with_code() -> Response | tuple[str, int]:
    name, code = request.form.get("name", "").strip(), request.form.get("code", "")
    _count(name)
    with resources().database.writing.begin() as transaction:
        shop = _shop(transaction, name)
        operator = operators.by_name(shop, name)
        if operator and _takes(operator, code):
            return _enter(shop, operator, "code")
    return _log_in_page(name, WRONG), 422


@log_in.post("/log-in/passkey/options")
def passkey_options() -> Response:
    return jsonify(passkeys.log_in_options(resources().clock()))


@log_in.post("/log-in/passkey")
def with_passkey() -> Response | tuple[Response, int]:
    _count()
    with resources().database.writing.begin() as transaction:
        shop = _shop(transaction, "")
        try:
            operator = passkeys.check(shop, _answer())
        except InvalidPasskeyError:
            return jsonify(refused=WRONG_PASSKEY), 422
        shop = _shop(transaction, operator.name)
        return _enter(shop, operator, "passkey", as_json=True)


@log_in.post("/log-out")
def leave() -> Response:
    with resources().database.writing.begin() as transaction:
        operators.end_session(_shop(transaction, g.operator.name), request.cookies[COOKIE])
    session.clear()
    response = redirect(url_for(".home"), 303)
    response.delete_cookie(COOKIE, path=url_for(".home").rstrip("/") or "/")
    return response


def _log_in_page(name: str = "", refused: str | None = None) -> str:
    return render_template("log_in.html", name=name, refused=refused)


def _takes(operator: ConsoleOperator, code: str) -> bool:
    """True if this is a code of the operator that was not used; then it is used, and the secret encrypted again."""
    secret = one_time_codes.decrypt(operator.code_secret, _code_keys()) if operator.code_secret else None
    step = one_time_codes.step_of(secret, code, operator.code_step) if secret else None
    if secret is None or step is None:
        return False
    operator.code_secret, operator.code_step = one_time_codes.encrypt(secret, _code_keys()), step
    return True


# -- invitations


@invitation.get("/invitation/<token>", endpoint="page")
def invitation_page(token: str) -> tuple[str, int]:
    return _invitation_page(token, None)


@invitation.post("/invitation/<token>")
def set_codes(token: str) -> Response | tuple[str, int]:
    _count()
    secret = _secret(token)
    step = one_time_codes.step_of(secret, request.form.get("code", ""), None)
    if step is None:
        return _invitation_page(token, WRONG_FIRST_CODE)
    with resources().database.writing.begin() as transaction:
        shop = _shop(transaction, "")
        operator = _invited(operators.use_invitation(shop, token))
        shop = _shop(transaction, operator.name)
        operators.set_codes(shop, operator, one_time_codes.encrypt(secret, _code_keys()), step)
        return _enter(shop, operator, "code")


@invitation.post("/invitation/<token>/passkey/options", endpoint="passkey_options")
def new_passkey_options(token: str) -> Response:
    return jsonify(passkeys.registration_options(_operator_of(token), resources().clock()))


@invitation.post("/invitation/<token>/passkey")
def set_passkey(token: str) -> Response | tuple[Response, int]:
    _count()
    try:
        with resources().database.writing.begin() as transaction:
            operator = _invited(operators.use_invitation(_shop(transaction, ""), token))
            shop = _shop(transaction, operator.name)
            passkeys.register(shop, operator, _answer())
            return _enter(shop, operator, "passkey", as_json=True)
    except InvalidPasskeyError:  # the link is not spent
        return jsonify(refused="This passkey could not be set up. Try again, or use one-time codes."), 422


def _invitation_page(token: str, refused: str | None) -> tuple[str, int]:
    operator, secret = _operator_of(token), _secret(token)
    html = render_template(
        "invitation.html",
        token=token,
        operator=operator,
        secret=secret,
        link=one_time_codes.link(secret, operator.name),
        refused=refused,
    )
    return html, 422 if refused else 200


def _invited(operator: ConsoleOperator | None) -> ConsoleOperator:
    if operator is None:
        raise NotFound("This link was used, or is more than a day old. Ask for a new one.")
    return operator


def _operator_of(token: str) -> ConsoleOperator:
    """The operator whom this link invites; a wrong link counts as an attempt, and is 404."""
    with resources().database.reading() as transaction:
        operator = operators.invited(transaction, token, resources().clock())
    if operator is None:  # not inside a transaction: on SQLite, two of one request would wait for each other
        _count()
    return _invited(operator)


def _secret(token: str) -> str:
    return one_time_codes.secret_for(token, _code_keys()[0])


# -- both


def _count(name: str | None = None) -> None:
    """Count an attempt; answers 429 if there were too many from this address, or for this name."""
    seconds = resources().door.count("log_in", Stranger(request.remote_addr or "", account=name or None))
    if seconds is not None:
        minutes = -(-seconds // 60)
        raise TooManyRequests(f"There were too many attempts. Try again in {minutes} minutes.", retry_after=seconds)


def _enter(shop: Shop, operator: ConsoleOperator, way: str, *, as_json: bool = False) -> Response:
    """Log the operator in, and lead to Today."""
    session.clear()  # a form that was made before belongs to nobody
    to = url_for("log_in.home")
    response = jsonify(to=to) if as_json else make_response(redirect(to, 303))
    response.set_cookie(
        COOKIE,
        operators.open_session(shop, operator, way),
        path=to.rstrip("/") or "/",
        secure=resources().settings.url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return response


def _answer() -> dict[str, object]:
    """The JSON object that the browser sent; an empty one if it sent something else."""
    answer = request.get_json(silent=True)
    return answer if isinstance(answer, dict) else {}


def _shop(transaction: Session, name: str) -> Shop:
    return resources().open_shop(transaction, Actor("operator", name))


def _code_keys() -> Sequence[bytes]:
    return resources().settings.keys.accepted(Purpose.OPERATOR_CODES)
