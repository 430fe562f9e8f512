"""An artisan gets a link to upload pictures of a product."""

from flows.commands import SendPhotoLink
from flows.kit import N_, Act, Flow, Go, Keyword, Notice, Turn
from flows.kit.flow import known

from .products import FACTS, GONE, NONE, code_as, own_product

# Translators: a text that has to fit 160 signs with a link of 77 and a title of 40 in it.
# The link stands last, with nothing after it.
LINK = N_("To send a photo of {title}, open this link: {link}", "Photo of {product}: {link}")


def on_a_call(turn: Turn) -> bool:
    return turn.channel.name == "ussd"


def send_link(turn: Turn) -> SendPhotoLink:
    return SendPhotoLink(turn["code"], texted=on_a_call(turn))


flow = Flow(
    "photo",
    own_product(N_("Of which product do you have a photo?", "Which product?"), then="linking"),
    Act("linking", command=send_link, done=[Go("texted", when=on_a_call), Go("link")], rejected="gone"),
    Notice("link", LINK, segments=2),
    Notice(
        "texted",
        N_(
            "We text you a link. Open it on a phone with internet to send a photo of {title}.",
            "We text you a link for the photo of {product}.",
        ),
    ),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("linking", when=known("code")), Go("code")],
    facts=FACTS,
    keywords=[Keyword("PHOTO", shared="PHOTO, IMAGE, FOTO", sw="PICHA", am="ፎቶ", fill=code_as("code"))],
)
