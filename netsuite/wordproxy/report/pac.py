"""The proxy auto-config file: which pages a browser fetches through the proxy, and which by itself.

What is counted goes through the proxy, and directly if the proxy doesn't answer; all the rest goes directly:
HTTPS, but of hosts whose TLS is opened, this machine and its neighbours, and hosts that are not to be
counted.  The file asks no DNS and uses none of the functions that browsers lend such files, so that it means
the same in all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

KIND = "application/x-ns-proxy-autoconfig"

_SCRIPT = """\
var proxy = %(proxy)s, ignored = %(ignored)s, only = %(only)s, opened = %(opened)s;

// As the proxy compares hosts: * is any letters, ? is one.
function fits(host, pattern) {
  var h = 0, p = 0, star = -1, mark = 0;
  while (h < host.length) {
    if (p < pattern.length && pattern[p] === "*") { star = p++; mark = h; }
    else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === host[h])) { h++; p++; }
    else if (star >= 0) { p = star + 1; h = ++mark; }
    else { return false; }
  }
  while (p < pattern.length && pattern[p] === "*") { p++; }
  return p === pattern.length;
}

function among(host, patterns) {
  for (var i = 0; i < patterns.length; i++) { if (fits(host, patterns[i])) { return true; } }
  return false;
}

// This machine and private networks: the proxy refuses to fetch from there.
function near(host) {
  if (host.indexOf(":") >= 0) { return /^(::1?$|f[cdef]|::ffff:)/.test(host); }
  if (host.indexOf(".") < 0 || /\\.(localhost|local|lan|internal|home\\.arpa)$/.test(host)) { return true; }
  return /^(0|10|127|169\\.254|192\\.168)\\.[0-9.]+$/.test(host) ||
    /^(172\\.(1[6-9]|2[0-9]|3[01])|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\\.[0-9.]+$/.test(host);
}

function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/^\\[|\\]$/g, "").replace(/\\.+$/, "");
  if (!/^http:/i.test(url) && !(/^https:/i.test(url) && among(host, opened))) { return "DIRECT"; }
  if (near(host) || among(host, ignored)) { return "DIRECT"; }
  if (only.length > 0 && !among(host, only)) { return "DIRECT"; }
  return proxy + "; DIRECT";
}
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which hosts are counted, as the proxy has them."""

    ignore_hosts: Sequence[str] = ()
    only_hosts: Sequence[str] = ()
    opened_hosts: Sequence[str] = ()  #: whose TLS is opened


def script(proxy: str, rules: Rules, scheme: str = "http") -> str:
    """The file.  ``proxy``: host and port; ``scheme``: ``https``, where the way to it is in TLS."""
    keyword = "HTTPS" if scheme == "https" else "PROXY"
    return _SCRIPT % {
        "proxy": _js(f"{keyword} {proxy}"),
        "ignored": _js(list(rules.ignore_hosts)),
        "only": _js(list(rules.only_hosts)),
        "opened": _js(list(rules.opened_hosts)),
    }


def _js(value: object) -> str:
    """A value as JavaScript: JSON, with what could end a line or a script written as an escape."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
