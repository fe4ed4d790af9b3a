"""What services answer: canned answers, and what each means."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate.message import Answer, Failed, Found, Grade
from netsuite.validate.remote import APART, Pace, retry_after
from netsuite.validate.service import answered

HTML = {b"content-type": b"text/html; charset=utf-8"}
JSON = {b"content-type": b"application/json"}

#: The checker's own pages, cut to what matters.
SUCCESS = b"""<!DOCTYPE html><html lang="en"><title>Showing results</title><h1>Nu Html Checker</h1>
<div id="results"><p class="success">Document checking completed. No errors or warnings to show.</p></div>"""
FAILURE = """<!DOCTYPE html><html lang="en"><title>Showing results</title><div id="results"><ol>
<li class="error"><p><strong>Error</strong>: <span>Duplicate ID “a”.</span></p>
<p class="location">From line <span class="first-line">2</span>, column <span class="first-col">7</span>; to
line <span class="last-line">2</span>, column <span class="last-col">14</span></p></li>
<li class="info warning"><p><strong>Warning</strong>: <span>Consider captcha.</span></p></li>
</ol><p class="failure">There were errors.</p></div>""".encode()

LOGIN = b"<!DOCTYPE html><title>Welcome to our Wi-Fi</title><h1>Success!</h1><p>You are valid for 24 hours."


class AnswerTests(SynchronousTestCase):
    """One answer."""

    def found(self, answer: Answer) -> tuple[int, int]:
        """Errors and warnings of a verdict."""
        assert isinstance(answer, Found), answer
        return tuple(sum(m.grade is grade for m in answer.messages) for grade in (Grade.ERROR, Grade.WARNING))  # type: ignore[return-value]

    def cause(self, answer: Answer) -> str:
        """The cause of having no verdict."""
        assert isinstance(answer, Failed), answer
        return answer.cause

    def test_json(self) -> None:
        """The checker's JSON is a verdict, also under another type."""
        self.assertEqual(self.found(answered(200, JSON, b'{"messages":[]}')), (0, 0))
        error = b'{"url":"x","messages":[{"type":"error","lastLine":1,"lastColumn":2,"message":"captcha"}]}'
        self.assertEqual(self.found(answered(200, HTML, error)), (1, 0))

    def test_cut_json(self) -> None:
        """JSON that is cut or of another form is unreadable."""
        for body in (b'{"messages":[', b"{}", b'{"status":"ok"}', b""):
            self.assertEqual(self.cause(answered(200, JSON, body)), "unknown")

    def test_unreachable_document(self) -> None:
        """That the service had trouble of its own is no verdict."""
        body = b'{"messages":[{"type":"non-document-error","subType":"io","message":"403 Forbidden"}]}'
        self.assertEqual(self.cause(answered(200, JSON, body)), "unknown")

    def test_fields(self) -> None:
        """The old validator's fields are a verdict; Abort is none, nor is valid with errors."""
        valid = {**HTML, b"x-w3c-validator-status": b"Valid", b"x-w3c-validator-errors": b"0"}
        invalid = {
            **HTML,
            b"x-w3c-validator-status": b"Invalid",
            b"x-w3c-validator-errors": b"3",
            b"x-w3c-validator-warnings": b"2",
        }
        self.assertEqual(self.found(answered(200, valid, b"<title>[Valid]</title>")), (0, 0))
        self.assertEqual(self.found(answered(200, invalid, b"")), (3, 2))
        for status in (b"Abort", b"Valid"):
            contradictory = {**invalid, b"x-w3c-validator-status": status}
            self.assertEqual(self.cause(answered(200, contradictory, SUCCESS)), "unknown")

    def test_pages(self) -> None:
        """The checker's own page is a verdict with its messages."""
        self.assertEqual(self.found(answered(200, HTML, SUCCESS)), (0, 0))
        answer = answered(200, HTML, FAILURE)
        self.assertEqual(self.found(answer), (1, 1))
        assert isinstance(answer, Found)
        self.assertEqual((answer.messages[0].text, answer.messages[0].place), ('Duplicate ID "a".', (2, 7)))

    def test_declined(self) -> None:
        """Who is turned away is told so: by status, or by words with 200 (spk/validate-website#12)."""
        for status, fields, body in (
            (403, HTML, b"Forbidden"),
            (429, {**HTML, b"retry-after": b"60"}, b""),
            (503, {b"retry-after": b"60"}, b""),
            (
                200,
                HTML,
                b"<title>Error</title><p>Your IP has been blocked due to excessive use of this service.",
            ),
            (200, HTML, b"<p>Sorry! We have received <b>too many requests</b> from you."),
            (503, HTML, b"<title>Just a moment...</title><p>Checking your browser before accessing w3.org"),
            (200, HTML, b"<p>Please complete the CAPTCHA: are you human?"),
            (200, {}, b"Rate limit reached"),
        ):
            self.assertEqual(self.cause(answered(status, fields, body)), "declined", body)

    def test_says_why(self) -> None:
        """The text of a refusal has what the service said."""
        answer = answered(429, {b"retry-after": b"60"}, b"")
        assert isinstance(answer, Failed)
        self.assertEqual(
            answer.text, "the service will not check it: status 429, to be asked again after 60 s"
        )

    def test_no_verdict(self) -> None:
        """Pages that are just there are never valid: a portal's, an empty one, the service's own form."""
        for body in (
            LOGIN,
            b"",
            b"<form enctype=multipart/form-data><input type=file name=uploaded_file></form>",
            b"OK",
            b"\x00\xff" * 99,
        ):
            self.assertEqual(self.cause(answered(200, HTML, body)), "unknown", body)

    def test_statuses(self) -> None:
        """Other statuses have the table's cause."""
        for status, cause in (
            (500, "http"),
            (502, "http"),
            (404, "http"),
            (401, "auth"),
            (413, "http"),
            (503, "http"),
        ):
            self.assertEqual(self.cause(answered(status, HTML, b"oh")), cause, str(status))


class PaceTests(SynchronousTestCase):
    """Not too fast."""

    def test_turns(self) -> None:
        """Two requests are a second apart; who comes late waits for nothing."""
        pace = Pace()
        self.assertEqual([pace.wait(10.0), pace.wait(10.0), pace.wait(10.0 + 2 * APART)], [0.0, APART, 0.0])

    def test_put_off(self) -> None:
        """A service that wants to be left alone is."""
        pace = Pace()
        pace.wait(0.0)
        pace.put_off(0.0, 30.0)
        self.assertEqual((pace.wait(0.0), pace.wait(30.0)), (30.0, APART))

    def test_retry_after(self) -> None:
        """Seconds and dates are read; a date that is past is now; nonsense is nothing."""
        self.assertEqual(retry_after(b"120", 0.0), 120.0)
        self.assertEqual(retry_after(b"Thu, 01 Jan 1970 00:01:00 GMT", 0.0), 60.0)
        self.assertEqual(retry_after(b"Thu, 01 Jan 1970 00:01:00 GMT", 100.0), 0.0)
        for value in (None, b"", b"soon", b"-1", b"1.5"):
            self.assertIsNone(retry_after(value, 0.0))
