"""The kit that dialogues are written with."""

from .checks import Check, Gone, RejectedAnswer, amount, between, length
from .conversation import Choice, Conversation
from .engine import DialogueEngine
from .flow import Flow, Keyword
from .screen import LONG_SMS, SMS, USSD, Channel, Screen
from .state_kinds.base import (
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
from .turn import Person, Place, Turn
from .words import N_, Wording, Words, versions

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
    "Channel",
    "Check",
    "Choice",
    "Confirm",
    "Conversation",
    "DialogueEngine",
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
    "RejectedAnswer",
    "Screen",
    "Turn",
    "Wording",
    "Words",
    "amount",
    "between",
    "length",
    "versions",
]
