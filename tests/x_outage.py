"""A simulated outage on X: mentions all the time, complaints while it lasts; all made up."""

import random

from x_server import a_post

MINUTE = 60_000_000

COMPLAINTS = [
    "whatsapp is down again",
    "is whatsapp down? messages not sending since an hour",
    "my whatsapp is not working at all",
    "whatsapp stuck on connecting, not working",
    "ugh whatsapp down, cannot send anything",
]
OTHERS = [
    "send me your number on whatsapp",
    "join our whatsapp group for the recipes",
    "she left me on read on whatsapp lol",
    "whatsapp has a new sticker pack",
    "i prefer whatsapp over email",
]


class Outage:
    """Posts of some hours, from ``start`` (a whole minute, micros UTC) on.

    The outage begins after a third of the time, grows for fifteen minutes and ebbs away
    in the last sixth. ``scale`` multiplies all volumes: 1 gives 24 mentions a minute
    before it and 65 in it.
    """

    def __init__(self, seed, start, *, minutes=360, scale=1.0):
        self.start = start
        self.end = start + minutes * MINUTE
        self._random = random.Random(seed)
        self.posts = []
        for minute in range(minutes):
            for texts, rate in ((OTHERS, 20.0), (COMPLAINTS, self._rate(minute, minutes))):
                for _ in range(self._poisson(rate * scale)):
                    at = start + minute * MINUTE + self._random.randrange(MINUTE)
                    text = self._random.choice(texts)
                    self.posts.append(a_post(at, text, len(self.posts)))

    def truth(self, labeller):
        """Complaints that fetching everything would find."""
        from miner.post import Post
        from miner.sources.protocol import Page

        texts = sorted({post["text"] for post in self.posts})
        posts = [Post("x", str(n), self.start, text=text) for n, text in enumerate(texts)]
        table = labeller.table(Page(posts=posts))
        complaints = set(table["text"][table["label"] == "complaint"])
        return sum(post["text"] in complaints for post in self.posts)

    def _rate(self, minute, minutes):
        onset, ebb, end = minutes // 3, minutes * 5 // 9, minutes * 2 // 3
        if not onset <= minute < end:
            return 0.3
        return 40 * min(1.0, (minute - onset + 1) / 15, (end - minute) / max(1, end - ebb))

    def _poisson(self, mean):
        events, waited = 0, self._random.expovariate(1.0)
        while waited < mean:
            events += 1
            waited += self._random.expovariate(1.0)
        return events
