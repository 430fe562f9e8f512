"""The measure: a Flask view that reads one form field and answers with it."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/")
def view() -> str:
    return "CON " + request.form["text"]
