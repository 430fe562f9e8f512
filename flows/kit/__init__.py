"""The kit that dialogues are written with."""

from .checks import Check, Gone, Refused, amount, between, length
from .conversation import Choice, Conversation
from .engine import Book
from .flow import Flow, Keyword
from .kinds import (
    Act,
    Ask,
    AskCode,
    AskDigits,
    AskMoney,
    AskPhone,
    AskPin,
    AskQuantity,
    Confirm,
    Enter,
    Go,
    Menu,
    Notice,
    Option,
    PagedList,
)
from .screen import LONG_SMS, SMS, USSD, Channel, Screen
from .turn import Person, Place, Turn
from .words import N_, Text, Words, versions

__all__ = [
    "LONG_SMS",
    "N_",
    "SMS",
    "USSD",
    "Act",
    "Ask",
    "AskCode",
    "AskDigits",
    "AskMoney",
    "AskPhone",
    "AskPin",
    "AskQuantity",
    "Book",
    "Channel",
    "Check",
    "Choice",
    "Confirm",
    "Conversation",
    "Enter",
    "Flow",
    "Go",
    "Gone",
    "Keyword",
    "Menu",
    "Notice",
    "Option",
    "PagedList",
    "Person",
    "Place",
    "Refused",
    "Screen",
    "Text",
    "Turn",
    "Words",
    "amount",
    "between",
    "length",
    "versions",
]
