"""The parts that dialogues are made of."""

from .checks import Check, Gone, RejectedAnswer, amount, between, length
from .conversation import Choice, Conversation
from .edges import Enter, Go
from .engine import DialogueEngine
from .flow import Flow, Keyword
from .screen import LONG_SMS, SMS, USSD, Channel, Screen
from .state_kinds.act import Act
from .state_kinds.lists import Confirm, Menu, Option, Overview, PagedList
from .state_kinds.notice import Notice
from .state_kinds.questions import Ask, AskCode, AskDigits, AskHowMany, AskMoney, AskPhone, AskPin, AskQuantity
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
    "AskHowMany",
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
    "Overview",
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
