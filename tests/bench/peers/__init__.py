"""The peers of `script/bench --wire`: the same five-hop dialogue, or parts of its work, on other programs."""
