"""``POST /ingest`` and ``/bookmarklet``: pages that are brought here, and the link that brings them.

The link runs in the page that is being read, so its token is good for ``/ingest`` alone: a page that steals
it can only tell us of pages.  It sends what the browser shows by ``fetch``; where the page's own policy
forbids that (``connect-src``), it opens a window of ours and posts a form.  Nothing of it is our page's
script: our own policy forbids all, and a link that is dragged to the bar is not run here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from netsuite.site.answer import JSON, Answer, Asked, Refusal, json_answer
from netsuite.site.frame import Frame
from netsuite.site.token import INGEST, Token
from netsuite.site.tongue import Said, said
from netsuite.wordproxy.bring.ingest import Brought, Ingesting, Result, TooLong, Wrong, read_form, read_json
from netsuite.wordproxy.report import query

#: How much longer a request may be than the page in it: JSON and forms write some characters as many.
GROWTH, MORE = 2, 64 * 1024

#: What the link does.  Names are short: browsers bound the length of an address.
SCRIPT = """(()=>{
const u=%(url)s,t=%(token)s,d=document,e=d.documentElement,l=e.lang;
const p={url:location.href,title:d.title,html:e.outerHTML};
if(/^[A-Za-z]{2,3}([-_]|$)/.test(l))p.lang=l;
const say=s=>{const o=d.createElement("div");o.textContent=s;
o.style.cssText="all:initial;position:fixed;top:1em;right:1em;z-index:2147483647;padding:.6em 1em;"+
"font:16px sans-serif;color:#fff;background:#234;border-radius:.3em";
e.appendChild(o);setTimeout(()=>o.remove(),4000)};
d.addEventListener("securitypolicyviolation",v=>{if(v.effectiveDirective=="form-action")say(%(sorry)s)});
const post=()=>{const f=d.createElement("form");f.method="post";f.action=u;f.target="_blank";
f.style.display="none";f.acceptCharset="utf-8";p.token=t;
for(const k in p){const i=d.createElement("textarea");i.name=k;i.value=p[k];f.appendChild(i)}
e.appendChild(f);HTMLFormElement.prototype.submit.call(f);f.remove()};
fetch(u,{method:"POST",credentials:"omit",referrerPolicy:"no-referrer",
headers:{"Content-Type":"application/json",Authorization:"Bearer "+t},body:JSON.stringify(p)})
.then(r=>r.json()).then(a=>say(a.message||a.error.message),post)})()"""


class Bringing:
    """The views.  ``ingesting``: where the pages go; ``scheme``: by which we are reached."""

    def __init__(
        self, frame: Frame, token: Token, ingesting: Ingesting, scheme: Callable[[], str] = lambda: "http"
    ) -> None:
        self._scheme = scheme
        self._frame, self._token, self._ingesting = frame, token, ingesting

    @property
    def body_bytes(self) -> int:
        """How long a request with a page may be."""
        return GROWTH * self._ingesting.max_text + MORE

    async def ingest(self, asked: Asked) -> Answer:
        """``POST /ingest``: a page is counted, or the answer says why not."""
        if self._ingesting.is_paused:
            raise Refusal(503, said("bring.paused"))
        try:
            result = await self._ingesting.take(_brought(asked))
        except Wrong as wrong:
            raise Refusal(422, said("bring.wrong", name=wrong.field or "?", why=str(wrong))) from None
        except TooLong:
            raise Refusal(413, said("bring.too_long", n=self._ingesting.max_text)) from None
        status, sentence = _told(result)
        if asked.kind != JSON:
            return self._frame.page("wordproxy/brought.html", asked, status=status, sentence=sentence)
        is_counted = None if status == 202 else result.words is not None
        told: dict[str, object] = {"counted": is_counted, "message": str(sentence)}
        if result.words is not None:
            told["words"] = result.words
        if result.reason is not None:
            told["reason"] = result.reason.value
        return json_answer(told, status)

    async def bookmarklet(self, asked: Asked) -> Answer:
        """``/bookmarklet``: the link, and how to install, use and remove it."""
        query.nothing(asked.args)
        site = f"{self._scheme()}://{asked.headers.get('host', 'localhost')}"
        return self._frame.page(
            "wordproxy/bookmarklet.html",
            asked,
            link=link(f"{site}/ingest", self._token.of(INGEST)),
            site=site,
        )


def link(url: str, token: str) -> str:
    """The address of the bookmarklet that brings pages to ``url``."""
    texts = {"url": url, "token": token, "sorry": str(said("bring.forbidden"))}
    script = SCRIPT.replace("\n", "") % {name: json.dumps(text) for name, text in texts.items()}
    return "javascript:" + quote(script, safe="")


def _brought(asked: Asked) -> Brought:
    """The page that a request brings.  Raises: Wrong, Refusal."""
    if asked.kind != JSON:
        return read_form(asked.form)
    try:
        return read_json(asked.body)
    except Wrong:
        raise
    except ValueError:
        raise Refusal(400, said("bring.no_json")) from None


def _told(result: Result) -> tuple[int, Said]:
    if result.words is not None:
        return 200, said("bring.counted", n=result.words)
    if result.reason is not None:
        why = result.reason.value.replace(" ", "_").replace("-", "_")
        return 200, said("bring.skipped", why=said(f"why.{why}"))
    return 202, said("bring.waits")
